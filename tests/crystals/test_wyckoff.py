"""Wyckoff positions and equivalent letterings of the 230 space groups."""

import math
import subprocess
import sys

import pytest

from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ProtostructureError

GROUPS = range(1, 231)
AFFINE_SIZES = {2: 1344, 3: 24, 10: 48, 11: 24, 12: 16, 13: 8, 14: 8, 15: 8}
EUCLIDEAN_SIZES = {2: 8, 3: 4, 10: 8, 11: 4, 12: 4, 13: 4, 14: 4, 15: 4}


def compose(first: str, second: str, letters: str) -> str:
    """Lettering that results from ``first`` and then ``second``."""
    return first.translate(str.maketrans(letters, second))


def test_there_are_1731_positions_616_of_them_without_free_coordinates() -> None:
    dofs = [p.dof for group in GROUPS for p in wyckoff.positions(group)]
    assert len(dofs) == 1731
    assert [dofs.count(k) for k in range(4)] == [616, 718, 167, 230]


def test_at_most_27_letters_and_85_groups_without_constrained_positions() -> None:
    assert max(GROUPS, key=lambda group: len(wyckoff.letters(group))) == 47
    assert wyckoff.letters(47) == "abcdefghijklmnopqrstuvwxyzA"
    constrained = [sum(p.dof == 0 for p in wyckoff.positions(group)) for group in GROUPS]
    assert max(constrained) == 8
    assert constrained.count(0) == 85


def test_letters_run_from_a_upwards_and_end_with_the_general_position() -> None:
    alphabet = "abcdefghijklmnopqrstuvwxyzA"
    for group in GROUPS:
        positions = wyckoff.positions(group)
        assert wyckoff.letters(group) == alphabet[: len(positions)]
        assert (positions[-1].dof, positions[-1].site_symmetry) == (3, "1")
        assert [p.multiplicity for p in positions] == sorted(p.multiplicity for p in positions)
        assert all(positions[-1].multiplicity % p.multiplicity == 0 for p in positions)
        assert all(p.multiplicity % wyckoff.lattice_points(group) == 0 for p in positions)


def test_there_are_78_oriented_site_symmetries() -> None:
    assert len({p.site_symmetry for group in GROUPS for p in wyckoff.positions(group)}) == 78


@pytest.mark.parametrize(
    ("group", "letter", "multiplicity", "dof", "site_symmetry"),
    [
        (2, "a", 1, 0, "-1"),
        (47, "A", 8, 3, "1"),
        (136, "f", 4, 1, "m.2m"),
        (166, "h", 18, 2, ".m"),
        (225, "a", 4, 0, "m-3m"),
        (227, "e", 32, 1, ".3m"),
    ],
)
def test_positions_are_those_of_the_international_tables(
    group: int, letter: str, multiplicity: int, dof: int, site_symmetry: str
) -> None:
    assert wyckoff.position(group, letter) == wyckoff.WyckoffPosition(letter, multiplicity, dof, site_symmetry)


@pytest.mark.parametrize("group", [0, 231, -1, 2.0, "225", True, None])
def test_a_space_group_that_does_not_exist_is_refused(group: object) -> None:
    with pytest.raises(ProtostructureError, match="from 1 to 230"):
        wyckoff.positions(group)


@pytest.mark.parametrize("letter", ["l", "A", "", "aa", "Z"])
def test_an_unknown_letter_is_refused_with_the_known_ones(letter: str) -> None:
    with pytest.raises(ProtostructureError, match=r"136 \(P4_2/mnm\).*a to k"):
        wyckoff.position(136, letter)


@pytest.mark.parametrize("table", Table)
def test_letterings_form_a_group_that_keeps_multiplicity_and_freedom(table: Table) -> None:
    for group in GROUPS:
        letters, images = wyckoff.letterings(group, table)[0], wyckoff.letterings(group, table)
        assert letters == wyckoff.letters(group)
        members = set(images)
        assert len(members) == len(images)
        known = wyckoff.by_letter(group)
        for image in images:
            assert sorted(image) == sorted(letters)
            for source, target in zip(letters, image, strict=True):
                a, b = known[source], known[target]
                assert (a.multiplicity, a.dof) == (b.multiplicity, b.dof)
        # A few members against all: 1344 x 1344 products would take seconds.
        for first in images[:: max(1, len(images) // 24)]:
            assert {compose(first, second, letters) for second in images} == members


@pytest.mark.parametrize("table", Table)
def test_the_number_of_letterings_divides_the_number_of_all_permutations(table: Table) -> None:
    for group in GROUPS:
        images = wyckoff.letterings(group, table)
        assert math.factorial(len(images[0])) % len(images) == 0


def test_tables_are_nested_and_differ_only_in_eight_monoclinic_and_triclinic_groups() -> None:
    for group in GROUPS:
        affine, pymatgen, aviary = (set(wyckoff.letterings(group, table)) for table in Table)
        assert aviary <= pymatgen <= affine
        if group in AFFINE_SIZES:
            assert len(affine) == AFFINE_SIZES[group]
            assert len(aviary) == EUCLIDEAN_SIZES[group]
            assert pymatgen == (affine if group == 15 else aviary)
        else:
            assert affine == aviary


def test_inversion_centres_of_p_minus_1_are_permuted_like_points_of_an_affine_space() -> None:
    assert len(wyckoff.letterings(2)) == 8 * 7 * 6 * 4  # |AGL(3, 2)|


def test_the_two_twofold_axes_of_p2_over_c_are_exchanged_by_a_change_of_cell_alone() -> None:
    """x' = x + 2z keeps the glide and all inversion centres, and moves the axis (0 y 1/4) to (1/2 y 1/4)."""
    assert wyckoff.letters(13) == "abcdefg"
    assert "abcdfeg" in wyckoff.letterings(13)
    assert "abcdfeg" not in wyckoff.letterings(13, Table.PYMATGEN)


def test_a_table_may_be_given_by_name() -> None:
    wyckoff.letterings.cache_clear()
    assert len(wyckoff.letterings(14, "affine")) == 8
    assert len(wyckoff.letterings(14, "pymatgen")) == 4
    with pytest.raises(ValueError, match="sword"):
        wyckoff.letterings(14, "sword")


def test_permutations_spell_out_the_letterings() -> None:
    identity, exchange = wyckoff.permutations(225)
    assert all(source == target for source, target in identity.items())
    assert {k: v for k, v in exchange.items() if k != v} == {"a": "b", "b": "a", "h": "i", "i": "h"}


@pytest.mark.parametrize(
    ("group", "prefix", "points"),
    [
        (1, "aP", 1), (5, "mC", 2), (14, "mP", 1), (22, "oF", 4), (23, "oI", 2), (36, "oC", 2),
        (38, "oC", 2), (41, "oC", 2), (136, "tP", 1), (139, "tI", 2), (146, "hR", 3), (166, "hR", 3),
        (168, "hP", 1), (194, "hP", 1), (221, "cP", 1), (225, "cF", 4), (229, "cI", 2),
    ],
)  # fmt: skip
def test_pearson_prefixes_spell_base_centring_c_and_rhombohedral_r(group: int, prefix: str, points: int) -> None:
    assert wyckoff.pearson_prefix(group) == prefix
    assert wyckoff.lattice_points(group) == points


def test_pearson_prefixes_are_the_fourteen_bravais_lattices() -> None:
    assert {wyckoff.pearson_prefix(group) for group in GROUPS} == {
        "aP", "mP", "mC", "oP", "oC", "oI", "oF", "tP", "tI", "hP", "hR", "cP", "cI", "cF",
    }  # fmt: skip
    assert {wyckoff.lattice_dof(group) for group in GROUPS} == {6, 4, 3, 2, 1}


def test_the_stored_version_is_that_of_the_shipped_table() -> None:
    assert wyckoff.table_digest() == wyckoff.TABLE_VERSION


def test_reading_the_tables_imports_no_crystallographic_library() -> None:
    code = (
        "import sys, crystalbench.crystals.wyckoff as w; w.letterings(2);"
        "assert not {'spglib', 'pyxtal', 'pymatgen'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
