"""Generators and encoders on the machines of a cluster, where they are found by name, loaded once and kept.

A worker must have what this process has: the same packages and plugins, dataset and files. It compares their identities
before it works, so that no result can depend on where it was made.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import TracebackType
from typing import Self, TypeVar

from crystalbench.crystals.wyckoff import Table
from crystalbench.datasets import Dataset
from crystalbench.encoded import Encoded, Encoder
from crystalbench.errors import PluginError
from crystalbench.executors import Executor, Executors, Lost, Task
from crystalbench.interfaces import Draw, Sampler, SamplerInput
from crystalbench.isolation import required
from crystalbench.parameters import Value
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import file_digest
from crystalbench.runs.clock import clocked
from crystalbench.runs.code_identity import code_identity

Made = TypeVar("Made")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One replica of a live generator, as it is sent to a worker. ``files`` are digests, ``code`` is an identity."""

    name: str
    parameters: tuple[tuple[str, Value], ...]
    seed: int
    dataset: str
    dataset_identity: str
    table: Table
    files: tuple[str, ...]
    code: str


class ClusterSampler:
    """Chunks that are drawn on a cluster, as many at once as it has processes, up to chunk number ``wanted``."""

    def __init__(self, generator: Generator, executors: Executors, wanted: int) -> None:
        self._name = generator.name
        self._executors = executors
        self._executor = executors.start(Task(function=partial(draw_chunks, generator), pack=list, timeout=None))
        self._wanted = wanted
        self._drawn: dict[int, Draw | None] = {}

    def draw(self, chunk: int) -> Draw | None:
        if chunk not in self._drawn:
            numbers = range(chunk, max(chunk + 1, min(self._wanted, chunk + self._executors.slots())))
            found = _all(f"generator {self._name}", self._executor, numbers)
            self._drawn = dict(zip(numbers, found, strict=True))
        return self._drawn.pop(chunk)

    def end(self) -> None:
        """Let the cluster forget the model."""
        self._executor.__exit__(None, None, None)


def draw_chunks(generator: Generator, numbers: list[int]) -> list[Draw | None]:
    """Draw chunks; their clocks are those of this machine."""
    return [_placed(clocked(_sampler(generator), number)) for number in numbers]


def _placed(draw: Draw | None) -> Draw | None:
    if draw is None or draw.timing is None:
        return draw
    return replace(draw, timing=replace(draw.timing, device=f"{draw.timing.device} of a worker of a cluster"))


@lru_cache(maxsize=1)
def _sampler(generator: Generator) -> Sampler:
    plugins = Plugins.load()
    spec, source = plugins.generators[generator.name], plugins.datasets[generator.dataset]
    dataset = Dataset(source, generator.table, generator.dataset_identity)
    parameters = dict(generator.parameters)
    files = tuple(file_digest(file) for file in spec.files(parameters, generator.dataset))
    same = files == generator.files and source.identity() == generator.dataset_identity
    if spec.start is None or not same or code_identity(spec.start) != generator.code:
        raise PluginError("its code, its files or its dataset are others on the worker than here")
    return spec.start(SamplerInput(parameters=parameters, seed=generator.seed, dataset=dataset))


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEncoder:
    """An encoder, as it is sent to a worker. ``code`` is an identity, too."""

    name: str
    parameters: tuple[tuple[str, Value], ...]
    identity: str
    code: str


class ClusterEncoder:
    """An encoder on a cluster; a context manager, within which the workers keep it."""

    def __init__(self, encoder: RemoteEncoder, executors: Executors) -> None:
        self._name = encoder.name
        self._executor = executors.start(Task(function=partial(encode_parts, encoder), pack=list, timeout=None))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.__exit__(kind, error, trace)

    def encode(self, parts: Sequence[list[str]], progress: Callable[[int], None]) -> list[Encoded]:
        """Encode each part of labels by itself; ``progress`` receives the number of parts so far."""
        done = 0

        def told(finished: int) -> None:
            nonlocal done
            done += finished
            progress(done)

        return _all(f"encoder {self._name}", self._executor, parts, told)


def encode_parts(encoder: RemoteEncoder, parts: list[list[str]]) -> list[Encoded]:
    """Encode each part by itself."""
    return [_encoder(encoder).encode(part) for part in parts]


@lru_cache(maxsize=1)
def _encoder(known: RemoteEncoder) -> Encoder:
    spec, parameters = Plugins.load().encoders[known.name], dict(known.parameters)
    loaded = required("load", f"encoder {spec.name}", lambda: spec.load(parameters))
    if spec.identity(parameters) != known.identity or code_identity(spec.load) != known.code:
        raise PluginError("its code or its weights are others on the worker than here")
    return loaded


def _all(
    what: str, executor: Executor[Item, Made], items: Sequence[Item], progress: Callable[[int], None] | None = None
) -> list[Made]:
    """Return the outcome of each item; `PluginError` says why one is lost."""
    found = executor.run(dict(enumerate(items)), [[i] for i in range(len(items))], progress)
    made: list[Made] = []
    for i in range(len(items)):
        outcome = found[i]
        if isinstance(outcome, Lost):
            raise PluginError(f"{what}, on a worker of the cluster: {outcome.detail}")
        made.append(outcome)
    return made
