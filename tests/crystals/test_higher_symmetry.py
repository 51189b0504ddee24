"""Labels that no crystal has: found exactly, and called by their true name."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.crystals import higher_symmetry, wyckoff
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.crystals.higher_symmetry import (
    checked,
    has_higher_symmetry,
    is_possible,
    realised,
    true_protostructure,
)
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.prototype import RUN, Parts
from crystalbench.crystals.samples import Invalid, InvalidReason
from crystalbench.crystals.symmetry import Backend, protostructure
from crystalbench.crystals.wyckoff import Table

TRUE_NAMES = {  # stated: true, by hand
    "AB_cF16_225_ab_c:Cl-Cs": "AB_cP2_221_a_b:Cl-Cs",  # a, b: simple cubic, half the edge; c: its centres
    "A_cP4_221_ac:Cu": "A_cF4_225_a:Cu",  # corners and face centres
    "A_cP2_221_ab:Fe": "A_cI2_229_a:Fe",
    "A2BC_cF16_216_ab_c_d:Al-Co-Mn": "A2BC_cF16_225_c_a_b:Al-Co-Mn",  # a full Heusler alloy has an inversion centre
    "A_cF16_216_ac:C": "A_cF8_227_a:C",  # zinc blende of one element is diamond
    "A_aP1_1_a:H": "A_aP1_2_a:H",  # one atom is a centre of inversion
    "A_aP2_1_2a:H": "A_aP2_2_i:H",  # so is the middle of two
    "A_tP1_75_a:Po": "A_tP1_123_a:Po",
    "A_oP2_47_ab:H": "A_oP1_47_a:H",  # the same group, half the cell
    "AB_tP4_113_a_c:Au-Eu": "AB_tP4_129_a_c:Au-Eu",
}
POSSIBLE = [
    "AB_cF8_225_a_b:Cl-Na",
    "ABC2_cF16_225_a_b_c:Al-Mn-Co",
    "A_cF4_225_a:Cu",
    "A_hP2_194_c:Mg",
    "A_cF8_227_a:C",
    "A2B_tP6_136_f_a:O-Ti",
    "AB3C_cP5_221_a_c_b:Ba-O-Ti",
    "AB_aP2_1_a_a:H-O",  # two atoms that differ have no centre of inversion
    "A_aP3_1_3a:H",  # three have none either
    "A_tP1_123_a:Po",  # cubic in a cube alone, and no tetragonal label means that one
    "A_mP1_10_a:H",
    "AB_tP2_123_a_d:Cu-Au",  # CuAu, not CsCl: c and a differ
    "A_hR1_166_a:Hg",
    "AB_hP4_186_b_b:O-Zn",
]


def written(label: str) -> Protostructure:
    """Read a label whose elements may stand in another order than the alphabetical one."""
    aflow, _, chemsys = label.partition(":")
    _, _, group, *parts = aflow.split("_")
    orbits = [
        (element, letter)
        for element, part in zip(chemsys.split("-"), parts, strict=True)
        for count, letter in RUN.findall(part)
        for _ in range(int(count or 1))
    ]
    return Protostructure(int(group), orbits)


@pytest.mark.parametrize(("stated", "true"), TRUE_NAMES.items())
def test_what_cannot_exist_is_called_by_its_true_name(stated: str, true: str) -> None:
    found = checked(written(stated))
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.HIGHER_SYMMETRY
    assert found.detail.endswith(f"it is really {written(true)}")
    assert is_possible(written(true))


@pytest.mark.parametrize("label", POSSIBLE)
def test_what_exists_is_passed_on(label: str) -> None:
    stated = written(label)
    assert checked(stated) is stated


def random_protostructure(group: int, seed: int) -> Protostructure:
    """Return one to four orbits of one to four elements."""
    rng = random.Random(1000 * group + seed)
    letters = [rng.choice(wyckoff.letters(group)) for _ in range(rng.randint(1, 4))]
    fixed = {letter for letter in letters if not wyckoff.position(group, letter).dof}
    letters = [letter for letter in letters if letter not in fixed] + sorted(fixed)
    elements = rng.sample(("H", "He", "Li", "Be"), rng.randint(1, len(letters)))
    return Protostructure(group, [(rng.choice(elements), letter) for letter in letters])


def spglib_says(stated: Protostructure) -> Protostructure | Invalid:
    """What spglib finds in a random crystal with the stated orbits; in another one where it finds nothing."""
    found = [protostructure(realised(stated, seed), Backend.SPGLIB, 1e-3, -1.0, Table.AFFINE) for seed in (100, 101)]
    return next((item for item in found if not isinstance(item, Invalid)), found[0])


def disagreements(per_group: int) -> tuple[Counter[bool], list[str]]:
    verdicts: Counter[bool] = Counter()
    different = []
    for group in range(1, 231):
        for seed in range(per_group):
            stated = random_protostructure(group, seed)
            found = spglib_says(stated)
            verdicts[is_possible(stated)] += 1
            if is_possible(stated) != (found == stated) or (true_protostructure(stated) or stated) != found:
                different.append(f"{stated}: {found}")
    return verdicts, different


def test_spglib_agrees_on_realised_crystals_of_all_groups() -> None:
    verdicts, different = disagreements(2)
    assert different == []
    assert min(verdicts.values()) > 100


@pytest.mark.peer
@pytest.mark.slow
def test_spglib_agrees_on_many_realised_crystals_of_all_groups() -> None:
    verdicts, different = disagreements(30)
    assert different == []
    assert min(verdicts.values()) > 1500


groups = st.integers(1, 230)


@given(groups, st.integers(0, 99), st.randoms(use_true_random=False))
def test_lettering_and_names_of_elements_do_not_matter(group: int, seed: int, rng: random.Random) -> None:
    stated = random_protostructure(group, seed)
    moved = rng.choice(wyckoff.permutations(group))
    names = dict(zip(stated.elements, rng.sample(("O", "F", "Ne", "Na"), len(stated.elements)), strict=True))
    parts: dict[str, str] = {}
    for orbit in stated.orbits:
        parts[names[orbit.element]] = parts.get(names[orbit.element], "") + moved[orbit.letter]
    assert has_higher_symmetry(group, tuple(parts.values())) is not is_possible(stated)


@given(groups, st.integers(0, 99))
def test_two_elements_in_general_position_leave_no_other_symmetry(group: int, seed: int) -> None:
    general = wyckoff.letters(group)[-1]
    orbits = [*random_protostructure(group, seed).orbits, ("Ar", general), ("Kr", general)]
    assert is_possible(Protostructure(group, orbits))


@given(groups, st.integers(0, 99))
def test_a_true_name_is_possible_and_keeps_the_formula(group: int, seed: int) -> None:
    stated = random_protostructure(group, seed)
    true = true_protostructure(stated)
    assert true is not None
    assert is_possible(true)
    assert true.formula == stated.formula
    assert true.n_sites_primitive <= stated.n_sites_primitive
    assert is_possible(stated) == (true == stated)


def test_one_draw_of_coordinates_could_be_deceived_and_three_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coordinates of a tiny modulus coincide: single draws say what no two agree on."""
    calls: list[Parts] = []

    def deceived(spacegroup: int, parts: Parts, rng: object) -> bool:
        calls.append(parts)
        return len(calls) < 3

    monkeypatch.setattr(higher_symmetry, "_finds_higher", deceived)
    assert not has_higher_symmetry.__wrapped__(1, ("a", "a"))
    assert len(calls) == 3


@pytest.mark.parametrize(("letters", "possible"), [("a", False), ("aa", False), ("a" * 9999, True)])
def test_thousands_of_orbits_are_judged_too(letters: str, possible: bool) -> None:
    assert has_higher_symmetry(1, (letters,)) is not possible


def test_the_true_name_of_a_giant_is_not_looked_for() -> None:
    found = checked(Protostructure(75, [("H", "a")] * 600))
    assert isinstance(found, Invalid)
    assert "really" not in found.detail


def test_a_label_is_checked_and_a_structure_gets_its_true_label() -> None:
    stated, salt = written("AB_cF16_225_ab_c:Cl-Cs"), written("AB_cP2_221_a_b:Cl-Cs")
    with Converter(ConversionSettings()) as converter:
        from_label, from_crystal, other = converter.convert([stated, realised(stated, 0), salt])
    assert isinstance(from_label, Invalid)
    assert from_label.reason is InvalidReason.HIGHER_SYMMETRY
    assert from_crystal == other == salt
