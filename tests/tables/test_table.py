"""Tables: the best value, the target, and several runs in one."""

from dataclasses import replace

import pytest

from crystalbench.errors import ConfigError
from crystalbench.tables.merge import merge
from crystalbench.tables.results import Cell, Column, Direction, Failure, MetricResult, Missing, Row, RowKind, Table


def cell(*values: float) -> Cell:
    return Cell(outcomes=tuple(MetricResult(value=v, n=10, interval=(v, v)) for v in values))


def row(name: str, kind: RowKind = RowKind.MEASURED, **cells: Cell) -> Row:
    return Row(generator=name, title=name, kind=kind, asked=10, drawn=10, valid=10, cells=cells)


def table(direction: Direction, *rows: Row) -> Table:
    return Table(title="t", columns=(Column(key="m", title="M", latex="M", direction=direction),), rows=rows)


@pytest.mark.parametrize(
    ("direction", "best"),
    [(Direction.HIGHER, {"b"}), (Direction.LOWER, {"a"}), (Direction.TARGET, {"a"}), (Direction.NONE, set())],
)
def test_only_measured_rows_can_be_best(direction: Direction, best: set[str]) -> None:
    rows = [
        row("train", RowKind.TRAINING, m=cell(0.2)),
        row("a", m=cell(0.3)),
        row("b", m=cell(0.9)),
        row("example", RowKind.EXAMPLE, m=cell(0.2)),
        row("paper", RowKind.PUBLISHED, m=Cell(published=(1.0, 0.1))),
    ]
    made = table(direction, *rows)
    assert made.best(made.columns[0]) == best


def test_neither_ties_nor_a_lone_row_are_best() -> None:
    tied = table(Direction.HIGHER, row("a", m=cell(1.0)), row("b", m=cell(1.0)), row("c", m=cell(0.0)))
    assert tied.best(tied.columns[0]) == frozenset()
    lone = table(Direction.HIGHER, row("a", m=cell(1.0)))
    assert lone.best(lone.columns[0]) == frozenset()


def test_values_that_depend_on_the_number_of_samples_have_no_best_among_different_numbers() -> None:
    def of(n: int, value: float) -> Cell:
        return Cell(outcomes=(MetricResult(value=value, n=n, interval=(value, value)),))

    column = Column(key="m", title="M", latex="", direction=Direction.LOWER, size_dependent=True)
    unlike = Table(title="t", columns=(column,), rows=(row("a", m=of(2, 1.0)), row("b", m=of(1000, 2.0))))
    assert not unlike.comparable(column)
    assert unlike.best(column) == frozenset()
    assert unlike.best(replace(column, size_dependent=False)) == {"a"}
    alike = replace(unlike, rows=(row("a", m=of(950, 1.0)), row("b", m=of(1000, 2.0))))
    assert alike.best(column) == {"a"}
    others = (row("example", RowKind.EXAMPLE, m=of(3, 0.5)), row("none", m=Cell(outcomes=(Missing("no"),))))
    assert replace(alike, rows=(*alike.rows, *others)).best(column) == {"a"}


def test_a_cell_has_a_mean_only_if_every_replica_has_a_value() -> None:
    assert cell(0.2, 0.4).mean == pytest.approx(0.3)
    assert cell(0.2, 0.4).std == pytest.approx(0.1414213562)
    assert cell(0.2).std is None
    broken = Cell(outcomes=(*cell(0.2).outcomes, Missing("none"), Failure("score", "m", "no")))
    assert broken.mean is None
    assert isinstance(broken.problem, Failure)


def test_a_sampling_interval_is_never_shown_for_replicas() -> None:
    outcome = MetricResult(value=0.5, n=10, interval=(0.1, 0.9))
    assert Cell(outcomes=(outcome,)).interval == (0.1, 0.9)
    assert Cell(outcomes=(outcome, outcome)).interval is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_result_is_finite_by_construction(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        MetricResult(value=value, n=1)


def test_merging_shares_reference_rows_and_numbers_repeated_generators() -> None:
    train = row("train", RowKind.TRAINING, m=cell(0.2))
    first = table(Direction.HIGHER, train, row("a", m=cell(0.3)))
    second = table(Direction.HIGHER, train, row("a", m=cell(0.4)), row("b", m=cell(0.5)))
    merged = merge([first, second])
    assert [r.generator for r in merged.rows] == ["a", "a#2", "b", "train"]


def test_rows_of_the_same_samples_appear_once_though_their_timings_differ() -> None:
    slow, quick = (replace(row("a", m=cell(value)), key="same") for value in (1.0, 2.0))
    merged = merge([table(Direction.HIGHER, slow), table(Direction.HIGHER, quick)])
    assert merged.rows == (slow,)


def test_a_published_row_does_not_number_a_measured_one() -> None:
    paper = row("a", RowKind.PUBLISHED, m=Cell(published=(1.0, None)))
    first, second = table(Direction.HIGHER, row("a", m=cell(0.3)), paper), table(Direction.HIGHER, paper)
    assert [(r.generator, r.kind) for r in merge([first, second]).rows] == [
        ("a", RowKind.MEASURED),
        ("a", RowKind.PUBLISHED),
    ]


def test_numbering_never_meets_a_name_that_is_taken() -> None:
    tables = [table(Direction.HIGHER, row(name, m=cell(value))) for value, name in enumerate(("a#2", "a", "a"))]
    assert [r.generator for r in merge(tables).rows] == ["a#2", "a", "a#3"]


def test_other_versions_of_a_metric_are_not_merged() -> None:
    first = table(Direction.HIGHER, row("a", m=cell(0.3)))
    second = replace(first, columns=(replace(first.columns[0], version="2"),))
    with pytest.raises(ConfigError, match="metric m is '' in one and '2' in another"):
        merge([first, second])


def test_a_search_for_novel_samples_is_not_merged_with_none() -> None:
    first = table(Direction.HIGHER, row("a", m=cell(0.3)))
    with pytest.raises(ConfigError, match="novel is None in one"):
        merge([first, replace(first, settings={"novel": "drawn until 300 are novel"})])


def test_runs_on_different_datasets_are_not_merged() -> None:
    first = table(Direction.HIGHER, row("a", m=cell(0.3)))
    with pytest.raises(ConfigError, match="not comparable: dataset is 'wbm' in one and 'mp20' in another"):
        merge([replace(first, settings={"dataset": "wbm"}), replace(first, settings={"dataset": "mp20"})])
