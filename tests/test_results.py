"""What is committed under results/: pictures follow from numbers, and nothing names a place on a machine."""

import csv
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from crystalbench.tables.charts import standalone
from tests.hostile.files import FILES
from tests.hostile.measure import summary

RESULTS = Path(__file__).parents[1] / "results"
RUNS = ("start", "wbm-rebuilt", "wbm-priors", "carbon24-bundled", "carbon24-priors", "carbon24-steps")


def pictures() -> Iterator[tuple[str, str]]:
    spec = importlib.util.spec_from_file_location("draw", RESULTS / "figures" / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.pictures()


def test_the_pictures_are_what_the_script_draws_from_the_committed_numbers() -> None:
    drawn = dict(pictures())
    there = {path.name for path in (RESULTS / "figures").glob("*.svg")} - {"size-effect.svg"}
    assert drawn.keys() == there
    for name, picture in drawn.items():
        assert (RESULTS / "figures" / name).read_text(encoding="utf-8") == standalone(picture), name
        assert f"figures/{name}" in (RESULTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("run", RUNS)
def test_a_committed_run_names_no_place_on_a_machine(run: str) -> None:
    manifest = json.loads((RESULTS / run / "manifest.json").read_text(encoding="utf-8"))
    sources = [one["source"] for generator in manifest["generators"] for one in generator["replicas"]]
    settings = json.dumps([manifest["config"], [generator["parameters"] for generator in manifest["generators"]]])
    assert [source for source in sources if source and Path(source).is_absolute()] == []
    assert re.findall(r'"(?:/|~|[A-Z]:)[^"]*"', settings) == []


COLUMNS = {
    "FWD": ("fwd", 1, 1),
    "FWD∞": ("fwd_corrected", 1, 1),
    "novelty %": ("novelty", 100, 1),
    "uniqueness %": ("uniqueness", 100, 1),
    "novel: FWD": ("novel_fwd", 1, 1),
    "novel: uniqueness %": ("novel_uniqueness", 100, 1),
    "new prototypes": ("prototype_novelty", 1, 0),
}


def written(outcomes: list[dict[str, Any]], scale: int, digits: int) -> str:
    """A value, or the mean ± standard deviation over replicas."""
    found = [scale * outcome["value"] for outcome in outcomes if outcome.get("value") is not None]
    if len(found) < 2:
        return f"{found[0]:.{digits}f}" if found else "–"
    return f"{fmean(found):.{digits}f} ± {stdev(found):.{digits}f}"


def cpu_milliseconds(outcomes: list[dict[str, Any]]) -> str:
    if "cpu_seconds" not in outcomes[0].get("details", {}):
        return "–"
    return f"{1000 * sum(one['details']['cpu_seconds'] for one in outcomes) / sum(one['n'] for one in outcomes):.1f}"


def read_tables(markdown: str) -> list[list[list[str]]]:
    blocks = [block.splitlines() for block in markdown.split("\n\n") if block.lstrip().startswith("|")]
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in block if line] for block in blocks]


@pytest.mark.parametrize("run", ["carbon24-priors", "carbon24-steps", "wbm-priors"])
def test_the_page_of_priors_and_steps_states_what_the_runs_hold(run: str) -> None:
    folder = RESULTS / run
    scores, manifest = (
        json.loads((folder / name).read_text(encoding="utf-8")) for name in ("scores.json", "manifest.json")
    )
    made = {one["title"]: scores[one["name"]] for one in manifest["generators"]}
    ((heading, _, *rows),) = [
        table
        for table in read_tables((RESULTS / "README.md").read_text(encoding="utf-8"))
        if made.keys() == {row[0] for row in table[2:]}
    ]
    assert {"FWD", "FWD∞", "novelty %", "new prototypes", "replicas", "CPU ms a sample"} <= set(heading)
    for title, *cells in rows:
        found = {key.partition("@")[0]: outcomes for key, outcomes in made[title].items()}
        for column, cell in zip(heading[1:], cells, strict=True):
            if column == "replicas":
                assert cell == str(len(found["validity"])), (title, column)
            elif column == "CPU ms a sample":
                assert cell == cpu_milliseconds(found["novel_per_minute"]), (title, column)
            else:
                metric, *how = COLUMNS[column]
                value, _, interval = cell.partition(" ")
                assert (cell if interval[:1] == "±" else value) == written(found[metric], *how), (title, column)
                if interval[:1] == "[":
                    low, high = found[metric][0]["interval"]
                    assert interval == f"[{low:.1f}, {high:.1f}]", (title, column)


def test_the_page_of_growth_states_what_was_measured() -> None:
    with (RESULTS / "figures" / "growth.csv").open(newline="") as file:
        measured = {(row["what"], int(row["samples"])): row for row in csv.DictReader(file)}
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    ((_, _, *rows),) = [table for table in read_tables(page) if "labels: CPU s" in table[0]]
    for samples, *cells in rows:
        found = [measured.pop((what, int(samples.replace(",", ""))), None) for what in ("labels", "structures")]
        expected = [row[column] if row else "" for row in found for column in ("cpu_seconds", "peak_mb")]
        assert cells == expected, samples
    assert not measured


def test_the_page_of_hostile_files_sums_up_the_table_of_all_of_them() -> None:
    table = RESULTS / "figures" / "hostile.csv"
    with table.open(newline="", encoding="utf-8") as file:
        assert [row["file"] for row in csv.DictReader(file)] == list(FILES)
    printed = summary(table)
    assert printed in (RESULTS / "README.md").read_text(encoding="utf-8")
    assert printed.splitlines()[-1].split(" | ")[4] == "0"  # lost
