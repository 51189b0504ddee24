"""A crystal structure as CIF under its symmetry: one site for each orbit, and all operations.

The setting is the standard one of this project's Wyckoff letters (unique axis b, hexagonal axes, origin choice 2). Its
operations are listed, so that no reader needs to know the setting by its name.
"""

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import acos, degrees

import numpy as np

from crystalbench.crystals.coordinates import UNIT, IntArray, operations
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.samples import RawStructure
from crystalbench.errors import CrystalbenchError
from crystalbench.materials.realise import SYMPREC

_LAST_HALL = 530
"""Settings of space groups in spglib's data base."""


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """A structure in the conventional cell of its group's standard setting, exactly symmetric.

    Attributes
    ----------
    spacegroup
        Space-group number.
    structure
        All atoms.
    letters
        Wyckoff letter of each atom.
    orbits
        Number of the orbit of each atom (any integers).
    """

    spacegroup: int
    structure: RawStructure
    letters: list[str]
    orbits: list[int]


def cif(structure: RawStructure, name: str, remarks: tuple[str, ...] = (), symprec: float = SYMPREC) -> str:
    """Return a structure as the text of a CIF file.

    Parameters
    ----------
    structure
        In any cell.
    name
        Of the data block, for example a label or an identifier; what a block cannot be named is replaced by ``_``.
    remarks
        Lines of comment at the top.
    symprec
        Å; what is symmetric within it is written as symmetric.

    Raises
    ------
    CrystalbenchError
        If spglib finds no symmetry.
    """
    refined = refine(structure, symprec)
    lattice = refined.structure.lattice
    lengths = np.sqrt((lattice**2).sum(axis=1))
    a, b, c = lattice / lengths[:, None]
    angles = [degrees(acos(cosine)) for cosine in (b @ c, a @ c, a @ b)]
    lines = [f"# {line}" for line in remarks]
    lines += [f"data_{''.join(x if x.isalnum() or x in '-_:.' else '_' for x in name) or 'structure'}"]
    lines += [f"_cell_length_{axis} {length:.8f}" for axis, length in zip("abc", lengths, strict=True)]
    lines += [
        f"_cell_angle_{angle} {value:.8f}" for angle, value in zip(("alpha", "beta", "gamma"), angles, strict=True)
    ]
    lines += [f"_cell_volume {abs(np.linalg.det(lattice)):.6f}"]
    lines += [f"_space_group_IT_number {refined.spacegroup}"]
    lines += [f"_space_group_name_H-M_alt '{_name(refined.spacegroup)}'"]
    lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{text}'" for text in _operations(refined.spacegroup))]
    lines += ["loop_"]
    lines += [f"_atom_site_{column}" for column in _COLUMNS]
    lines += _sites(refined)
    return "\n".join(lines) + "\n"


_COLUMNS = (
    "label", "type_symbol", "symmetry_multiplicity", "Wyckoff_symbol", "fract_x", "fract_y", "fract_z", "occupancy",
)  # fmt: skip


def _sites(refined: Refined) -> list[str]:
    """One line for each orbit: its first site."""
    rows, counts = [], dict.fromkeys(ELEMENTS, 0)
    for number in dict.fromkeys(refined.orbits):
        at = refined.orbits.index(number)
        symbol = ELEMENTS[int(refined.structure.numbers[at]) - 1]
        counts[symbol] += 1
        place = " ".join(f"{x:.10f}" for x in refined.structure.frac_coords[at])
        multiplicity = refined.orbits.count(number)
        rows.append(f"{symbol}{counts[symbol]} {symbol} {multiplicity} {refined.letters[at]} {place} 1")
    return rows


def refine(structure: RawStructure, symprec: float = SYMPREC) -> Refined:
    """Return a structure in its standard setting; raises `CrystalbenchError` if spglib finds no symmetry."""
    dataset = _dataset(structure, symprec, 0)
    dataset = dataset and _dataset(structure, symprec, hall_number(dataset.number))
    if dataset is None:
        raise CrystalbenchError(f"spglib finds no symmetry at {symprec:g} Å in {len(structure.numbers)} atoms")
    atom_of = {primitive: atom for atom, primitive in enumerate(dataset.mapping_to_primitive.tolist())}
    source = [atom_of[primitive] for primitive in dataset.std_mapping_to_primitive.tolist()]
    return Refined(
        int(dataset.number),
        RawStructure.of(dataset.std_lattice, dataset.std_positions % 1.0, dataset.std_types),
        [dataset.wyckoffs[atom] for atom in source],
        [int(dataset.crystallographic_orbits[atom]) for atom in source],
    )


def _dataset(structure: RawStructure, symprec: float, hall: int):  # type: ignore[no-untyped-def]  # spglib's own record
    import spglib

    cell = (structure.lattice, structure.frac_coords % 1.0, structure.numbers)
    with _quiet():
        return spglib.get_symmetry_dataset(cell, symprec=symprec, hall_number=hall)


@contextmanager
def _quiet() -> Iterator[None]:
    """spglib 2.8 announces on every call that a failure will raise one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@functools.cache
def _hall_numbers() -> dict[int, list[int]]:
    """Numbers of the settings of each space group in spglib's data base."""
    import spglib

    settings: dict[int, list[int]] = {}
    with _quiet():
        for number in range(1, _LAST_HALL + 1):
            settings.setdefault(spglib.get_spacegroup_type(number).number, []).append(number)
    return settings


@functools.cache
def hall_number(spacegroup: int) -> int:
    """Return spglib's number of the setting that has the operations of `crystalbench.crystals.coordinates`."""
    import spglib

    wanted = _as_set(operations(spacegroup).matrices, operations(spacegroup).shifts)
    with _quiet():
        for number in _hall_numbers()[spacegroup]:
            found = spglib.get_symmetry_from_database(number)
            if _as_set(found["rotations"], np.rint(found["translations"] * UNIT).astype(np.int64) % UNIT) == wanted:
                return number
    raise CrystalbenchError(f"spglib has no setting of space group {spacegroup} with the operations of our tables")


def _as_set(matrices: IntArray, shifts: IntArray) -> frozenset[tuple[int, ...]]:
    rows = np.concatenate([matrices.reshape(-1, 9), shifts], axis=1)
    return frozenset(map(tuple, rows.tolist()))


def _name(spacegroup: int) -> str:
    """Hermann-Mauguin symbol with the choice of origin or axes, for example ``F d -3 m:2``."""
    import gemmi

    triplets = ";".join(_operations(spacegroup))
    group = gemmi.find_spacegroup_by_ops(gemmi.GroupOps([gemmi.Op(text) for text in triplets.split(";")]))
    return str(group.xhm())


@functools.cache
def _operations(spacegroup: int) -> tuple[str, ...]:
    group = operations(spacegroup)
    return tuple(
        ",".join(_coordinate(row, int(shift)) for row, shift in zip(matrix, shifts, strict=True))
        for matrix, shifts in zip(group.matrices.tolist(), group.shifts, strict=True)
    )


def _coordinate(row: list[int], shift: int) -> str:
    """One coordinate of an operation, ``-x+y+1/3``; its matrix has entries -1, 0 and 1 only."""
    text = "".join(("+" if sign > 0 else "-") + axis for sign, axis in zip(row, "xyz", strict=True) if sign)
    fraction = Fraction(shift, UNIT)
    return text.removeprefix("+") + (f"+{fraction}" if fraction else "")
