"""What a crystal measures: by hand, in every cell of it, against every image, and against pymatgen and ASE."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crystalbench.crystals.elements import ATOMIC_WEIGHTS, ELEMENTS
from crystalbench.crystals.geometry import FIELDS, Geometry, geometry
from crystalbench.crystals.samples import RawStructure
from tests.crystals.test_screen import unimodular

SEEDS = st.integers(0, 2**32 - 1)
ROCK_SALT = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def measured(lattice: object, coords: object, numbers: object, max_atoms: int = 100) -> Geometry:
    found = geometry(RawStructure.of(lattice, coords, numbers), max_atoms=max_atoms)  # type: ignore[arg-type]
    assert found is not None
    return found


def random_crystal(rng: np.random.Generator) -> RawStructure:
    n = int(rng.integers(1, 6))
    lattice = rng.normal(size=(3, 3)) * rng.uniform(1, 6) + 3 * np.eye(3)
    return RawStructure.of(lattice, rng.uniform(-2, 2, (n, 3)), rng.integers(1, 90, n))


def test_rock_salt_measures_what_the_textbook_says() -> None:
    """a = 5.640 Å: Na-Cl is a/2, 2.163 g/cm^3 (CRC Handbook: 2.17)."""
    coords = ROCK_SALT + [[(x + 0.5) % 1, y, z] for x, y, z in ROCK_SALT]
    found = measured(5.64 * np.eye(3), coords, [11] * 4 + [17] * 4)
    assert (found.atoms, found.volume, found.image) == (8, pytest.approx(5.64**3), 5.64)
    assert found.pair == found.distance == pytest.approx(2.82)
    assert found.density == pytest.approx(4 * (22.9898 + 35.45) * 1.66054 / 5.64**3, rel=1e-5)
    assert found.lengths == (5.64,) * 3
    assert found.angles == (90.0,) * 3


def test_one_atom_is_its_own_neighbour_and_makes_no_pair() -> None:
    found = measured([[0, 2, 2], [2, 0, 2], [2, 2, 0]], [[0.3, 0.3, 0.3]], [29])
    assert found.pair is None
    assert found.distance == found.image == pytest.approx(2 * math.sqrt(2))
    assert found.angles == pytest.approx((60.0,) * 3)


def test_the_image_of_another_atom_counts_and_that_of_an_atom_itself_is_told_apart() -> None:
    found = measured(np.diag([0.4, 5, 5]), [[0, 0, 0], [0, 0, 0.9]], [1, 1])
    assert (found.pair, found.image) == (pytest.approx(0.5), 0.4)


@given(SEEDS)
def test_a_crystal_measures_the_same_in_every_cell_of_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    change = unimodular(rng, int(rng.integers(0, 5)))
    other = RawStructure.of(
        change @ crystal.lattice, crystal.frac_coords @ np.linalg.inv(change) + rng.integers(-3, 4, 3), crystal.numbers
    )
    one, two = (geometry(item, max_atoms=10) for item in (crystal, other))
    if one is None or two is None:
        return  # flatter than doubles can tell
    assert (one.pair is None) == (two.pair is None)
    for name in ("atoms", "volume", "density", "image", "distance"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-6, abs=1e-6), name
    assert one.pair is None or one.pair == pytest.approx(two.pair, rel=1e-6, abs=1e-6)


@given(SEEDS)
def test_a_supercell_has_the_density_and_the_nearest_atoms_of_its_crystal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    one = geometry(crystal, max_atoms=10)
    double = np.diag([1, 2, 1])
    coords = [(x, (y + shift) / 2, z) for x, y, z in crystal.frac_coords for shift in (0, 1)]
    two = geometry(RawStructure.of(double @ crystal.lattice, coords, np.repeat(crystal.numbers, 2)), max_atoms=10)
    if one is not None and two is not None:
        assert two.distance == pytest.approx(one.distance, rel=1e-6, abs=1e-6)
        assert (two.density, two.volume) == pytest.approx((one.density, 2 * one.volume))


@given(SEEDS)
@example(23366)
def test_no_image_is_nearer_than_the_one_that_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    found = geometry(crystal, max_atoms=10)
    shifts = np.array(list(itertools.product(range(-8, 9), repeat=3))) @ crystal.lattice
    own = np.linalg.norm(shifts, axis=1)
    shortest = own[own > 0].min()
    heights = 1 / np.linalg.norm(np.linalg.inv(crystal.lattice), axis=0)  # the image t is t_k heights_k away or farther
    if found is None or shortest > 7 * heights.min():
        return  # nearer images may be among those that are not tried here
    assert found.image == pytest.approx(shortest)
    wrapped = crystal.frac_coords % 1
    pairs = [wrapped[i] - wrapped[j] for i, j in itertools.combinations(range(found.atoms), 2)]
    if pairs:
        nearest = min(np.linalg.norm(pair @ crystal.lattice + shifts, axis=1).min() for pair in pairs)
        assert found.pair <= nearest * (1 + 1e-9)
        if nearest <= 7 * heights.min():
            assert found.pair == pytest.approx(nearest, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("lattice", "coords", "numbers"),
    [
        (np.eye(3), np.zeros((0, 3)), []),
        (np.eye(3), [[0, 0, 0]] * 101, [1] * 101),
        (np.eye(3), [[0, 0, math.nan]], [1]),
        (np.diag([1, 1, math.inf]), [[0, 0, 0]], [1]),
        (np.eye(3), [[0, 0, 0]], [0]),
        (np.eye(3), [[0, 0, 0]], [119]),
        (np.zeros((3, 3)), [[0, 0, 0]], [1]),
        ([[1, 0, 0], [0, 1, 0], [1, 1, 0]], [[0, 0, 0]], [1]),
        ([[1, 0, 0], [0, 1, 0], [1, 1, 1e-12]], [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 1]),
        (np.eye(3) * 1e200, [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 1]),
        ([[9, 0, 0], [5, 9, 0], [5, 5, 9]], [[1.7e308, -1.7e308, 1.7e308], [-1.7e308, 1.7e308, 0]], [1, 1]),
    ],
)
def test_what_has_no_cell_no_atoms_or_no_numbers_has_no_geometry(
    lattice: object, coords: object, numbers: object
) -> None:
    structure = RawStructure.of(lattice, coords, numbers)  # type: ignore[arg-type]
    assert geometry(structure, max_atoms=100) is None


@given(SEEDS)
def test_a_geometry_is_read_back_from_its_numbers_and_from_their_text(seed: int) -> None:
    found = geometry(random_crystal(np.random.default_rng(seed)), max_atoms=10)
    if found is not None:
        assert Geometry.of_row(found.row()) == found
        assert Geometry.of_row(["" if value is None else repr(value) for value in found.row()]) == found


@pytest.mark.parametrize(
    "change", [{"volume": "nan"}, {"a": "-1"}, {"atoms": "1.5"}, {"pair": "near"}, {"image": ""}, {"density": "inf"}]
)
def test_numbers_that_are_none_are_refused(change: dict[str, str]) -> None:
    row = dict(zip(FIELDS, map(str, measured(np.eye(3), [[0, 0, 0]] * 2, [1, 1]).row()), strict=True))
    with pytest.raises(ValueError, match=r"."):
        Geometry.of_row([*(row | change).values()])
    with pytest.raises(ValueError, match="a geometry has 11"):
        Geometry.of_row([*row.values(), "1"])


@pytest.mark.peer
def test_atomic_weights_are_those_of_ase_and_pymatgen() -> None:
    from ase.data import atomic_masses
    from pymatgen.core import Element

    for number, (symbol, weight) in enumerate(zip(ELEMENTS, ATOMIC_WEIGHTS, strict=True), 1):
        assert weight == pytest.approx(atomic_masses[number], abs=1e-4)
        assert weight == pytest.approx(float(Element(symbol).atomic_mass), rel=0.01)
