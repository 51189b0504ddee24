"""Draw the samples of one replica, chunk by chunk, converting and caching each chunk before the next is drawn.

A run that is killed loses at most the chunk it was working on.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from typing import Protocol

from crystalbench.crystals.geometry import VERSION as GEOMETRY_VERSION
from crystalbench.crystals.geometry import Geometry, geometry
from crystalbench.crystals.make import fault, not_finite
from crystalbench.crystals.samples import (
    Converted,
    Invalid,
    InvalidReason,
    RawStructure,
    Sample,
    SampleSet,
)
from crystalbench.datasets import Dataset
from crystalbench.errors import PluginError, ReadError
from crystalbench.evidence import TrainingCurve
from crystalbench.executors import ONE_PROCESS, Executors
from crystalbench.interfaces import Draw, Sampler, SamplerInput, Timing
from crystalbench.runs.cache import Cache, content_key
from crystalbench.runs.chunks import (
    Chunk,
    draw_from_json,
    draw_to_json,
    geometries_from_json,
    geometries_to_json,
    settled,
    to_json,
    total_timing,
)
from crystalbench.runs.clock import clocked
from crystalbench.runs.code_identity import code_identity
from crystalbench.runs.elsewhere import ClusterSampler, Generator
from crystalbench.runs.file_sampler import FileSampler
from crystalbench.runs.notes import row_notes
from crystalbench.runs.plan import GeneratorPlan, ReplicaPlan, generator_files
from crystalbench.runs.progress import Report, silent
from crystalbench.runs.source import Held
from crystalbench.tables.results import RowKind

Step = Callable[[str, str, float, bool], None]

SHOWN = 100  # structures of a replica that a run keeps for its report

NOT_REPEATABLE = frozenset({InvalidReason.TIMEOUT, InvalidReason.CRASH})
"""Reasons that depend on the machine and its load: such a chunk is converted again, never taken from the cache."""


class Convert(Protocol):
    """What turns drawn samples into protostructures."""

    def __call__(self, samples: list[Sample], progress: Callable[[int], None], /) -> list[Converted]: ...


@dataclass(frozen=True, kw_only=True)
class ReplicaSamples:
    """Everything drawn from one replica.

    Attributes
    ----------
    name
        Generator and number of the replica, for messages.
    drawn
        All samples, in order; at least the ones asked for, unless the stream ended.
    n
        How many of them are the ones asked for: the denominator.
    timing
        The time of the first ``n``; None where nobody measured.
    notes
        What a reader of the table must know, for example that a file held fewer samples.
    structures
        The first samples that came with coordinates, as they came, by their place.
    geometries
        One for each of the ``n`` samples, None where it has none; empty where no sample has one, or no metric of the
        run asks for them.
    training
        How the model was trained, where a table beside it says so.
    """

    name: str
    drawn: SampleSet
    n: int
    timing: Timing | None = None
    notes: tuple[str, ...] = ()
    structures: Mapping[int, RawStructure] = field(default_factory=dict, compare=False)
    geometries: tuple[Geometry | None, ...] = ()
    training: TrainingCurve | None = field(default=None, compare=False)
    _novel: dict[str, SampleSet] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def asked(self) -> SampleSet:
        return SampleSet(self.drawn.items[: self.n])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the samples and their number."""
        return content_key(rows=[to_json(item) for item in self.drawn], n=self.n)

    def novel(self, dataset: Dataset) -> SampleSet:
        """Return all drawn protostructures that are not in the training split, in order."""
        if dataset.name not in self._novel:
            known = dataset.train.label_set
            self._novel[dataset.name] = SampleSet.of(p for p in self.drawn.valid if p.label not in known)
        return self._novel[dataset.name]


@dataclass
class Stream:
    """One replica of one generator, with what it takes to draw from it.

    ``measured`` is the number of atoms up to which the geometry of samples is taken; 0: nobody asks for it.
    """

    generator: GeneratorPlan
    replica: ReplicaPlan
    dataset: Dataset
    cache: Cache
    convert: Convert
    finished: Step
    executors: Executors = ONE_PROCESS
    measured: int = 0
    wanted: int = field(default=1, init=False)  # chunks that are drawn at most
    _sampler: Sampler | None = field(default=None, init=False)
    _report: Report = field(default_factory=lambda: silent, init=False)
    _share: float = field(default=0.0, init=False)  # of the chunk in work that is done, as far as anybody has told
    _first: tuple[Sample, ...] = field(default=(), init=False)  # of the first chunk, where it was drawn just now

    @property
    def name(self) -> str:
        return f"{self.generator.name}/{self.replica.index}"

    def chunks(self, report: Report = silent) -> Iterator[Chunk]:
        """Yield converted chunks until the stream ends; ``report`` receives the share of a chunk that is done."""
        self._report = report
        number = 0
        while True:
            self._share = 0.0
            chunk = self._chunk(number)
            yield chunk
            if chunk.last:
                return
            number += 1

    def coordinates(self, rows: Iterable[int]) -> dict[int, RawStructure]:
        """Return the structures of samples that came with coordinates, by row; other chunks are not drawn again."""
        size, wanted, found = self.generator.chunk_size, sorted(rows), dict[int, RawStructure]()
        for number in sorted({row // size for row in wanted}):
            if self._chunk(number).coordinates and (draw := self._draw(number)):
                given = {row: draw.items[row % size] for row in wanted if row // size == number}
                found |= {row: item for row, item in given.items() if isinstance(item, RawStructure)}
        return found

    def _chunk(self, number: int) -> Chunk:
        start = time.perf_counter()
        key = self.replica.converted_key(number)
        kept = self.cache.get("converted", key, partial(Chunk.from_json, table=self.dataset.table))
        if kept is not None and (geometries := self._kept_geometries(number, kept)) is not None:
            self.finished("convert", self.name, time.perf_counter() - start, True)
            return replace(kept, geometries=geometries)
        draw = self._draw(number)
        items: tuple[Sample, ...] = draw.items if draw else ()
        if kept is not None:
            return replace(kept, geometries=self._geometries(number, items))
        start = time.perf_counter()
        converted = tuple(settled(item, self.dataset.table) for item in self.convert(list(items), self._count(items)))
        last = draw is None or draw.last or len(items) < self.generator.chunk_size
        coordinates = any(isinstance(item, RawStructure) for item in items)
        chunk = Chunk(converted, draw.timing if draw else None, last, coordinates)
        if not any(isinstance(item, Invalid) and item.reason in NOT_REPEATABLE for item in converted):
            self.cache.put("converted", key, chunk.to_json())
        self.finished("convert", self.name, time.perf_counter() - start, False)
        return replace(chunk, geometries=self._geometries(number, items))

    def _geometry_key(self, number: int) -> str:
        return content_key(chunk=self.replica.chunk_key(number), version=GEOMETRY_VERSION, max_atoms=self.measured)

    def _kept_geometries(self, number: int, chunk: Chunk) -> tuple[Geometry | None, ...] | None:
        """Return those that the cache has, () where none are to be had; None where they must be taken."""
        if not self.measured or not chunk.coordinates:
            return ()
        return self.cache.get("geometry", self._geometry_key(number), geometries_from_json)

    def _geometries(self, number: int, items: tuple[Sample, ...]) -> tuple[Geometry | None, ...]:
        """Measure samples as they came, before anything is refused; () where nobody asks, or none has coordinates."""
        if not self.measured or not any(isinstance(item, RawStructure) for item in items):
            return ()
        taken = [geometry(item, max_atoms=self.measured) if isinstance(item, RawStructure) else None for item in items]
        self.cache.put("geometry", self._geometry_key(number), geometries_to_json(taken))
        return tuple(taken)

    def structures(self, n: int) -> dict[int, RawStructure]:
        """Return those of the first ``n`` samples that came with coordinates, at most `SHOWN` of the first chunk.

        What has a number that is not finite cannot be drawn, nor written as JSON.
        A file is read again for them; a live generator is not asked again: there are none where the cache lost them.
        """
        if not self._first and self.generator.reader:
            self._draw(0)
        elif not self._first and (kept := self.cache.get("drawn", self.replica.chunk_key(0), draw_from_json)):
            self._first = kept.items
        items = enumerate(self._first[:n])
        found = ((i, item) for i, item in items if isinstance(item, RawStructure) and not not_finite(item))
        return dict(islice(found, SHOWN))

    def _count(self, items: tuple[Sample, ...]) -> Callable[[int], None]:
        """What is told how many samples have just been converted."""
        done = 0

        def progress(finished: int) -> None:
            nonlocal done
            done += finished
            self._tell(done / self.generator.chunk_size, f"{done:,} of {len(items):,} converted")

        return progress

    def _tell(self, share: float, now: str = "") -> None:
        """Report the share of a chunk; of drawing and converting the one that is further: it does not go back."""
        self._share = max(self._share, share)
        self._report(self._share, now)

    def _draw(self, number: int) -> Draw | None:
        start = time.perf_counter()
        key = self.replica.chunk_key(number)
        if self.replica.raw and (kept := self.cache.get("drawn", key, draw_from_json)):
            self.finished("sample", self.name, time.perf_counter() - start, True)
            return kept
        if self._sampler is None:
            self._tell(0, "loading")
            self._sampler = self._start()
        draw = self._checked(number, clocked(self._sampler, number))
        if draw is not None and self.replica.raw and any(isinstance(item, RawStructure) for item in draw.items):
            self.cache.put("drawn", key, draw_to_json(draw))
        if draw is not None and number == 0:
            self._first = draw.items
        self.finished("sample", self.name, time.perf_counter() - start, False)
        return draw

    def end(self) -> None:
        """Let a cluster forget the model; the next chunk would load it again."""
        if isinstance(self._sampler, ClusterSampler):
            self._sampler.end()
            self._sampler = None

    def _checked(self, number: int, draw: object) -> Draw | None:
        """Hold what a sampler returned to the contract; raises `PluginError`."""
        if draw is None:
            return None
        if not isinstance(draw, Draw):
            raise PluginError(f"{self.name}: draw must return a Draw or None, not {type(draw).__name__}")
        if len(draw.items) > (size := self.generator.chunk_size):
            raise PluginError(
                f"{self.name}: chunk {number} holds {len(draw.items)} samples, more than chunk_size={size}"
            )
        for place, item in enumerate(draw.items):
            if problem := fault(item):
                raise PluginError(f"{self.name}: chunk {number}, sample {place}: {problem}")
        return draw

    def _start(self) -> Sampler:
        generator, replica = self.generator, self.replica
        if generator.reader is not None:
            assert replica.source is not None
            digest = replica.files[0]
            return FileSampler(generator.reader, replica.source, replica.parameters, generator.name, digest)
        assert generator.spec is not None
        assert generator.spec.start is not None
        if self.executors.scheduler:
            start = Generator(
                name=generator.spec.name,
                parameters=tuple(replica.parameters.items()),
                seed=replica.seed,
                dataset=self.dataset.name,
                dataset_identity=self.dataset.identity,
                table=self.dataset.table,
                files=replica.files,
                code=code_identity(generator.spec.start),
            )
            return ClusterSampler(start, self.executors, self.wanted)
        held = Held(generator_files(generator.spec, replica.parameters, self.dataset.name), replica.files)
        sampler = generator.spec.start(
            SamplerInput(
                parameters=replica.parameters,
                seed=replica.seed,
                dataset=self.dataset,
                progress=self._tell,
            )
        )
        held.check()  # a model is loaded by now
        return sampler


def draw_replica(stream: Stream, *, n: int, novel: int, limit: int, report: Report = silent) -> ReplicaSamples:
    """Draw ``n`` samples, and on until ``novel`` of them are novel, ``limit`` are drawn or the stream ends.

    Raises
    ------
    Exception
        Whatever the generator or its file raises; the caller makes failed cells of it.
    """
    if stream.generator.kind is RowKind.TRAINING:
        novel = 0  # it has none
    limit = max(n, limit) if novel else n
    known = stream.dataset.train.label_set if novel else frozenset()
    stream.wanted = -(-limit // stream.generator.chunk_size)
    items: list[Converted] = []
    timed: list[Chunk] = []
    geometries: list[Geometry | None] = []
    found = 0
    more = False

    def inside(share: float, now: str = "", /) -> None:
        found_so_far = f"{found:,} of {novel:,} novel" if novel else ""
        wanted = min(stream.generator.chunk_size, limit - len(items))
        report(len(items) + share * wanted, ", ".join(filter(None, (found_so_far, now))))

    for chunk in stream.chunks(inside):
        kept = chunk.head(limit - len(items))
        timed.append(kept.head(max(0, n - len(items))))
        items += kept.items
        geometries += kept.geometries or [None] * len(kept.items)
        if novel:
            found += sum(not isinstance(item, Invalid) and item.label not in known for item in kept.items)
        report(len(items), f"{found:,} of {novel:,} novel" if novel else "")
        more = not chunk.last or len(kept.items) < len(chunk.items)
        if len(items) >= limit or (len(items) >= n and found >= novel):
            break
    if stream.generator.reader and not items:
        raise ReadError(f"{stream.replica.source}: holds no samples")
    notes = tuple(row_notes(stream.generator, stream.replica, stream.dataset, len(items), more, n, novel, found))
    items += _not_written(stream, len(items), more)
    geometries += [None] * (len(items) - len(geometries))
    timing = total_timing([chunk.timing for chunk in timed if chunk.items])
    drawn = SampleSet.of(items)
    return ReplicaSamples(
        name=stream.name,
        drawn=drawn,
        n=min(n, len(items)),
        timing=timing,
        notes=notes,
        structures=stream.structures(n) if stream.replica.index == 0 else {},
        geometries=tuple(geometries[:n]) if any(geometries) else (),
    )


def _not_written(stream: Stream, drawn: int, more: bool) -> list[Converted]:
    """Fill up to what the model generated: samples that it made and did not write count as invalid."""
    generated = stream.generator.generated
    if generated and (drawn > generated or (drawn == generated and more)):
        raise ReadError(
            f"{stream.replica.source}: holds more than the {generated:,} samples that were given as generated; "
            "give the number that the model generated before any was dropped"
        )
    lost = Invalid(InvalidReason.NOT_WRITTEN, f"generated={generated}, the file holds {drawn}")
    return [lost] * max(0, generated - drawn)
