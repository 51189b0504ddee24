"""CSV: one line per value, full precision, and no cell that a spreadsheet runs."""

import csv
import io
import statistics
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crystalbench import MetricResult, Table
from crystalbench_plugins.reports.csv import FIELDS, FORMULA_STARTS, render, safe
from tests.plugins.reports.report_table import rich_table


def records(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(table), newline="")))


def test_every_outcome_of_every_replica_has_one_line() -> None:
    table = rich_table()
    lines = records(table)
    expected = sum(
        max(1, len(r.cells[c.key].outcomes)) if c.key in r.cells else 1 for r in table.rows for c in table.columns
    )
    assert len(lines) == expected
    assert {line["outcome"] for line in lines} == {"value", "missing", "failure"}
    assert tuple(lines[0]) == FIELDS


def test_values_keep_full_precision_and_percentages_are_fractions() -> None:
    table = rich_table()
    for row in table.rows:
        for column in table.columns:
            outcomes = row.cells[column.key].outcomes if column.key in row.cells else ()
            values = [outcome.value for outcome in outcomes if isinstance(outcome, MetricResult)]
            found = [
                line for line in records(table)
                if (line["generator"], line["metric"], line["kind"]) == (row.generator, column.key, row.kind)
                and line["value"] and line["replica"]
            ]  # fmt: skip
            assert [float(line["value"]) for line in found] == values
            assert all(line["unit"] == ("fraction" if column.unit == "%" else column.unit) for line in found)


def test_the_mean_of_the_lines_is_the_mean_of_the_table() -> None:
    lines = [x for x in records(rich_table()) if (x["generator"], x["metric"]) == ("wyckoffdiff", "fwd")]
    assert statistics.fmean(float(line["value"]) for line in lines) == pytest.approx(0.48)


def test_published_numbers_have_a_deviation_but_no_replica() -> None:
    line = next(x for x in records(rich_table()) if x["kind"] == "published" and x["metric"] == "fwd")
    assert (line["value"], line["std"], line["replica"], line["drawn"]) == ("1.47", "0.29", "", "")


@given(st.text())
@example("\x1f@x")
@example("\u2028=x")
def test_no_text_is_a_formula(text: str) -> None:
    assert not safe(text).lstrip(" ").startswith(FORMULA_STARTS)


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "\t=x", " =x", '=HYPERLINK("x")', "＝x"])
def test_names_like_formulas_are_defused_in_every_field(name: str) -> None:
    table = rich_table()
    rows = (replace(table.rows[1], generator=name, title=name),)
    line = records(replace(table, rows=rows))[0]
    assert line["generator"].startswith("'")
    assert line["title"].startswith("'")


@given(st.text())
def test_any_name_survives_a_csv_reader(name: str) -> None:
    table = rich_table()
    lines = records(replace(table, rows=(replace(table.rows[1], title=name),)))
    assert {line["title"] for line in lines} == {safe(name)}
