"""The table of a run beside the one that its scores and plugins give, and its reports beside the table."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from crystalbench.datasets import Dataset
from crystalbench.errors import ReadError
from crystalbench.evidence import Evidence
from crystalbench.isolation import isolated
from crystalbench.runs.cache import read_regular
from crystalbench.runs.checks import Check, Finding, check, differences
from crystalbench.runs.energy_book import EnergyBook
from crystalbench.runs.evidence import evidence_of, firsts_of
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.material_pages import stored_pages
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.table import run_table
from crystalbench.runs.verify_plan import PlanChecks
from crystalbench.tables.results import Failure, Outcome, Table
from crystalbench.tables.results_json import from_json, to_json

Replicas = Mapping[str, tuple[ReplicaSamples | Failure, ...]]
Outcomes = Mapping[str, Mapping[str, tuple[Outcome, ...]]]


def table_checks(
    folder: RunFolder,
    manifest: Mapping[str, Any],
    planned: PlanChecks,
    dataset: Dataset,
    replicas: Replicas,
    outcomes: Outcomes,
    book: EnergyBook | None,
) -> Iterator[Check]:
    """Yield a check for each part of the table, and one for each report; ``book`` judges materials in the folder."""
    try:
        text = read_regular(folder.path / "table.json").decode("utf-8")
        table = from_json(text)
    except (OSError, ValueError, ReadError) as error:
        yield Check("table.json", Finding.DIFFERS, f"cannot be read: {error}")
        return
    plan = planned.plan()
    rows = tuple(generator for generator in plan.generators if generator.name in replicas)
    given = {generator["name"]: generator["given"] for generator in manifest["generators"]}
    again = isolated(
        "table", "verify", lambda: run_table(replace(plan, generators=rows), dataset, replicas, outcomes, given)
    )
    if isinstance(again, Failure):
        yield Check("table.json", Finding.DIFFERS, f"cannot be made again: {again.error}")
    else:
        whole = planned.complete and len(rows) == len(plan.generators)
        left_out = set(given) - set(replicas)
        yield from _compared(json.loads(text), json.loads(to_json(again)), whole, bool(planned.lost), left_out)
    materials = isolated("judge", "verify", partial(stored_pages, folder, book, firsts_of(replicas), dataset))
    if isinstance(materials, Failure):
        yield Check("materials of reports", Finding.DIFFERS, f"cannot be read: {materials.error}")
        return
    yield from _reports(folder, manifest, planned, table, evidence_of(dataset, replicas, materials))


def _compared(
    written: dict[str, Any], again: dict[str, Any], whole: bool, lost: bool, left_out: set[str]
) -> Iterator[Check]:
    yield check("table title", "; ".join(differences(written["title"], again["title"], "title")))
    for part in ("settings", "notes"):
        if whole or (part == "settings" and not lost):
            yield check(f"table {part}", "; ".join(differences(written[part], again[part], part)))
        else:
            yield Check(f"table {part}", Finding.NOT_CHECKED, "depend on what is not there now")
    columns = {column["key"]: column for column in again["columns"]}
    for column in written["columns"]:
        if column["key"] in columns:
            problem = "; ".join(differences(column, columns[column["key"]]))
            yield check(f"column {column['key']}", f"is not the metric's: {problem}" if problem else "")
        elif not lost:
            yield check(f"column {column['key']}", "is of no metric of this run")
    order = [column["key"] for column in written["columns"] if column["key"] in columns]
    yield check("columns", "; ".join(differences(order, list(columns), "keys")))
    yield from _rows(written["rows"], again["rows"], whole, set(columns) if lost else None, left_out)


def _rows(
    written: list[dict[str, Any]],
    again: list[dict[str, Any]],
    whole: bool,
    known: set[str] | None,
    left_out: set[str],
) -> Iterator[Check]:
    names = [(row["generator"], row["kind"]) for row in written]
    expected = {(row["generator"], row["kind"], _paper(row)): row for row in again}
    for row in written:
        other = expected.pop((row["generator"], row["kind"], _paper(row)), None)
        what = f"row {row['generator']}"
        if other is None:
            if row["generator"] not in left_out or row["kind"] == "published":
                yield check(what, f"({row['kind']}) is not of this run, nor published")
            continue
        cells = {key: cell for key, cell in row["cells"].items() if known is None or key in known}
        problem = "; ".join(differences(row | {"cells": cells}, other))
        yield check(what, f"of table.json is not what the scores say: {problem}" if problem else "")
    for name, kind, _ in expected:
        yield check(f"row {name}", f"({kind}) is missing in table.json")
    if whole:
        order = [(row["generator"], row["kind"]) for row in again]
        same = names == order or sorted(names) != sorted(order)  # other rows are told above
        yield check("order of rows", "" if same else f"is {names}, and should be {order}")


def _paper(row: Mapping[str, Any]) -> str:
    """What tells apart two published rows of one generator: the paper, the first of its notes."""
    return str(row["notes"][:1]) if row["kind"] == "published" else ""


def _reports(
    folder: RunFolder, manifest: Mapping[str, Any], planned: PlanChecks, table: Table, evidence: Evidence
) -> Iterator[Check]:
    for name, version in manifest["reporters"].items():
        reporter = planned.plugins.reporters.get(name)
        file = f"table{reporter.suffix}" if reporter else ""
        if reporter and any(one["step"] == "report" and one["plugin"] == name for one in manifest["failures"]):
            yield Check(f"report {name}", Finding.NOT_CHECKED, "failed in the run")
            continue
        if reporter is None or reporter.version != version or file not in manifest["files"]:
            yield Check(f"report {name}", Finding.NOT_CHECKED, "is not installed, or in another version")
            continue
        if reporter.illustrated is not None and "energies" in manifest and planned.energies is None:
            yield Check(f"report {name}", Finding.NOT_CHECKED, "shows materials, which cannot be judged now")
            continue
        text = isolated("report", name, partial(reporter.report, table, evidence))
        written = folder.path / file
        rendered = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else b""
        same = written.is_file() and written.read_bytes() == rendered
        yield check(f"report {name}", "" if same else f"{file} is not what table.json says")
