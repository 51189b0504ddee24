"""Operations, site coordinates and lattices of the 230 space groups, in integers.

Everything is in conventional coordinates of the standard setting, the one whose letters
`crystalbench.crystals.wyckoff` has. The table is computed by `crystalbench.crystals.data.build_coordinate_tables` and
read on first use.
"""

import functools
import gzip
import itertools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TypedDict, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crystalbench.crystals import wyckoff

UNIT = 24
"""Every translation of the tables is a multiple of 1/24."""

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AffineMaps:
    """Maps ``x -> matrices x + shifts / UNIT`` modulo the lattice of the conventional cell.

    Attributes
    ----------
    matrices
        (n, 3, 3) int64.
    shifts
        (n, 3) int64, 0 to ``UNIT - 1``.
    """

    matrices: IntArray
    shifts: IntArray

    def __len__(self) -> int:
        return len(self.shifts)

    @classmethod
    def of(cls, rows: ArrayLike) -> "AffineMaps":
        """Read the rows of 3 x 4 matrices, twelve integers each."""
        table = np.array(rows, dtype=np.int64).reshape(-1, 3, 4)
        return cls(np.ascontiguousarray(table[:, :, :3]), np.ascontiguousarray(table[:, :, 3]))

    def at(self, point: IntArray, unit: int) -> IntArray:
        """Return the images (n, 3) of a point (3,), in integers: ``unit`` is what 1/24 is in the point's own unit."""
        images: IntArray = (self.matrices @ point + self.shifts * unit) % (UNIT * unit)
        return images


class _Entry(TypedDict):
    operations: list[list[int]]
    sites: dict[str, list[int]]


@functools.cache
def _groups() -> dict[str, _Entry]:
    packed = files("crystalbench.crystals.data").joinpath("coordinates.json.gz").read_bytes()
    return cast("dict[str, _Entry]", json.loads(gzip.decompress(packed))["groups"])


@functools.cache
def operations(spacegroup: int) -> AffineMaps:
    """Return the operations of a space group, one per coset of the conventional cell's lattice; the identity first."""
    return AffineMaps.of(_groups()[str(spacegroup)]["operations"])


@functools.cache
def orbit(spacegroup: int, letter: str) -> AffineMaps:
    """Return the sites of an orbit on a Wyckoff position as maps from three parameters to coordinates.

    There are as many as the position's multiplicity; parameters that a position does not have are ignored.
    """
    site = AffineMaps.of(_groups()[str(spacegroup)]["sites"][letter])
    group = operations(spacegroup)
    matrices = group.matrices @ site.matrices[0]
    shifts = (group.matrices @ site.shifts[0] + group.shifts) % UNIT
    rows = np.concatenate([matrices, shifts[:, :, None]], axis=2).reshape(-1, 12)
    return AffineMaps.of(list(dict.fromkeys(map(tuple, rows.tolist()))))


_CUBIC = ((1, 1, 1, 0, 0, 0),)
_HEXAGONAL = ((2, 2, 0, 0, 0, -1), (0, 0, 1, 0, 0, 0))
_TETRAGONAL = ((1, 1, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0))
_ORTHORHOMBIC = ((1, 0, 0, 0, 0, 0), (0, 1, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0))
_MONOCLINIC = (*_ORTHORHOMBIC, (0, 0, 0, 0, 1, 0))
_TRICLINIC = (*_MONOCLINIC, (0, 0, 0, 1, 0, 0), (0, 0, 0, 0, 0, 1))
_METRICS = {"a": _TRICLINIC, "m": _MONOCLINIC, "o": _ORTHORHOMBIC, "t": _TETRAGONAL, "h": _HEXAGONAL, "c": _CUBIC}


def metrics(spacegroup: int) -> IntArray:
    """Return metric tensors (n, 3, 3) of which every lattice of the group has a combination, n the free parameters."""
    rows = np.array(_METRICS[wyckoff.pearson_prefix(spacegroup)[0]], dtype=np.int64)
    return rows[:, [[0, 5, 4], [5, 1, 3], [4, 3, 2]]]


def holohedry(spacegroup: int) -> IntArray:
    """Return the matrices (n, 3, 3) that are isometries of *every* lattice of the group's crystal family.

    Two of them for a triclinic group, 48 for a cubic one, and 24 for trigonal groups too: the coordinates are those of
    the hexagonal cell.
    """
    return _isometries(wyckoff.pearson_prefix(spacegroup)[0])


@functools.cache
def _isometries(family: str) -> IntArray:
    kept = np.array(list(itertools.product((0, 1, -1), repeat=9)), dtype=np.int64).reshape(-1, 3, 3)
    for row in _METRICS[family]:
        metric = np.array(row)[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]
        kept = kept[(kept.transpose(0, 2, 1) @ metric @ kept == metric).all(axis=(1, 2))]
    return kept
