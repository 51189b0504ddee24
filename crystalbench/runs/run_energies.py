"""The energies of one replica: which samples were relaxed, what became of them, and the files that tell it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from crystalbench.crystals.elements import NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, RawStructure, SampleSet
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import NotComputable, ReadError
from crystalbench.materials.candidate import Candidate, Material, Reason
from crystalbench.materials.elements import ElementEnergies
from crystalbench.materials.judged import Judge, Judged
from crystalbench.runs.materials import Materials

SCORE_FIELDS = (
    *("index", "protostructure", "novel", "duplicate_of", "potential", "energy", "formation_energy", "e_above_hull"),
    *("decomposes_into", "tries", "agreed", "relaxed_0.01", "relaxed_0.1", "reason", "detail"),
)
"""Columns of ``scores/NAME.R.csv``: energies in eV/atom; the reason why there is none, or no distance from the
hull, or that the search was cut."""


class RowMaterials(Protocol):
    """What gives the materials of rows of a replica."""

    def of(self, rows: Sequence[int], /) -> list[Material]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedRows:
    """Materials of samples that are searched for; ``own`` returns the geometries that samples came with.

    ``references`` are found before the materials: where they take time, it is spent once for all.
    """

    samples: SampleSet
    own: Callable[[Sequence[int]], Mapping[int, RawStructure]]
    materials: Materials
    references: ElementEnergies | None = None

    def of(self, rows: Sequence[int], /) -> list[Material]:
        own = self.own(rows)
        candidates = [Candidate(label=_label(self.samples, row), own=own.get(row)) for row in rows]
        if self.references is not None:
            self.references.find(elements_of(one.label for one in candidates))
        return self.materials.find(candidates)


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Materials as the folder of a run keeps them."""

    by_row: Mapping[int, Material]

    def of(self, rows: Sequence[int], /) -> list[Material]:
        if absent := [row for row in rows if row not in self.by_row]:
            raise NotComputable(f"the materials of rows {absent[:5]} are not among those that the run has kept")
        return [self.by_row[row] for row in rows]


@dataclass(kw_only=True)
class ReplicaEnergies:
    """See `crystalbench.interfaces.RunEnergies`. ``at_most`` samples are judged where all would be; 0: all."""

    samples: SampleSet
    materials: RowMaterials
    judge: Judge
    seed: int
    at_most: int = 0
    _judged: dict[int, Judged] = field(default_factory=dict, init=False)
    _asked: set[int] = field(default_factory=set, init=False)

    def sampled(self, rows: Sequence[int], /) -> list[int]:
        self._asked.update(rows)
        if not self.at_most or len(rows) <= self.at_most:
            return list(rows)
        place = np.argsort(np.random.default_rng(self.seed).permutation(len(self.samples)))
        return sorted(sorted(rows, key=lambda row: place[row])[: self.at_most])

    def judged(self, rows: Sequence[int], /) -> list[Judged]:
        absent = [row for row in dict.fromkeys(rows) if row not in self._judged]
        for row, material in zip(absent, self.materials.of(absent), strict=True):
            self._judged[row] = self.judge.judge(material)
        return [self._judged[row] for row in rows]

    @property
    def all(self) -> Mapping[int, Judged]:
        """All that was judged, by row."""
        return dict(sorted(self._judged.items()))

    @property
    def left_out(self) -> frozenset[int]:
        """Rows that a metric would have had relaxed, were there no ``at_most``."""
        return frozenset(self._asked - self._judged.keys())


def materials_text(judged: Mapping[int, Judged]) -> str:
    """The materials of some rows as lines of JSON; rows of one material share its line."""
    rows: dict[tuple[str, str], list[int]] = {}
    materials: dict[tuple[str, str], Material] = {}
    for row, one in judged.items():
        key = (one.material.label, one.material.digest)
        rows.setdefault(key, []).append(row)
        materials[key] = one.material
    return "".join(json.dumps({"rows": rows[key], **materials[key].to_json()}) + "\n" for key in rows)


def stored_rows(text: str, file: str, samples: SampleSet) -> StoredRows:
    """Read `materials_text`; raises `ReadError` for a damaged line, or a material of another sample."""
    found: dict[int, Material] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            data = json.loads(line)
            rows = data.pop("rows")
            material = Material.from_json(data)
            if any(_label(samples, row) != material.label for row in rows):
                raise ValueError(f"{material.label} is not the sample of rows {rows}")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ReadError(f"{file}: line {number} is no material of this run: {error}") from error
        found |= dict.fromkeys(rows, material)
    return StoredRows(found)


def score_rows(
    samples: SampleSet, known: frozenset[str] | None, energies: Mapping[str, ReplicaEnergies]
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of ``scores/NAME.R.csv``: each sample once for each potential.

    Parameters
    ----------
    known
        Labels of the training split; None where there is none.
    energies
        By the shown name of the potential.
    """
    for potential, of_replica in energies.items():
        rows, left_out = of_replica.all, of_replica.left_out
        first: dict[str, int] = {}
        for index, item in enumerate(samples):
            if isinstance(item, Invalid):
                yield (index, *[""] * 3, potential, *[""] * 8, str(item.reason), item.detail)
                continue
            novel = "" if known is None else item.label not in known
            earlier = first.setdefault(item.label, index)
            head = (index, item.label, novel, earlier if earlier != index else "", potential)
            if (one := rows.get(index)) is None:
                reason, detail = _unrelaxed(index in left_out, novel is False, earlier if earlier != index else None)
                yield (*head, *[""] * 8, reason, detail)
                continue
            material = one.material
            yield (
                *head, _number(material.energy), _number(one.formation), _number(one.distance), one.products,
                len(material.tries), material.agreed, material.relaxed, material.loose, *one.told,
            )  # fmt: skip


def _unrelaxed(left_out: bool, known: bool, copy_of: int | None) -> tuple[Reason, str]:
    """Why a valid sample was not relaxed: beyond the cap, or no metric of the run asks for it."""
    if left_out:
        return Reason.NOT_TAKEN, "not among those that were drawn to be relaxed"
    if known:
        return Reason.KNOWN, ""
    if copy_of is not None:
        return Reason.DUPLICATE, f"of sample {copy_of}"
    return Reason.NOT_TAKEN, "no metric asks for it"


def elements_of(labels: Iterable[str]) -> list[int]:
    """Return the atomic numbers in canonical labels, each once."""
    named = {name for label in set(labels) for name in Protostructure.from_canonical(label).elements}
    return sorted(NUMBERS[name] for name in named)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _label(samples: SampleSet, row: int) -> str:
    """The label of a valid sample under the affine letter table."""
    item = samples.items[row]
    if not isinstance(item, Protostructure):
        raise LookupError(f"row {row} is no valid sample")
    return item.label if item.table is Table.AFFINE else Protostructure(item.spacegroup, item.orbits).label
