"""Operations, sites and lattices of the 230 space groups."""

import numpy as np
import pytest

from crystalbench.crystals import wyckoff
from crystalbench.crystals.coordinates import UNIT, AffineMaps, holohedry, metrics, operations, orbit

GROUPS = range(1, 231)


def rows(maps: AffineMaps) -> set[tuple[int, ...]]:
    joined = np.concatenate([maps.matrices, maps.shifts[:, :, None]], axis=2)
    return {tuple(row) for row in joined.reshape(-1, 12).tolist()}


@pytest.mark.parametrize("group", GROUPS)
def test_operations_are_a_group_that_begins_with_the_identity(group: int) -> None:
    found = operations(group)
    assert rows(found) >= {(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)}
    assert np.array_equal(found.matrices[0], np.eye(3))
    assert not found.shifts[0].any()
    assert len(rows(found)) == len(found)
    for matrix, shift in list(zip(found.matrices, found.shifts, strict=True))[:: max(1, len(found) // 8)]:
        product = AffineMaps(matrix @ found.matrices, (found.shifts @ matrix.T + shift) % UNIT)
        assert rows(product) == rows(found)


@pytest.mark.parametrize("group", GROUPS)
def test_an_orbit_has_as_many_sites_and_free_coordinates_as_its_position(group: int) -> None:
    for position in wyckoff.positions(group):
        sites = orbit(group, position.letter)
        assert len(sites) == position.multiplicity
        assert {np.linalg.matrix_rank(matrix) for matrix in sites.matrices} == {position.dof}
    assert len(operations(group)) == position.multiplicity  # the last one is the general position


def test_sites_of_known_positions() -> None:
    """International Tables A: 225 a at the origin, b at 1/2 1/2 1/2, c at 1/4 1/4 1/4; 136 f at x x 0."""
    unit = 1000
    point = np.array([1111, 5, 7])
    face_centred = np.array([[0, 0, 0], [0, 12, 12], [12, 0, 12], [12, 12, 0]])
    for letter, first in (("a", [0, 0, 0]), ("b", [12, 12, 12])):
        sites = orbit(225, letter).at(point, unit)
        assert sorted(sites.tolist()) == sorted(((face_centred + first) % 24 * unit).tolist())
    quarters = orbit(225, "c").at(point, unit)
    assert sorted(quarters.tolist()) == sorted(
        [[x, y, z] for x in (6000, 18000) for y in (6000, 18000) for z in (6000, 18000)]
    )
    x = 1111
    rutile = [
        [x, x, 0],
        [-x, -x, 0],
        [12 * unit - x, 12 * unit + x, 12 * unit],
        [12 * unit + x, 12 * unit - x, 12 * unit],
    ]
    assert sorted(orbit(136, "f").at(point, unit).tolist()) == sorted((np.array(rutile) % (24 * unit)).tolist())


def test_holohedries_have_their_orders() -> None:
    """Triclinic 2, monoclinic 4, orthorhombic 8, tetragonal 16, hexagonal 24 (for trigonal groups too), cubic 48."""
    assert {group: len(holohedry(group)) for group in (1, 2, 3, 15, 16, 74, 75, 142, 143, 166, 168, 194, 195, 230)} == {
        1: 2, 2: 2, 3: 4, 15: 4, 16: 8, 74: 8, 75: 16, 142: 16, 143: 24, 166: 24, 168: 24, 194: 24, 195: 48, 230: 48,
    }  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_every_operation_is_an_isometry_of_every_lattice_of_the_family(group: int) -> None:
    known = {matrix.tobytes() for matrix in holohedry(group)}
    assert {np.ascontiguousarray(matrix).tobytes() for matrix in operations(group).matrices} <= known
    assert len(metrics(group)) == wyckoff.lattice_dof(group)
