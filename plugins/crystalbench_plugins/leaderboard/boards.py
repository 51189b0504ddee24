"""Which runs stand on one board, and the place of each row on it.

Rows are ranked together that have the same dataset, conversion, number of samples and search for novel samples, and the
same version and encoder of the column that ranks them; a value of another version than the board's is left out. A place
is earned: it counts the rows whose 95 % interval lies wholly on the better side.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crystalbench import (
    Cell,
    Column,
    ColumnSet,
    ConfigError,
    CrystalbenchError,
    Direction,
    ReadError,
    Row,
    RowKind,
    Table,
)
from crystalbench.errors import unknown_name
from crystalbench.runs.cache import read_regular
from crystalbench.runs.folder import MANIFEST, RunFolder
from crystalbench.runs.manifest_shape import Status
from crystalbench.tables.merge import SHARED
from crystalbench.tables.published import rows as published_rows
from crystalbench.tables.results import UNEVEN
from crystalbench.tables.results_json import from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRun:
    """A finished run: ``name`` is its folder below the one that was searched."""

    name: str
    folder: Path
    manifest: dict[str, Any]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One row of a run on a board. ``place`` is None for what is no competitor, and ``why`` says why, for a reader."""

    run: ReadRun
    row: Row
    place: int | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Rows that compare.

    ``scale`` are those of the dataset itself and of chance; ``published`` is what papers print (first board only).
    """

    title: str
    settings: dict[str, str]
    columns: tuple[Column, ...]
    ranked_by: Column
    scale: tuple[Placed, ...]
    rows: tuple[Placed, ...]
    published: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A folder that looks like a run, and why it is on no board."""

    name: str
    reason: str


def read_runs(root: Path) -> tuple[list[ReadRun], list[LeftOut]]:
    """Read every run below a folder, in order of name.

    Raises
    ------
    ConfigError
        There is none that can be read.
    """
    found, left_out = [], []
    for path in sorted(root.rglob(MANIFEST)):
        name = path.parent.relative_to(root).as_posix()
        try:
            manifest = RunFolder(path.parent).manifest()
            if manifest["status"] != Status.FINISHED:
                raise ReadError("was interrupted; finish it with crystalbench run --resume")
            table = from_json(read_regular(path.parent / "table.json").decode("utf-8"), "table.json")
        except (CrystalbenchError, OSError, ValueError) as error:
            left_out.append(LeftOut(name=name, reason=str(error).removeprefix(f"{path.parent}: ")))
            continue
        found.append(ReadRun(name=name, folder=path.parent, manifest=manifest, table=table))
    if not found:
        why = f" that can be read; the first, {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise ConfigError(f"{root}: no run in or below it{why}; make one with crystalbench run")
    return found, left_out


def boards(runs: Iterable[ReadRun], rank_by: str) -> list[Board]:
    """Return the boards of some runs, the one with most competitors first.

    Raises
    ------
    ConfigError
        No run has the column ``rank_by``, or no value of it is better than another.
    """
    groups: dict[str, list[ReadRun]] = {}
    for run in runs:
        groups.setdefault(_comparability(run, rank_by), []).append(run)
    made = [board for group in groups.values() if (board := _board(group, rank_by))]
    if not made:
        known = dict.fromkeys(column.metric for group in groups.values() for column in group[0].table.columns)
        if rank_by not in known:
            raise unknown_name("column", rank_by, known)
        raise ConfigError(f"no value of {rank_by} is better than another: rank by one with an arrow")
    ordered = sorted(made, key=lambda board: (-len(board.rows), board.title))
    seen: set[str] = set()
    for i, board in enumerate(ordered):
        dataset = board.settings.get("dataset", "")
        ordered[i] = replace(board, published=()) if dataset in seen else board
        seen.add(dataset)
    return ordered


def _comparability(run: ReadRun, rank_by: str) -> str:
    """What two runs must share for a row of one to compare with a row of the other."""
    config, table = run.manifest["config"], run.table
    columns = [[column.key, column.version] for column in table.columns if rank_by in (column.key, column.metric)]
    shared = [table.settings.get(key, "") for key in SHARED]
    return json.dumps([shared, config["n"], config["novel"], config["max_draws"], columns])


def _is_shown(column: Column) -> bool:
    """The columns of papers, and those that never stand without their interval, whatever the run's own table shows."""
    return ColumnSet.PAPER.holds(column.within) or column.show_interval


def _board(runs: Sequence[ReadRun], rank_by: str) -> Board | None:
    first = runs[0].table
    ranked = next((c for c in first.columns if rank_by in (c.key, c.metric)), None)
    if ranked is None or ranked.direction not in (Direction.HIGHER, Direction.LOWER):
        return None
    columns = tuple(column for column in first.columns if _is_shown(column) or column == ranked)
    scale: dict[str, Placed] = {}
    rows: dict[str, Placed] = {}
    versions = {column.key: column.version for column in first.columns}
    for run in runs:
        same = {column.key for column in run.table.columns if versions.get(column.key) == column.version}
        for row in run.table.rows:
            if row.kind is RowKind.PUBLISHED:
                continue
            kept = replace(row, cells={key: cell for key, cell in row.cells.items() if key in same})
            own = scale if row.kind in (RowKind.TRAINING, RowKind.REFERENCE) else rows
            own.setdefault(row.key or f"{run.name}/{row.generator}", Placed(run=run, row=kept, place=None))
    return Board(
        title=first.title,
        settings=dict(first.settings),
        columns=(ranked, *(column for column in columns if column != ranked)),
        ranked_by=ranked,
        scale=tuple(scale.values()),
        rows=_placed(list(rows.values()), ranked),
        published=tuple(published_rows(first.settings.get("dataset", ""))),
    )


def _placed(rows: list[Placed], column: Column) -> tuple[Placed, ...]:
    """Return rows with their places, the best first and what is no competitor last."""
    best_share = max((_valid_share(item.row) for item in rows if item.row.kind is RowKind.MEASURED), default=0.0)
    intervals: dict[int, tuple[float, float]] = {}
    why: dict[int, str] = {}
    for i, item in enumerate(rows):
        cell = item.row.cells.get(column.key, Cell())
        if item.row.kind is RowKind.EXAMPLE:
            why[i] = "a small example file: no results of that generator"
        elif cell.given:
            why[i] = "was given what the column measures"
        elif cell.confidence is None:
            why[i] = "no interval" if cell.mean is not None else "no value"
        elif column.valid_only and best_share - _valid_share(item.row) > UNEVEN:
            why[i] = f"leaves out the {1 - _valid_share(item.row):.1%} of its samples that are invalid"
        elif item.row.drawn < item.row.asked:
            why[i] = f"{item.row.drawn:,} samples of {item.row.asked:,}"
        else:
            low, high = cell.confidence
            intervals[i] = (low, high) if column.direction is Direction.LOWER else (-high, -low)
    made = [
        Placed(
            run=item.run,
            row=item.row,
            place=1 + sum(other[1] < intervals[i][0] for other in intervals.values()) if i in intervals else None,
            why=why.get(i, ""),
        )
        for i, item in enumerate(rows)
    ]
    sign = 1 if column.direction is Direction.LOWER else -1

    def order(item: Placed) -> tuple[bool, int, float]:
        mean = item.row.cells.get(column.key, Cell()).mean
        return item.place is None, item.place or 0, sign * mean if mean is not None else 0.0

    return tuple(sorted(made, key=order))


def _valid_share(row: Row) -> float:
    return row.valid / row.drawn if row.drawn else 0.0
