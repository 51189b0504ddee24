"""What an interatomic potential gives: energy, forces and stress of many structures at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.samples import RawStructure


class EnergyScheme(StrEnum):
    """Which energies a potential imitates: two schemes differ by up to electronvolts an atom and are never mixed."""

    MP2020_CORRECTED = "MP2020-corrected"  # PBE(+U) with the corrections of MaterialsProject2020Compatibility
    MP_UNCORRECTED = "MP-uncorrected"  # PBE(+U) as VASP gave it, with the settings of the Materials Project
    OTHER = "other"  # comparable with nothing but the potential's own elements


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """One structure as a potential sees it.

    Attributes
    ----------
    energy
        Of the whole cell, eV.
    forces
        (n, 3) float64, eV/Å, Cartesian.
    stress
        (3, 3) float64, eV/Å³: the derivative of the energy by strain over the volume (positive: wants to shrink).
    """

    energy: float
    forces: NDArray[np.float64]
    stress: NDArray[np.float64]


class Potential(Protocol):
    """A loaded potential."""

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        """Return what it sees of each structure, in order; all elements are among those of its `PotentialSpec`."""
        ...
