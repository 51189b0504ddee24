"""What a metric returns, and the table that reporters draw."""

import json
import math
import operator
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

JSON: TypeAlias = "str | int | float | bool | None | list[JSON] | dict[str, JSON]"

UNEVEN = 0.01
"""Shares of invalid samples that differ by more are not compared where a metric leaves them out: on MP-20 a hundredth
of structures without symmetry moves FWD∞ by 0.7, a tenth by 32."""
STUDENT = (12.7062, 4.30265, 3.18245, 2.77645, 2.57058)
ENCODED_WITH = "@"
"""Stands between a metric and its encoder in the key of a column: ``fwd@small-1a2b`` is not ``fwd``."""


NOVEL = "novel"
"""Heading over the columns of novel samples."""


class Direction(StrEnum):
    """Which values are good. Only HIGHER, LOWER and TARGET columns have a best value."""

    HIGHER = "higher"
    LOWER = "lower"
    TARGET = "target"  # closest to the training set's own value
    NONE = "none"


class ColumnSet(StrEnum):
    """Named sets of columns, each within the next."""

    PAPER = "paper"  # those of Tables 1 and 2 of the WyckoffDiff paper
    DEFAULT = "default"  # what a table of text shows
    ALL = "all"

    def holds(self, other: "ColumnSet") -> bool:
        """Whether a column of the ``other`` set is in this one."""
        sets = list(ColumnSet)
        return sets.index(other) <= sets.index(self)


class RowKind(StrEnum):
    """Where the numbers of a row come from. Kinds are never mixed in one row or in the search for the best."""

    MEASURED = "measured"  # computed here from samples of that generator
    TRAINING = "training"  # computed here from the training set itself
    REFERENCE = "reference"  # computed here from a built-in reference generator
    EXAMPLE = "example"  # computed here from the small example file: no result of that generator
    PUBLISHED = "published"  # printed in a paper


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """A finite number with its denominator.

    Attributes
    ----------
    value
        The value in the metric's unit; NaN and infinity raise `ValueError`.
    n
        The denominator, or the number of samples the value rests on.
    interval
        95 % sampling interval (low, high) inside this run; not a spread over replicas.
    details
        Anything a reader may want to see, as JSON; anything else raises `TypeError` or `ValueError`.
    notes
        What must be borne in mind about the value: footnotes in every report. Cells with one text share it.
    """

    value: float
    n: int
    interval: tuple[float, float] | None = None
    details: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Counts and numpy scalars become floats here, so that a stored result equals a fresh one.
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "n", operator.index(self.n))
        if self.interval is not None:
            low, high = self.interval
            object.__setattr__(self, "interval", (float(low), float(high)))
        numbers = (self.value, *(self.interval or ()))
        if not all(math.isfinite(x) for x in numbers):
            raise ValueError(f"a metric's value and interval must be finite, got {numbers}")
        if self.n < 0:
            raise ValueError(f"n must not be negative, got {self.n}")
        json.dumps(dict(self.details), allow_nan=False)  # raises for what no results folder could hold


@dataclass(frozen=True, slots=True)
class Missing:
    """The metric is not defined for this input; the reason becomes a footnote."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Code failed while this cell was computed (exit code 1), or a file could not be read for it (2).

    ``traceback`` says where, for the author of the code: manifests keep it, tables do not.
    """

    step: str
    plugin: str
    error: str
    traceback: str = field(default="", compare=False, repr=False)


Outcome: TypeAlias = MetricResult | Missing | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric as a table column; ``key`` names the encoder, too, where the metric has another one than the paper's.

    ``unit`` "%" means that values are fractions, to be printed times 100. ``version`` holds the metric's version and
    settings: columns of two runs are comparable when they are equal. Where ``show_interval`` is set, a report prints
    the sampling interval of a single replica beside the value. Values of a ``size_dependent`` column depend on the
    number of samples, those of a ``valid_only`` one on the valid samples alone. ``within`` is the smallest named set
    that the column is in. ``basis`` says what the values rest on where that is no encoder of protostructures: a report
    prints it.
    """

    key: str
    version: str = ""
    title: str
    latex: str
    unit: str = ""
    direction: Direction = Direction.NONE
    target_from: str = ""  # key of the column whose training value is the target; empty: this one
    digits: int = 1
    group: str = ""
    description: str = ""
    show_interval: bool = False
    size_dependent: bool = False
    valid_only: bool = False
    within: ColumnSet = ColumnSet.DEFAULT
    basis: str = ""

    @property
    def metric(self) -> str:
        """The metric, without its encoder."""
        return self.key.partition(ENCODED_WITH)[0]

    @property
    def encoder(self) -> str:
        """Name and hash of the encoder or potential behind the values; "" for none, or the paper's encoder.

        A report must print it.
        """
        return self.key.partition(ENCODED_WITH)[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The outcomes of one metric for one generator, one per replica.

    A published cell holds its mean and standard deviation in ``published`` with the digits that were printed, zeros at
    the end too; percentages are fractions there, as everywhere. ``given`` says that the generator was given what the
    value measures: such a value is never the best, and its notes say why.
    """

    outcomes: tuple[Outcome, ...] = ()
    published: tuple[Decimal, Decimal | None] | None = None
    given: bool = False

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(item.value for item in self.outcomes if isinstance(item, MetricResult))

    @property
    def mean(self) -> float | None:
        """Mean over replicas; None unless every replica has a value."""
        if self.published is not None:
            return float(self.published[0])
        if not self.outcomes or len(self.values) < len(self.outcomes):
            return None
        return statistics.fmean(self.values)

    @property
    def std(self) -> float | None:
        """Sample standard deviation over at least two replicas."""
        if self.published is not None:
            return None if self.published[1] is None else float(self.published[1])
        return statistics.stdev(self.values) if self.mean is not None and len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The sampling interval, where there is one replica that has one."""
        if len(self.outcomes) == 1 and isinstance(self.outcomes[0], MetricResult):
            return self.outcomes[0].interval
        return None

    @property
    def confidence(self) -> tuple[float, float] | None:
        """95 % interval of what `mean` estimates: over replicas by Student's t, of one its sampling interval."""
        if self.published is not None or self.mean is None or self.std is None:
            return self.interval
        half = student(len(self.values) - 1) * self.std / math.sqrt(len(self.values))
        return self.mean - half, self.mean + half

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of all values, each once."""
        results = [item for item in self.outcomes if isinstance(item, MetricResult)]
        return tuple(dict.fromkeys(note for item in results for note in item.notes))

    @property
    def problem(self) -> Missing | Failure | None:
        """The first failure, else the first missing value, else None."""
        problems = [item for item in self.outcomes if not isinstance(item, MetricResult)]
        failures = [item for item in problems if isinstance(item, Failure)]
        return next(iter(failures or problems), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One generator. Counts are summed over replicas.

    ``asked`` samples were wanted, ``drawn`` exist (the denominator), ``valid`` of them have a protostructure;
    ``reasons`` counts the others by `InvalidReason`. Rows with one ``key`` come from the same samples.

    ``searched`` is what was drawn in all, where drawing went on for novel samples; ``novel`` of these are novel (None:
    not known), of which the columns of novel samples rest on ``used``.
    """

    generator: str
    key: str = ""
    title: str
    kind: RowKind
    replicas: int = 1
    asked: int = 0
    drawn: int = 0
    valid: int = 0
    searched: int = 0
    novel: int | None = None
    used: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cells: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How one table is to be drawn; a format takes from it what it can use.

    Attributes
    ----------
    width
        Characters in a line of text; None: the format's own.
    caption, label
        Instead of the format's own.
    settings
        Whether the settings are printed; None: as the format does it.
    """

    width: int | None = None
    caption: str = ""
    label: str = ""
    settings: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything a reporter needs. ``settings`` and ``notes`` say what the numbers depend on.

    ``presentation`` is a wish of the reader, no part of the results.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    presentation: Presentation = field(default=Presentation(), compare=False)

    def best(self, column: Column) -> frozenset[str]:
        """The generator whose value of a column is the best of the MEASURED rows, or none.

        A best value is earned: its 95 % interval (`Cell.confidence`) lies apart from those of all others. So there is
        none where two overlap, where one of them has no interval, and where the rows do not compare. For TARGET the
        best is closest to the training set's own row, whose interval counts too. Who was given what a value measures is
        no competitor.
        """
        cells = {name: cell for name, cell in self._measured(column).items() if not cell.given}
        known = {name: interval for name, cell in cells.items() if (interval := cell.confidence) is not None}
        if not self.comparable(column) or len(known) < len(cells):
            return frozenset()
        match column.direction:
            case Direction.HIGHER:
                penalties = {name: (-high, -low) for name, (low, high) in known.items()}
            case Direction.LOWER:
                penalties = known
            case Direction.TARGET if (target := self._target_cell(column)) and target.mean is not None:
                aim = target.confidence or (target.mean, target.mean)
                penalties = {name: _apart(interval, aim) for name, interval in known.items()}
            case _:
                return frozenset()
        ordered = sorted(penalties, key=lambda name: penalties[name][1])
        earned = len(ordered) > 1 and all(penalties[ordered[0]][1] < penalties[name][0] for name in ordered[1:])
        return frozenset(ordered[:1]) if earned else frozenset()

    def comparable(self, column: Column) -> bool:
        """Whether no difference between the MEASURED values of a column comes from what the metric was given.

        That is the number of samples, where the value depends on it, but for a tenth; and the share of invalid
        samples, where the metric leaves them out, but for `UNEVEN`.
        """
        sizes = [
            item.n
            for cell in self._measured(column).values()
            for item in cell.outcomes
            if isinstance(item, MetricResult)
        ]
        if column.size_dependent and sizes and max(sizes) > 1.1 * min(sizes):
            return False
        measured = self._measured(column)
        rows = [row for row in self.rows if row.kind is RowKind.MEASURED and row.generator in measured]
        shares = [row.valid / row.drawn for row in rows if row.drawn]
        return not column.valid_only or not shares or max(shares) - min(shares) <= UNEVEN

    def _measured(self, column: Column) -> dict[str, Cell]:
        """The cells of the MEASURED rows that have a value."""
        rows = (row for row in self.rows if row.kind is RowKind.MEASURED)
        cells = {row.generator: row.cells.get(column.key, Cell()) for row in rows}
        return {name: cell for name, cell in cells.items() if cell.mean is not None}

    def target(self, column: Column) -> float | None:
        """The training set's own value of a column."""
        cell = self._target_cell(column)
        return cell.mean if cell else None

    def _target_cell(self, column: Column) -> Cell | None:
        row = next((r for r in self.rows if r.kind is RowKind.TRAINING), None)
        return row.cells.get(column.target_from or column.key) if row else None


def _apart(interval: tuple[float, float], aim: tuple[float, float]) -> tuple[float, float]:
    """Return how near and how far a value in the interval and one in the aim can be."""
    (low, high), (first, last) = interval, aim
    return max(0.0, low - last, first - high), max(high - first, last - low)


def student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t: tabled for 1 to 5 degrees of freedom, else to 0.1 %.

    Beyond 5 by the expansion in 1/freedom (Abramowitz & Stegun 26.7.5); ``scipy.stats`` takes 0.9 s to import.
    """
    if freedom <= len(STUDENT):
        return STUDENT[freedom - 1]
    z = statistics.NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum((term / float(freedom) ** power for power, term in enumerate(terms, 1)), start=0.0)
