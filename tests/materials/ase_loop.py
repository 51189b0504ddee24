"""The peer of our relaxation: ASE's own, as one writes it by hand."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crystalbench import RawStructure
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.protostructure import Protostructure


def materials(data: Path, most_atoms: int, seed: int) -> Iterator[tuple[Protostructure, RawStructure]]:
    """Yield materials of MP-20's validation split in random order, in the cells of the file (primitive ones).

    Each has its protostructure at 0.01 Å, and its cell is stretched or squeezed by up to 4 % in length, so that there
    is something to relax.
    """
    import pandas
    from pymatgen.core import Structure

    cifs = pandas.read_feather(data / "mp_20_val_test" / "mp_20_val.feather", columns=["cif"])["cif"]
    random = np.random.default_rng(seed)
    for row in random.permutation(len(cifs)):
        scale = random.uniform(0.96, 1.04)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on rounded coordinates
            read = Structure.from_str(cifs[row], fmt="cif")
        structure = RawStructure.of(scale * read.lattice.matrix, read.frac_coords, read.atomic_numbers)
        protostructure = convert(structure, ConversionSettings(symprec=0.01))
        if len(read) <= most_atoms and isinstance(protostructure, Protostructure):
            yield protostructure, structure


def ase_relaxed(structure: RawStructure, calculator: Any, fmax: float, optimiser: str = "FIRE") -> tuple[Any, int]:
    """Relax under the space group with ASE; returns the atoms and the number of steps."""
    import ase.optimize
    from ase import Atoms
    from ase.constraints import FixSymmetry
    from ase.filters import FrechetCellFilter

    atoms = Atoms(structure.numbers, cell=structure.lattice, scaled_positions=structure.frac_coords, pbc=True)
    atoms.calc = calculator
    atoms.set_constraint(FixSymmetry(atoms, symprec=0.01))
    run = getattr(ase.optimize, optimiser)(FrechetCellFilter(atoms), logfile=None)
    run.run(fmax=fmax, steps=500)
    return atoms, run.nsteps
