"""How much room atoms take: a volume for each element, and how near two of them may be.

The table is computed by `crystalbench.materials.data.build_element_sizes`, which states sources and errors.
"""

import functools
import json
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.geometry import nearest
from crystalbench.crystals.samples import RawStructure
from crystalbench.crystals.screen import reduced

Array = NDArray[np.float64]

_PAIRS_AT_ONCE = 20_000  # 27 images of each: some 13 MB


@dataclass(frozen=True, slots=True, eq=False)
class ElementSizes:
    """Sizes by atomic number; NaN where none is known.

    Attributes
    ----------
    radii
        (119,) float64, covalent radii in Å (Cordero et al. 2008, doi 10.1039/b801115j): H to Cm.
    volumes
        (119,) float64, Å^3 an atom takes in compounds: the 88 elements of MP-20's held-out splits. The sum over the
        atoms of a cell is off by 7.7 % on average (median 5.6 %) in materials outside the fit; pyxtal's spheres of
        covalent radii, scaled to be right in the median, by 25 %.
    """

    radii: Array
    volumes: Array


@functools.cache
def element_sizes() -> ElementSizes:
    """Return the shipped table. Shared: do not change it."""
    text = files("crystalbench.materials.data").joinpath("element_sizes.json").read_text(encoding="utf-8")
    rows = json.loads(text)["elements"]

    def column(name: str) -> Array:
        values = (rows[symbol][name] for symbol in ELEMENTS)
        return np.array([np.nan, *(np.nan if value is None else value for value in values)], dtype=np.float64)

    return ElementSizes(column("radius"), column("volume"))


def clearance(structure: RawStructure) -> float:
    """Return the smallest distance of two atoms, or of an atom and its image, over the sum of their covalent radii.

    NaN where a radius is not known. Of 3,016 materials of MP-20 the median is 0.92.

    Parameters
    ----------
    structure
        Finite, with a lattice that is not singular.
    """
    lattice = reduced(structure.lattice)
    coords = structure.frac_coords @ (structure.lattice @ np.linalg.inv(lattice))
    radii = element_sizes().radii[structure.numbers]
    if np.isnan(radii).any():
        return float("nan")
    least = np.sqrt((lattice**2).sum(axis=1).min()) / (2 * radii.max())  # the largest atom and its nearest image
    rows = max(1, _PAIRS_AT_ONCE // len(radii))
    for start in range(0, len(radii), rows):
        block = slice(start, start + rows)
        difference = coords[block, None] - coords[None, start:]
        ratios = nearest(difference, lattice) / (radii[block, None] + radii[None, start:])
        ratios[np.arange(len(ratios)), np.arange(len(ratios))] = np.inf
        least = min(least, ratios.min())
    return float(least)
