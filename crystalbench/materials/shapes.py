"""The shape of a cell, as far as a protostructure tells it before anything is known of energies.

Atoms need room along an axis in proportion to the layers that they form across it, and across an axis in proportion to
the columns that they form along it. How far that goes in real materials is in the table that
`crystalbench.materials.data.build_cell_shapes` computes, which states source and errors.
"""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals import wyckoff
from crystalbench.crystals.coordinates import orbit

Array = NDArray[np.float64]

FREEDOM = 3.0
"""Degrees of freedom of Student's t, which lengths scatter by: of 2, 3, 4 and 6 none is better than 3 by more than 0.04
nats a material outside the fit, but for 134 orthorhombic ones with all faces centred (0.07)."""


@dataclass(frozen=True, slots=True, eq=False)
class CellShape:
    """Lengths of the conventional cell, but for a common factor.

    Attributes
    ----------
    logs
        (3,) float64, the expected natural logarithms of the three lengths; their mean is 0.
    spread
        Scale of Student's t with `FREEDOM` degrees of freedom by which real ones scatter about them.
    """

    logs: Array
    spread: float


@functools.lru_cache(maxsize=4096)
def cell_shape(spacegroup: int, letters: tuple[str, ...]) -> CellShape:
    """Return the shape that is expected of a crystal with orbits on some Wyckoff positions.

    Parameters
    ----------
    spacegroup
        Its number.
    letters
        Of the orbits, a letter for each.
    """
    family = wyckoff.pearson_prefix(spacegroup)
    if family[0] == "c":
        return CellShape(np.zeros(3), 0.0)
    fitted = _table()[family]
    layers, columns = np.log(layers_and_columns(spacegroup, letters))
    logs = fitted["layers"] * layers + fitted["columns"] * columns + np.array([0.0, 0.0, fitted["c"]])
    return CellShape(logs - logs.mean(), fitted["spread"])


def layers_and_columns(spacegroup: int, letters: Sequence[str]) -> NDArray[np.int64]:
    """Count layers across and columns along each axis of the conventional cell, wherever the free coordinates are.

    Returns
    -------
    NDArray
        (2, 3) int64: different values that the atoms' coordinate along each axis has, and different pairs that the
        other two have. What depends on a free coordinate is different from what any other orbit has.
    """
    seen: list[set[tuple[int, bytes]]] = [set() for _ in range(6)]
    for number, letter in enumerate(letters):
        sites = orbit(spacegroup, letter)
        maps = np.concatenate([sites.matrices, sites.shifts[:, :, None]], axis=2)
        for axis in range(3):
            for place, axes in ((axis, [axis]), (3 + axis, [i for i in range(3) if i != axis])):
                for row in maps[:, axes]:
                    seen[place].add((number if row[:, :3].any() else -1, row.tobytes()))
    return np.array([len(one) for one in seen], dtype=np.int64).reshape(2, 3)


@functools.cache
def _table() -> dict[str, dict[str, float]]:
    text = files("crystalbench.materials.data").joinpath("cell_shapes.json").read_text(encoding="utf-8")
    rows: dict[str, dict[str, float]] = json.loads(text)["lattices"]
    return rows
