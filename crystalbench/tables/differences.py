"""Two rows compared cell by cell: the difference, its 95 % interval, and a stated test.

Which test a cell gets follows from what is known of it:

- the same samples on both sides: nothing is tested, for nothing can differ;
- a share of the same samples, converted otherwise: McNemar's exact test of those that the two disagree on, and
  Newcombe's interval of paired shares (`crystalbench.tables.pairs`). Other values of such samples are tested as if they
  were independent, which is cautious: what both have in common makes their difference vary less;
- several replicas on both sides: Welch's t test of the means over replicas;
- a share of independent samples (its details hold ``hits``): Fisher's exact test, and Newcombe's interval of the
  difference (1998, method 10, from the two Wilson intervals);
- any other value with an interval, such as the bootstrap one of FWD∞: the two intervals are put together by the
  square-and-add rule ("MOVER", Zou and Donner 2008), of which Newcombe's interval is the case for shares; the p-value
  is that of a normal deviate on the scale of the arm that reaches towards zero;
- no interval: the difference alone.

The p-values of all cells are corrected together (Holm 1979): the chance that any cell is called different where nothing
differs is at most `ALPHA`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from types import MappingProxyType

from crystalbench.errors import ConfigError, unknown_name
from crystalbench.tables.merge import SHARED
from crystalbench.tables.pairs import Pairs, RowPairs, mcnemar, paired_interval
from crystalbench.tables.results import UNEVEN, Cell, Column, Direction, MetricResult, Row, RowKind, Table

ALPHA = 0.05
"""Chance that any cell of a comparison is called different where nothing differs."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cell of two rows, in the metric's unit (shares are fractions).

    Attributes
    ----------
    change
        ``second - first``; None where they are not compared. A value outside its own interval, such as an estimate
        below zero of what is never negative, counts as the nearer end.
    interval
        95 % interval of the change, of this cell alone.
    test
        How ``p`` was found; "" where nothing is tested.
    p
        Corrected for the number of cells.
    problem
        Why the cells are not compared, or not tested.
    """

    column: Column
    first: float | None = None
    second: float | None = None
    change: float | None = None
    interval: Interval | None = None
    test: str = ""
    p: float | None = None
    problem: str = ""

    @property
    def different(self) -> bool:
        """Whether the test sees a difference."""
        return self.p is not None and self.p < ALPHA

    @property
    def verdict(self) -> str:
        """What the test sees: better, worse or different; "" for nothing."""
        if not self.different or self.change is None:
            return ""
        good = {Direction.HIGHER: self.change > 0, Direction.LOWER: self.change < 0}.get(self.column.direction)
        return "different" if good is None else "better" if good else "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two rows and the differences of their cells."""

    first: str
    second: str
    differences: tuple[Difference, ...]

    def of(self, metric: str) -> tuple[Difference, ...]:
        """Return the differences of a metric, one for each encoder; raises `ConfigError` for one that is not there."""
        found = tuple(d for d in self.differences if metric in (d.column.metric, d.column.key))
        if not found:
            raise unknown_name("metric", metric, {d.column.metric for d in self.differences})
        return found


def compare(
    first: Table, second: Table, rows: Mapping[str, str] | None = None, pairs: RowPairs = MappingProxyType({})
) -> tuple[Comparison, ...]:
    """Compare rows of two tables.

    Parameters
    ----------
    rows
        Generators of the second table by those of the first; left out: those that both tables measured.
    pairs
        Rows of the first that have the samples of their partners, whatever these were converted to.

    Raises
    ------
    ConfigError
        The tables differ in what every cell depends on, or there are no such rows.
    """
    rows = matched(first, second) if rows is None else rows
    for key in SHARED:
        if (one := first.settings.get(key, "")) != (other := second.settings.get(key, "")):
            if key == "conversion" and pairs.keys() >= rows.keys():
                continue
            raise ConfigError(
                f"no cell of them compares: the {key} is {one!r} in the first and {other!r} in the second"
            )
    chosen = [(_row(first, one), _row(second, other)) for one, other in rows.items()]
    known = {column.key: column for column in second.columns}
    printed, found = (
        {key for row in first.rows if (row.kind is RowKind.PUBLISHED) is published for key in row.cells}
        for published in (True, False)
    )
    measured = [column for column in first.columns if column.key not in printed - found]
    compared = [
        (
            one,
            other,
            [_difference(column, known.get(column.key), one, other, pairs.get(one.generator)) for column in measured],
        )
        for one, other in chosen
    ]
    corrected = iter(holm([d.p for _, _, cells in compared for d in cells]))
    return tuple(
        Comparison(
            first=one.generator,
            second=other.generator,
            differences=tuple(replace(cell, p=next(corrected)) for cell in cells),
        )
        for one, other, cells in compared
    )


def matched(first: Table, second: Table) -> dict[str, str]:
    """Return the generators that both tables measured; raises `ConfigError` where there is none."""
    measured = (RowKind.MEASURED, RowKind.EXAMPLE)
    both = {row.generator for row in second.rows if row.kind in measured}
    rows = {row.generator: row.generator for row in first.rows if row.kind in measured and row.generator in both}
    if not rows:
        names = [", ".join(r.generator for r in t.rows if r.kind in measured) or "none" for t in (first, second)]
        raise ConfigError(f"no generator is in both (measured: {names[0]}; {names[1]}); name two rows with --rows A,B")
    return rows


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected for their number (Holm 1979); None stays None."""
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    corrected: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        corrected[place] = largest
    return corrected


def _row(table: Table, name: str) -> Row:
    found = next((row for row in table.rows if row.generator == name and row.kind is not RowKind.PUBLISHED), None)
    if found is None:
        raise unknown_name("row", name, {row.generator for row in table.rows if row.kind is not RowKind.PUBLISHED})
    return found


def _difference(
    column: Column, other: Column | None, row: Row, second_row: Row, same: Mapping[str, Pairs] | None
) -> Difference:
    cells = row.cells.get(column.key, Cell()), second_row.cells.get(column.key, Cell())
    first, second = (cell.mean for cell in cells)
    known = Difference(column=column, first=first, second=second)
    if other is None or other.version != column.version:
        what = "not in the second" if other is None else f"of version {column.version!r} and {other.version!r}"
        return replace(known, second=None if other is None else second, problem=what)
    if first is None or second is None:
        return replace(known, problem="no value in the " + ("first" if first is None else "second"))
    if row.key and row.key == second_row.key:
        return replace(known, change=second - first, problem="the same samples")
    if problem := _not_comparable(column, cells, (row, second_row)):
        return replace(known, problem=problem)
    one, two = (_inside(cell) for cell in cells)
    change = replace(known, change=two - one)
    if all(len(cell.values) > 1 for cell in cells):
        return _welch(change, cells[0].values, cells[1].values)
    intervals = [cell.confidence for cell in cells]
    if intervals[0] is None or intervals[1] is None:
        return replace(change, problem="no interval is known, so nothing is tested")
    interval = square_and_add(one, intervals[0], two, intervals[1])
    counts = [None if column.size_dependent else _counts(cell) for cell in cells]
    pairs = None if same is None else same.get(column.key)
    if pairs is not None and counts == [(pairs.both + pairs.first, pairs.n), (pairs.both + pairs.second, pairs.n)]:
        interval = paired_interval(pairs, intervals[0], intervals[1])
        return replace(change, interval=interval, test="McNemar's exact, paired", p=mcnemar(pairs))
    if same is not None:
        return replace(change, interval=interval, test="both intervals, as if unpaired", p=_normal(two - one, interval))
    if counts[0] is not None and counts[1] is not None:
        return replace(change, interval=interval, test="Fisher's exact", p=fisher(counts[0], counts[1]))
    return replace(change, interval=interval, test="both intervals", p=_normal(two - one, interval))


def _not_comparable(column: Column, cells: Iterable[Cell], rows: Iterable[Row]) -> str:
    """Say what other than the generators the difference of two cells may come from, as `Table.comparable` sees it."""
    sizes = [max(item.n for item in cell.outcomes if isinstance(item, MetricResult)) for cell in cells]
    if column.size_dependent and max(sizes) > 1.1 * min(sizes):
        return f"depends on the number of samples: {sizes[0]:,} and {sizes[1]:,}"
    shares = [1 - row.valid / row.drawn for row in rows if row.drawn]
    if column.valid_only and shares and max(shares) - min(shares) > UNEVEN:
        return f"leaves invalid samples out: {shares[0]:.1%} and {shares[-1]:.1%} of them"
    return ""


def _inside(cell: Cell) -> float:
    """The value of a cell, or the end of its interval that is nearer."""
    assert cell.mean is not None
    low, high = cell.confidence or (cell.mean, cell.mean)
    return min(max(cell.mean, low), high)


def _counts(cell: Cell) -> tuple[int, int] | None:
    """Hits and samples of a share of one replica; None for any other value."""
    (result, *others) = cell.outcomes
    if others or not isinstance(result, MetricResult) or not result.n:
        return None
    hits = result.details.get("hits")
    return (hits, result.n) if type(hits) is int and math.isclose(hits / result.n, result.value) else None


def square_and_add(one: float, first: Interval, two: float, second: Interval) -> Interval:
    """Return the interval of ``two - one`` from those of both, which are independent."""
    change = two - one
    return change - math.hypot(two - second[0], first[1] - one), change + math.hypot(second[1] - two, one - first[0])


def _normal(change: float, interval: Interval) -> float:
    arm = change - interval[0] if change > 0 else interval[1] - change
    if not change or not arm:
        return 0.0 if change else 1.0
    normal = NormalDist()
    return 2 * normal.cdf(-normal.inv_cdf(0.975) * abs(change) / arm)


def fisher(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Return the two-sided p-value of Fisher's exact test of two shares, each hits and samples."""
    import numpy as np
    from scipy.stats import fisher_exact

    return float(fisher_exact(np.array([[hits, n - hits] for hits, n in (first, second)])).pvalue)


def _welch(change: Difference, first: Sequence[float], second: Sequence[float]) -> Difference:
    if len({*first, *second}) == 1:
        return replace(change, problem="all replicas have one value")
    if len({*first}) == len({*second}) == 1:
        return replace(change, problem="replicas do not vary, so nothing is tested")
    from scipy.stats import ttest_ind

    found = ttest_ind(second, first, equal_var=False)
    low, high = found.confidence_interval(0.95)
    return replace(change, interval=(float(low), float(high)), test="Welch's t of replicas", p=float(found.pvalue))
