"""From a structure to its space group and orbits, by one call of a symmetry library.

The labelling follows `get_protostructure_label_from_spglib` of aviary 1.1.1 (now in
`pymatgen.analysis.prototypes`), which the WyckoffDiff paper used: a symmetry search, and where its answer
contradicts itself a second search on the refined cell with tight tolerances. Different on purpose:

* one library call instead of two, and no pymatgen;
* orbits are counted per (element, letter) from the number of atoms, not from a list of equivalent atoms;
* the answer must account for every atom of the conventional cell. The original compares reduced formulas, which
  says nothing about a crystal of one element: it returns ``A_mC8_15_2f``, 16 sites for 8 atoms.
"""

import logging
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals import wyckoff
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ProtostructureError

FALLBACK_SYMPREC = 1e-5
"""Å, for the second search, on the refined cell (aviary 1.1.1)."""

FALLBACK_ANGLE_TOLERANCE = -1.0
"""spglib's default: angles are judged by lengths (aviary 1.1.1)."""


class Backend(StrEnum):
    """The symmetry library.

    Attributes
    ----------
    SPGLIB
        The paper's, and the default.
    MOYO
        About four times as fast. At 0.1 Å it disagrees with spglib on 56 of 2,592 crystals, all borderline.
    """

    SPGLIB = "spglib"
    MOYO = "moyo"

    @property
    def module(self) -> str:
        """Name of the library's module and distribution."""
        return "moyopy" if self is Backend.MOYO else "spglib"

    @property
    def version(self) -> str:
        """Version of the installed library, read without importing it."""
        return version(self.module)


@dataclass(frozen=True, slots=True)
class Symmetry:
    """What a symmetry library says about a structure.

    Attributes
    ----------
    spacegroup
        Space-group number.
    letters
        Wyckoff letter of each atom of the input cell, in the standard setting.
    conventional
        The refined structure in the conventional cell.
    """

    spacegroup: int
    letters: Sequence[str]
    conventional: RawStructure


def protostructure(
    structure: RawStructure, backend: Backend, symprec: float, angle_tolerance: float, table: Table
) -> Protostructure | Invalid:
    """Return the protostructure of a structure that has passed `crystalbench.crystals.screen.screen`.

    Parameters
    ----------
    structure
        Finite, of known elements, without overlapping atoms. spglib 2.8.0 ends the process on others.
    backend
        The symmetry library.
    symprec
        Å.
    angle_tolerance
        Degrees; for spglib only. moyo's is in radians, and at 5 hung on 7 of 126 crystals: it gets none.
    table
        Which letterings are equivalent.
    """
    found = search(structure, backend, symprec, angle_tolerance)
    if isinstance(found, Invalid):
        return found
    first = assemble(found, structure, table)
    if not isinstance(first, Invalid):
        return first
    refined = found.conventional
    again = search(refined, backend, FALLBACK_SYMPREC, FALLBACK_ANGLE_TOLERANCE)
    second = again if isinstance(again, Invalid) else assemble(again, refined, table)
    return first if isinstance(second, Invalid) else second


def search(structure: RawStructure, backend: Backend, symprec: float, angle_tolerance: float) -> Symmetry | Invalid:
    """Ask the symmetry library once. Its refusal becomes `Invalid`; its panic or crash is the caller's."""
    # Both libraries round coordinates to integers inside, so a far-off image must be brought home.
    coords = structure.frac_coords % 1.0
    try:
        if backend is Backend.SPGLIB:
            found = _search_spglib(structure, coords, symprec, angle_tolerance)
        else:
            found = _search_moyo(structure, coords, symprec)
    except Exception as error:  # noqa: BLE001 - isolation of a sample: each library has its own exceptions
        return Invalid(InvalidReason.NO_SYMMETRY, f"{backend}: {' '.join(str(error).split())}"[:200])
    return found or Invalid(InvalidReason.NO_SYMMETRY, f"{backend} finds no symmetry at {symprec:g} Å")


def _search_spglib(
    structure: RawStructure, coords: NDArray[np.float64], symprec: float, angle_tolerance: float
) -> Symmetry | None:
    import spglib

    with warnings.catch_warnings():
        # spglib 2.7 and 2.8 announce on every call that a failure will raise in future; now it returns None.
        warnings.simplefilter("ignore", DeprecationWarning)
        dataset = spglib.get_symmetry_dataset(
            (structure.lattice, coords, structure.numbers), symprec=symprec, angle_tolerance=angle_tolerance
        )
    if dataset is None:
        return None
    return Symmetry(
        int(dataset.number),
        dataset.wyckoffs,
        RawStructure.of(dataset.std_lattice, dataset.std_positions, dataset.std_types),
    )


def _search_moyo(structure: RawStructure, coords: np.ndarray, symprec: float) -> Symmetry:
    import moyopy

    # It warns where the input cell breaks rotations of the primitive one; letters and group are the primitive's.
    logging.getLogger("moyo").setLevel(logging.ERROR)
    cell = moyopy.Cell(structure.lattice.tolist(), coords.tolist(), structure.numbers.tolist())
    dataset = moyopy.MoyoDataset(cell, symprec=symprec)
    refined = dataset.std_cell
    return Symmetry(
        dataset.number, dataset.wyckoffs, RawStructure.of(refined.basis, refined.positions, refined.numbers)
    )


def assemble(found: Symmetry, structure: RawStructure, table: Table) -> Protostructure | Invalid:
    """Count orbits and return the protostructure, or `Invalid` where the library's answer contradicts itself.

    Each (element, letter) holds ``atoms x (conventional atoms / atoms in the cell) / multiplicity`` orbits.
    Where all of these are integers the multiplicities add up to the conventional cell, and the elements keep
    their proportions.
    """
    atoms = Counter(zip(structure.numbers.tolist(), found.letters, strict=True))
    in_cell, conventional = len(structure.numbers), len(found.conventional.numbers)
    positions = wyckoff.by_letter(found.spacegroup)
    orbits: list[tuple[str, str]] = []
    for (number, letter), count in atoms.items():
        position = positions.get(letter)
        if position is None:
            return _contradiction(found, f"no Wyckoff position {letter}")
        copies, rest = divmod(count * conventional, in_cell * position.multiplicity)
        if rest:
            sites = f"{count * conventional / in_cell:g} atoms of {ELEMENTS[number - 1]}"
            return _contradiction(found, f"{sites} on {position.multiplicity}{letter}")
        orbits += [(ELEMENTS[number - 1], letter)] * copies
    try:
        return Protostructure(found.spacegroup, orbits, table)
    except ProtostructureError as error:
        return Invalid(InvalidReason.INVALID_PROTOSTRUCTURE, str(error))


def _contradiction(found: Symmetry, what: str) -> Invalid:
    return Invalid(InvalidReason.INCONSISTENT_SYMMETRY, f"space group {found.spacegroup} with {what}")
