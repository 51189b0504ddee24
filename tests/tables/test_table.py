"""Tables: the best value, the target, and several runs in one."""

from dataclasses import replace
from decimal import Decimal

import pytest

from crystalbench.errors import ConfigError
from crystalbench.tables.merge import merge as merge_runs
from crystalbench.tables.results import (
    Cell,
    Column,
    ColumnSet,
    Direction,
    Failure,
    MetricResult,
    Missing,
    Row,
    RowKind,
    Table,
)
from crystalbench.tables.selection import check_columns, choose_rows, ranked, select, sort, within


def cell(*values: float) -> Cell:
    return Cell(outcomes=tuple(MetricResult(value=v, n=10, interval=(v, v)) for v in values))


def merge(tables: list[Table]) -> Table:
    return merge_runs({f"run {number}": item for number, item in enumerate(tables, 1)})


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
        row("paper", RowKind.PUBLISHED, m=Cell(published=(Decimal("1.0"), Decimal("0.1")))),
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
    paper = row("a", RowKind.PUBLISHED, m=Cell(published=(Decimal("1.0"), None)))
    first, second = table(Direction.HIGHER, row("a", m=cell(0.3)), paper), table(Direction.HIGHER, paper)
    assert [(r.generator, r.kind) for r in merge([first, second]).rows] == [
        ("a", RowKind.MEASURED),
        ("a", RowKind.PUBLISHED),
    ]


def test_numbering_never_meets_a_name_that_is_taken() -> None:
    tables = [table(Direction.HIGHER, row(name, m=cell(value))) for value, name in enumerate(("a#2", "a", "a"))]
    assert [r.generator for r in merge(tables).rows] == ["a#2", "a", "a#3"]


def test_other_versions_of_a_metric_are_not_merged_and_are_named() -> None:
    first = two_metrics("a")
    second = replace(two_metrics("b"), columns=(first.columns[0], replace(first.columns[1], version="2 (rule strict)")))
    with pytest.raises(ConfigError, match=r"metric n is '1' in run 1 and '2 \(rule strict\)' in run 2") as caught:
        merge([first, second])
    assert "metric m" not in str(caught.value)
    assert "--metrics" in str(caught.value)
    assert [c.key for c in merge([select(first, ["m"]), select(second, ["m"])]).columns] == ["m"]


def two_metrics(name: str) -> Table:
    columns = tuple(Column(key=key, title=key, latex="", version="1") for key in ("m", "n"))
    return Table(title="t", columns=columns, rows=(row(name, m=cell(0.1), n=cell(0.2)),))


def test_runs_with_different_metrics_are_merged() -> None:
    first = replace(select(two_metrics("a"), ["m"]), settings={"dataset": "wbm", "m": "rule strict"})
    second = replace(select(two_metrics("b"), ["n"]), settings={"dataset": "wbm", "n": "rule lax"})
    merged = merge([first, second])
    assert [c.key for c in merged.columns] == ["m", "n"]
    assert [r.generator for r in merged.rows] == ["a", "b"]
    assert merged.settings == {"dataset": "wbm", "m": "rule strict", "n": "rule lax"}


def test_a_column_that_one_run_only_prints_from_a_paper_conflicts_with_none() -> None:
    measured = two_metrics("a")
    paper = row("p", RowKind.PUBLISHED, m=Cell(published=(Decimal("1.0"), None)))
    printed = replace(measured, columns=(replace(measured.columns[0], version=""),), rows=(paper,))
    for tables in ([measured, printed], [printed, measured]):
        assert {c.key: c.version for c in merge(tables).columns} == {"m": "1", "n": "1"}


def test_a_column_is_shown_where_one_of_the_runs_shows_it() -> None:
    hidden = two_metrics("a")
    hidden = replace(hidden, columns=tuple(replace(c, within=ColumnSet.ALL) for c in hidden.columns))
    shown = select(two_metrics("b"), ["n"])
    for tables in ([hidden, shown], [shown, hidden]):
        assert {c.key: c.within for c in merge(tables).columns} == {"m": ColumnSet.ALL, "n": ColumnSet.DEFAULT}


@pytest.mark.parametrize("key", ["dataset", "dataset version", "conversion"])
def test_runs_on_different_data_are_not_merged(key: str) -> None:
    first = table(Direction.HIGHER, row("a", m=cell(0.3)))
    with pytest.raises(ConfigError, match=f"no cell of them: the {key} is 'x' in run 1 and 'y' in run 2"):
        merge([replace(first, settings={key: "x"}), replace(first, settings={key: "y"})])


# --- columns and rows that are shown ------------------------------------------------------------------------------


def wide() -> Table:
    sets = {"f@e-1": ColumnSet.PAPER, "f@e-2": ColumnSet.PAPER, "s": ColumnSet.DEFAULT, "v": ColumnSet.ALL}
    columns = tuple(
        Column(key=key, title=key, latex="", within=within, direction=Direction.LOWER) for key, within in sets.items()
    )
    rows = (
        row("train", RowKind.TRAINING, s=cell(0.5)),
        row("a", s=cell(0.1), v=cell(3.0), **{"f@e-1": cell(2.0)}),
        row("b", s=cell(0.6), v=cell(1.0), **{"f@e-2": cell(1.0)}),
        row("c", s=cell(0.9)),
        row("a", RowKind.PUBLISHED, s=Cell(published=(Decimal("0.5"), None))),
    )
    return Table(title="t", columns=columns, rows=rows)


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["paper"], ["f@e-1", "f@e-2"]),
        (["default"], ["f@e-1", "f@e-2", "s"]),
        (["all"], ["f@e-1", "f@e-2", "s", "v"]),
        (["v", "f"], ["v", "f@e-1", "f@e-2"]),
        (["s", "f@e-2"], ["s", "f@e-2"]),
        (["v", "paper", "v"], ["v", "f@e-1", "f@e-2"]),
    ],
)
def test_columns_are_those_named_in_the_order_given(names: list[str], keys: list[str]) -> None:
    chosen = select(wide(), names)
    assert [column.key for column in chosen.columns] == keys
    assert within(chosen, ColumnSet.DEFAULT) == chosen  # what is asked for is shown in every format
    assert {column.key for column in ranked(wide(), names).columns} == {column.key for column in wide().columns}
    assert within(ranked(wide(), names), ColumnSet.DEFAULT) == chosen


def test_columns_that_no_table_has_are_errors_with_the_nearest_name() -> None:
    check_columns([wide(), two_metrics("a")], ["f", "f@e-2", "n", "paper"])
    with pytest.raises(ConfigError, match="unknown column 'papr'; did you mean 'paper'"):
        check_columns([wide()], ["papr"])
    with pytest.raises(ConfigError, match="unknown generator 'd'"):
        choose_rows(wide(), ["d"])


def test_rows_are_those_named_in_the_order_given_below_the_training_set() -> None:
    chosen = choose_rows(wide(), ["c", "a"])
    assert [(r.generator, r.kind) for r in chosen.rows] == [
        ("train", RowKind.TRAINING),
        ("c", RowKind.MEASURED),
        ("a", RowKind.MEASURED),
        ("a", RowKind.PUBLISHED),
    ]


@pytest.mark.parametrize(
    ("name", "direction", "order"),
    [
        ("v", Direction.LOWER, ["b", "a", "c"]),
        ("v", Direction.HIGHER, ["a", "b", "c"]),
        ("-v", Direction.LOWER, ["a", "b", "c"]),
        ("s", Direction.TARGET, ["b", "a", "c"]),
        ("s", Direction.NONE, ["c", "b", "a"]),
        ("f", Direction.LOWER, ["b", "a", "c"]),
    ],
)
def test_rows_are_sorted_best_first_and_those_without_a_value_stand_last(
    name: str, direction: Direction, order: list[str]
) -> None:
    table = wide()
    table = replace(table, columns=tuple(replace(column, direction=direction) for column in table.columns))
    assert [r.generator for r in sort(table, name).rows if r.kind is RowKind.MEASURED] == order
