"""Markdown: reads well in a terminal, and nothing in a name is markup."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Column, Presentation, Row, RowKind, Table
from crystalbench_plugins.reports.markdown import WIDTH, escape, render, shown_width
from tests.plugins.reports.report_table import of, rich_table

TITLES = ("Validity", "Novelty", "Uniqueness", "Space group 1", "JSD", "SMACT", "FWD", "Novel FWD")


def test_eight_metrics_of_single_runs_fit_one_table_of_the_terminal() -> None:
    columns = tuple(
        Column(key=str(i), title=title, latex="", unit="" if "FWD" in title else "%") for i, title in enumerate(TITLES)
    )
    cells = {str(i): of(0.302) for i in range(8)}
    row = Row(generator="wyckoffdiff", title="wyckoffdiff", kind=RowKind.MEASURED, cells=cells)
    text = render(Table(title="t", columns=columns, rows=(row,)))
    assert text.count("| generator") == 1
    assert max(map(shown_width, text.splitlines())) <= WIDTH


def test_a_wide_table_is_continued_with_the_names_repeated() -> None:
    text = render(rich_table())
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert text.count("| generator") > 1
    assert text.count("| WyckoffDiff-zeros") == text.count("generator ") + 1  # and once among the counts
    assert max(map(shown_width, tables)) <= WIDTH


@pytest.mark.parametrize("width", [80, 100, 119, 400])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    table = rich_table()
    rows = tuple(replace(row, title=row.generator) for row in table.rows)
    text = render(replace(table, rows=rows, presentation=Presentation(width=width)))
    assert max(map(shown_width, text.splitlines())) <= width
    assert text.count("| generator") + text.count("| novel: generator") > 1 or width == 400


def test_settings_can_be_left_out_and_the_caption_chosen() -> None:
    text = render(replace(rich_table(), presentation=Presentation(settings=False, caption="Mine_1 *all*")))
    assert text.startswith("# Mine_1 \\*all\\*\n")
    assert "Settings:" not in text


def test_lines_of_one_table_are_equally_wide() -> None:
    for block in re.findall(r"(?:^\|.*\n)+", render(rich_table()), flags=re.MULTILINE):
        assert len({shown_width(line) for line in block.splitlines()}) == 1


def test_the_deviation_over_replicas_is_printed_with_the_mean() -> None:
    assert "**0.48 ± 0.02**" in render(rich_table())


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("diffcsp++", "diffcsp++"),
        ("my_model 100%", "my_model 100%"),
        ("_x_", r"\_x\_"),
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("a&b &amp;", r"a&b \&amp;"),
        ("**x**`y`\\", r"\*\*x\*\*\`y\`\\"),
    ],
)
def test_names_are_shown_as_they_are(name: str, shown: str) -> None:
    assert escape(name) == shown


@given(st.text())
def test_no_name_breaks_out_of_its_cell(name: str) -> None:
    table = rich_table()
    odd = replace(table, rows=(replace(table.rows[1], title=name), *table.rows[2:]))
    rows = [line for line in render(odd).splitlines() if line.startswith("|")]
    plain_rows = [line for line in render(table).splitlines() if line.startswith("| WyckoffDiff")]
    assert plain_rows
    for line in rows:
        cells = re.sub(r"\\.", "", line)
        assert "<" not in cells
        assert line.endswith("|")
        assert cells.count("|") >= 3
