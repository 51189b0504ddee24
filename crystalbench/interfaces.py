"""The records that plugins return from their hooks, and what the core gives them.

Records are frozen and keyword-only, and importing this module is cheap: a plugin imports its heavy libraries inside
the functions that it puts into a record. ``cite`` is what to cite for the use of a record: entries of BibTeX, or keys
of those that come with crystalbench (``references.bib``).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from crystalbench.crystals.geometry import Geometry
from crystalbench.crystals.samples import Sample, SampleSet
from crystalbench.datasets import Dataset, Split
from crystalbench.encoded import Encoded, Encoder, RunEncoder
from crystalbench.evidence import Evidence
from crystalbench.materials.judged import RunEnergies
from crystalbench.parameters import Parameter, Parameters
from crystalbench.tables.listing import Page
from crystalbench.tables.results import ColumnSet, Direction, MetricResult, Table
from crystalbench.tables.selection import within

T = TypeVar("T")

# --- samples in ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What making some samples cost, and what the clock covers.

    Attributes
    ----------
    seconds
        On the clock of the wall.
    cpu_seconds
        Of all threads and finished child processes; None where nobody measured. The core measures it around
        ``Sampler.draw`` where the sampler does not.
    load
        Mean number of processes that wanted to run on the machine meanwhile (its load average over a minute).
    """

    seconds: float
    cpu_seconds: float | None = None
    load: float | None = None
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", tuple(self.items))
        if not isinstance(self.timing, Timing | None):
            raise TypeError(f"timing must be a Timing or None, got {self.timing!r}")


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
    """What a generator needs to start one replica.

    Attributes
    ----------
    progress
        To be called, where a chunk takes more than a second, with the share of it that is done, 0 to 1.
    """

    parameters: Parameters
    seed: int
    dataset: Dataset
    progress: Callable[[float], None] = lambda share: None


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
    suffixes
        Endings of the names of such files, without ``.gz``: to propose this reader where none understands a file.
    notes
        Sentences on what a user should know of a file beside its samples, such as a gap in its numbering.
    """

    name: str
    version: str
    title: str
    description: str
    detect: Callable[[Path], bool]
    read: Callable[[Path, Parameters], Iterator[Sample]]
    suffixes: tuple[str, ...] = ()
    notes: Callable[[Path], Iterable[str]] = lambda path: ()
    parameters: tuple[Parameter, ...] = ()
    cite: tuple[str, ...] = ()


class Given(StrEnum):
    """What a generator may be given, so that it is no achievement of its own."""

    SPACEGROUPS = "space groups"
    SITES = "numbers of occupied positions"
    PROTOTYPES = "prototypes"


class Scale(StrEnum):
    """What a row is for every other one."""

    REFERENCE = "reference"  # rows of the reference split itself: the target
    HELD_OUT = "held out"  # rows of the held-out split, where there is one: what a perfect model would give
    CHANCE = "chance"  # what is drawn without any knowledge of chemistry: the samples of a model are nearer


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
    trained_on
        Names of the datasets that it is usually trained on. A run of such generators that names no dataset takes the
        first that needs no download; one on another dataset says so.
    given
        What it is given, and how: "drawn at their training frequencies". Metrics of just that get a footnote, and the
        row is not the best there.
    reference
        True for the built-in generators whose order in every metric is known.
    scale
        Which end of the scale its row is: such a row is in every table.
    note
        Given the parameters and the name of the dataset, what a reader must know of the row, as a footnote; "" for
        nothing.
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
    trained_on: tuple[str, ...] = ()
    given: Mapping[Given, str] = field(default_factory=dict)
    reference: bool = False
    scale: Scale | None = None
    note: Callable[[Parameters, str], str] = lambda parameters, dataset: ""
    quick: Parameters = field(default_factory=dict)
    cite: tuple[str, ...] = ()


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
    cite: tuple[str, ...] = ()


# --- metrics ------------------------------------------------------------------------------------------------------


class Subset(StrEnum):
    """Which samples a metric is given."""

    ALL = "all"  # the samples that were asked for, invalid ones included
    NOVEL = "novel"  # those of all drawn samples that are not in the training split; all valid


class Need(StrEnum):
    """What a metric needs besides samples. A run without it leaves the cell empty with the reason."""

    REFERENCE = "reference"  # a split to compare distributions with
    TRAIN = "train"  # the training split itself, for what is novel
    TIMING = "timing"  # a clock on the sampling
    ENCODER = "encoder"  # embeddings and energies of protostructures: a column for each encoder of the run
    GEOMETRY = "geometry"  # what samples measure that came with coordinates; for metrics of all samples
    ENERGY = "energy"  # relaxed structures, their energies and a convex hull: a column for each potential of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInput:
    """What a metric is computed from: all but samples, parameters and seed only where its ``needs`` name it.

    ``timing`` covers exactly ``samples``; a chunk of which a part is used counts in proportion.
    """

    samples: SampleSet
    parameters: Parameters
    seed: int
    dataset: Dataset | None = None
    timing: Timing | None = None
    encoder: RunEncoder | None = None
    run_energies: RunEnergies | None = None
    run_geometries: tuple[Geometry | None, ...] | None = None

    @property
    def reference(self) -> Split:
        """What distributions are compared with; only for metrics that need ``Need.REFERENCE``."""
        return _declared(self.dataset, Need.REFERENCE).reference

    @property
    def train(self) -> Split:
        """What novelty is counted against; only for metrics that need ``Need.TRAIN``."""
        return _declared(self.dataset, Need.TRAIN).train

    def encode(self, labels: Sequence[str]) -> Encoded:
        """Embeddings and energies of labels of the run's letter table, in order; for metrics with ``Need.ENCODER``."""
        return _declared(self.encoder, Need.ENCODER).encode(labels)

    @property
    def energies(self) -> RunEnergies:
        """Materials made of the samples; only for metrics with ``Need.ENERGY``."""
        return _declared(self.run_energies, Need.ENERGY)

    @property
    def geometries(self) -> tuple[Geometry | None, ...]:
        """One for each sample, None without coordinates that can be measured; for metrics with ``Need.GEOMETRY``."""
        return _declared(self.run_geometries, Need.GEOMETRY)


def _declared(given: T | None, need: Need) -> T:
    if given is None:
        raise LookupError(f"this metric did not declare needs={{Need.{need.name}}}")
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One column of the table. ``compute`` raises `NotComputable` where the metric has no value.

    ``tolerance`` is the difference that computing it again on another machine may show, relative to the largest of the
    value and the ends of its interval. ``show_interval`` has every report print the sampling interval beside the value:
    for numbers that mislead without it. ``distance`` says that it is a distance from the reference split: a run warns
    of samples that are farther than chance. ``size_dependent`` says that the value depends on the number of samples: no
    best is marked among rows whose numbers differ. ``valid_only`` says that it leaves invalid samples out: none among
    rows whose shares of them differ. ``measures`` names what it measures that a generator may have been given.
    ``group`` is the heading over the column, "novel" where it is left out and the samples are the novel ones.
    ``within`` is the smallest named set that it is in: ``ColumnSet.ALL`` keeps it out of text and LaTeX by default.
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
    valid_only: bool = False
    measures: frozenset[Given] = frozenset()
    distance: bool = False
    group: str = ""
    within: ColumnSet = ColumnSet.DEFAULT
    default: bool = True  # part of a run that names no metrics
    order: int = 500  # columns stand in this order, then by name
    cite: tuple[str, ...] = ()


# --- reports ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterSpec:
    """A format of the results table. The one marked ``terminal`` is what `crystalbench run` prints.

    One marked ``notebook`` is a piece of HTML that notebooks show of a result: no file of a run unless it is named.

    ``render`` is given a table with the ``columns`` of a set, whose ``presentation`` holds wishes, such as a caption.
    ``illustrated`` does the same for a whole run, of which the samples are at hand.
    ``page`` draws plain tables, such as ranked materials; None where this format has no such thing. It is given all
    columns and rows, or what is shown unasked, as ``columns`` says.
    """

    name: str
    version: str
    title: str
    suffix: str
    render: Callable[[Table], str]
    illustrated: Callable[[Table, Evidence], str] | None = None
    columns: ColumnSet = ColumnSet.ALL
    terminal: bool = False
    notebook: bool = False
    page: Callable[[Page], str] | None = None

    def report(self, table: Table, evidence: Evidence | None = None) -> str:
        """Draw a table with the columns of this format, and what it rests on where the format can show it."""
        shown = within(table, self.columns)
        if self.illustrated is not None and evidence is not None:
            return self.illustrated(shown, evidence)
        return self.render(shown)

    def draw(self, page: Page) -> str:
        """Draw plain tables; only where this format has a ``page``."""
        if self.page is None:
            raise LookupError(f"reporter {self.name} draws no plain tables")
        return self.page(page if self.columns is ColumnSet.ALL else page.brief())


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
