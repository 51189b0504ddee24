"""Any calculator of ASE as a potential."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crystalbench.crystals.samples import RawStructure
from crystalbench.materials.potential import Evaluated, Potential


def potential_from_calculator(calculator: Any) -> Potential:
    """Return a potential that asks an ASE calculator for energy, forces and stress, one structure after the other."""
    return _CalculatorPotential(calculator)


@dataclass(frozen=True, slots=True)
class _CalculatorPotential:
    calculator: Any

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        from ase import Atoms

        found = []
        for structure in structures:
            atoms = Atoms(structure.numbers, cell=structure.lattice, scaled_positions=structure.frac_coords, pbc=True)
            atoms.calc = self.calculator
            found.append(
                Evaluated(
                    float(atoms.get_potential_energy()),
                    np.array(atoms.get_forces(), np.float64),
                    np.array(atoms.get_stress(voigt=False), np.float64),
                )
            )
        return found
