r"""The results as LaTeX floats; needs ``\usepackage{booktabs}`` and nothing else, with any LaTeX engine.

Everything stands inside the text width of the standard classes, the narrowest that tables are set in, and every float
on a page: columns that do not fit beside one another are continued below, rows and notes in another float.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from textwrap import wrap

from crystalbench import Column, ColumnSet, Direction, ReporterSpec, RowKind, Table, hookimpl
from crystalbench.tables.listing import Page
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._latex_text import UNBROKEN, escape, is_label, lines_of, width, width_of_label
from crystalbench_plugins.reports._layout import (
    FAILED,
    NO_VALUE,
    Entry,
    Group,
    Line,
    Sheet,
    blocks,
    counts,
    counts_note,
    layout,
    ledger,
    settings_text,
    unit_of,
)

ARROWS = {Direction.HIGHER: r"\uparrow", Direction.LOWER: r"\downarrow", Direction.TARGET: r"\rightarrow"}
ARROW_WIDTHS = {Direction.HIGHER: 0.85, Direction.LOWER: 0.85, Direction.TARGET: 1.35}
MARKS = {"†": r"\dagger", "‡": r"\ddagger"}
WIDTH = 35.5  # em of \small in the text width of article, which is 35.6 at 12 pt and 38.3 at 10 pt
GAP = 0.9  # between two columns: twice \tabcolsep
NAME, TITLE = 26, 16  # characters in a line of a generator's name, of a column's title
NOTE = 84  # characters of \footnotesize in a line
HEIGHT = 35.5  # lines of \small in a float
FLOATS = 12  # that TeX is asked to hold at once; LaTeX gives up at 18 or 52
LONG, NUMBER = 0.5, "1.2cm"  # of a listing on a landscape page: the part of columns of long texts, a number's heading
MANY, LESS, SHORT = 5, 0.45, 5  # beside more numbers: that part, and headings of so few characters have no more width
ROWS = 27  # lines in one tabular


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a float that is not divided, and about how many lines high it is."""

    lines: tuple[str, ...]
    height: float
    note: bool = False


def render(table: Table) -> str:
    """Write floats over both columns of a two-column paper: the table in blocks, then what its numbers rest on."""
    sheet = layout(table)
    view = table.presentation
    label = re.sub(r"[^\w:.+/-]", "", view.label, flags=re.ASCII) or "tab:crystalbench"
    settings = settings_text(table)
    lines = [r"% needs \usepackage{booktabs}", *([f"% {settings}"] if settings else [])]
    caption = [rf"\caption{{{escape(_sentence(plain(view.caption or table.title)))}}}", rf"\label{{{label}}}"]
    continued = [r"{\small Table~\thetable{} (continued)}"]
    for number, parts in enumerate(_floats([*_tabulars(sheet), *_notes(sheet)])):
        lines += [r"\begin{table*}[tp]", r"\centering\sloppy"]
        lines += continued if number else caption
        lines += [r"\par\smallskip", r"\small", r"\setlength{\tabcolsep}{4pt}"]
        for note, group in groupby(parts, key=lambda part: part.note):
            body = [line for part in group for line in part.lines]
            lines += (
                [r"\begin{minipage}{\linewidth}\footnotesize\raggedright", *body, r"\end{minipage}"] if note else body
            )
        lines += [r"\end{table*}", *([r"\clearpage"] if number % FLOATS == FLOATS - 1 else [])]
    return "\n".join(lines) + "\n"


def _floats(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Put as many parts into a float as a page holds."""
    held: list[Part] = []
    for part in parts:
        if held and sum(item.height for item in held) + part.height > HEIGHT:
            yield held
            held = []
        held.append(part)
    yield held


# --- the table ----------------------------------------------------------------------------------------------------


def _tabulars(sheet: Sheet) -> Iterator[Part]:
    names = max((_name_width(line) for line in sheet.lines), default=0.0)
    names = max(names, width("Generator"))
    widths = [_column_width(sheet, i) + GAP for i in range(len(sheet.table.columns))]

    def fits(block: range) -> bool:
        return names + sum(widths[i] for i in block) <= WIDTH

    for block in blocks([plain(column.group) for column in sheet.table.columns], fits):
        yield from _tabular(sheet, block)


def _tabular(sheet: Sheet, block: range) -> Iterator[Part]:
    """Write some columns, in several tabulars where the rows are many."""
    head = [rf"\begin{{tabular}}{{l{'r' * len(block)}}}", r"\toprule", *_header(sheet, block)]
    tail = [r"\bottomrule", r"\end{tabular}", r"\par\medskip"]
    most = max((len(_title(sheet.table.columns[i])) for i in block), default=1)
    taken: list[str] = []
    height = 0
    for group in sheet.groups_in(block):
        opened = False
        for line in group.lines:
            needed = len(_name(line)) + (0 if opened else 2)
            if taken and height + needed > ROWS:
                yield Part((*head, *taken, *tail), height + most + 4)
                taken, height, opened = [], 0, False
            if not opened:
                taken += [r"\midrule", *_group_heading(sheet, group, len(block) + 1)]
            taken.append(_row(line, block))
            height += len(_name(line)) + (0 if opened else 2)
            opened = True
    yield Part((*head, *taken, *tail), height + most + 4)


def _group_heading(sheet: Sheet, group: Group, span: int) -> Iterator[str]:
    if sheet.headed:
        yield rf"\multicolumn{{{span}}}{{l}}{{\emph{{{group.heading}}}{_superscript(*group.marks)}}} \\"


def _header(sheet: Sheet, block: range) -> Iterator[str]:
    columns = [sheet.table.columns[i] for i in block]
    if any(column.group for column in columns):
        cells, rules, start = [""], [], 2
        for group, members in groupby(columns, key=lambda column: plain(column.group)):
            span = len(tuple(members))
            if group:
                cells.append(rf"\multicolumn{{{span}}}{{c}}{{{_stacked(lines_of(group, TITLE), 'c')}}}")
                rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
            else:
                cells += [""] * span
            start += span
        yield rf"{' & '.join(cells)} \\ {' '.join(rules)}"
    heads = (_heading(column, marks) for column, marks in zip(columns, [sheet.heads[i] for i in block], strict=True))
    yield rf"{' & '.join(['Generator', *heads])} \\"
    if any(unit_of(column) for column in columns):
        units = (f"({escape(unit)})" if (unit := unit_of(column)) else "" for column in columns)
        yield rf"{' & '.join(['', *units])} \\"


def _heading(column: Column, marks: tuple[str, ...]) -> str:
    label = column.latex + _superscript(*marks) if _has_label(column) else _stacked(_title(column), "r", marks)
    return label + (f"~${ARROWS[column.direction]}$" if column.direction in ARROWS else "")


def _has_label(column: Column) -> bool:
    return bool(column.latex) and is_label(column.latex)


def _title(column: Column) -> list[str]:
    return [] if _has_label(column) else lines_of(plain(column.title), TITLE)


def _stacked(lines: Sequence[str], side: str, marks: Sequence[str] = ()) -> str:
    """Return lines of text above one another in one cell, with marks behind the last one."""
    set_lines = [escape(line) for line in lines]
    set_lines[-1:] = [line + _superscript(*marks) for line in set_lines[-1:]]
    if len(lines) < 2:
        return "".join(set_lines)
    place = "b" if side == "r" else "t"
    body = r" \\ ".join(set_lines)
    return rf"\begin{{tabular}}[{place}]{{@{{}}{side}@{{}}}}{body}\end{{tabular}}"


def _column_width(sheet: Sheet, index: int) -> float:
    column = sheet.table.columns[index]
    title = max((width(line) for line in _title(column)), default=width_of_label(column.latex))
    title += _marks_width(sheet.heads[index]) + ARROW_WIDTHS.get(column.direction, 0.0)
    entries = (line.entries[index] for line in sheet.lines)
    cells = (width(entry.text) * (1.15 if entry.best else 1) + _marks_width(entry.marks) for entry in entries)
    return max(title, width(f"({unit_of(column)})"), *cells, 0.0)


def _marks_width(marks: Sequence[str]) -> float:
    return sum(0.35 * len(mark) + 0.2 for mark in marks)


def _name(line: Line) -> list[str]:
    return lines_of(line.title, NAME) or [""]


def _name_width(line: Line) -> float:
    return max(map(width, _name(line))) + _marks_width(line.marks)


def _row(line: Line, block: range) -> str:
    title = _stacked(_name(line), "l", line.marks)
    return rf"{' & '.join([title, *(_cell(line.entries[i]) for i in block)])} \\"


def _cell(entry: Entry) -> str:
    if entry.value in (NO_VALUE, FAILED):
        text = r"\textbf{failed}" if entry.failed else "--"
        return text + _superscript(*entry.marks)
    numbers = rf"{_number(entry.value)} \pm {_number(entry.spread)}" if entry.spread else _number(entry.value)
    interval = f"~$[{', '.join(map(_number, entry.interval))}]$" if entry.interval else ""
    return (rf"$\mathbf{{{numbers}}}$" if entry.best else f"${numbers}$") + interval + _superscript(*entry.marks)


def _superscript(*marks: str) -> str:
    symbols = ",".join(MARKS.get(mark, rf"\mathrm{{{mark}}}") for mark in marks)
    return f"$^{{{symbols}}}$" if marks else ""


def _number(text: str) -> str:
    """``1.23e-06`` as LaTeX mathematics; anything else is already."""
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else text


# --- what the numbers rest on -------------------------------------------------------------------------------------


def _notes(sheet: Sheet) -> Iterator[Part]:
    """Write legend and footnotes as one paragraph, then counts, settings and the table's own notes."""
    notes = [(escape(sentence), width(sentence)) for sentence in sheet.legend]
    for mark, note in sheet.footnotes:
        pieces = [escape(piece) for piece in wrap(_sentence(note), NOTE * ROWS)]
        notes += [(text if i else f"{_superscript(mark)}~{text}", width(text)) for i, text in enumerate(pieces)]
    yield from _paragraph(notes)
    if sheet.counted:
        heads, numbers = counts(sheet)
        rows = [_counts(line, row) for line, row in zip(sheet.counted, numbers, strict=True)]
        told = [f"Samples {' / '.join(heads)}: {rows[0]}{';' if rows[1:] else '.'}"]
        told += [f"{row}{';' if i < len(rows) - 1 else '.'}" for i, row in enumerate(rows[1:], 1)]
        told += [counts_note(heads)]
        yield from _paragraph([(text, width(text)) for text in told if text])
    texts = (
        [f"Settings: {settings_text(sheet.table)}"]
        if sheet.table.settings and sheet.table.presentation.settings
        else []
    )
    for text in (*texts, *map(plain, sheet.table.notes)):
        pieces = wrap(_sentence(text), NOTE * ROWS)
        yield from _paragraph([(escape(piece), width(piece)) for piece in pieces])


def _paragraph(sentences: Sequence[tuple[str, float]]) -> Iterator[Part]:
    """Yield sentences with their widths as parts of one paragraph, which a float may end between any two of."""
    line = 0.5 * NOTE  # em
    for index, (text, size) in enumerate(sentences):
        last = index == len(sentences) - 1
        yield Part((text + (r"\par" if last else ""),), 0.9 * (ceil(size / line) if size > line else size / line), True)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _counts(line: Line, numbers: Sequence[int | None]) -> str:
    reasons = ", ".join(f"{escape(reason)} {count}" for reason, count in ledger(line.row))
    mark = _superscript("†") if line.row.kind is RowKind.EXAMPLE else ""
    told = f"{escape(line.title)}{mark} {' / '.join('--' if n is None else str(n) for n in numbers)}"
    return f"{told} ({reasons})" if reasons else told


def render_page(page: Page) -> str:
    """Write plain tables, each as a longtable with its notes below; many columns need a landscape page."""
    lines = [r"% needs \usepackage{array,booktabs,longtable}"]
    for listing in page.listings:
        texts = listing.texts()
        number = [listing.numeric(i) for i in range(len(listing.headings))]
        long = [not number[i] and any(len(row[i]) > UNBROKEN for row in texts) for i in range(len(number))]
        many = sum(number) > MANY
        part = (LESS if many else LONG) / max(1, sum(long))
        broken = rf">{{\raggedright\arraybackslash}}p{{{part:.2f}\linewidth}}"
        heading = rf">{{\raggedleft\arraybackslash}}p{{{NUMBER}}}"
        tight = [many and len(head.text) <= SHORT for head in listing.headings]
        kinds = "".join(
            ("r" if short else heading) if n else broken if wide else "l"
            for n, wide, short in zip(number, long, tight, strict=True)
        )
        heads = " & ".join(escape(plain(heading.text)) for heading in listing.headings)
        lines += [r"{\footnotesize\setlength{\tabcolsep}{3pt}", rf"\begin{{longtable}}{{{kinds}}}"]
        lines += [rf"\caption{{{escape(plain(listing.title))}}}\\", r"\toprule"]
        lines += [rf"{heads} \\", r"\midrule", r"\endhead"]
        for row in texts:
            cells = [escape(plain(cell)) for cell in row]
            signed = [f"${cell}$" if n and cell.startswith("-") and cell != "--" else cell
                      for n, cell in zip(number, cells, strict=True)]  # fmt: skip
            lines.append(rf"{' & '.join(signed)} \\")
        lines += [r"\bottomrule", r"\end{longtable}}"]
        lines += [rf"{{\footnotesize {escape(_sentence(plain(note)))}\par}}" for note in listing.notes]
    return "\n".join(lines) + "\n"


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="latex",
            version="2",
            title="LaTeX (booktabs)",
            suffix=".tex",
            render=render,
            page=render_page,
            columns=ColumnSet.DEFAULT,
        ),
    )
