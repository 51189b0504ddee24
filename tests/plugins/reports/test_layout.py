"""What all report formats share: digits, marks, footnotes, groups, the best."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Cell, Column, Direction, Failure, Missing, Row, RowKind, Table
from crystalbench.plugins import Plugins
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._footnotes import Footnotes, letters
from crystalbench_plugins.reports._layout import FAILED, NO_VALUE, blocks, counts, layout, ledger, problem_text
from crystalbench_plugins.reports._numbers import bounds, number, printed, with_spread
from tests.plugins.reports.report_table import GOLDEN, goldens, of, paper, rich_table

PERCENT = Column(key="x", title="x", latex="", unit="%", digits=1)
PLAIN = Column(key="x", title="x", latex="", digits=2, direction=Direction.LOWER)


@pytest.mark.parametrize("name", sorted(goldens()))
def test_every_format_of_the_rich_table_is_the_golden_one(name: str) -> None:
    """Rewrite with ``python tests/plugins/reports/report_table.py`` and read the difference."""
    assert goldens()[name] == (GOLDEN / name).read_bytes().decode()


def test_a_column_that_asks_for_it_shows_the_interval_of_a_single_replica_and_only_that() -> None:
    single, several = of(1.5, interval=(1.0, 2.25)), Cell(outcomes=of(1.5, interval=(1.0, 2.25)).outcomes * 2)
    rows = tuple(
        Row(generator=name, title=name, kind=RowKind.MEASURED, cells={"x": cell, "y": cell})
        for name, cell in (("one", single), ("two", several), ("none", of(1.5)))
    )
    columns = (replace(PLAIN, show_interval=True), replace(PLAIN, key="y"))
    sheet = layout(Table(title="t", columns=columns, rows=rows))
    texts = [[entry.text for entry in line.entries] for line in sheet.lines]
    assert texts == [["1.50 [1.0, 2.2]", "1.50"], ["1.50 ± 0.00", "1.50 ± 0.00"], ["1.50", "1.50"]]
    assert any("sampling interval" in line for line in sheet.legend)
    assert not any("In brackets" in line for line in layout(Table(title="t", columns=columns[1:], rows=rows)).legend)


def test_the_legend_says_where_the_number_of_samples_leaves_no_best() -> None:
    column = replace(PLAIN, size_dependent=True)
    rows = tuple(
        Row(generator=name, title=name, kind=RowKind.MEASURED, cells={"x": of(value, n=n, interval=(value, value))})
        for name, value, n in (("few", 1.0, 10), ("many", 2.0, 1000))
    )
    found = {
        dependent: layout(Table(title="t", columns=(replace(column, size_dependent=dependent),), rows=rows))
        for dependent in (True, False)
    }
    assert [line.startswith("No best") for line in found[True].legend] == [False, True]
    assert not any(entry.best for line in found[True].lines for entry in line.entries)
    assert any(line.startswith("Bold: best of the measured rows") for line in found[False].legend)


@pytest.mark.parametrize(
    ("interval", "column", "text"),
    [
        ((0.0, 0.843), PLAIN, ("0.00", "0.84")),
        ((21.65, 43.41), PLAIN, ("22", "43")),
        ((-0.25, 5.31), PLAIN, ("-0.2", "5.3")),
        ((500.57, 1035.53), PLAIN, ("501", "1036")),
        ((-0.03, 5.31), PLAIN, ("0.0", "5.3")),
        ((1.0, 1.0), PLAIN, ("1.00", "1.00")),
        ((0.1234, 0.5678), PERCENT, ("12", "57")),
        ((0.821, 0.837), PERCENT, ("82.1", "83.7")),
        ((0.0, 3e7), PLAIN, ("0", "3.00e+07")),
        ((-1.5e308, 1.5e308), PLAIN, ("-1.50e+308", "1.50e+308")),
    ],
)
def test_an_interval_has_two_significant_digits_of_its_width(
    interval: tuple[float, float], column: Column, text: tuple[str, str]
) -> None:
    assert bounds(interval, column) == text


def test_a_column_of_another_encoder_is_marked_and_columns_of_one_encoder_share_the_mark() -> None:
    columns = [replace(PLAIN, key=key) for key in ("a", "b@x-1", "c@x-1", "d@y-2")]
    sheet = layout(Table(title="t", columns=tuple(columns), rows=()))
    assert sheet.heads == ((), ("a",), ("a",), ("b",))
    assert [note.split(",")[0] for _, note in sheet.footnotes] == ["by the encoder x-1", "by the encoder y-2"]


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (0.302, PERCENT, "30.2"),
        (0.0, PERCENT, "0.0"),
        (-0.0, PERCENT, "0.0"),
        (1.0, PERCENT, "100.0"),
        (0.9999, PERCENT, "99.99"),
        (0.0004, PERCENT, "0.04"),
        (0.29, PERCENT, "29.0"),
        (41.9, PLAIN, "41.90"),
        (0.000123, PLAIN, "0.0001"),
        (1e-9, PLAIN, "1.00e-09"),
        (1_234_567.0, PLAIN, "1.23e+06"),
        (-3.14159, PLAIN, "-3.14"),
    ],
)
def test_numbers_have_the_columns_digits(value: float, column: Column, text: str) -> None:
    assert number(value, column) == text


@given(st.floats(min_value=-1e9, max_value=1e9))
def test_something_is_never_printed_as_nothing(value: float) -> None:
    assert (float(number(value, PLAIN)) == 0) == (value == 0)


@given(st.integers(0, 100_000), st.integers(1, 100_000))
def test_a_share_is_printed_as_all_only_if_it_is_all(part: int, whole: int) -> None:
    share = min(part, whole) / whole
    assert (float(number(share, PERCENT)) == 100) == (share == 1)


def test_mean_and_deviation_have_the_same_decimals() -> None:
    assert with_spread(0.48, 0.0213, PLAIN) == ("0.48", "0.02")
    assert with_spread(0.004, 0.0002, PERCENT) == ("0.40", "0.02")
    assert with_spread(0.5, 1e-12, PERCENT) == ("50.0", "0.0")


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        ("41.9", PLAIN, "41.9"),
        ("13.71", PLAIN, "13.71"),
        ("0.994", PERCENT, "99.4"),
        ("0.0000", PERCENT, "0.00"),
        ("2.60", PLAIN, "2.60"),
        ("0.01", PERCENT, "1"),
        ("1", PERCENT, "100"),
        ("0", PERCENT, "0"),
    ],
)
def test_published_numbers_are_printed_as_printed(value: str, column: Column, text: str) -> None:
    assert printed(Decimal(value), column) == text


def test_notes_that_differ_in_numbers_share_a_letter_and_list_them() -> None:
    notes = Footnotes()
    texts = ("1,000 rows: 8.09, under 11", "969 rows: 8.41, under 11", "1,000 rows: 8.09, under 11", "no rows")
    assert [notes.mark(text) for text in texts] == ["a", "a", "a", "b"]
    assert list(notes) == [("a", "1,000 / 969 rows: 8.09 / 8.41, under 11"), ("b", "no rows")]


@pytest.mark.parametrize(
    "names", [("x-1", "x-2"), ("wbm-1433", "wbm-2"), ("a/0", "a/1"), ("v1.2", "v1.3"), ("2D", "3D")]
)
def test_numbers_inside_names_are_part_of_the_meaning(names: tuple[str, str]) -> None:
    notes = Footnotes()
    assert [notes.mark(f"made by {name}") for name in names] == ["a", "b"]


@given(st.lists(st.text(), min_size=1))
def test_a_note_alone_in_its_meaning_is_printed_as_it_is(texts: list[str]) -> None:
    for text in texts:
        notes = Footnotes()
        notes.mark(text)
        assert [note for _, note in notes] == [plain(text)]


def test_novel_columns_of_the_training_set_need_no_note() -> None:
    cells = {"x": Cell(outcomes=(Missing("there are no novel samples"),))}
    column = replace(PLAIN, group="novel")
    for kind, novel, marks in ((RowKind.TRAINING, 0, ()), (RowKind.MEASURED, 0, ("a",)), (RowKind.TRAINING, 5, ("a",))):
        row = Row(generator="g", title="g", kind=kind, novel=novel, cells=cells)
        sheet = layout(Table(title="t", columns=(column,), rows=(row,)))
        assert sheet.lines[0].entries[0].marks == marks


def test_a_note_of_all_rows_of_a_kind_stands_at_their_heading() -> None:
    rows = tuple(
        Row(
            generator=name,
            title=name,
            kind=RowKind.PUBLISHED,
            notes=("the paper", "Table 1", *own),
            cells={"x": paper("1")},
        )
        for name, own in (("a", ()), ("b", ("discarded some",)))
    )
    sheet = layout(Table(title="t", columns=(PLAIN,), rows=rows))
    assert sheet.headed
    assert [line.marks for line in sheet.lines] == [("‡",), ("‡", "b")]
    assert sheet.groups[0].marks == ("a",)
    assert sheet.footnotes[1:] == (("a", "the paper; Table 1"), ("b", "discarded some"))


def test_what_a_paper_did_not_print_is_a_dash_without_a_note() -> None:
    row = Row(generator="g", title="g", kind=RowKind.PUBLISHED, cells={"y": paper("1")})
    other = replace(row, generator="h", title="h", cells={"x": paper("2")})
    sheet = layout(Table(title="t", columns=(PLAIN, replace(PLAIN, key="y")), rows=(row, other)))
    assert [(entry.value, entry.marks) for entry in sheet.lines[0].entries] == [(NO_VALUE, ()), ("1", ())]
    assert [mark for mark, _ in sheet.footnotes] == ["‡"]


def test_counts_of_a_search_for_novel_samples_stand_in_the_table() -> None:
    searching = Row(
        generator="a", title="a", kind=RowKind.MEASURED, asked=10, drawn=10, valid=9, searched=40, novel=21, used=20
    )
    plainly = replace(searching, searched=0, novel=3, used=3)
    assert counts(layout(Table(title="t", columns=(), rows=(searching,)))) == (
        ("asked", "drawn", "valid", "searched", "novel", "used"),
        [(10, 10, 9, 40, 21, 20)],
    )
    assert counts(layout(Table(title="t", columns=(), rows=(plainly,)))) == (
        ("asked", "drawn", "valid", "novel"),
        [(10, 10, 9, 3)],
    )


def test_footnote_letters_go_on_after_z() -> None:
    assert [letters(i) for i in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]


def test_equal_reasons_share_one_footnote() -> None:
    sheet = layout(rich_table())
    texts = [text for _, text in sheet.footnotes]
    assert len(texts) == len(set(texts))
    assert texts.count("not computed in this run") == 1


def test_every_cell_without_a_value_has_a_footnote_that_is_there() -> None:
    sheet = layout(rich_table())
    marks = {mark for mark, _ in sheet.footnotes}
    empty = [entry for line in sheet.lines for entry in line.entries if entry.value in (NO_VALUE, FAILED)]
    assert len(empty) > 5
    assert {mark for entry in empty for mark in entry.marks} <= marks
    assert {mark for line in sheet.lines for mark in line.marks} <= marks


def test_one_failed_replica_fails_the_cell_and_says_how_many() -> None:
    row = rich_table().rows[3]
    assert problem_text(row, row.cells["fwd"]) == "1 of 3 replicas: score failed in fwd: ValueError: singular"


def test_only_measured_rows_are_bold() -> None:
    """The training copy, the example and the published row have better values here, under the same names too."""
    table = rich_table()
    named_alike = tuple(
        row if row.kind is RowKind.MEASURED else replace(row, generator="wyckoffdiff") for row in table.rows
    )
    for sheet in (layout(table), layout(replace(table, rows=named_alike))):
        bold = {line.row.kind for line in sheet.lines for entry in line.entries if entry.best}
        assert bold == {RowKind.MEASURED}


@given(st.randoms(use_true_random=False), st.sampled_from(Direction))
def test_the_best_does_not_depend_on_the_order_of_rows(rng: random.Random, direction: Direction) -> None:
    table = rich_table()
    rows = list(table.rows)
    rng.shuffle(rows)
    columns = tuple(replace(column, direction=direction) for column in table.columns)
    first, second = replace(table, columns=columns), replace(table, columns=columns, rows=tuple(rows))
    assert _best(first) == _best(second)


def _best(table: Table) -> set[tuple[str, str]]:
    return {
        (line.row.generator, column.key)
        for line in layout(table).lines
        for column, entry in zip(table.columns, line.entries, strict=True)
        if entry.best
    }


def test_rows_are_grouped_by_kind_and_keep_their_order() -> None:
    kinds = [line.row.kind for line in layout(rich_table()).lines]
    assert kinds == [RowKind.TRAINING, RowKind.REFERENCE, *[RowKind.MEASURED] * 3, RowKind.EXAMPLE, RowKind.PUBLISHED]


def test_rows_of_one_title_are_told_apart() -> None:
    rows = tuple(Row(generator=name, title="CDVAE", kind=RowKind.MEASURED, cells={"x": of(1.0)}) for name in "ab")
    sheet = layout(Table(title="t", columns=(PLAIN,), rows=rows))
    assert [line.title for line in sheet.lines] == ["CDVAE [a]", "CDVAE [b]"]


def test_the_ledger_shows_samples_that_no_reason_accounts_for() -> None:
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, drawn=10, valid=5, reasons={"crash": 1, "empty": 2})
    assert ledger(row) == (("empty", 2), ("crash", 1), ("without a reason", 2))


@given(st.text())
def test_plain_text_is_one_printable_line(text: str) -> None:
    line = plain(text)
    assert "\n" not in line
    assert "\u202e" not in line
    line.encode()


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from("ab"))), st.integers(0, 60), st.integers(1, 120))
def test_blocks_hold_every_column_once_in_order(columns: list[tuple[int, str]], names: int, limit: int) -> None:
    def fits(part: range) -> bool:
        return names + sum(columns[i][0] for i in part) <= limit

    groups = [group for _, group in columns]
    parts = list(blocks(groups, fits))
    assert [i for part in parts for i in part] == list(range(len(columns)))
    assert all(len(part) <= 1 or fits(part) for part in parts)
    one, fewest = 0, 0
    while one < len(columns):  # as many as fit, again and again, are as few blocks as can be
        one, fewest = (
            max(end for end in range(one + 1, len(columns) + 1) if end == one + 1 or fits(range(one, end))),
            fewest + 1,
        )
    assert len(parts) == fewest


@pytest.mark.parametrize(
    ("limit", "lengths"),
    [(9, [8]), (7, [3, 5]), (5, [3, 5]), (4, [4, 4]), (3, [3, 2, 3]), (2, [2, 2, 2, 2]), (0, [1] * 8)],
)
def test_blocks_are_few_and_end_where_the_group_changes(limit: int, lengths: list[int]) -> None:
    assert [len(part) for part in blocks([""] * 3 + ["novel"] * 5, lambda part: len(part) <= limit)] == lengths


def test_blocks_are_even_and_leave_no_column_of_a_group_alone() -> None:
    groups = [""] * 9 + ["structure"] * 4
    assert [len(part) for part in blocks(groups, lambda part: len(part) <= 4)] == [3, 3, 3, 4]
    assert list(blocks([], lambda part: True)) == []


def test_an_empty_table_is_drawn() -> None:
    table = Table(title="nothing", columns=(), rows=())
    assert layout(table).lines == ()


def test_a_cell_with_no_outcome_counts_as_not_computed() -> None:
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": Cell()})
    sheet = layout(Table(title="t", columns=(PLAIN,), rows=(row,)))
    assert sheet.footnotes == (("a", "not computed in this run"),)


def test_failures_come_before_missing_values() -> None:
    cell = Cell(outcomes=(Missing("no clock"), Failure("score", "p", "E")))
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": cell})
    entry = layout(Table(title="t", columns=(PLAIN,), rows=(row,))).lines[0].entries[0]
    assert (entry.value, entry.failed) == (FAILED, True)


def test_a_published_row_is_left_out_of_a_block_in_which_it_prints_nothing() -> None:
    sheet = layout(rich_table())
    place = [column.key for column in sheet.table.columns].index("p1_share")
    shown = {group.kind: group.lines for group in sheet.groups_in(range(place, place + 1))}
    assert RowKind.PUBLISHED not in shown
    assert [line.row.generator for line in shown[RowKind.EXAMPLE]] == ["cdvae"]
    assert RowKind.PUBLISHED in {group.kind for group in sheet.groups_in(range(place, place + 2))}


def without(reason: str) -> Cell:
    return Cell(outcomes=(Missing(reason),))


def test_columns_in_which_no_row_has_a_value_are_one_line_with_the_reasons() -> None:
    columns = tuple(replace(PLAIN, key=key, title=key.upper(), group="novel" if key == "c" else "") for key in "abcd")
    cells = {
        "a": of(1.0),
        "b": without("no training split"),
        "c": without("no training split"),
        "d": without("untimed"),
    }
    rows = tuple(
        Row(generator=name, title=name, kind=RowKind.MEASURED, cells=cells | {"a": of(1.0) if name == "g" else Cell()})
        for name in "gh"
    )
    sheet = layout(Table(title="t", columns=columns, rows=rows))
    assert [column.key for column in sheet.table.columns] == ["a"]
    assert [len(line.entries) for line in sheet.lines] == [1, 1]
    assert sheet.legend[-1] == "No row has a value in: B, novel: C (b); D (c)."
    assert sheet.footnotes == (("a", "not computed in this run"), ("b", "no training split"), ("c", "untimed"))


def test_a_column_that_failed_in_every_row_stays() -> None:
    cell = Cell(outcomes=(Failure(step="metric", plugin="p", error="E: x", traceback=""),))
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": cell, "y": of(1.0)})
    sheet = layout(Table(title="t", columns=(PLAIN, replace(PLAIN, key="y")), rows=(row,)))
    assert [entry.value for entry in sheet.lines[0].entries] == [FAILED, "1.00"]


def test_a_table_without_any_value_keeps_its_columns() -> None:
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": without("untimed")})
    sheet = layout(Table(title="t", columns=(PLAIN,), rows=(row,)))
    assert [entry.value for entry in sheet.lines[0].entries] == [NO_VALUE]
    assert not any("No row" in line for line in sheet.legend)


@pytest.mark.parametrize("name", ["markdown", "latex", "html", "notebook"])
def test_every_format_names_a_column_in_which_no_row_has_a_value(name: str) -> None:
    columns = (PLAIN, replace(PLAIN, key="y", title="Speed", latex=""))
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": of(1.0), "y": without("was not timed")})
    text = Plugins.load().reporters[name].report(Table(title="t", columns=columns, rows=(row,)))
    assert "No row has a value in: Speed (a)." in text
    assert "was not timed" in text
