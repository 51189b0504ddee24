"""The results as Markdown tables that also read well in a terminal.

A table wider than the line is continued in a second one, with the names repeated; footnotes and the counts of samples
follow. Nothing but a table of few columns with long contents is wider than the line.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from crystalbench import ColumnSet, ReporterSpec, RowKind, Table, hookimpl
from crystalbench.tables.listing import Page
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import (
    Entry,
    Sheet,
    blocks,
    counts,
    counts_note,
    heading,
    layout,
    ledger,
    settings_text,
)

WIDTH = 119


def render(table: Table) -> str:
    """Write the title, the table in blocks that fit the line, footnotes, counts of samples and settings."""
    sheet = layout(table)
    view = table.presentation
    width = view.width or WIDTH
    parts = [f"# {escape(plain(view.caption or table.title))}", *_blocks(sheet, width)]
    notes = [_filled(f"- ({mark}) {escape(text)}", width, "  ") for mark, text in sheet.footnotes]
    legend = [_filled(escape(line), width) for line in sheet.legend]
    parts.append("\n".join([*legend, *([""] if notes and legend else []), *notes]))
    if sheet.counted:
        parts += _samples(sheet, width)
    if table.settings and view.settings is not False:
        parts.append(_filled(f"Settings: {escape(settings_text(table))}", width))
    parts += [_filled(escape(plain(note)), width) for note in table.notes]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_page(page: Page) -> str:
    """Write plain tables under a title, their notes below them; folded where the page asks for a width."""
    parts = [f"# {escape(plain(page.title))}"]
    for listing in page.listings:
        parts.append(f"## {escape(plain(listing.title))}")
        texts = [[escape(plain(cell)) for cell in row] for row in listing.texts()]
        heads = [escape(plain(heading.text)) for heading in listing.headings]
        left = [not listing.numeric(i) for i in range(len(heads))]
        parts += _folded([[head, *(row[i] for row in texts)] for i, head in enumerate(heads)], left, page.width)
        parts += [_filled(escape(plain(note)), page.width or WIDTH) for note in listing.notes]
    return "\n\n".join(parts) + "\n"


def _folded(columns: Sequence[Sequence[str]], left: Sequence[bool], width: int | None) -> Iterator[str]:
    """Yield tables that fit, each with the columns up to the first text, which name the rows; one without a width."""
    names = left.index(True) + 1 if True in left else 1

    def part(block: range) -> list[int]:
        return [*range(names), *(names + i for i in block)]

    def fits(block: range) -> bool:
        return sum(column_width(columns[i]) + 3 for i in part(block)) + 1 <= width if width else True

    for block in blocks([""] * (len(columns) - names), fits) if len(columns) > names else [range(0)]:
        yield pipe_table([columns[i] for i in part(block)], [left[i] for i in part(block)])


def _filled(text: str, width: int, indent: str = "") -> str:
    return "\n".join(wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def _blocks(sheet: Sheet, width: int) -> Iterator[str]:
    """Split the columns into tables that fit; a column wider than all of it stands alone."""

    def fits(block: range) -> bool:
        return sum(column_width(cells) + 3 for cells in _columns(sheet, block)) + 1 <= width

    for block in blocks([plain(column.group) for column in sheet.table.columns], fits):
        yield pipe_table(_columns(sheet, block))


def _columns(sheet: Sheet, block: range) -> list[list[str]]:
    """Return the names and some columns of the table as cells, headings first.

    A group that all of them belong to is named once, in the heading of the names.
    """
    titles = [sheet.table.columns[i] for i in block]
    common = plain(titles[0].group) if len({plain(column.group) for column in titles}) == 1 else ""
    names = f"{escape(common)}: generator" if common else "generator"
    heads = [heading(sheet.table.columns[i], _marks(sheet.heads[i]), grouped=not common) for i in block]
    columns = [[names], *([escape(head)] for head in heads)]
    for group in sheet.groups_in(block):
        if sheet.headed:
            for column, text in zip(
                columns, [f"*{group.heading}*{_marks(group.marks)}", *("" for _ in block)], strict=True
            ):
                column.append(text)
        for line in group.lines:
            cells = [escape(line.title) + _marks(line.marks), *(_cell(line.entries[i]) for i in block)]
            for column, text in zip(columns, cells, strict=True):
                column.append(text)
    return columns


def _cell(entry: Entry) -> str:
    text = f"**{entry.text}**" if entry.best or entry.failed else entry.text
    return text + _marks(entry.marks)


def _marks(marks: Sequence[str]) -> str:
    return f" ({','.join(marks)})" if marks else ""


def _samples(sheet: Sheet, width: int) -> Iterator[str]:
    """Write the counts of samples as a table, and below it why some have no protostructure."""
    heads, numbers = counts(sheet)
    names = [escape(line.title) + (_marks("†") if line.row.kind is RowKind.EXAMPLE else "") for line in sheet.counted]
    rows = [["samples", *heads]]
    rows += [[name, *("–" if n is None else f"{n:,}" for n in row)] for name, row in zip(names, numbers, strict=True)]
    yield pipe_table(list(zip(*rows, strict=True)))
    yield _filled(counts_note(heads), width)
    reasons = [
        f"{name}: {', '.join(f'{escape(reason)} {count:,}' for reason, count in bad)}"
        for name, line in zip(names, sheet.counted, strict=True)
        if (bad := ledger(line.row))
    ]
    yield _filled(f"Without a protostructure: {'; '.join(reasons)}.", width) if reasons else ""


def pipe_table(columns: Sequence[Sequence[str]], left: Sequence[bool] | None = None) -> str:
    """Return columns of cells, headings first, as a padded table; by default the first column is left-aligned."""
    widths = [column_width(column) for column in columns]
    left = [i == 0 for i in range(len(columns))] if left is None else left
    lines = []
    for cells in zip(*columns, strict=True):
        pads = [" " * (width - shown_width(cell)) for cell, width in zip(cells, widths, strict=True)]
        padded = [cell + pad if first else pad + cell for first, cell, pad in zip(left, cells, pads, strict=True)]
        lines.append(f"| {' | '.join(padded)} |")
    rule = ("-" * (width + 2) if first else "-" * (width + 1) + ":" for first, width in zip(left, widths, strict=True))
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
            version="2",
            title="Markdown, also for terminals",
            suffix=".md",
            render=render,
            columns=ColumnSet.DEFAULT,
            terminal=True,
            page=render_page,
        ),
    )
