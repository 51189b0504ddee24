"""A split of a dataset as packed arrays: about 30 bytes a material, where dense variables would take 39 kB."""

import functools
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crystalbench import Protostructure
from wyckoffdiff.encoding import ATOMIC_NUMBERS, OutOfRangeError, Record, check_range, encode
from wyckoffdiff.layout import stacked


@dataclass(frozen=True, slots=True, eq=False)
class Materials:
    """The records of n materials one after another.

    Attributes
    ----------
    spacegroup
        (n,) uint8.
    first
        (n + 1,) int64, row of the first entry of each material, and the number of entries.
    position, element, orbits
        (entries,) uint8, uint8 and uint16: see `wyckoffdiff.encoding.Record`.
    refused
        How many materials of the split N_a or P could not hold.
    """

    spacegroup: NDArray[np.uint8]
    first: NDArray[np.int64]
    position: NDArray[np.uint8]
    element: NDArray[np.uint8]
    orbits: NDArray[np.uint16]
    refused: int = 0

    def __len__(self) -> int:
        return len(self.spacegroup)

    @classmethod
    def of_labels(cls, labels: Iterable[str], n_elements: int, max_orbits: int | None) -> Self:
        """Encode canonical labels; materials out of range are counted. ``max_orbits`` None: no limit."""
        limit = max_orbits if max_orbits is not None else np.iinfo(np.uint16).max
        groups: list[int] = []
        sizes: list[int] = []
        entries: list[tuple[int, int, int]] = []
        refused = 0
        for label in labels:
            record = _record(label)
            try:
                check_range(record, n_elements, limit)
            except OutOfRangeError:
                refused += 1
                continue
            groups.append(record.spacegroup)
            sizes.append(len(record.entries))
            entries += record.entries
        table = np.array(entries, dtype=np.uint16).reshape(-1, 3)
        return cls(
            spacegroup=np.array(groups, dtype=np.uint8),
            first=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
            position=table[:, 0].astype(np.uint8),
            element=table[:, 1].astype(np.uint8),
            orbits=np.ascontiguousarray(table[:, 2]),
            refused=refused,
        )

    def record(self, row: int) -> Record:
        """Return one material."""
        rows = slice(self.first[row], self.first[row + 1])
        columns = (self.position[rows].tolist(), self.element[rows].tolist(), self.orbits[rows].tolist())
        return Record(int(self.spacegroup[row]), tuple(zip(*columns, strict=True)))

    @property
    def digest(self) -> str:
        """SHA-256 of the materials in their order."""
        total = hashlib.sha256()
        for name in ("spacegroup", "first", "position", "element", "orbits"):
            total.update(name.encode() + np.ascontiguousarray(getattr(self, name)).tobytes())
        return total.hexdigest()

    @property
    def max_orbits(self) -> int:
        """Most orbits of one element on one unconstrained position: the least P that holds these materials."""
        return int(self.orbits.max(initial=1))

    def spacegroup_counts(self) -> NDArray[np.int64]:
        """(231,) int64, how often each space group occurs (Eq. 4); entry 0 is unused."""
        return np.bincount(self.spacegroup, minlength=231)

    def size_counts(self) -> NDArray[np.int64]:
        """(231, most + 1) int64, how many materials of each space group have 0, 1 ... entries."""
        sizes = np.diff(self.first)
        counts = np.zeros((231, int(sizes.max(initial=0)) + 1), dtype=np.int64)
        np.add.at(counts, (self.spacegroup, sizes), 1)
        return counts

    def variable_counts(self, n_elements: int, max_orbits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How often each value occurs in z0, (N_a + 1,), and in zinf for each element, (N_a, P + 1); int64."""
        every = stacked()
        free = every.dof[every.first[np.repeat(self.spacegroup, np.diff(self.first))] + self.position] > 0
        constrained = np.bincount(self.element[~free], minlength=n_elements + 1)
        constrained[0] = every.n0[self.spacegroup].sum() - (~free).sum()
        unconstrained = np.zeros((n_elements, max_orbits + 1), dtype=np.int64)
        np.add.at(unconstrained, (self.element[free] - 1, self.orbits[free]), 1)
        unconstrained[:, 0] = every.ninf[self.spacegroup].sum() - unconstrained.sum(1)
        return constrained, unconstrained

    def part(self, rows: NDArray[np.int64]) -> "Materials":
        """Return some materials in a given order."""
        size = np.diff(self.first)[rows]
        first = np.concatenate([[0], np.cumsum(size)])
        at = np.repeat(self.first[rows] - first[:-1], size) + np.arange(first[-1])
        return Materials(self.spacegroup[rows], first, self.position[at], self.element[at], self.orbits[at])


@functools.lru_cache(maxsize=1 << 14)  # WBM has 6,561 AFLOW parts in 247,814 rows
def _shape(aflow: str, elements: int) -> tuple[int, tuple[tuple[int, int, int], ...]]:
    """Space group and entries of an AFLOW part, with the place of the element in the label instead of its number."""
    names = sorted(ATOMIC_NUMBERS)[:elements]
    record = encode(Protostructure.from_canonical(f"{aflow}:{'-'.join(names)}"))
    place = {ATOMIC_NUMBERS[name]: k for k, name in enumerate(names)}
    return record.spacegroup, tuple((position, place[z], orbits) for position, z, orbits in record.entries)


def _record(label: str) -> Record:
    aflow, _, chemsys = label.partition(":")
    numbers = [ATOMIC_NUMBERS[symbol] for symbol in chemsys.split("-")]
    spacegroup, entries = _shape(aflow, len(numbers))
    return Record(spacegroup, tuple(sorted((position, numbers[k], orbits) for position, k, orbits in entries)))


@functools.lru_cache(maxsize=1)  # a step asks for it again
def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return the order of n materials in an epoch: a permutation that depends on nothing but the arguments."""
    order = np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(n)
    order.setflags(write=False)
    return order
