"""Draw the samples of one replica, chunk by chunk, converting and caching each chunk before the next is drawn.

A run that is killed loses at most the chunk it was working on.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol

from crystalbench.cache import Cache
from crystalbench.chunks import Chunk, draw_from_json, draw_to_json, total_timing
from crystalbench.errors import CrystalbenchError, PluginError
from crystalbench.interfaces import Dataset, Draw, Parameters, ReaderSpec, Sampler, SamplerInput, Timing
from crystalbench.plan import FILE_CHUNK, GeneratorPlan, ReplicaPlan
from crystalbench.protostructure import Protostructure
from crystalbench.samples import Converted, Invalid, InvalidReason, RawStructure, Sample, SampleSet
from crystalbench.wyckoff import Table

Step = Callable[[str, str, float, bool], None]


class Convert(Protocol):
    """What turns drawn samples into protostructures."""

    def __call__(self, samples: list[Sample], /) -> list[Converted]: ...


class FileSampler:
    """A file as a stream of chunks that ends. Asking for an earlier chunk reads the file again."""

    def __init__(self, reader: ReaderSpec, source: Path, parameters: Parameters) -> None:
        self._open: Callable[[], Iterator[Sample]] = lambda: iter(reader.read(source, parameters))
        self._rows = self._open()
        self._next = 0

    def draw(self, chunk: int) -> Draw | None:
        if chunk < self._next:
            self._rows, self._next = self._open(), 0
        for _ in islice(self._rows, (chunk - self._next) * FILE_CHUNK):
            pass
        self._next = chunk + 1
        items = tuple(islice(self._rows, FILE_CHUNK))
        return Draw(items) if items else None


@dataclass(frozen=True, kw_only=True)
class ReplicaSamples:
    """Everything drawn from one replica.

    Attributes
    ----------
    drawn
        All samples, in order; at least the ones asked for, unless the stream ended.
    n
        How many of them are the ones asked for: the denominator.
    timing
        The time of the first ``n``; None where nobody measured.
    notes
        What a reader of the table must know, for example that a file held fewer samples.
    """

    drawn: SampleSet
    n: int
    timing: Timing | None = None
    notes: tuple[str, ...] = ()

    @property
    def asked(self) -> SampleSet:
        return SampleSet(self.drawn.items[: self.n])


@dataclass
class Stream:
    """One replica of one generator, with what it takes to draw from it."""

    generator: GeneratorPlan
    replica: ReplicaPlan
    dataset: Dataset
    cache: Cache
    convert: Convert
    finished: Step
    _sampler: Sampler | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return f"{self.generator.name}/{self.replica.index}"

    def chunks(self) -> Iterator[Chunk]:
        """Yield converted chunks until the stream ends."""
        number = 0
        while True:
            chunk = self._chunk(number)
            yield chunk
            if chunk.last:
                return
            number += 1

    def _chunk(self, number: int) -> Chunk:
        start = time.perf_counter()
        key = self.replica.converted_key(number)
        if document := self.cache.get("converted", key):
            self.finished("convert", self.name, time.perf_counter() - start, True)
            return Chunk.from_json(document, self.dataset.table)
        draw = self._draw(number)
        items: tuple[Sample, ...] = draw.items if draw else ()
        start = time.perf_counter()
        converted = tuple(_in_table(item, self.dataset.table) for item in self.convert(list(items)))
        chunk = Chunk(converted, draw.timing if draw else None, len(items) < self.generator.chunk_size)
        self.cache.put("converted", key, chunk.to_json())
        self.finished("convert", self.name, time.perf_counter() - start, False)
        return chunk

    def _draw(self, number: int) -> Draw | None:
        start = time.perf_counter()
        key = self.replica.chunk_key(number)
        if self.replica.raw and (document := self.cache.get("drawn", key)):
            self.finished("sample", self.name, time.perf_counter() - start, True)
            return draw_from_json(document)
        if self._sampler is None:
            self._sampler = self._start()
        draw = self._sampler.draw(number)
        size = self.generator.chunk_size
        if draw is not None and len(draw.items) > size:
            raise PluginError(
                f"{self.name}: chunk {number} holds {len(draw.items)} samples, more than chunk_size={size}"
            )
        if draw is not None and self.replica.raw and any(isinstance(item, RawStructure) for item in draw.items):
            self.cache.put("drawn", key, draw_to_json(draw))
        self.finished("sample", self.name, time.perf_counter() - start, False)
        return draw

    def _start(self) -> Sampler:
        generator, replica = self.generator, self.replica
        if generator.reader is not None:
            assert replica.source is not None
            return FileSampler(generator.reader, replica.source, generator.parameters)
        assert generator.spec is not None
        assert generator.spec.start is not None
        return generator.spec.start(
            SamplerInput(parameters=generator.parameters, seed=replica.seed, dataset=self.dataset)
        )


def draw_replica(
    stream: Stream, *, n: int, novel: int, limit: int, progress: Callable[[int], None] = lambda _: None
) -> ReplicaSamples:
    """Draw ``n`` samples, and on until ``novel`` of them are novel, ``limit`` are drawn or the stream ends.

    Raises
    ------
    CrystalbenchError
        From the generator or its file; the caller makes failed cells of it.
    """
    known = stream.dataset.train.label_set if novel else frozenset()
    items: list[Converted] = []
    wanted: list[Chunk] = []
    found = 0
    ended = False
    for chunk in stream.chunks():
        wanted.append(chunk.head(max(0, n - len(items))))
        items += chunk.items
        if novel:
            found += sum(not isinstance(item, Invalid) and item.label not in known for item in chunk.items)
        progress(min(len(items), limit))
        ended = chunk.last
        if len(items) >= n and (found >= novel or len(items) >= limit):
            break
    items = items[: max(n, limit) if novel else n]
    notes = []
    if ended and len(items) < n and stream.generator.generated:
        items, note = _not_written(stream, items, n)
        notes.append(note)
    elif len(items) < n:
        notes.append(f"{n:,} samples were asked for; {stream.name} holds {len(items):,}")
    if found < novel:
        notes.append(f"{novel:,} novel samples were asked for; {len(items):,} draws of {stream.name} gave {found:,}")
    timing = total_timing([chunk for chunk in wanted if chunk.items])
    return ReplicaSamples(drawn=SampleSet.of(items), n=min(n, len(items)), timing=timing, notes=tuple(notes))


def _not_written(stream: Stream, items: list[Converted], n: int) -> tuple[list[Converted], str]:
    """Fill up to what the model generated: samples that it made and did not write count as invalid."""
    generated = stream.generator.generated
    if len(items) > generated:
        raise CrystalbenchError(
            f"{stream.replica.source}: holds {len(items):,} samples, but generated={generated:,} was given; "
            "give the number that the model generated before any was dropped"
        )
    absent = min(generated, n) - len(items)
    lost = Invalid(InvalidReason.NOT_WRITTEN, f"generated={generated}, the file holds {len(items)}")
    return items + [
        lost
    ] * absent, f"{absent:,} of {generated:,} generated samples are not in the file of {stream.name}"


def _in_table(item: Converted, table: Table) -> Converted:
    if isinstance(item, Invalid) or item.table is table:
        return item
    return Protostructure(item.spacegroup, item.orbits, table)
