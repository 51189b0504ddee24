"""Rows of a dataset before they are packed: labels read strictly, and splits that keep equal materials together."""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crystalbench import Protostructure, ProtostructureError
from crystalbench.crystals.wyckoff import FINEST_FIRST, Table
from crystalbench.runs.cache import atomic_write

_LEDGER_FIELD = 500
"""Longest text in a field of a ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One split before packing.

    Attributes
    ----------
    labels
        For each letter table served, the canonical label of each row; `Table.AFFINE` is always there.
    energies
        (n,) formation energies in eV/atom, NaN where unknown; or None.
    ids
        Identifier of each row, or empty.
    """

    labels: Mapping[Table, Sequence[str]]
    energies: NDArray[np.float64] | None = None
    ids: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        structures: Sequence[Protostructure],
        energies: NDArray[np.float64] | None = None,
        ids: Sequence[str] = (),
        table: Table = Table.AVIARY,
    ) -> "Rows":
        """Make rows of protostructures canonical under ``table``; it and all coarser tables are served."""
        labels = {
            known: [Protostructure.parse(structure.label, known).label for structure in structures]
            for known in FINEST_FIRST[FINEST_FIRST.index(table) :]
        }
        return cls(labels=labels, energies=energies, ids=ids)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not be used.

    Attributes
    ----------
    place
        File and line or record.
    text
        What stands there.
    reason
        Why it is no protostructure.
    """

    place: str
    text: str
    reason: str


def read_labels(
    labels: Iterable[str], places: Iterable[str], table: Table
) -> tuple[list[int], list[Protostructure], list[Rejected]]:
    """Parse labels strictly.

    Returns
    -------
    tuple
        Numbers of the good rows, their protostructures, and the bad rows with their places and reasons.
    """
    good: list[int] = []
    structures: list[Protostructure] = []
    rejected: list[Rejected] = []
    for row, (label, place) in enumerate(zip(labels, places, strict=True)):
        try:
            structures.append(Protostructure.parse(label.strip(), table))
            good.append(row)
        except ProtostructureError as error:
            rejected.append(Rejected(place, label, " ".join(str(error).split("\n")[0].split())))
    return good, structures, rejected


def write_ledger(rejected: Iterable[Rejected], path: Path) -> None:
    """Write the rows that were left out as CSV, one a line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("place", "text", "reason"))
    for row in rejected:
        writer.writerow([" ".join(field.split())[:_LEDGER_FIELD] for field in (row.place, row.text, row.reason)])
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def grouped_split(groups: list[str], held_out: Mapping[str, int], seed: int) -> dict[str, list[int]]:
    """Split rows so that rows of one group stay together.

    Groups come in the order of SHA-256(seed, group), which no version of a random generator can change. Each
    held-out split takes groups as long as they fit; the rest is ``train``.

    Parameters
    ----------
    groups : list of str
        Group of each row.
    held_out : mapping
        Rows of each split but ``train``: an upper limit, reached exactly if enough groups are small.

    Returns
    -------
    dict
        Row numbers of each split, ascending; ``train`` first.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    order = sorted(members, key=lambda group: hashlib.sha256(f"{seed}\0{group}".encode()).digest())
    splits: dict[str, list[int]] = {"train": [], **{name: [] for name in held_out}}
    for group in order:
        fits = (name for name, size in held_out.items() if len(splits[name]) + len(members[group]) <= size)
        splits[next(fits, "train")] += members[group]
    return {name: sorted(rows) for name, rows in splits.items()}
