"""The results as Markdown tables that also read well in a terminal.

A table wider than `WIDTH` is continued in a second one, with the names repeated; footnotes and the ledger of
invalid samples follow.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from crystalbench import ReporterSpec, RowKind, Table, hookimpl
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import (
    HEADINGS,
    Entry,
    Sheet,
    blocks,
    heading,
    layout,
    ledger,
    settings_text,
)

WIDTH = 120


def render(table: Table) -> str:
    """Write the title, the table in blocks of at most `WIDTH` characters, footnotes, ledger and settings."""
    sheet = layout(table)
    parts = [f"# {escape(plain(table.title))}", *_blocks(sheet)]
    notes = [f"- ({mark}) {escape(text)}" for mark, text in sheet.footnotes]
    parts.append("\n".join([*(escape(line) for line in sheet.legend), *([""] if notes else []), *notes]))
    if sheet.counted:
        parts.append(_ledger(sheet))
    if table.settings:
        parts.append(f"Settings: {escape(settings_text(table))}")
    parts += [escape(plain(note)) for note in table.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def _blocks(sheet: Sheet) -> Iterator[str]:
    """Split the columns into tables that fit; a column wider than all of it stands alone."""
    names, *columns = _columns(sheet, range(len(sheet.table.columns)))
    for block in blocks([column_width(cells) + 3 for cells in columns], column_width(names) + 4, WIDTH):
        yield pipe_table(_columns(sheet, block))


def _columns(sheet: Sheet, block: range) -> list[list[str]]:
    """Return the names and some columns of the table as cells, headings first."""
    columns = [["generator"], *([escape(heading(sheet.table.columns[i], _marks(sheet.heads[i])))] for i in block)]
    for kind, lines in sheet.groups_in(block):
        if len(sheet.groups) > 1:
            for column, text in zip(columns, [f"*{HEADINGS[kind]}*", *("" for _ in block)], strict=True):
                column.append(text)
        for line in lines:
            cells = [escape(line.title) + _marks(line.marks), *(_cell(line.entries[i]) for i in block)]
            for column, text in zip(columns, cells, strict=True):
                column.append(text)
    return columns


def _cell(entry: Entry) -> str:
    text = f"**{entry.text}**" if entry.best or entry.failed else entry.text
    return text + _marks(entry.marks)


def _marks(marks: Sequence[str]) -> str:
    return f" ({','.join(marks)})" if marks else ""


def _ledger(sheet: Sheet) -> str:
    """Write counts and reasons; reasons that do not fit go on in rows below, so that none is cut."""
    names = [escape(line.title) + (_marks("†") if line.row.kind is RowKind.EXAMPLE else "") for line in sheet.counted]
    counts = [[f"{n:,}" for n in (line.row.asked, line.row.drawn, line.row.valid)] for line in sheet.counted]
    heads = ["samples", "asked", "drawn", "valid", "without a protostructure"]
    filled = zip(heads[:-1], *([name, *numbers] for name, numbers in zip(names, counts, strict=True)), strict=True)
    taken = [column_width(cells) + 3 for cells in filled]
    room = max(len(heads[-1]), WIDTH - sum(taken) - 4)
    rows = [heads]
    for line, name, numbers in zip(sheet.counted, names, counts, strict=True):
        reasons = ", ".join(f"{escape(reason)} {count:,}" for reason, count in ledger(line.row)) or "none"
        first, *rest = wrap(reasons, room, break_long_words=False, break_on_hyphens=False)
        rows.append([name, *numbers, first])
        rows += [["", "", "", "", part] for part in rest]
    return pipe_table(list(zip(*rows, strict=True)), last_left=True)


def pipe_table(columns: Sequence[Sequence[str]], last_left: bool = False) -> str:
    """Return columns of cells, headings first, as a padded table; the first column is left-aligned."""
    widths = [column_width(column) for column in columns]
    left = [i == 0 or (last_left and i == len(columns) - 1) for i in range(len(columns))]
    lines = []
    for cells in zip(*columns, strict=True):
        padded = (
            cell + pad if flush else pad + cell
            for cell, width, flush in zip(cells, widths, left, strict=True)
            for pad in (" " * (width - shown_width(cell)),)
        )
        lines.append(f"| {' | '.join(padded)} |")
    rule = ("-" * (width + 2) if flush else "-" * (width + 1) + ":" for width, flush in zip(widths, left, strict=True))
    lines.insert(1, f"|{'|'.join(rule)}|")
    return "\n".join(lines)


def column_width(cells: Sequence[str]) -> int:
    return max(3, *(shown_width(cell) for cell in cells))


def shown_width(text: str) -> int:
    """Return the columns that text takes in a terminal: wide East Asian characters take two, accents none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def escape(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, HTML, link or cell border.

    An underscore inside a word is no markup in CommonMark, and is left readable.
    """
    text = re.sub(r"[\\`*|<>\[\]~$]", r"\\\g<0>", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)
    return re.sub(r"&(?=#?\w+;)", r"\\&", text)


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="markdown",
            version="1",
            title="Markdown, also for terminals",
            suffix=".md",
            render=render,
            terminal=True,
        ),
    )
