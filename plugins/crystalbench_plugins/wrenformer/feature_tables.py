"""The two tables that turn elements and Wyckoff positions into numbers, read from the library aviary.

Rows stand in the order of this project: elements by atomic number, Wyckoff positions by space group and letter.
"""

import functools
import json
from importlib.resources import files
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals import wyckoff
from crystalbench.crystals.elements import ELEMENTS

N_ELEMENT_FEATURES = 200
"""Matscholar embedding of an element (Tshitoyan et al., doi 10.1038/s41586-019-1335-8)."""
N_WYCKOFF_FEATURES = 444
"""Symmetry features of a Wyckoff position, aviary's ``bra-alg-off``."""
N_FEATURES = 1 + N_ELEMENT_FEATURES + N_WYCKOFF_FEATURES
"""Features of one orbit, in this order: its share of the sites, its element, its Wyckoff position."""


def first_position(spacegroup: int) -> int:
    """Row of Wyckoff position ``a`` of a space group in `wyckoff_features`; the others follow it in order."""
    return _offsets()[spacegroup - 1]


@functools.cache
def _offsets() -> tuple[int, ...]:
    return tuple(accumulate((len(wyckoff.letters(group)) for group in range(1, 231)), initial=0))


@functools.cache
def element_rows() -> dict[str, int]:
    """Row of each element that has features (H to Lr) in `element_features`."""
    known = _table("element/matscholar200.json")
    return {element: row for row, element in enumerate(ELEMENTS) if element in known}


@functools.cache
def element_features() -> NDArray[np.float32]:
    """(103, 200) float32, by atomic number."""
    known = _table("element/matscholar200.json")
    return np.array([known[element] for element in element_rows()], dtype=np.float32)


@functools.cache
def wyckoff_features() -> NDArray[np.float32]:
    """(1731, 444) float32; see `first_position`."""
    known = _table("wyckoff/bra-alg-off.json")
    return np.array(
        [known[str(group)][letter] for group in range(1, 231) for letter in wyckoff.letters(group)], dtype=np.float32
    )


@functools.cache
def _table(name: str) -> dict[str, dict[str, list[float]]]:
    # Found by its path: importing aviary.wrenformer.data, which reads the same files, takes six seconds.
    table: dict[str, dict[str, list[float]]] = json.loads((files("aviary") / "embeddings" / name).read_text("utf-8"))
    return table
