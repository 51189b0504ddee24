"""Realisers: what they propose has the protostructure, from the label and the seed alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Protostructure, RawStructure, Realised, RealiserSpec, Unrealised, UnrealisedReason
from crystalbench.crystals import wyckoff
from crystalbench.crystals.coordinates import metrics
from crystalbench.crystals.elements import NUMBERS
from crystalbench.crystals.higher_symmetry import is_possible
from crystalbench.materials.realise import MIN_CLEARANCE, realise
from crystalbench.materials.shapes import cell_shape
from crystalbench.materials.sizes import clearance, element_sizes
from crystalbench.plugins import Plugins
from crystalbench_plugins.realisers.random_orbits import MAX_GROWTH, ODDEST, VOLUME_FACTORS, contacts, random_lattice

SPECS = Plugins.load().realisers

TABLE_6 = [
    "AB6C_hR24_166_a_h_b:Cs-F-Sn", "A2B6CD_cF40_225_c_e_a_b:Cs-F-Ni-Rb", "AB6C_hR24_148_a_f_b:Ba-F-W",
    "A6BC_cF32_225_e_a_b:F-Li-Ru", "A6B3C_mC20_12_ij_ai_d:F-Rb-V", "A5B2C_tP8_123_bj_e_a:F-K-Zn",
    "A6BC_cF32_225_e_a_b:F-K-Ta", "A6BC_mC16_12_ij_a_d:F-Ti-Zn", "ABC2_hP8_194_a_c_f:Na-Nb-O",
    "A6BCD2_cF40_225_e_a_b_c:F-Ga-Na-Rb", "ABC4_tI24_141_a_b_h:As-Nd-O", "A3B_hR24_167_e_b:F-Ga",
    "A2BC7D2_hR36_155_c_a_bf_c:Al-Ba-O-Sb", "AB_cF8_225_a_b:Ca-O", "ABC_hP6_194_c_d_a:F-La-Se",
    "AB4C_oC24_63_c_fg_c:Ca-O-S", "A2BC_hR12_166_c_a_b:Ca-I-P",
]  # fmt: skip
"""Protostructures of the WyckoffDiff paper's Table 6, in the order of their energy above the hull."""


def tried(name: str, label: str | Protostructure, seed: int = 0, number: int = 0) -> Realised:
    spec: RealiserSpec = SPECS[name]
    parameters = {parameter.name: parameter.default for parameter in spec.parameters}
    protostructure = Protostructure.parse(label) if isinstance(label, str) else label
    return realise(protostructure, lambda p, seed: spec.propose(p, seed, parameters), seed, number)


def test_one_realiser_is_the_default() -> None:
    assert [spec.name for spec in SPECS.values() if spec.default] == ["random-orbits"]


@pytest.mark.parametrize("label", TABLE_6)
def test_the_materials_of_the_papers_table_are_realised_at_the_first_try(label: str) -> None:
    assert isinstance(tried("random-orbits", label), RawStructure)


POSITIONS = st.integers(1, 230).flatmap(
    lambda group: st.tuples(
        st.just(group),
        st.lists(st.tuples(st.sampled_from(["O", "Na", "Ti", "Cs"]), st.sampled_from(wyckoff.letters(group))),
                 min_size=1, max_size=4),
    )
)  # fmt: skip


def possible(group: int, orbits: list[tuple[str, str]]) -> Protostructure | None:
    """The protostructure of some orbits; None where it cannot exist or has more atoms than is quick."""
    fixed = [letter for _, letter in orbits if wyckoff.position(group, letter).dof == 0]
    if len(fixed) > len(set(fixed)):
        return None
    made = Protostructure(group, orbits)
    return made if made.n_atoms <= 60 and is_possible(made) else None


@given(POSITIONS, st.integers(0, 2**32))
@settings(max_examples=30)
def test_what_is_realised_has_the_composition_the_volume_and_the_room(
    drawn: tuple[int, list[tuple[str, str]]], seed: int
) -> None:
    made = possible(*drawn)
    if made is None:
        return
    found = tried("random-orbits", made, seed)
    if isinstance(found, Unrealised):
        assert found.reason is not UnrealisedReason.CRASH, found
        return
    counts = {e: int((found.numbers == NUMBERS[e]).sum()) for e in made.elements}
    assert counts == made.composition
    assert clearance(found) >= MIN_CLEARANCE
    ratio = abs(np.linalg.det(found.lattice)) / element_sizes().volumes[found.numbers].sum()
    assert VOLUME_FACTORS[0] - 1e-6 <= ratio <= VOLUME_FACTORS[1] * MAX_GROWTH + 1e-6


@pytest.mark.parametrize("group", range(1, 231))
def test_a_random_lattice_has_the_volume_and_the_symmetry_of_the_family(group: int) -> None:
    shape = cell_shape(group, (wyckoff.letters(group)[-1],))
    lattice = random_lattice(group, shape, 10.0 * group, np.random.default_rng(group))
    assert np.linalg.det(lattice) == pytest.approx(10.0 * group)
    forms = metrics(group).reshape(-1, 9).astype(float)
    metric = (lattice @ lattice.T).ravel()
    weights = np.linalg.lstsq(forms.T, metric, rcond=None)[0]
    assert weights @ forms == pytest.approx(metric, abs=1e-9 * np.abs(metric).max())


@pytest.mark.parametrize(("group", "letters"), [(166, "abc"), (191, "a"), (139, "ac"), (62, "cd"), (1, "a")])
def test_lengths_scatter_about_those_that_are_expected_and_no_farther_than_the_oddest(group: int, letters: str) -> None:
    shape, random = cell_shape(group, tuple(letters)), np.random.default_rng(0)
    lattices = [random_lattice(group, shape, 100, random) for _ in range(2000)]
    off = np.log(np.linalg.norm(lattices, axis=2)) - shape.logs
    off = off[:, 2] - off[:, 0]
    assert np.median(off) == pytest.approx(0, abs=0.03)
    assert np.median(np.abs(off)) == pytest.approx(0.7649 * np.sqrt(2) * shape.spread, rel=0.1)  # t with 3 degrees
    assert np.abs(off).max() <= np.log(ODDEST) + 1e-9


@pytest.mark.parametrize(("label", "known"), [("Al-Cu-O", 16.94 / 2.857), ("Gd-K-S", 21.89 / 4.07)])
@pytest.mark.parametrize("seed", range(3))
def test_four_tries_reach_the_long_cell_of_a_delafossite(label: str, known: float, seed: int) -> None:
    tries = [tried("random-orbits", f"ABC2_hR12_166_a_b_c:{label}", seed, number) for number in range(4)]
    made = [one.lattice for one in tries if isinstance(one, RawStructure)]
    ratios = [np.linalg.norm(lattice[2]) / np.linalg.norm(lattice[0]) for lattice in made]
    assert min(abs(np.log(ratio / known)) for ratio in ratios) < 0.25


FCC = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def test_contacts_of_close_packed_spheres_are_those_of_the_lattice_sums() -> None:
    found = contacts(4.0 * FCC, [np.zeros((1, 3))], [1.3])
    assert found == pytest.approx(14.45392**2 / 12.13188, rel=0.06)  # two cells around: 95 %


def test_two_atoms_far_from_all_others_have_one_contact_each() -> None:
    pair = [np.zeros((1, 3)), np.array([[0, 0, 0.02]])]
    assert contacts(100 * np.eye(3), pair, [0.7, 1.1]) == pytest.approx(1, rel=1e-6)


@given(st.integers(0, 2**32))
def test_contacts_depend_on_neither_the_scale_nor_the_choice_of_the_cell(seed: int) -> None:
    random = np.random.default_rng(seed)
    lattice, sites = np.eye(3) + 0.2 * random.random((3, 3)), [random.random((2, 3)), random.random((1, 3))]
    sites[0][1] = -sites[0][0]
    sites[1][:] = 0.5
    change = np.array([[1, 1, 0], [0, 1, 0], [0, 2, 1]])
    other = [one @ np.linalg.inv(change) for one in sites]
    expected = contacts(lattice, sites, [1.0, 0.6])
    assert contacts(7 * change @ lattice, other, [1.0, 0.6]) == pytest.approx(expected, rel=1e-9)


def test_a_try_depends_on_the_label_the_seed_and_its_number_only() -> None:
    first = tried("random-orbits", TABLE_6[0])
    tried("random-orbits", TABLE_6[5])
    again, later, other = (tried("random-orbits", TABLE_6[0], *key) for key in ((0, 0), (0, 1), (1, 0)))
    assert all(isinstance(structure, RawStructure) for structure in (first, again, later, other))
    assert first.digest() == again.digest()
    assert len({structure.digest() for structure in (first, later, other)}) == 3


def test_of_an_element_that_no_material_has_the_volume_is_not_known() -> None:
    found = tried("random-orbits", Protostructure(225, [("Po", "a")]))
    assert isinstance(found, Unrealised)
    assert (found.reason, found.detail) == (UnrealisedReason.NO_SIZE, "no volume is known of Po")


def test_what_cannot_be_placed_is_too_close() -> None:
    crowded = Protostructure(227, [("Cs", "i"), ("Cs", "h"), ("H", "a")])
    found = tried("random-orbits", crowded)
    assert isinstance(found, Unrealised)
    assert found.reason is UnrealisedReason.TOO_CLOSE
    assert "in the best of 60 cells" in found.detail


@pytest.mark.peer
@pytest.mark.parametrize("label", TABLE_6)
def test_pyxtal_realises_the_materials_of_the_papers_table(label: str) -> None:
    pytest.importorskip("pyxtal")
    assert any(isinstance(tried("pyxtal", label, number=number), RawStructure) for number in range(5))


@pytest.mark.peer
def test_pyxtal_gives_the_same_structure_for_the_same_seed() -> None:
    pytest.importorskip("pyxtal")
    first, again = tried("pyxtal", "AB_cF8_225_a_b:Ca-O"), tried("pyxtal", "AB_cF8_225_a_b:Ca-O")
    assert first.digest() == again.digest()
