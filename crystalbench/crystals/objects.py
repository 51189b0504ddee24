"""Crystals as other libraries hold them in memory, known by what they can do: none of the libraries is imported."""

from typing import Any

import numpy as np

from crystalbench.crystals.elements import NUMBERS, UnknownElementError, element
from crystalbench.crystals.make import fault
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure, Sample
from crystalbench.errors import ConfigError

_KNOWN = "a pymatgen Structure, an ASE Atoms, a RawStructure, a Protostructure, an Invalid or a label"


def sample_of(item: object) -> Sample | str:
    """Return one crystal as a sample; a label stays text, and is read as strictly as one in a file.

    What is no crystal (a disordered or molecular structure, a cell without volume) is `Invalid` with its reason.

    Raises
    ------
    ConfigError
        An object that nobody could mean as a crystal: a mistake of the program, not of the generator.
    """
    if isinstance(item, str):
        return item
    if isinstance(item, Protostructure | RawStructure | Invalid):
        if problem := fault(item):
            raise ConfigError(problem)
        return item
    if hasattr(item, "get_scaled_positions"):
        return _of_ase(item)
    if hasattr(item, "lattice") and hasattr(item, "frac_coords"):
        return _of_pymatgen(item)
    raise ConfigError(f"{type(item).__name__} {str(item)[:60]!r} is no crystal; give {_KNOWN}")


def _of_ase(atoms: Any) -> Sample:
    """Read an `ase.Atoms`: vectors of the cell as rows, Å."""
    if not np.all(atoms.pbc):
        return Invalid(InvalidReason.UNREADABLE, "not periodic in all directions (pbc)")
    cell = np.asarray(atoms.cell, dtype=np.float64)
    try:
        coords = np.linalg.solve(cell.T, np.asarray(atoms.positions, dtype=np.float64).T).T
    except np.linalg.LinAlgError:
        return Invalid(InvalidReason.NON_POSITIVE_LATTICE, "the cell has no volume")
    return RawStructure.of(cell, coords, atoms.numbers)


def _of_pymatgen(structure: Any) -> Sample:
    """Read a `pymatgen.core.Structure`, with charges or without."""
    if not all(structure.lattice.pbc):
        return Invalid(InvalidReason.UNREADABLE, "not periodic in all directions (pbc)")
    if not structure.is_ordered:
        return Invalid(InvalidReason.DISORDERED, "a site of several species or partly empty")
    try:
        numbers = [NUMBERS[element(site.specie.symbol)] for site in structure]
    except UnknownElementError as error:
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, str(error))
    return RawStructure.of(structure.lattice.matrix, structure.frac_coords, numbers)
