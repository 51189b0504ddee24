"""Distance of a formation energy from the convex hull of the phases that are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Hull:
    """Points on or above a convex hull, with the elemental references of the same scheme.

    Attributes
    ----------
    compositions
        For each phase, the number of atoms of each element by atomic number.
    energies
        (n,) float64, formation energies in eV/atom.
    references
        Energy of each element in its reference phase, eV/atom, by atomic number.
    """

    compositions: Sequence[Mapping[int, int]]
    energies: NDArray[np.float64]
    references: Mapping[int, float]
