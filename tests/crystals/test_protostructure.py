"""Protostructures: grammar, canonical form, derived quantities."""

import contextlib
import copy
import itertools
import pickle
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench.crystals import prototype, wyckoff
from crystalbench.crystals.convert import ConversionSettings
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.protostructure import Orbit, Protostructure, canonical_orbits
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ProtostructureError

GOLDENS = {
    "rock salt": ("AB_cF8_225_a_b:Cl-Na", "AB_cF8_225_a_b", "ClNa", 2, 0),
    "diamond": ("A_cF8_227_a:C", "A_cF8_227_a", "C", 2, 0),
    "rutile": ("A2B_tP6_136_f_a:O-Ti", "AB2_tP6_136_a_f", "O2Ti", 6, 1),
    "perovskite": ("AB3C_cP5_221_a_c_b:Ba-O-Ti", "ABC3_cP5_221_a_b_c", "BaO3Ti", 5, 0),
    "spinel": ("A2BC4_cF56_227_c_b_e:Al-Mg-O", "AB2C4_cF56_227_a_d_e", "Al2MgO4", 14, 1),
    "quartz": ("A2B_hP9_152_c_a:O-Si", "AB2_hP9_152_a_c", "O2Si", 9, 4),
    "CsSnF6": ("AB6C_hR24_166_a_h_b:Cs-F-Sn", "ABC6_hR24_166_a_b_h", "CsF6Sn", 8, 2),
    "group 47, letter A": ("A8B_oP9_47_A_a:F-Na", "AB8_oP9_47_a_A", "F8Na", 9, 3),
    "two orbits": ("A2B_oP12_62_2c_c:Cl-Pb", "AB2_oP12_62_c_2c", "Cl2Pb", 12, 6),
    "base-centred": ("AB_oC8_63_c_c:B-Cr", "AB_oC8_63_c_c", "BCr", 4, 2),
}


@st.composite
def orbit_sets(draw: st.DrawFn, max_elements: int = 6) -> tuple[int, list[tuple[str, str]]]:
    """A space group and valid orbits: positions without free coordinates at most once."""
    group = draw(st.integers(1, 230))
    elements = draw(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=max_elements, unique=True))
    fixed = [p.letter for p in wyckoff.positions(group) if p.dof == 0]
    free = [p.letter for p in wyckoff.positions(group) if p.dof > 0]
    orbits = []
    for element in elements:
        choices = fixed + free
        for letter in draw(st.lists(st.sampled_from(choices), min_size=1, max_size=4)):
            if letter in fixed and (element, letter) in orbits:
                continue
            if letter in choices:
                orbits.append((element, letter))
            if letter in fixed and letter in choices:
                choices.remove(letter)
        fixed = [letter for letter in fixed if letter in choices]
    return group, orbits or [(elements[0], free[-1])]


def brute_force_parts(group: int, parts: Sequence[str], table: Table) -> tuple[int, str]:
    """The definition: smallest (score, text) over all letterings, one after the other."""

    def score_and_text(image: str) -> tuple[int, str]:
        translation = str.maketrans(wyckoff.letters(group), image)
        moved = [sorted(part.translate(translation)) for part in parts]
        score = sum(0 if letter == "A" else ord(letter) - 96 for part in moved for letter in set(part))
        texts = []
        for part in moved:
            counts = [(letter, part.count(letter)) for letter in sorted(set(part))]
            texts.append("".join(f"{n}{letter}" if n > 1 else letter for letter, n in counts))
        return score, "_".join(texts)

    return min(score_and_text(image) for image in wyckoff.letterings(group, table))


def parts_of(structure: Protostructure) -> list[str]:
    return ["".join(o.letter for o in structure.orbits if o.element == e) for e in structure.elements]


def wyckoff_text(label: str) -> str:
    return label.partition(":")[0].split("_", 3)[3]


@pytest.mark.parametrize("name", GOLDENS)
def test_golden_crystals(name: str) -> None:
    label, proto, formula, primitive, dof = GOLDENS[name]
    structure = Protostructure.parse(label)
    assert structure.label == str(structure) == label
    assert structure.prototype == proto
    assert structure.formula == formula
    assert structure.n_sites_primitive == primitive
    assert structure.degrees_of_freedom == dof
    assert structure.pearson == label.split("_")[1]
    assert structure.n_atoms == sum(structure.composition.values()) == int(structure.pearson[2:])
    assert structure.chemsys == "-".join(structure.elements) == label.split(":")[1]


def test_rutile_in_full() -> None:
    rutile = Protostructure(136, [("Ti", "b"), Orbit("O", "g")])  # the other origin
    assert rutile.label == "A2B_tP6_136_f_a:O-Ti"
    assert rutile.orbits == (Orbit("O", "f"), Orbit("Ti", "a"))
    assert rutile.composition == {"O": 4, "Ti": 2}
    assert rutile.lattice_degrees_of_freedom == 2
    assert repr(rutile) == "Protostructure.parse('A2B_tP6_136_f_a:O-Ti')"
    assert canonical_orbits(136, [("Ti", "b"), ("O", "g")]) == rutile.orbits


def test_spinel_is_one_prototype_whichever_element_is_first() -> None:
    labels = ["A2BC4_cF56_227_c_b_e:Al-Mg-O", "AB2C4_cF56_227_a_d_e:Ag-Al-O"]
    assert {Protostructure.parse(label).prototype for label in labels} == {"AB2C4_cF56_227_a_d_e"}


@given(orbit_sets(), st.sampled_from(Table))
def test_parse_and_label_are_inverses(data: tuple[int, list[tuple[str, str]]], table: Table) -> None:
    structure = Protostructure(*data, table)
    assert Protostructure.parse(structure.label, table) == structure
    assert Protostructure.parse(structure.label, table).label == structure.label
    trusted = Protostructure.from_canonical(structure.label, table)
    assert trusted == structure
    assert hash(trusted) == hash(structure)
    assert (trusted.label, trusted.prototype, trusted.table) == (structure.label, structure.prototype, table)


@given(orbit_sets(), st.sampled_from(Table), st.randoms(use_true_random=False))
def test_order_and_equivalent_lettering_do_not_matter(
    data: tuple[int, list[tuple[str, str]]], table: Table, rng: random.Random
) -> None:
    group, orbits = data
    structure = Protostructure(group, orbits, table)
    permutation = rng.choice(wyckoff.permutations(group, table))
    moved = [(element, permutation[letter]) for element, letter in orbits]
    rng.shuffle(moved)
    other = Protostructure(group, moved, table)
    assert other == structure
    assert other.label == structure.label
    assert other.prototype == structure.prototype


def test_every_equivalent_lettering_in_every_group_gives_the_same_protostructure() -> None:
    rng = random.Random(20)
    for group in range(1, 231):
        letters = rng.sample(wyckoff.letters(group), min(4, len(wyckoff.letters(group))))
        orbits = list(zip(("O", "Na", "Cl", "Fe"), letters, strict=False))
        moved = {
            Protostructure(group, [(element, permutation[letter]) for element, letter in orbits])
            for permutation in wyckoff.permutations(group)
        }
        assert len(moved) == 1


@given(orbit_sets(), st.sampled_from(Table))
def test_the_canonical_form_is_the_smallest_score_and_text(
    data: tuple[int, list[tuple[str, str]]], table: Table
) -> None:
    structure = Protostructure(*data, table)
    parts = ["".join(letter for el, letter in data[1] if el == element) for element in structure.elements]
    assert wyckoff_text(structure.label) == brute_force_parts(data[0], parts, table)[1]


@settings(max_examples=60, deadline=None)
@given(orbit_sets(max_elements=5), st.sampled_from(Table))
def test_the_prototype_is_the_smallest_over_all_orders_of_equally_frequent_elements(
    data: tuple[int, list[tuple[str, str]]], table: Table
) -> None:
    structure = Protostructure(*data, table)
    amounts = list(structure.composition.values())
    texts = {
        brute_force_parts(data[0], [part for _, part in order], table)
        for order in itertools.permutations(zip(amounts, parts_of(structure), strict=True))
        if [amount for amount, _ in order] == sorted(amounts)
    }
    assert wyckoff_text(structure.prototype) == min(texts)[1]


@given(orbit_sets(), st.randoms(use_true_random=False))
def test_the_prototype_forgets_which_element_is_where(
    data: tuple[int, list[tuple[str, str]]], rng: random.Random
) -> None:
    group, orbits = data
    elements = sorted({element for element, _ in orbits})
    renamed = dict(zip(elements, rng.sample(ELEMENTS, len(elements)), strict=True))
    other = Protostructure(group, [(renamed[element], letter) for element, letter in orbits])
    assert other.prototype == Protostructure(group, orbits).prototype


@pytest.mark.parametrize("group", [1, 2, 16, 47, 69, 123])
@pytest.mark.parametrize("n", [8, 12, 20])
def test_many_equally_frequent_elements_are_no_harder_than_few(group: int, n: int) -> None:
    """All orders of 20 elements are 2.4e18; the bound is loose for slow machines (typically under 1 ms)."""
    rng = random.Random(n)
    free = [p.letter for p in wyckoff.positions(group) if p.dof > 0]
    orbits = [(element, letter) for element in ELEMENTS[:n] for letter in rng.choices(free, k=2)]
    structure = Protostructure(group, orbits)
    start = time.perf_counter()
    assert structure.prototype
    assert time.perf_counter() - start < 1.0
    shuffled = dict(zip(ELEMENTS[:n], rng.sample(ELEMENTS[:n], n), strict=True))
    renamed = Protostructure(group, [(shuffled[element], letter) for element, letter in orbits])
    assert renamed.prototype == structure.prototype


def test_sorting_of_equal_elements_counts_the_separator() -> None:
    """'a2b_a' sorts before 'a_a2b' because '2' sorts before '_', although 'a' sorts before 'a2b'."""
    assert prototype.part_text("abb") == "a2b"
    assert min("a2b_a", "a_a2b") == "a2b_a"


@given(orbit_sets())
def test_amounts_agree_with_multiplicities(data: tuple[int, list[tuple[str, str]]]) -> None:
    structure = Protostructure(*data)
    assert list(structure.composition) == sorted(structure.composition) == list(structure.elements)
    assert structure.n_atoms == sum(
        wyckoff.position(structure.spacegroup, orbit.letter).multiplicity for orbit in structure.orbits
    )
    assert structure.n_atoms == structure.n_sites_primitive * wyckoff.lattice_points(structure.spacegroup)
    assert list(structure.orbits) == sorted(structure.orbits)


@given(orbit_sets())
def test_copies_and_pickles_are_equal(data: tuple[int, list[tuple[str, str]]]) -> None:
    structure = Protostructure(*data)
    for other in (pickle.loads(pickle.dumps(structure)), copy.deepcopy(structure)):  # noqa: S301
        assert other == structure
        assert (other.label, other.table, hash(other)) == (structure.label, structure.table, hash(structure))


def test_a_protostructure_cannot_be_changed() -> None:
    structure = Protostructure.parse("A_cF8_227_a:C")
    with pytest.raises(AttributeError):
        structure.spacegroup = 1  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):  # CPython 3.11 has TypeError here (gh-90562)
        structure.note = "x"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("A2B_tP6_136_g_b:O-Ti", "A2B_tP6_136_f_a:O-Ti"),
        ("A2B_tP6_136_1g_1b:O-Ti", "A2B_tP6_136_f_a:O-Ti"),
        ("A2B_oP12_62_2c_1c:Cl-Pb", "A2B_oP12_62_2c_c:Cl-Pb"),
        ("AB_oS8_63_c_c:B-Cr", "AB_oC8_63_c_c:B-Cr"),
        ("AB_oA4_38_a_b:B-Cr", "AB_oC4_38_a_b:B-Cr"),
        ("A_mS4_12_i:Cl", "A_mC4_12_i:Cl"),
        ("A_oP16_47_2A:F", "A_oP16_47_2A:F"),
        ("A_oP24_47_2A1z1y:F", "A_oP24_47_2Auv:F"),
        ("A_hR2_166_c:As", "A_hR6_166_c:As"),
        ("A_hR6_166_c:As", "A_hR6_166_c:As"),
        ("A2B3_hR10_167_c_e:Al-O", "A2B3_hR30_167_c_e:Al-O"),
        ("A_hR1_166_a:Hg", "A_hR3_166_a:Hg"),
        ("AB_cF8_225_a_b:D-Li", "AB_cF8_225_a_b:H-Li"),
        ("AB_cF8_225_a_b:Li-T", "AB_cF8_225_a_b:H-Li"),
        ("ABC2_oP16_62_c_c_d:D-H-O", "AB_oP16_62_2c_d:H-O"),  # one element on both
    ],
)
def test_equivalent_spellings_are_read(written: str, canonical: str) -> None:
    assert Protostructure.parse(written).label == canonical


MALFORMED = [
    # label, column of the place (from 1), words of the message
    ("A2B_tP6_136_f_a", 16, "no ':'"),
    ("", 1, "not a label"),
    ("A2B_tP6_136_f_a:", 17, "'' is no element symbol"),
    ("A2B_tP6_136_f_a:O-Xx", 19, "'Xx' is no element symbol"),
    ("A2B_tP6_136_f_a:O-ti", 19, "'ti' is no element symbol"),
    ("A2B_tP6_136_f_a:O-D", 19, "D after O"),
    ("A2B_tP6_136_f_a:Li-O2-", 20, "'O2' is no element symbol"),
    ("A2B_tP6_136_f_a-001:O-Ti", 16, "'-001' numbers a prototype"),
    ("A2B_tP6_136_f_a.TiO2:O-Ti", 16, "'.TiO2' numbers a prototype"),
    ("A_hR3_166_c:As", 5, "3 atoms, but the Wyckoff letters hold 6"),
    ("A_hP2_166_c:As", 3, "Pearson symbol hP2 in space group 166"),
    ("A_cF2_225_a:Cu", 5, "2 atoms, but the Wyckoff letters hold 4"),  # only hR is counted so
    ("A2B_tP6_136_f_a:O-Ti:x", 19, "'Ti:x' is no element symbol"),
    ("A2B_tP6_136_a_f:Ti-O", 20, "O after Ti"),
    ("AB_tP4_136_a_b:O-O", 18, "O after O"),
    ("A2B_tP6_136:O-Ti", 12, "3 of at least 4 fields"),
    ("A2B_tP6_136_f:O-Ti", 13, "letters of 1 elements, but 2"),
    ("A2B_tP6_136_f_a_a:O-Ti", 13, "letters of 3 elements, but 2"),
    ("A2B_tP6_136_f_:O-Ti", 15, "an element without Wyckoff letters"),
    ("A2B_tP6_136_f_2:O-Ti", 15, "'2' is no Wyckoff letter"),
    ("A2B_tP6_136_f_a2:O-Ti", 16, "'2' is no Wyckoff letter"),
    ("A2B_tP6_136_f_-a:O-Ti", 15, "'-' is no Wyckoff letter"),
    ("A2B_tP6_136_f_0a:O-Ti", 15, "0 orbits"),
    ("A2B_tP6_136_99999f_a:O-Ti", 13, "99999 orbits"),
    ("A2B_tP6_136_ff_a:O-Ti", 14, "f twice"),
    ("A2B_tP6_136_l_a:O-Ti", 13, "no Wyckoff letter 'l'"),
    ("A2B_tP6_136_A_a:O-Ti", 13, "no Wyckoff letter 'A'"),
    ("AB_tP4_136_a_a:O-Ti", 14, "a of space group 136 is occupied twice"),
    ("A_tP4_136_2a:Ti", 11, "a of space group 136 is occupied twice"),
    ("A2B_tP6_0_f_a:O-Ti", 9, "'0' is no space-group number"),
    ("A2B_tP6_231_f_a:O-Ti", 9, "'231' is no space-group number"),
    ("A2B_tP6_0136_f_a:O-Ti", 9, "'0136' is no space-group number"),
    ("A2B_tP6_²_f_a:O-Ti", 9, "'²' is no space-group number"),
    ("A2B_tP7_136_f_a:O-Ti", 7, "7 atoms, but the Wyckoff letters hold 6"),
    ("A2B_tI6_136_f_a:O-Ti", 5, "Pearson symbol tI6 in space group 136"),
    ("A2B_tS6_136_f_a:O-Ti", 5, "Pearson symbol tS6 in space group 136"),
    ("A2B_tP06_136_f_a:O-Ti", 5, "'tP06' is no Pearson symbol"),
    ("A2B_P6_136_f_a:O-Ti", 5, "'P6' is no Pearson symbol"),
    ("AB_tP6_136_f_a:O-Ti", 1, "formula AB, but the Wyckoff letters give A2B"),
    ("A2B2_tP6_136_f_a:O-Ti", 3, "formula A2B2, but"),
    ("A4B2_tP6_136_f_a:O-Ti", 1, "formula A4B2, but"),
    ("A2B1_tP6_136_f_a:O-Ti", 3, "formula A2B1, but"),
    ("AB2_tP6_136_f_a:O-Ti", 1, "formula AB2, but"),
    ("A2BC_tP6_136_f_a:O-Ti", 4, "formula A2BC, but"),
    ("O2Ti_tP6_136_f_a:O-Ti", 1, "'O2Ti' is no formula"),
    ("A2.5B_tP6_136_f_a:O-Ti", 1, "'A2.5B' is no formula"),
    ("A2B_tP6_136_f_a:O-Ti\n", 21, "blank space"),
    (" A2B_tP6_136_f_a:O-Ti", 1, "blank space"),
    ("Unable to determine symmetry", 7, "not a label"),
    ("Invalid WP multiplicities - AB_cF8_225_a_b:Cl-Na, expected NaCl", 8, "not a label"),
]


@pytest.mark.parametrize(("label", "column", "words"), MALFORMED)
def test_malformed_labels_are_refused_with_place_and_remedy(label: str, column: int, words: str) -> None:
    with pytest.raises(ProtostructureError) as caught:
        Protostructure.parse(label)
    headline, shown, caret, remedy = str(caught.value).split("\n")
    assert words in headline
    assert headline.endswith(f"(column {column})")
    assert caret == " " * (4 + column - 1) + "^"
    assert shown[4:].replace("?", "\n" if "\n" in label else "?") == label
    assert remedy


@given(st.text(max_size=40))
def test_any_text_gives_a_protostructure_or_a_protostructure_error(text: str) -> None:
    with contextlib.suppress(ProtostructureError):
        Protostructure.parse(text)


@given(st.sampled_from([golden[0] for golden in GOLDENS.values()]), st.data())
def test_a_damaged_label_is_refused_or_is_another_consistent_label(label: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(label) - 1))
    damaged = label[:place] + data.draw(st.sampled_from("AabB12_:-SiO ²\n")) + label[place + 1 :]
    try:
        structure = Protostructure.parse(damaged)
    except ProtostructureError:
        return
    assert structure.chemsys == damaged.split(":")[1]
    assert structure.spacegroup == int(damaged.split("_")[2])


def test_a_long_label_is_shown_around_the_place() -> None:
    label = "A_aP2_1_" + "_".join(["a"] * 200) + ":" + "-".join(sorted(ELEMENTS)) + "-Zz"
    with pytest.raises(ProtostructureError) as caught:
        Protostructure.parse(label)
    assert max(map(len, str(caught.value).split("\n"))) < 150


@pytest.mark.parametrize(
    ("group", "orbits", "words"),
    [
        (136, [], "no orbits"),
        (0, [("O", "a")], "space group 0 does not exist"),
        (2.5, [("O", "a")], "space group 2.5 does not exist"),
        (136, [("Xx", "a")], "'Xx' is no element symbol"),
        (136, [("O2-", "a")], "'O2-' is no element symbol"),
        (136, [("O", "z")], "no Wyckoff letter 'z'"),
        (136, [("O", "ab")], "no Wyckoff letter 'ab'"),
        (136, [("O", "a"), ("Ti", "a")], "occupied 2 times"),
        (1, [(element, "a") for element in ELEMENTS[:27]], "27 elements"),
    ],
)
def test_impossible_orbits_are_refused(group: Any, orbits: list[tuple[str, str]], words: str) -> None:
    with pytest.raises(ProtostructureError, match=words):
        Protostructure(group, orbits)


def test_a_label_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProtostructureError, match="not nan"):
        Protostructure.parse(float("nan"))  # type: ignore[arg-type]


def test_twenty_six_elements_have_a_label() -> None:
    structure = Protostructure(1, [(element, "a") for element in ELEMENTS[:26]])
    assert structure.label.startswith("ABCDEFGHIJKLMNOPQRSTUVWXYZ_aP26_1_a_a_")
    assert Protostructure.parse(structure.label) == structure


def test_a_protostructure_has_as_many_orbits_as_a_converted_cell_has_atoms_at_most() -> None:
    most = ConversionSettings().max_atoms
    assert Protostructure(1, [("Na", "a")] * most).label == f"A_aP{most}_1_{most}a:Na"
    with pytest.raises(ProtostructureError, match=f"{most + 1} orbits: a protostructure has at most {most}"):
        Protostructure(1, [("Na", "a")] * (most + 1))


def test_numpy_integers_are_space_groups() -> None:
    numpy = pytest.importorskip("numpy")
    structure = Protostructure(numpy.int64(227), [("C", "a")])
    assert type(structure.spacegroup) is int
    assert structure.label == "A_cF8_227_a:C"


def test_tables_differ_where_the_cell_may_be_chosen_freely() -> None:
    """P2/c: the axes e and f are exchanged by c' = c + 2a. One crystal has one label only with `affine`."""
    orbits = [("Na", "a"), ("O", "g")]
    e, f = [*orbits, ("Cl", "e")], [*orbits, ("Cl", "f")]
    assert Protostructure(13, e) == Protostructure(13, f)
    assert Protostructure(13, e, Table.PYMATGEN) != Protostructure(13, f, Table.PYMATGEN)


def test_objects_sort_by_group_and_orbits() -> None:
    labels = ["A_cF8_227_a:C", "AB_cF8_225_a_b:Cl-Na", "A_cF4_225_a:Cu"]
    structures = sorted(Protostructure.parse(label) for label in labels)
    assert [s.label for s in structures] == [labels[1], labels[2], labels[0]]


def test_real_labels_are_read_and_written_back(shared: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = shared / "wbm_protostructures" / "wbm_protostructures.parquet"
    column = pandas.read_parquet(path, columns=["protostructure"])["protostructure"].dropna()
    for label in column.iloc[::25]:
        structure = Protostructure.parse(label, Table.PYMATGEN)
        assert structure.label == label.replace("_oS", "_oC")
        exact = Protostructure.parse(label)
        assert Protostructure.parse(exact.label).label == exact.label
        assert Protostructure.from_canonical(exact.label) == exact
