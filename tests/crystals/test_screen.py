import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure
from crystalbench.crystals.screen import closest_pair, reduced, screen

CUBE = 4.0 * np.eye(3)
CENTRED = [[0, 0, 0], [0.5, 0.5, 0.5]]
SEEDS = st.integers(0, 2**32 - 1)


def reason(lattice: object, coords: object, numbers: object, min_distance: float = 0.5) -> InvalidReason | None:
    structure = RawStructure.of(lattice, coords, numbers)  # type: ignore[arg-type]
    found = screen(structure, min_distance=min_distance, max_atoms=100)
    assert found is None or found.detail
    return found.reason if found else None


def unimodular(rng: np.random.Generator, steps: int) -> NDArray[np.float64]:
    """A change of basis of the lattice: integer entries, determinant 1; more steps make a more skewed cell."""
    matrix = np.eye(3)
    for _ in range(steps):
        i, j = rng.permutation(3)[:2]
        matrix[i] += rng.integers(-3, 4) * matrix[j]
    return matrix


def test_a_crystal_passes() -> None:
    assert reason(CUBE, CENTRED, [55, 17]) is None


def test_a_left_handed_lattice_passes() -> None:
    assert reason(-CUBE, CENTRED, [55, 17]) is None
    assert reason(CUBE[[1, 0, 2]], CENTRED, [55, 17]) is None


def test_crystals_as_dense_as_hydrogen_under_pressure_pass_and_denser_ones_do_not() -> None:
    """Metallic hydrogen at 500 GPa: 1.4 Å^3 per atom (Wigner-Seitz radius of 1.3 bohr)."""
    assert reason(1.4 ** (1 / 3) * np.eye(3), [[0, 0, 0]], [1]) is None
    assert reason(0.99 ** (1 / 3) * np.eye(3), [[0, 0, 0]], [1]) is InvalidReason.TINY_CELL


def test_coordinates_far_outside_the_cell_pass() -> None:
    assert reason(CUBE, [[0, 0, 0], [1e6 + 0.5, -1e6 + 0.5, 0.5]], [55, 17]) is None


@pytest.mark.parametrize("number", [1, 118])
def test_the_first_and_the_last_element_pass(number: int) -> None:
    assert reason(CUBE, [[0, 0, 0]], [number]) is None


@pytest.mark.parametrize(
    ("expected", "lattice", "coords", "numbers"),
    [
        (InvalidReason.EMPTY, CUBE, [], []),
        (InvalidReason.NON_FINITE, np.nan * CUBE, CENTRED, [55, 17]),
        (InvalidReason.NON_FINITE, np.diag([4, 4, np.inf]), CENTRED, [55, 17]),
        (InvalidReason.NON_FINITE, CUBE, [[0, 0, 0], [0.5, np.nan, 0.5]], [55, 17]),
        (InvalidReason.NON_FINITE, CUBE, [[0, 0, 0], [0.5, -np.inf, 0.5]], [55, 17]),
        (InvalidReason.UNKNOWN_ELEMENT, CUBE, CENTRED, [55, 0]),
        (InvalidReason.UNKNOWN_ELEMENT, CUBE, CENTRED, [128, 17]),
        (InvalidReason.UNKNOWN_ELEMENT, CUBE, CENTRED, [-1, 17]),
        (InvalidReason.TOO_MANY_ATOMS, 40 * CUBE, np.random.default_rng(0).random((101, 3)), [6] * 101),
        (InvalidReason.TINY_CELL, 0 * CUBE, CENTRED, [55, 17]),
        (InvalidReason.TINY_CELL, np.diag([0.3, 0.3, 1]), [[0, 0, 0]], [55]),
        (InvalidReason.TINY_CELL, [[4, 0, 0], [0, 4, 0], [4, 4, 0]], CENTRED, [55, 17]),
        (InvalidReason.HUGE_CELL, np.diag([4, 4, 1001]), CENTRED, [55, 17]),
        (InvalidReason.HUGE_COORDINATES, CUBE, [[0, 0, 0], [0.5, 1e17, 0.5]], [55, 17]),
        (InvalidReason.HUGE_COORDINATES, CUBE, [[0, 0, 0], [-1.1e7, 0.5, 0.5]], [55, 17]),
        (InvalidReason.HUGE_CELL, 1e300 * CUBE, CENTRED, [55, 17]),
        (InvalidReason.HUGE_CELL, 25 * CUBE, [[0, 0, 0]], [55]),
        (InvalidReason.OVERLAPPING_ATOMS, CUBE, [[0, 0, 0], [0, 0, 0]], [55, 17]),
        (InvalidReason.OVERLAPPING_ATOMS, CUBE, [[0, 0, 0.01], [1, 0, 0.99]], [55, 17]),
        (InvalidReason.HUGE_COORDINATES, CUBE, [[1e18, 0, 0], [0, 0, 0]], [55, 17]),
        (InvalidReason.OVERLAPPING_ATOMS, np.diag([40, 40, 0.4]), [[0, 0, 0]], [55]),
        (InvalidReason.OVERLAPPING_ATOMS, [[4, 0, 0], [0, 4, 0], [40.3, 20, 0.3]], [[0, 0, 0]], [55]),
    ],
)
def test_what_is_no_crystal_is_refused_with_its_reason(
    expected: InvalidReason, lattice: object, coords: object, numbers: object
) -> None:
    assert reason(lattice, coords, numbers) is expected


def test_the_smallest_distance_is_a_limit_that_may_be_reached() -> None:
    apart = [[0, 0, 0], [0, 0, 0.125]]  # 0.5 Å, exactly
    assert reason(CUBE, apart, [1, 1], min_distance=0.5) is None
    assert reason(CUBE, apart, [1, 1], min_distance=0.5001) is InvalidReason.OVERLAPPING_ATOMS


def test_a_smallest_distance_of_zero_switches_the_check_off() -> None:
    assert reason(CUBE, [[0, 0, 0], [0, 0, 0]], [1, 1], min_distance=0) is None


def test_a_refusal_names_the_atoms() -> None:
    structure = RawStructure.of(CUBE, [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.45]], [1, 2, 3])
    found = screen(structure, min_distance=0.5, max_atoms=100)
    assert found == Invalid(InvalidReason.OVERLAPPING_ATOMS, "atoms 1 and 2 are 0.2 Å apart, the limit is 0.5")


@given(seed=SEEDS)
def test_a_reduced_basis_spans_the_same_lattice_with_its_shortest_vectors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = unimodular(rng, 6) @ (np.diag(rng.uniform(0.5, 20, 3)) + rng.normal(0, 0.1, (3, 3)))
    basis = reduced(lattice)
    change = basis @ np.linalg.inv(lattice)
    np.testing.assert_allclose(change, np.rint(change), atol=1e-6)
    assert abs(np.linalg.det(np.rint(change))) == pytest.approx(1)
    lengths = np.linalg.norm(basis, axis=1)
    assert list(lengths) == sorted(lengths)
    # Minkowski: no vector can be shortened by the others, and the first is the shortest of the lattice.
    combinations = np.array([t for t in itertools.product(range(-2, 3), repeat=3) if any(t)])
    for k in range(3):
        allowed = combinations[np.array([np.gcd.reduce(t[k:]) == 1 for t in combinations])]
        assert np.linalg.norm(allowed @ basis, axis=1).min() >= lengths[k] * (1 - 1e-6)


@settings(max_examples=150)
@given(seed=SEEDS, steps=st.integers(0, 8))
def test_the_closest_pair_is_that_of_brute_force_in_any_description_of_the_lattice(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    lattice = np.diag(rng.uniform(0.6, 4, 3)) + rng.normal(0, 0.1, (3, 3))
    coords = rng.random((n, 3))
    cutoff = float(rng.uniform(0.2, 2))
    images = np.array(list(itertools.product(range(-4, 5), repeat=3)))
    vectors = (coords[:, None, None] - coords[None, :, None] + images) @ lattice
    distances = np.linalg.norm(vectors, axis=-1)
    distances[distances < 1e-12] = np.inf  # each atom and itself; random coordinates never coincide
    change = unimodular(rng, steps)
    skewed = change @ lattice
    found = closest_pair(skewed, coords @ np.linalg.inv(change) + rng.integers(-3, 4, (n, 3)), cutoff)
    if distances.min() >= cutoff:
        assert found is None
        return
    assert found is not None
    distance, i, j = found
    if distance == pytest.approx(distances.min(), abs=1e-8):
        assert distances[i, j].min() == pytest.approx(distance, abs=1e-8)
    else:  # an atom that is too close to its own image is refused at once
        assert i == j
        assert distance == pytest.approx(min(distances[k, k].min() for k in range(n)), abs=1e-8)


def test_pairs_across_blocks_of_atoms_are_found() -> None:
    rng = np.random.default_rng(1)
    grid = np.array(list(itertools.product(range(11), repeat=3)), dtype=float) / 11
    coords = grid[rng.permutation(len(grid))]
    lattice = 44.0 * np.eye(3)
    assert closest_pair(lattice, coords, 3.9) is None
    for i, j in [(0, 1330), (3, 700), (1329, 1330), (0, 1)]:
        moved = coords.copy()
        moved[j] = moved[i] + [0, 0.3 / 44, 1]
        found = closest_pair(lattice, moved, 0.5)
        assert found is not None
        assert found == (pytest.approx(0.3), *sorted((i, j)))


def test_in_an_oblique_cell_another_image_than_the_wrapped_one_can_be_the_closest() -> None:
    # (0.45, 0.45) is 0.787 Å long in this reduced cell, and its image (-0.55, 0.45) only 0.519 Å.
    lattice = np.array([[1.0, 0.0, 0.0], [0.5, 0.9, 0.0], [0.0, 0.0, 5.0]])
    found = closest_pair(lattice, np.array([[0.0, 0.0, 0.0], [0.45, 0.45, 0.0]]), 0.6)
    assert found is not None
    assert found[0] == pytest.approx((0.325**2 + 0.405**2) ** 0.5)
