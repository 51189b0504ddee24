"""Chunks of samples as JSON documents: what the cache and the results folder keep of a stream."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from crystalbench.crystals.geometry import Geometry
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, Sample
from crystalbench.crystals.wyckoff import FINEST_FIRST, Table
from crystalbench.errors import PluginError
from crystalbench.interfaces import Draw, Timing
from crystalbench.tables.results import JSON


@dataclass(frozen=True, slots=True)
class Chunk:
    """A converted chunk.

    ``last`` says that the stream ended with it, ``coordinates`` that samples of it came with some. ``geometries`` has
    one for each item, None where there is none, if they were asked for; they are kept apart from it.
    """

    items: tuple[Converted, ...]
    timing: Timing | None
    last: bool
    coordinates: bool = False
    geometries: tuple[Geometry | None, ...] = ()

    def to_json(self) -> JSON:
        timing = asdict(self.timing) if self.timing else None
        items: list[JSON] = [to_json(item) for item in self.items]
        return {"items": items, "timing": timing, "last": self.last, "coordinates": self.coordinates}

    @classmethod
    def from_json(cls, data: Any, table: Table) -> Self:
        timing = Timing(**data["timing"]) if data["timing"] else None
        items = tuple(converted_from_json(item, table) for item in data["items"])
        return cls(items, timing, data["last"], data["coordinates"])

    def head(self, n: int) -> Self:
        """Return the first ``n`` items, with their share of the time."""
        if n >= len(self.items):
            return self
        timing = self.timing and scaled(self.timing, n / len(self.items))
        return replace(self, items=self.items[:n], timing=timing, geometries=self.geometries[:n])


def scaled(timing: Timing, share: float) -> Timing:
    """Return the time of a part of the samples."""
    cpu = None if timing.cpu_seconds is None else timing.cpu_seconds * share
    return replace(timing, seconds=timing.seconds * share, cpu_seconds=cpu)


def draw_to_json(draw: Draw) -> JSON:
    """Store what a generator drew, raw structures included, exactly (a float64 survives JSON)."""
    timing = asdict(draw.timing) if draw.timing else None
    return {"items": [to_json(item) for item in draw.items], "timing": timing, "last": draw.last}


def draw_from_json(data: Any) -> Draw:
    timing = Timing(**data["timing"]) if data["timing"] else None
    return Draw(tuple(map(_from_json, data["items"])), timing, data["last"])


def to_json(item: Sample) -> JSON:
    """A label, [reason, detail], or the arrays of a structure."""
    match item:
        case Invalid(reason, detail):
            return [str(reason), detail]
        case RawStructure():
            return {
                "lattice": item.lattice.tolist(),
                "frac_coords": item.frac_coords.tolist(),
                "numbers": item.numbers.tolist(),
            }
        case Protostructure():
            return item.label


def _from_json(data: Any) -> Sample:
    if isinstance(data, dict):
        return RawStructure.of(data["lattice"], data["frac_coords"], data["numbers"])
    return Protostructure.parse(data, FINEST_FIRST[0]) if isinstance(data, str) else _invalid(data)


def geometries_to_json(geometries: Sequence[Geometry | None]) -> JSON:
    """Rows of `Geometry`, or None for what has none."""
    return [None if one is None else list(one.row()) for one in geometries]


def geometries_from_json(data: Any) -> tuple[Geometry | None, ...]:
    return tuple(None if row is None else Geometry.of_row(row) for row in data)


def converted_from_json(data: Any, table: Table) -> Converted:
    """Read a label that is canonical under ``table``, or [reason, detail]."""
    return Protostructure.from_canonical(data, table) if isinstance(data, str) else _invalid(data)


def _invalid(data: Any) -> Invalid:
    reason, detail = data
    return Invalid(InvalidReason(reason), detail)


def total_timing(timings: Sequence[Timing | None]) -> Timing | None:
    """Sum of the times, with the highest load; None if nobody measured one of them."""
    measured = [timing for timing in timings if timing is not None]
    if not measured or len(measured) < len(timings):
        return None
    cpu = [timing.cpu_seconds for timing in measured if timing.cpu_seconds is not None]
    loads = [timing.load for timing in measured if timing.load is not None]
    return replace(
        measured[0],
        seconds=sum(timing.seconds for timing in measured),
        cpu_seconds=sum(cpu) if len(cpu) == len(measured) else None,
        load=max(loads, default=None),
    )


def settled(item: Converted, table: Table) -> Converted:
    """Put a protostructure into the run's letter table; keep a detail on one line of plain text.

    A finer table can be made coarser; what a coarser one has merged is lost.
    """
    if isinstance(item, Invalid):
        plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in item.detail)
        return replace(item, detail=plain)
    if item.table is table:
        return item
    if FINEST_FIRST.index(item.table) > FINEST_FIRST.index(table):
        raise PluginError(f"{item.label} is canonical under table {item.table}, which merges what {table} keeps apart")
    return Protostructure(item.spacegroup, item.orbits, table)
