import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crystalbench.crystals import symmetry
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure
from crystalbench.crystals.symmetry import Backend, Symmetry, assemble, protostructure, search
from crystalbench.crystals.wyckoff import Table

NUMBERS = {
    "H": 1, "C": 6, "N": 7, "O": 8, "Na": 11, "Mg": 12, "Al": 13, "Si": 14, "S": 16, "Cl": 17, "K": 19, "Ca": 20,
    "Ti": 22, "Mn": 25, "Cu": 29, "Zn": 30, "Sr": 38, "Cs": 55,
}  # fmt: skip

FCC: list[tuple[float, ...]] = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def shifted(points: list[tuple[float, ...]], by: tuple[float, float, float]) -> list[tuple[float, ...]]:
    return [tuple(np.add(point, by).tolist()) for point in points]


def crystal(lattice: object, **sites: list[tuple[float, ...]]) -> RawStructure:
    numbers = [NUMBERS[element] for element, points in sites.items() for _ in points]
    return RawStructure.of(lattice, [point for points in sites.values() for point in points], numbers)  # type: ignore[arg-type]


HEXAGONAL = np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 1]])
MONOCLINIC = [[5.1, 0, 0], [0, 5.2, 0], [-0.9, 0, 5.3]]

# Hand-checked against the International Tables and Strukturbericht: conventional cells, ideal coordinates.
CRYSTALS = {
    "A_cF4_225_a:Cu": crystal(3.6 * np.eye(3), Cu=FCC),
    "AB_cF8_225_a_b:Cl-Na": crystal(5.6 * np.eye(3), Na=FCC, Cl=shifted(FCC, (0.5, 0.5, 0.5))),
    "AB_cP2_221_a_b:Cl-Cs": crystal(4.1 * np.eye(3), Cs=[(0, 0, 0)], Cl=[(0.5, 0.5, 0.5)]),
    "A_cF8_227_a:Si": crystal(5.4 * np.eye(3), Si=FCC + shifted(FCC, (0.25, 0.25, 0.25))),
    "AB_cF8_216_a_c:S-Zn": crystal(5.4 * np.eye(3), Zn=FCC, S=shifted(FCC, (0.25, 0.25, 0.25))),
    "A3BC_cP5_221_c_a_b:O-Sr-Ti": crystal(
        3.9 * np.eye(3), Sr=[(0.5, 0.5, 0.5)], Ti=[(0, 0, 0)], O=[(0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]
    ),
    "A_hP2_194_c:Mg": crystal(np.diag([3.2, 3.2, 5.2]) @ HEXAGONAL, Mg=[(1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)]),
    "A2B_tP6_136_f_a:O-Ti": crystal(
        np.diag([4.6, 4.6, 2.96]),
        Ti=[(0, 0, 0), (0.5, 0.5, 0.5)],
        O=[(0.305, 0.305, 0), (0.695, 0.695, 0), (0.195, 0.805, 0.5), (0.805, 0.195, 0.5)],
    ),
    # No inversion and an A-centred group, whose Pearson symbol is spelt oC (moyo itself says oS).
    "AB_oC4_38_a_b:Cl-Na": crystal(
        np.diag([3.5, 4.3, 6.1]), Na=[(0, 0, 0.03), (0, 0.5, 0.53)], Cl=[(0.5, 0, 0.31), (0.5, 0.5, 0.81)]
    ),
    # A general position of a monoclinic group, and a triclinic crystal without any symmetry.
    "AB_mP8_14_e_e:N-S": crystal(
        MONOCLINIC,
        N=[(0.13, 0.21, 0.34), (0.87, 0.71, 0.16), (0.87, 0.79, 0.66), (0.13, 0.29, 0.84)],
        S=[(0.42, 0.05, 0.77), (0.58, 0.55, 0.73), (0.58, 0.95, 0.23), (0.42, 0.45, 0.27)],
    ),
    "ABC_aP3_1_a_a_a:Al-C-O": crystal(
        [[4.1, 0, 0], [0.7, 5.2, 0], [1.1, -0.8, 6.3]], Al=[(0, 0, 0)], C=[(0.31, 0.4, 0.53)], O=[(0.7, 0.17, 0.22)]
    ),
}  # fmt: skip


def label(structure: RawStructure, backend: Backend, symprec: float = 0.1) -> str:
    found = protostructure(structure, backend, symprec, 5.0, Table.AFFINE)
    return found.label if isinstance(found, Protostructure) else repr(found)


def unimodular(rng: np.random.Generator) -> NDArray[np.float64]:
    matrix = np.eye(3)
    for _ in range(rng.integers(5)):
        i, j = rng.permutation(3)[:2]
        matrix[i] += rng.integers(-2, 3) * matrix[j]
    sign = int(rng.choice([-1, 1]))
    return matrix * sign  # the negative makes a left-handed cell


def described_otherwise(structure: RawStructure, rng: np.random.Generator) -> RawStructure:
    """The same crystal: other cell vectors, origin, order of atoms, periodic images, and turned in space."""
    change = unimodular(rng)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    coords = structure.frac_coords + rng.random(3)
    coords = coords @ np.linalg.inv(change) + rng.integers(-2, 3, coords.shape)
    order = rng.permutation(len(coords))
    return RawStructure.of(change @ structure.lattice @ rotation, coords[order], structure.numbers[order])


def doubled(structure: RawStructure, axis: int) -> RawStructure:
    scale = np.ones(3)
    scale[axis] = 2
    step = np.zeros(3)
    step[axis] = 1
    coords = np.concatenate([structure.frac_coords, structure.frac_coords + step]) / scale
    return RawStructure.of(structure.lattice * scale[:, None], coords, np.tile(structure.numbers, 2))


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("expected", CRYSTALS)
def test_known_crystals_get_their_protostructure(expected: str, backend: Backend) -> None:
    assert label(CRYSTALS[expected], backend) == expected


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("expected", CRYSTALS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_protostructure_does_not_depend_on_the_description(expected: str, backend: Backend, seed: int) -> None:
    structure = described_otherwise(CRYSTALS[expected], np.random.default_rng(seed))
    assert label(structure, backend) == expected


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("expected", CRYSTALS)
def test_a_supercell_has_the_protostructure_of_its_crystal(expected: str, axis: int, backend: Backend) -> None:
    assert label(doubled(CRYSTALS[expected], axis), backend) == expected


@pytest.mark.parametrize("backend", Backend)
def test_symprec_decides_what_counts_as_symmetric(backend: Backend) -> None:
    perovskite = CRYSTALS["A3BC_cP5_221_c_a_b:O-Sr-Ti"]
    coords = perovskite.frac_coords.copy()
    coords[1] += [0, 0, 0.05 / 3.9]  # titanium moved by 0.05 Å: the polar, tetragonal variant
    polar = RawStructure.of(perovskite.lattice, coords, perovskite.numbers)
    assert label(polar, backend, symprec=0.1) == "A3BC_cP5_221_c_a_b:O-Sr-Ti"
    # Along the axis Ti-O-Ti on 1a, Sr on 1b, the other two O on 2c.
    assert label(polar, backend, symprec=0.01) == "A3BC_tP5_99_ac_b_a:O-Sr-Ti"


@pytest.mark.parametrize("backend", Backend)
def test_atoms_far_from_the_cell_are_brought_home(backend: Backend) -> None:
    salt = CRYSTALS["AB_cF8_225_a_b:Cl-Na"]
    far = RawStructure.of(salt.lattice, salt.frac_coords + np.array([0, 3e9, -(2.0**33)]), salt.numbers)
    assert label(far, backend) == "AB_cF8_225_a_b:Cl-Na"


@pytest.mark.parametrize(
    ("backend", "words"),
    [(Backend.SPGLIB, "spglib finds no symmetry at 0.1 Å"), (Backend.MOYO, "moyo: Primitive symmetry search failed")],
)
def test_what_the_library_refuses_is_invalid_with_its_words(backend: Backend, words: str) -> None:
    overlapping = RawStructure.of(3 * np.eye(3), np.zeros((2, 3)), [11, 11])
    assert search(overlapping, backend, 0.1, 5.0) == Invalid(InvalidReason.NO_SYMMETRY, words)


def cell_of(n: int) -> RawStructure:
    return RawStructure.of(np.eye(3), np.zeros((n, 3)), [6] * n)


@pytest.mark.parametrize(
    ("spacegroup", "letters", "atoms", "conventional", "words"),
    [
        (15, "ffff", 4, 4, "4 atoms of C on 8f"),  # half an orbit
        (15, "ffffffff", 8, 12, "12 atoms of C on 8f"),  # one and a half
        (1, "aab", 3, 3, "no Wyckoff position b"),
    ],
)
def test_an_answer_that_contradicts_itself_is_inconsistent(
    spacegroup: int, letters: str, atoms: int, conventional: int, words: str
) -> None:
    found = assemble(Symmetry(spacegroup, letters, cell_of(conventional)), cell_of(atoms), Table.AFFINE)
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.INCONSISTENT_SYMMETRY
    assert words in found.detail


def test_a_position_without_freedom_holds_one_orbit() -> None:
    found = assemble(Symmetry(221, "aa", cell_of(2)), cell_of(2), Table.AFFINE)
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.INVALID_PROTOSTRUCTURE


def test_orbits_account_for_the_whole_conventional_cell() -> None:
    # One atom in a primitive face-centred cell stands for four in the conventional one.
    found = assemble(Symmetry(225, "a", cell_of(4)), cell_of(1), Table.AFFINE)
    assert isinstance(found, Protostructure)
    assert found.label == "A_cF4_225_a:C"


def test_a_contradiction_is_resolved_on_the_refined_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    salt = CRYSTALS["AB_cF8_225_a_b:Cl-Na"]
    real = symmetry.search
    asked: list[tuple[float, float]] = []

    def contradicts_itself_first(
        structure: RawStructure, backend: Backend, symprec: float, angle_tolerance: float
    ) -> Symmetry | Invalid:
        asked.append((symprec, angle_tolerance))
        if len(asked) == 1:
            return Symmetry(225, "l" * 8, structure)
        return real(structure, backend, symprec, angle_tolerance)

    monkeypatch.setattr(symmetry, "search", contradicts_itself_first)
    assert label(salt, Backend.SPGLIB) == "AB_cF8_225_a_b:Cl-Na"
    assert asked == [(0.1, 5.0), (1e-5, -1.0)]


def test_a_lasting_contradiction_is_reported_as_first_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def contradicts_itself(
        structure: RawStructure, backend: Backend, symprec: float, angle_tolerance: float
    ) -> Symmetry | Invalid:
        return Symmetry(225, "l" * 8, structure) if symprec == 0.1 else Invalid(InvalidReason.NO_SYMMETRY)

    monkeypatch.setattr(symmetry, "search", contradicts_itself)
    found = protostructure(CRYSTALS["AB_cF8_225_a_b:Cl-Na"], Backend.SPGLIB, 0.1, 5.0, Table.AFFINE)
    assert isinstance(found, Invalid)
    assert found.reason is InvalidReason.INCONSISTENT_SYMMETRY


@pytest.mark.parametrize("backend", Backend)
def test_the_version_of_a_backend_is_that_of_its_module(backend: Backend) -> None:
    module = pytest.importorskip(backend.module)
    assert backend.version == module.__version__
