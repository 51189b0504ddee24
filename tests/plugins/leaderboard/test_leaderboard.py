"""Only what compares is ranked together, and a place is earned."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from crystalbench import Cell, Column, ColumnSet, ConfigError, Direction, MetricResult, Row, RowKind, Table
from crystalbench.cli import main
from crystalbench_plugins.leaderboard.boards import LeftOut, ReadRun, boards, read_runs
from crystalbench_plugins.leaderboard.site import markdown, page, rows

ROOT = Path(__file__).parents[3]
FAR = Column(key="far@e-1", version="1", title="Far", latex="", direction=Direction.LOWER, show_interval=True,
             valid_only=True, within=ColumnSet.ALL)  # fmt: skip
GOOD = Column(
    key="good", version="1", title="Good", latex="", unit="%", direction=Direction.HIGHER, within=ColumnSet.PAPER
)
SETTINGS = {"dataset": "nothing", "dataset version": "1", "compared with": "train", "conversion": "spglib"}


def row(name: str, value: float, low: float, high: float, *, kind: RowKind = RowKind.MEASURED, **more: object) -> Row:
    cell = Cell(outcomes=(MetricResult(value=value, n=100, interval=(low, high)),))
    shown = Row(generator=name, title=name, key=name, kind=kind, asked=100, drawn=100, valid=100,
                cells={FAR.key: cell, GOOD.key: cell})  # fmt: skip
    return replace(shown, **more)  # type: ignore[arg-type]


def run(name: str, *members: Row, n: int = 100, columns: tuple[Column, ...] = (GOOD, FAR), **settings: str) -> ReadRun:
    table = Table(title=f"Nothing, {n}", columns=columns, rows=members, settings=SETTINGS | settings)
    return ReadRun(name=name, folder=Path(name), manifest={"config": {"n": n, "novel": 0, "max_draws": 0}}, table=table)


def places(runs: list[ReadRun], rank_by: str = "far") -> list[dict[str, int | None]]:
    return [{item.row.title: item.place for item in board.rows} for board in boards(runs, rank_by)]


def test_rows_whose_intervals_meet_share_a_place_and_the_next_one_knows_how_many_are_before_it() -> None:
    members = [row("b", 2, 1, 3), row("a", 1, 0.5, 1.5), row("c", 5, 4, 6), row("d", 2.5, 2, 4.5)]
    assert places([run("x", *members)]) == [{"a": 1, "b": 1, "d": 2, "c": 3}]


def test_a_column_that_should_be_high_ranks_the_other_way() -> None:
    assert places([run("x", row("a", 1, 0.5, 1.5), row("b", 3, 2, 4))], "good") == [{"b": 1, "a": 2}]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": RowKind.EXAMPLE}, "a small example file"),
        ({"valid": 90}, "leaves out the 10.0% of its samples"),
        ({"drawn": 50, "valid": 50}, "50 samples of 100"),
        ({"cells": {}}, "no value"),
        ({"cells": {FAR.key: Cell(outcomes=(MetricResult(value=1, n=1),))}}, "no interval"),
    ],
)
def test_who_does_not_compare_has_no_place_and_it_is_said_why(change: dict[str, object], why: str) -> None:
    (board,) = boards([run("x", row("a", 9, 8, 10), row("b", 1, 0, 2, **change))], "far")
    assert [(item.row.title, item.place) for item in board.rows] == [("a", 1), ("b", None)]
    assert board.rows[1].why.startswith(why)
    assert why in page([board], [], {})
    assert f"b (not ranked: {why}" in markdown([board], [])


@pytest.mark.parametrize(
    "other",
    [
        run("y", row("b", 1, 0, 2), n=1000),
        run("y", row("b", 1, 0, 2), conversion="moyo"),
        run("y", row("b", 1, 0, 2), columns=(GOOD, replace(FAR, version="2"))),
        run("y", row("b", 1, 0, 2), columns=(GOOD, replace(FAR, key="far@e-2"))),
    ],
)
def test_runs_that_do_not_compare_stand_on_boards_of_their_own(other: ReadRun) -> None:
    assert len(boards([run("x", row("a", 9, 8, 10)), other], "far")) == 2


def test_a_value_of_another_version_than_the_boards_is_left_out() -> None:
    other = run("y", row("b", 1, 0, 2), columns=(replace(GOOD, version="2"), FAR))
    (board,) = boards([run("x", row("a", 9, 8, 10)), other], "far")
    assert {item.row.title: sorted(item.row.cells) for item in board.rows} == {"a": [FAR.key, GOOD.key], "b": [FAR.key]}


def test_the_same_samples_in_two_runs_stand_once() -> None:
    twice = [run("x", row("a", 1, 0, 2)), run("y", row("a", 1, 0, 2), row("b", 4, 3, 5))]
    assert places(twice) == [{"a": 1, "b": 2}]


def test_a_column_without_a_better_side_ranks_nothing() -> None:
    with pytest.raises(ConfigError, match="no value of good is better"):
        boards([run("x", columns=(replace(GOOD, direction=Direction.NONE), FAR))], "good")
    with pytest.raises(ConfigError, match="did you mean 'good'"):
        boards([run("x")], "goood")


def test_what_is_no_markup_stays_text_everywhere() -> None:
    evil = "<img src=x>|[a](javascript:alert(1))"
    made = boards([run("x", row(evil, 1, 0, 2))], "far")
    text = page(made, [LeftOut(name=evil, reason=evil)], {})
    assert "<img" not in text
    assert not re.search(r'href="(?!runs/)', text)
    line = next(line for line in markdown(made, []).splitlines() if "javascript" in line)
    assert "](javascript" not in line.replace("\\]", "").replace("\\(", "")


def test_the_committed_runs_make_a_site_that_says_what_could_not_be_read(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results" / "start", tmp_path / "runs" / "start")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "manifest.json").write_text("{}")
    out = tmp_path / "site"
    for _ in range(2):  # the second time over the first
        done = CliRunner().invoke(main, ["leaderboard", str(tmp_path / "runs"), "-o", str(out)])
        assert done.exit_code == 0, done.output
    assert "1 runs on 1 boards" in done.output
    assert "not read: broken" in done.output
    assert {file.name for file in (out / "runs" / "start").iterdir()} == {"table.html", "manifest.json", "run.toml"}
    text = (out / "index.html").read_text()
    assert all((out / link).is_file() for link in re.findall(r'href="([^"]+)"', text))
    stored = json.loads((tmp_path / "runs" / "start" / "scores.json").read_text())
    with (out / "leaderboard.csv").open(newline="") as file:
        listed = [line for line in csv.DictReader(file) if line["generator"] == "WyckoffDiff"]
    for line in listed:
        (score,) = stored["wyckoffdiff"][line["column"]]
        assert float(line["value"]) == score["value"]
    assert [line["place"] for line in listed] == ["1"] * len(listed)


def test_other_files_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x")
    done = CliRunner().invoke(main, ["leaderboard", str(ROOT / "results"), "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds other files" in done.output


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run in or below"):
        read_runs(tmp_path)
    assert list(rows([])) == []


def test_runs_that_cannot_be_read_are_no_leaderboard(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{}")
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path), "-o", str(tmp_path / "site")])
    assert done.exit_code == 2
    assert "no run in or below it that can be read; the first, broken: " in done.output
    assert not (tmp_path / "site").exists()
