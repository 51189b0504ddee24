"""Comparing rows: known tests and intervals, what does not compare, and how often nothing is called something."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from crystalbench import Cell, Column, ColumnSet, ConfigError, Direction, MetricResult, Missing, Row, RowKind, Table
from crystalbench.tables import differences_text
from crystalbench.tables.bounds import Bound, broken
from crystalbench.tables.differences import ALPHA, compare, fisher, holm, square_and_add
from crystalbench.tables.pairs import Pairs, mcnemar, paired_interval
from crystalbench_plugins.metrics._proportion import share, wilson

COLUMNS = (
    Column(key="novelty", version="1", title="Novelty", latex="N", unit="%", direction=Direction.HIGHER),
    Column(key="fwd@a-1", version="1", title="FWD", latex="F", direction=Direction.LOWER, valid_only=True),
    Column(key="uniqueness", version="1", title="U", latex="U", unit="%", size_dependent=True, within=ColumnSet.ALL),
)


def distance(*values: float, half: float | None = 1.0) -> Cell:
    interval = (lambda v: None) if half is None else (lambda v: (v - half, v + half))
    return Cell(outcomes=tuple(MetricResult(value=v, n=1000, interval=interval(v)) for v in values))


def hits(count: int, n: int = 1000) -> Cell:
    return Cell(outcomes=(share(count, n, of="samples"),))


def table(name: str = "model", valid: int = 1000, key: str = "", **cells: Cell) -> Table:
    row = Row(
        generator=name, title=name, kind=RowKind.MEASURED, key=key or str(cells), asked=1000, drawn=1000, valid=valid,
        cells={"fwd@a-1" if name == "fwd" else name: cell for name, cell in cells.items()},
    )  # fmt: skip
    return Table(title="T", columns=COLUMNS, rows=(row,), settings={"dataset": "d"})


def one(first: Table, second: Table, metric: str):  # type: ignore[no-untyped-def]
    (comparison,) = compare(first, second)
    (difference,) = comparison.of(metric)
    return difference


def test_shares_are_tested_exactly_and_have_newcombes_interval() -> None:
    """Newcombe 1998, table II, 56/70 and 48/80: method 10 gives 0.0524 to 0.3339."""
    low, high = square_and_add(48 / 80, wilson(48, 80), 56 / 70, wilson(56, 70))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    found = one(table(novelty=hits(480)), table(novelty=hits(600)), "novelty")
    assert found.test == "Fisher's exact"
    assert found.verdict == "better"
    assert found.interval[0] < found.change < found.interval[1]


def test_a_column_of_published_rows_alone_is_not_compared() -> None:
    paper = Row(
        generator="paper", title="P", kind=RowKind.PUBLISHED,
        cells={"uniqueness": Cell(published=(Decimal("99.9"), None)), "novelty": Cell(published=(Decimal("80"), None))},
    )  # fmt: skip
    first, second = (
        replace(one, rows=(*one.rows, paper)) for one in (table(novelty=hits(480)), table(novelty=hits(600)))
    )
    (comparison,) = compare(first, second)
    assert [difference.column.key for difference in comparison.differences] == ["novelty", "fwd@a-1"]


def test_fishers_test_is_that_of_the_lady_tasting_tea() -> None:
    """Fisher 1935: all eight cups right have a chance of 1 in 70, on either side."""
    assert fisher((4, 4), (0, 4)) == pytest.approx(2 / 70)


def test_intervals_that_are_apart_differ_and_equal_values_do_not() -> None:
    assert one(table(fwd=distance(10.0)), table(fwd=distance(20.0)), "fwd").verdict == "worse"
    same = one(table(fwd=distance(10.0)), table(fwd=distance(10.0, half=1.5)), "fwd")
    assert same.change == 0
    assert not same.different
    border = one(table(fwd=distance(10.0)), table(fwd=distance(10.0 + 2**0.5)), "fwd")
    assert border.p == pytest.approx(ALPHA)
    assert border.interval[0] == pytest.approx(0, abs=1e-12)


def test_a_value_below_its_interval_counts_as_its_lower_end() -> None:
    below = Cell(outcomes=(MetricResult(value=-0.3, n=1000, interval=(0.0, 8.0)),))
    assert one(table(fwd=below), table(fwd=distance(2.0)), "fwd").change == 2.0


def test_replicas_are_tested_by_welch() -> None:
    """By hand: t = 10.33 / sqrt(1/3 + 2.33/3) = 9.80 with 3.45 degrees of freedom."""
    found = one(table(fwd=distance(1.0, 2.0, 3.0)), table(fwd=distance(11.0, 12.0, 14.0)), "fwd")
    assert found.test == "Welch's t of replicas"
    assert found.p == pytest.approx(0.00123, abs=1e-5)


def test_what_does_not_compare_says_why() -> None:
    whole = {"novelty": hits(5), "fwd": distance(1.0), "uniqueness": hits(5)}
    first = table(**whole)
    assert one(first, table(**whole | {"uniqueness": hits(5, 500)}), "uniqueness").problem.endswith("1,000 and 500")
    assert "0.0% and 20.0%" in one(first, table(valid=800, key="other", **whole), "fwd").problem
    other = replace(first, columns=(replace(COLUMNS[0], version="2"), *COLUMNS[1:2]))
    assert "version '1' and '2'" in one(first, other, "novelty").problem
    assert one(first, other, "uniqueness").problem == "not in the second"
    empty = Cell(outcomes=(Missing("no such"),))
    assert one(first, table(**whole | {"fwd": empty}), "fwd").problem == "no value in the second"
    assert one(first, table(**whole | {"fwd": distance(3.0, half=None)}), "fwd").change == 2.0
    assert one(first, first, "fwd").problem == "the same samples"
    with pytest.raises(ConfigError, match="the dataset is 'd' in the first and 'e' in the second"):
        compare(first, replace(first, settings={"dataset": "e"}))
    with pytest.raises(ConfigError, match="no generator is in both"):
        compare(first, table(name="another", **whole))
    with pytest.raises(ConfigError, match="did you mean 'model'"):
        compare(first, first, {"modell": "model"})


def test_holms_correction_is_the_step_down_one() -> None:
    """Holm 1979: 0.01, 0.02, 0.03, 0.04 become 0.04, 0.06, 0.06, 0.06."""
    assert holm([0.01, None, 0.04, 0.03, 0.02]) == pytest.approx([0.04, None, 0.06, 0.06, 0.06])


@pytest.mark.parametrize(
    ("bound", "breaks"),
    [
        ("fwd:+5%", True), ("fwd:+40%", False), ("fwd:+2.9", True), ("fwd:+3.1", False), ("fwd:-0", False),
        ("novelty:-9.9", True), ("novelty:-10.1", False), ("novelty:-15%", True), ("fwd@a-1: +5%", True),
    ],
)  # fmt: skip
def test_a_bound_is_in_the_printed_unit_or_relative(bound: str, breaks: bool) -> None:
    found = compare(
        table(novelty=hits(600), fwd=distance(10.0)), table(novelty=hits(500), fwd=distance(13.0)),
    )  # fmt: skip
    assert bool([*broken([Bound.parse(bound)], found)]) is breaks


def test_noise_breaks_no_bound_and_what_is_not_compared_is_an_error() -> None:
    first = table(fwd=distance(10.0, half=5.0), novelty=hits(5))
    noisy = compare(first, table(fwd=distance(12.0, half=5.0), novelty=hits(5)))
    assert [*broken([Bound.parse("fwd:+5%")], noisy)] == []
    untested = compare(first, table(fwd=distance(12.0, half=None), novelty=hits(5)))
    assert len([*broken([Bound.parse("fwd:+5%")], untested)]) == 1
    with pytest.raises(ConfigError, match="no value in the first"):
        [*broken([Bound.parse("uniqueness:-1")], noisy)]
    for text in ("fwd", "fwd:5", "fwd:+5 points", "fwd:+-5", ":+5"):
        with pytest.raises(ConfigError, match="is no bound; expected METRIC"):
            Bound.parse(text)


def test_every_format_has_every_cell() -> None:
    found = compare(table(novelty=hits(600), fwd=distance(10.0)), table(novelty=hits(500), fwd=distance(13.0)))
    text = differences_text.markdown(found)
    assert "-10.0 [-14.3, -5.6]" in text
    assert "worse" in text
    assert text.endswith(f"Neither has a value of: uniqueness.\n\n{differences_text.NOTE}")
    records = json.loads(differences_text.as_json(found))
    assert [record["metric"] for record in records] == [column.key for column in COLUMNS]
    assert records[0]["change"] == pytest.approx(-0.1)
    assert differences_text.as_csv(found).count("\r\n") == len(COLUMNS)


def test_two_samples_of_one_generator_seldom_differ() -> None:
    """Of pairs with three cells at most 5 % have one that is called different; of 400 pairs, so, 30 but once in 200."""
    random = np.random.default_rng(0)
    alarms = 0
    for trial in range(400):
        halves = []
        for half in range(2):
            values = random.normal(10, 3, 400)
            middle, error = values.mean(), 1.96 * values.std(ddof=1) / 20
            cell = Cell(outcomes=(MetricResult(value=middle, n=400, interval=(middle - error, middle + error)),))
            shares = {"novelty": hits(int(random.binomial(400, 0.4)), 400)}
            shares["uniqueness"] = hits(int(random.binomial(400, 0.9)), 400)
            halves.append(table(key=f"{trial} {half}", fwd=cell, **shares))
        ((comparison),) = compare(*halves)
        alarms += any(difference.different for difference in comparison.differences)
    assert 2 <= alarms <= 30


def pair_counts(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pairs:
    both = int((first & second).sum())
    one, two = int(first.sum()), int(second.sum())
    return Pairs(both=both, first=one - both, second=two - both, neither=len(first) - one - two + both)


def test_mcnemars_test_counts_those_that_disagree_and_no_others() -> None:
    """By hand: of ten that disagree one is on the other side, 2 (1 + 10) / 2^10; the 990 others say nothing."""
    found = Pairs(both=500, first=1, second=9, neither=490)
    assert mcnemar(found) == pytest.approx(22 / 1024)
    assert mcnemar(replace(found, both=0, neither=0)) == mcnemar(found)
    assert mcnemar(Pairs(both=3, first=0, second=0, neither=4)) == 1.0


def test_newcombes_paired_interval_without_correlation_is_that_of_independent_shares() -> None:
    intervals = wilson(50, 100), wilson(40, 100)
    plain = square_and_add(0.5, intervals[0], 0.4, intervals[1])
    independent = Pairs(both=20, first=30, second=20, neither=30)
    assert paired_interval(independent, *intervals) == pytest.approx(plain)
    related = Pairs(both=38, first=12, second=2, neither=48)
    low, high = paired_interval(related, *intervals)
    assert plain[0] < low < related.change < high < plain[1]
    opposed = Pairs(both=0, first=50, second=40, neither=10)
    assert paired_interval(opposed, *intervals)[0] < plain[0]


def test_a_sample_more_in_a_thousand_is_seen_when_samples_are_paired_and_not_else() -> None:
    """990 samples alike and ten that all moved one way: no test of two shares of 1,000 could see it."""
    first, second = table(novelty=hits(500), key="a"), table(novelty=hits(510), key="b")
    first = replace(first, settings={"dataset": "d", "conversion": "symprec 0.1"})
    second = replace(second, settings={"dataset": "d", "conversion": "symprec 0.01"})
    same = {"model": {"novelty": Pairs(both=500, first=0, second=10, neither=490)}}
    (comparison,) = compare(first, second, pairs=same)
    (found,) = comparison.of("novelty")
    assert (found.test, found.verdict) == ("McNemar's exact, paired", "better")
    assert found.interval[0] > 0
    with pytest.raises(ConfigError, match="the conversion is"):
        compare(first, second)


def test_pairs_that_do_not_add_up_to_the_share_are_not_used() -> None:
    first, second = table(novelty=hits(500), key="a"), table(novelty=hits(510), key="b")
    for wrong in (Pairs(both=499, first=0, second=11, neither=490), Pairs(both=500, first=0, second=10, neither=491)):
        (comparison,) = compare(first, second, pairs={"model": {"novelty": wrong}})
        assert comparison.of("novelty")[0].test == "both intervals, as if unpaired"


@pytest.mark.parametrize(("share_of", "moved"), [(0.5, 0.02), (0.9, 0.1), (0.02, 0.01), (0.5, 0.5)])
def test_paired_samples_of_one_law_are_called_different_at_most_as_often_as_stated(
    share_of: float, moved: float
) -> None:
    """1,000 simulations of 300 samples, of which some change sides, as many as come back: no share has changed."""
    random = np.random.default_rng(7)
    alarms = missed = 0
    for _ in range(1000):
        first = random.random(300) < share_of
        again = random.random(300) < share_of
        second = np.where(random.random(300) < moved, again, first)
        found = pair_counts(first, second)
        low, high = paired_interval(found, wilson(int(first.sum()), 300), wilson(int(second.sum()), 300))
        alarms += mcnemar(found) < ALPHA
        missed += not low <= 0 <= high
    assert alarms <= 64  # 5 %, and two standard errors of a thousand
    assert missed <= 64
