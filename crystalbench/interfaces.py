"""The records that plugins return from their hooks, and what the core gives them.

Records are frozen and keyword-only, and importing this module is cheap: a plugin imports its heavy libraries inside
the functions that it puts into a record.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Sample, SampleSet
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.encoded import Encoded, Encoder, RunEncoder
from crystalbench.tables.results import Direction, MetricResult, Table

Value: TypeAlias = bool | int | float | str
Parameters: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A setting of a generator, reader or metric. Its type is that of the default; ``choices`` closes the set."""

    name: str
    default: Value
    help: str
    choices: tuple[Value, ...] = ()


RESERVED = frozenset({"name", "samples", "reader", "generated", "replicas", "title", "parameters"})
"""Keys of every generator in a configuration: no setting of a generator or reader has such a name."""


# --- samples in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What making some samples cost, and what the clock covers."""

    seconds: float
    device: str = "cpu"
    threads: int = 1
    covers: str = "sampling, after the model is loaded"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise ValueError(f"seconds must be finite and not negative, got {self.seconds}")


@dataclass(frozen=True, slots=True)
class Draw:
    """One chunk of samples. ``timing`` is None where nobody measured (files); ``last``: the stream ends with it."""

    items: tuple[Sample, ...]
    timing: Timing | None = None
    last: bool = False


class Sampler(Protocol):
    """A stream of chunks. Chunk ``k`` depends on nothing but the sampler's arguments and ``k``."""

    def draw(self, chunk: int) -> Draw | None:
        """Return chunk number ``chunk`` (from 0), or None once the stream has ended.

        A chunk holds exactly ``GeneratorSpec.chunk_size`` items; only the last one of a stream that ends may
        hold fewer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerInput:
    """What a generator needs to start one replica."""

    parameters: Parameters
    seed: int
    dataset: "Dataset"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSpec:
    """A file format of generated crystals.

    Attributes
    ----------
    detect
        True if this reader understands the file or folder; looks at little of it and never raises.
    read
        Yields the samples in the order they were generated. One bad record is an `Invalid`; a file that cannot
        be read at all raises `ReadError` with the file, the place and the remedy. Runs no code from the file.
    """

    name: str
    version: str
    title: str
    description: str
    detect: Callable[[Path], bool]
    read: Callable[[Path, Parameters], Iterator[Sample]]
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSpec:
    """A generator of crystals: live (``start``), or known by its files (``reader`` and ``example``).

    Attributes
    ----------
    start
        Loads the model and returns the sampler of one replica. The clock starts after it returns.
    files
        Given the parameters and the name of the dataset, returns the files besides the code that determine the
        samples, such as a checkpoint: their content is part of the samples' identity. Quick; raises `ConfigError`.
    reader
        Name of the reader of its sample files.
    example
        Path of a small example file in that layout, used when the user gives no samples. Its row is marked.
    chunk_size
        Items in one chunk; part of the identity of the samples.
    reference
        True for the built-in generators whose order in every metric is known.
    training_copy
        True for the one whose samples are rows of the training split: it gives every table the training set's row.
    quick
        Parameters with which a chunk takes seconds, where the defaults take minutes: the contract is checked with them.
    """

    name: str
    version: str
    title: str
    description: str
    start: Callable[[SamplerInput], Sampler] | None = None
    files: Callable[[Parameters, str], Iterable[Path]] = lambda parameters, dataset: ()
    reader: str = ""
    example: Callable[[], Path] | None = None
    chunk_size: int = 250
    parameters: tuple[Parameter, ...] = ()
    reference: bool = False
    training_copy: bool = False
    quick: Parameters = field(default_factory=dict)


# --- datasets -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """One split of a dataset, a row per material.

    Attributes
    ----------
    labels
        Canonical AFLOW labels under the letter table that was asked for; duplicates stay.
    prototypes
        Canonical prototype label of each row.
    energies
        (n,) float32, formation energy in eV/atom, or None; NaN where a row has none.
    """

    labels: tuple[str, ...]
    prototypes: tuple[str, ...]
    energies: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def label_set(self) -> frozenset[str]:
        return frozenset(self.labels)

    @cached_property
    def prototype_set(self) -> frozenset[str]:
        return frozenset(self.prototypes)

    @cached_property
    def spacegroups(self) -> NDArray[np.int16]:
        """(n,) int16, space-group number of each row: the third field of its label."""
        return np.array([label.split("_", 3)[2] for label in self.labels], dtype=np.int16)

    def protostructure(self, row: int) -> Protostructure:
        return Protostructure.from_canonical(self.labels[row])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """Materials in splits: ``train`` is what novelty is counted against.

    Attributes
    ----------
    load
        Returns one split with labels canonical under the given letter table; raises `DatasetError`.
    identity
        SHA-256 that changes with the content of the dataset; cheap, and known before any download.
    card
        Markdown: source, licence, attribution, counts, caveats.
    ready
        False where the first ``load`` must download.
    """

    name: str
    version: str
    title: str
    description: str
    splits: tuple[str, ...]
    load: Callable[[str, LetterTable], Split]
    identity: Callable[[], str]
    card: Callable[[], str]
    ready: Callable[[], bool] = lambda: True
    default: bool = False  # the dataset of a run that names none


class Dataset:
    """A dataset as metrics and generators see it: splits are loaded on first use and kept."""

    def __init__(self, spec: DatasetSpec, table: LetterTable = LetterTable.AFFINE) -> None:
        self.spec = spec
        self.name = spec.name
        self.table = table
        self._splits: dict[str, Split] = {}

    def split(self, name: str) -> Split:
        if name not in self._splits:
            self._splits[name] = self.spec.load(name, self.table)
        return self._splits[name]

    @property
    def train(self) -> Split:
        return self.split("train")


# --- encoders -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """A network that embeds protostructures.

    Attributes
    ----------
    load
        Reads the weights; raises `EncoderError` for weights that are not those of ``identity``.
    identity
        SHA-256 in hex that changes with the weights and with what is done with them; cheap: known before ``load``.
    label
        How tables name it beside a metric, of letters, digits, dots and hyphens; "" for the encoder with which the
        published values of the metric were computed, and for no other.
    missing
        What must be installed or fetched before ``load`` can work, as a sentence with the remedy; "" for nothing.
    default
        The encoder of a run that names none.
    """

    name: str
    version: str
    title: str
    description: str
    load: Callable[[Parameters], Encoder]
    identity: Callable[[Parameters], str]
    label: Callable[[Parameters], str]
    missing: Callable[[Parameters], str] = lambda parameters: ""
    parameters: tuple[Parameter, ...] = ()
    default: bool = False


# --- metrics ------------------------------------------------------------------------------------------------------


class Subset(StrEnum):
    """Which samples a metric is given."""

    ALL = "all"  # the samples that were asked for, invalid ones included
    NOVEL = "novel"  # those of all drawn samples that are not in the training split; all valid


class Need(StrEnum):
    """What a metric needs besides samples. A run without it leaves the cell empty with the reason."""

    REFERENCE = "reference"  # a dataset with a train split
    TIMING = "timing"  # a clock on the sampling
    ENCODER = "encoder"  # embeddings and energies of protostructures: a column for each encoder of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInput:
    """What a metric is computed from. ``dataset``, ``timing`` and ``encoder`` are there when its ``needs`` say so.

    ``timing`` covers exactly ``samples``; a chunk of which a part is used counts in proportion.
    """

    samples: SampleSet
    parameters: Parameters
    seed: int
    dataset: Dataset | None = None
    timing: Timing | None = None
    encoder: RunEncoder | None = None

    @property
    def reference(self) -> Split:
        """The training split; only for metrics that need ``Need.REFERENCE``."""
        if self.dataset is None:
            raise LookupError("this metric did not declare needs={Need.REFERENCE}")
        return self.dataset.train

    def encode(self, labels: Sequence[str]) -> Encoded:
        """Embeddings and energies of labels of the run's letter table, in order; for metrics with ``Need.ENCODER``."""
        if self.encoder is None:
            raise LookupError("this metric did not declare needs={Need.ENCODER}")
        return self.encoder.encode(labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One column of the table. ``compute`` raises `NotComputable` where the metric has no value.

    ``tolerance`` is the difference that computing it again on another machine may show, relative to the largest of the
    value and the ends of its interval. ``show_interval`` has every report print the sampling interval beside the value:
    for numbers that mislead without it. ``size_dependent`` says that the value depends on the number of samples: no
    best is marked among rows whose numbers differ.
    """

    name: str
    version: str
    title: str
    description: str
    compute: Callable[[ScoreInput], MetricResult]
    latex: str = ""
    unit: str = ""
    digits: int = 1
    direction: Direction = Direction.NONE
    target_from: str = ""  # the metric whose training value is the target, where this one has none for it
    subset: Subset = Subset.ALL
    needs: frozenset[Need] = frozenset()
    parameters: tuple[Parameter, ...] = ()
    tolerance: float = 1e-9
    show_interval: bool = False
    size_dependent: bool = False
    default: bool = True  # part of a run that names no metrics
    order: int = 500  # columns stand in this order, then by name


# --- reports ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterSpec:
    """A format of the results table. The one marked ``terminal`` is what `crystalbench run` prints."""

    name: str
    version: str
    title: str
    suffix: str
    render: Callable[[Table], str]
    terminal: bool = False


# --- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command of the command line.

    Attributes
    ----------
    name
        One word, or two for a command inside an existing group: ``"dataset build"``.
    help
        The line in the list of commands.
    command
        Where the `click.Command` is, as ``"module:function"``: it is imported when it is called.
    """

    name: str
    help: str
    command: str
