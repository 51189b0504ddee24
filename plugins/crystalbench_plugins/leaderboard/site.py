"""Draw boards as one page, one Markdown file and one table of every value."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.resources import files
from urllib.parse import quote

from crystalbench import Cell, Column, Row, RowKind
from crystalbench.tables.text import plain
from crystalbench_plugins.leaderboard.boards import Board, LeftOut, Placed
from crystalbench_plugins.reports._layout import ARROWS, HEADINGS, basis_note, full_title, unit_of
from crystalbench_plugins.reports._numbers import bounds, number, printed, with_spread

HOW = (
    "Places are earned: one more than the number of rows whose 95 % interval of {column} lies wholly on the better "
    "side. Rows whose intervals meet share a place."
)
SHOWN_SETTINGS = ("dataset", "dataset version", "compared with", "conversion")
FIELDS = (
    "board", "place", "not ranked because", "generator", "kind", "run", "samples", "valid", "column", "value", "low",
    "high", "standard deviation", "unit",
)  # fmt: skip


def page(boards: Sequence[Board], left_out: Sequence[LeftOut], checks: dict[str, str]) -> str:
    """Return the page; ``checks`` says of a run what verifying it found, where that was asked for."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files(__package__).joinpath("leaderboard.html").read_text(encoding="utf-8"))
    style = files("crystalbench_plugins.reports").joinpath("report.css").read_text(encoding="utf-8")
    return template.render(
        style=Markup(style), boards=[_board(board, checks) for board in boards], left_out=left_out, checked=bool(checks)
    )


def markdown(boards: Sequence[Board], left_out: Sequence[LeftOut]) -> str:
    """Return the boards as Markdown, the scale first; links are relative to the page."""
    from crystalbench_plugins.reports.markdown import escape, pipe_table

    lines = ["# Leaderboard"]
    for board in boards:
        heads = ["Place", "Generator", *(head(column) for column in board.columns), "valid %", "Run"]
        lines += [
            "",
            f"## {escape(plain(board.title))}",
            "",
            _settings(board),
            "",
            HOW.format(column=full_title(board.ranked_by)),
            "",
        ]
        table = [[escape(head) for head in heads]]
        for item in (*board.scale, *board.rows):
            link = f"[{escape(item.run.name)}]({quote(f'runs/{item.run.name}/table.html')})"
            title = f"{item.row.title} (not ranked: {item.why})" if item.why else item.row.title
            cells = [shown(item.row, column) for column in board.columns]
            table.append([str(item.place or ""), escape(plain(title)), *cells, valid(item.row), link])
        left = [i in (1, len(heads) - 1) for i in range(len(heads))]
        lines.append(pipe_table([*zip(*table, strict=True)], left))
    lines += ["", *(f"- not read: {escape(item.name)}: {escape(plain(item.reason))}" for item in left_out)]
    return "\n".join(lines).rstrip() + "\n"


def rows(boards: Sequence[Board]) -> Iterator[tuple[object, ...]]:
    """Yield every value of every row, as `FIELDS` say."""
    for board in boards:
        for item in (*board.scale, *board.rows):
            for column in board.columns:
                cell = item.row.cells.get(column.key, Cell())
                if cell.mean is not None:
                    low, high = cell.confidence or ("", "")
                    yield (
                        board.title, item.place or "", item.why, item.row.title, item.row.kind.value, item.run.name,
                        item.row.drawn, item.row.valid, column.key, cell.mean, low, high,
                        "" if cell.std is None else cell.std, "fraction" if column.unit == "%" else column.unit,
                    )  # fmt: skip


def head(column: Column) -> str:
    """Return the title of a column with its arrow and unit."""
    return " ".join(filter(None, (full_title(column), ARROWS[column.direction], unit_of(column))))


def shown(row: Row, column: Column) -> str:
    """Return a cell as text: the value with its spread or its interval."""
    cell = row.cells.get(column.key, Cell())
    if cell.published is not None:
        mean, std = cell.published
        return printed(mean, column) + (f" ± {printed(std, column)}" if std is not None else "")
    if cell.mean is None:
        return "–"
    if cell.std is not None:
        return " ± ".join(with_spread(cell.mean, cell.std, column))
    beside = f" [{', '.join(bounds(cell.interval, column))}]" if cell.interval and column.show_interval else ""
    return number(cell.mean, column) + beside


def valid(row: Row) -> str:
    """Return the share of valid samples."""
    return f"{100 * row.valid / row.drawn:.1f}" if row.drawn else "–"


def _board(board: Board, checks: dict[str, str]) -> dict[str, object]:
    groups: list[tuple[str, Sequence[Placed]]] = [("Scale", board.scale)]
    groups.append(("Ranked", [item for item in board.rows if item.place]))
    groups.append(("Not ranked", [item for item in board.rows if not item.place]))
    return {
        "title": plain(board.title),
        "settings": plain(_settings(board)),
        "how": HOW.format(column=full_title(board.ranked_by)),
        "encoders": _encoders(board.columns),
        "heads": [{"text": head(column), "hover": plain(column.description)} for column in board.columns],
        "groups": [
            {"heading": name, "rows": [_row(item, board.columns, checks) for item in items]}
            for name, items in groups
            if items
        ],
        "published": _published(board),
    }


def _row(item: Placed, columns: Sequence[Column], checks: dict[str, str]) -> dict[str, object]:
    folder = quote(f"runs/{item.run.name}")
    return {
        "place": item.place or "",
        "title": plain(item.row.title),
        "why": plain(item.why),
        "run": plain(item.run.name),
        "folder": folder,
        "valid": valid(item.row),
        "samples": f"{item.row.drawn:,}",
        "check": checks.get(item.run.name, ""),
        "cells": [
            {
                "text": shown(item.row, column),
                "hover": "; ".join(map(plain, item.row.cells.get(column.key, Cell()).notes)),
            }
            for column in columns
        ],
    }


def _published(board: Board) -> dict[str, object]:
    """Printed rows by the metric, since papers have an encoder of their own, with their sources once each."""
    columns = [c for c in board.columns if any(c.metric in row.cells for row in board.published)]
    sources = list(dict.fromkeys(plain("; ".join(row.notes)) for row in board.published))
    made = []
    for row in board.published:
        printed_row = replace(row, cells={column.key: row.cells.get(column.metric, Cell()) for column in columns})
        made.append(
            {
                "title": plain(row.title),
                "mark": 1 + sources.index(plain("; ".join(row.notes))),
                "cells": [shown(printed_row, column) for column in columns],
            }
        )
    return {
        "heading": HEADINGS[RowKind.PUBLISHED],
        "heads": [head(column) for column in columns],
        "rows": made,
        "sources": list(enumerate(sources, 1)),
    }


def _encoders(columns: Sequence[Column]) -> list[str]:
    titles: dict[str, list[str]] = {}
    for column in columns:
        if column.encoder:
            titles.setdefault(basis_note(column), []).append(full_title(column))
    return [f"{', '.join(named)}: {note}" for note, named in titles.items()]


def _settings(board: Board) -> str:
    return "; ".join(f"{key}: {board.settings[key]}" for key in SHOWN_SETTINGS if key in board.settings)
