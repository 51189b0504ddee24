"""A small plugin made of real parts: a dataset, generators of every kind, a reader, a metric, a reporter."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from crystalbench import (
    DatasetSpec,
    Direction,
    Draw,
    EncoderError,
    EncoderSpec,
    GeneratorSpec,
    Invalid,
    InvalidReason,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    Parameter,
    Parameters,
    Protostructure,
    RawStructure,
    ReadError,
    ReaderSpec,
    ReporterSpec,
    Sample,
    SamplerInput,
    ScoreInput,
    Subset,
    Table,
    Timing,
    hookimpl,
)
from crystalbench.testing import CountingEncoder, example_dataset

ALKALI, HALOGEN = ("Li", "Na", "K", "Rb", "Cs"), ("F", "Cl", "Br", "I")
CHUNK = 10


def rock_salt(number: int) -> Protostructure:
    return Protostructure(225, [(ALKALI[number % 5], "a"), (HALOGEN[number // 5 % 4], "b")])


class Halides:
    """Alkali halides in order; ``kill_at`` ends the process in that chunk, as a power cut would."""

    def __init__(self, given: SamplerInput) -> None:
        self.seed = given.seed
        self.kill_at = int(os.environ.get("HALIDES_KILL_AT", "-1"))

    def draw(self, chunk: int) -> Draw:
        if chunk == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        with open(os.environ.get("HALIDES_LOG", os.devnull), "a") as log:  # noqa: PTH123 - may be the null device
            log.write(f"{chunk}\n")
        start = perf_counter()
        items = tuple(rock_salt(chunk * CHUNK + i + self.seed) for i in range(CHUNK))
        return Draw(items, Timing(seconds=perf_counter() - start))


class Structures:
    """Rock salt as coordinates, an overlap in every chunk."""

    def __init__(self, given: SamplerInput) -> None:
        self.size = float(given.parameters["size"])

    def draw(self, chunk: int) -> Draw:
        cell = [[self.size, 0, 0], [0, self.size, 0], [0, 0, self.size]]
        face = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
        coords = face + [[(x + 0.5) % 1, y, z] for x, y, z in face]
        good = RawStructure.of(cell, coords, [11 + chunk] * 4 + [17] * 4)
        return Draw((good, RawStructure.of(cell, [[0, 0, 0], [0, 0, 1e-3]], [11, 17])))


class Heavy:
    """One crystal of 1,000 atoms just off their places: seconds of work for the symmetry library."""

    def __init__(self, given: SamplerInput) -> None:
        self.random = np.random.default_rng(given.seed)

    def draw(self, chunk: int) -> Draw:
        places = np.stack(np.meshgrid(*[np.arange(10)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        coords = (places + self.random.normal(0, 0.007, places.shape)) / 10
        return Draw((RawStructure.of(np.eye(3) * 28.2, coords, 11 + 6 * (places.sum(axis=1) % 2)),), last=True)


class Broken:
    def __init__(self, given: SamplerInput) -> None:
        raise RuntimeError("no weights")

    def draw(self, chunk: int) -> Draw:
        raise AssertionError


def read_labels(path: Path, parameters: Parameters) -> Iterator[Sample]:
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ReadError(f"{path}: not a JSON list of labels: {error}") from error
    for row in rows[parameters["skip"] :]:
        yield Protostructure.parse(row) if row else Invalid(InvalidReason.EMPTY, "no label")


def share_of_halides(given: ScoreInput) -> MetricResult:
    if not given.samples.valid:
        raise NotComputable("no valid samples")
    hits = sum(not {*HALOGEN}.isdisjoint(p.elements) for p in given.samples.valid)
    return MetricResult(value=hits / len(given.samples), n=len(given.samples))


def fail(given: ScoreInput) -> MetricResult:
    raise ZeroDivisionError("division by zero")


def count(given: ScoreInput) -> MetricResult:
    return MetricResult(value=len(given.samples), n=len(given.samples))


def seconds(given: ScoreInput) -> MetricResult:
    assert given.timing is not None
    return MetricResult(value=given.timing.seconds, n=len(given.samples))


class Small:
    @hookimpl
    def crystalbench_datasets(self) -> list[DatasetSpec]:
        return [example_dataset().spec]

    @hookimpl
    def crystalbench_generators(self) -> list[GeneratorSpec]:
        def live(name: str, start: type, **more: object) -> GeneratorSpec:
            return GeneratorSpec(name=name, version="1", title=name.title(), description=name, start=start, **more)  # type: ignore[arg-type]

        size = Parameter(name="size", default=5.64, help="Lattice parameter, Å.")
        return [
            live("halides", Halides, chunk_size=CHUNK),
            live("structures", Structures, chunk_size=2, parameters=(size,)),
            live("heavy", Heavy, chunk_size=1),
            live("broken", Broken),
            GeneratorSpec(name="files", version="1", title="Files", description="known by files", reader="json-labels"),
        ]

    @hookimpl
    def crystalbench_readers(self) -> list[ReaderSpec]:
        return [
            ReaderSpec(
                name="json-labels", version="1", title="labels", description="a JSON list of labels",
                detect=lambda path: path.is_file() and path.suffix == ".json", read=read_labels,
                parameters=(Parameter(name="skip", default=0, help="rows to skip"),),
            )
        ]  # fmt: skip

    @hookimpl
    def crystalbench_metrics(self) -> list[MetricSpec]:
        def metric(name: str, compute: object, **more: object) -> MetricSpec:
            return MetricSpec(name=name, version="1", title=name.title(), description=name, compute=compute, **more)  # type: ignore[arg-type]

        return [
            metric("halide_share", share_of_halides, unit="%", direction=Direction.HIGHER),
            metric("novel_count", count, subset=Subset.NOVEL, needs=frozenset({Need.REFERENCE})),
            metric("seconds", seconds, needs=frozenset({Need.TIMING})),
            metric("failing", fail, default=False),
        ]

    @hookimpl
    def crystalbench_reporters(self) -> list[ReporterSpec]:
        return [ReporterSpec(name="titles", version="1", title="Titles", suffix=".txt", render=titles)]


class SmallEncoders:
    """The counting encoder under two names, one of them that of published values, and metrics that need an encoder."""

    def __init__(self, missing: str = "", weights: str = "0", default: bool = True) -> None:
        self.missing = missing
        self.weights = weights * 64
        self.default = default

    @hookimpl
    def crystalbench_encoders(self) -> list[EncoderSpec]:
        def encoder(name: str, label: str, default: bool) -> EncoderSpec:
            return EncoderSpec(
                name=name, version="1", title=name, description=name, load=load_counting, default=default,
                identity=lambda parameters: self.weights, label=lambda parameters: label,
                missing=lambda parameters: self.missing,
                parameters=(Parameter(name="broken", default=False, help="weights that cannot be read"),),
            )  # fmt: skip

        return [encoder("counting", "counts", self.default), encoder("paper", "", False)]

    @hookimpl
    def crystalbench_metrics(self) -> list[MetricSpec]:
        need = frozenset({Need.ENCODER})
        return [
            MetricSpec(
                name="fwd", version="1", title="FWD", latex="FWD", description="mean energy", compute=mean_energy,
                needs=need, tolerance=1e-5,
            ),
            MetricSpec(
                name="width", version="1", title="Width", description="of the embedding", compute=width, needs=need,
                target_from="fwd",
            ),
        ]  # fmt: skip


def load_counting(parameters: Parameters) -> CountingEncoder:
    with open(os.environ.get("ENCODER_LOG", os.devnull), "a") as log:  # noqa: PTH123 - may be the null device
        log.write("loaded\n")
    if parameters["broken"]:
        raise EncoderError("counting.pth: not a checkpoint")
    return CountingEncoder()


def mean_energy(given: ScoreInput) -> MetricResult:
    if not given.samples.valid:
        raise NotComputable("no valid samples")
    labels = [p.label for p in given.samples.valid]
    return MetricResult(value=given.encode(labels).energies.mean(), n=len(labels), notes=("a mean of energies",))


def width(given: ScoreInput) -> MetricResult:
    return MetricResult(value=given.encode([]).embeddings.shape[1], n=len(given.samples))


def titles(table: Table) -> str:
    return "\n".join(row.title for row in table.rows)
