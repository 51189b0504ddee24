"""Protostructures as the variables of the diffusion: (s, z0, zinf), and back (paper, Eq. 3).

z0 has one integer for each constrained position: 0 is empty, else the atomic number. zinf has one for each
(unconstrained position, element): the number of orbits of that element there. Nearly all of them are zero, so a
material is kept as a `Record` of the few that are not, and only batches are dense.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason, Protostructure, ProtostructureError
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.wyckoff import Table
from wyckoffdiff.layout import layout

ATOMIC_NUMBERS = {symbol: z for z, symbol in enumerate(ELEMENTS, 1)}
"""Atomic number of each element symbol."""


class OutOfRangeError(ProtostructureError):
    """A material that the model's N_a or P cannot hold. It is refused or counted, never cut down."""


@dataclass(frozen=True, slots=True)
class Record:
    """The occupied variables of one material.

    Attributes
    ----------
    entries
        ((position, atomic number, orbits), ...), ascending; position is the place in letter order, and ``orbits``
        is 1 on a constrained position.
    """

    spacegroup: int
    entries: tuple[tuple[int, int, int], ...]


def encode(protostructure: Protostructure) -> Record:
    """Return the occupied variables of a protostructure in its canonical lettering."""
    letters = layout(protostructure.spacegroup).letters
    counts: dict[tuple[int, int], int] = {}
    for orbit in protostructure.orbits:
        key = letters.index(orbit.letter), ATOMIC_NUMBERS[orbit.element]
        counts[key] = counts.get(key, 0) + 1
    return Record(protostructure.spacegroup, tuple((*key, counts[key]) for key in sorted(counts)))


def decode(record: Record, table: Table = Table.AFFINE) -> Protostructure:
    """Return the protostructure of a record in any lettering; raises `ProtostructureError` where there is none."""
    letters = layout(record.spacegroup).letters
    return Protostructure(
        record.spacegroup,
        [(ELEMENTS[z - 1], letters[position]) for position, z, orbits in record.entries for _ in range(orbits)],
        table,
    )


def to_sample(record: Record, table: Table = Table.AFFINE) -> Protostructure | Invalid:
    """Return what a generator gives for a record: void materials and impossible ones are `Invalid`."""
    if not record.entries:
        return Invalid(InvalidReason.EMPTY, f"no atom on any position of space group {record.spacegroup}")
    if (largest := max(z for _, z, _ in record.entries)) > len(ELEMENTS):
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, f"atomic number {largest}")
    try:
        return decode(record, table)
    except ProtostructureError as error:
        return Invalid(InvalidReason.INVALID_PROTOSTRUCTURE, str(error))


def check_range(record: Record, n_elements: int, max_orbits: int) -> None:
    """Raise `OutOfRangeError` if the model's N_a or P cannot hold the material."""
    for position, z, orbits in record.entries:
        if z > n_elements or orbits > max_orbits:
            what = (
                f"{ELEMENTS[z - 1]} (atomic number {z})" if z > n_elements else f"{orbits} orbits of {ELEMENTS[z - 1]}"
            )
            limit = f"N_a = {n_elements}" if z > n_elements else f"P = {max_orbits}"
            letter = layout(record.spacegroup).letters[position]
            raise OutOfRangeError(
                f"{what} on position {letter} of space group {record.spacegroup}: the model has {limit}; "
                f"train one with a larger limit"
            )


def from_dense(spacegroup: int, z0: NDArray[np.int64], zinf: NDArray[np.int64]) -> Record:
    """Return the record of z0 (n0,) and zinf (ninf, N_a); one without entries is a void material."""
    shape = layout(spacegroup)
    entries = [(int(shape.constrained[k]), int(z0[k]), 1) for k in np.flatnonzero(z0)]
    for k, e in zip(*np.nonzero(zinf), strict=True):
        entries.append((int(shape.unconstrained[k]), int(e) + 1, int(zinf[k, e])))
    return Record(spacegroup, tuple(sorted(entries)))
