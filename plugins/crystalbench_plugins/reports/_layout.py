"""What all report formats share: the rows, digits, marks and footnotes of a table, before any markup.

A `Sheet` holds plain text; each format escapes it for itself. Two kinds of spread never meet: ``±`` is always
the standard deviation over replicas; the sampling interval of one replica is ``[low, high]``, or not printed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import floor, inf, log10

from crystalbench import Cell, Column, Direction, Failure, Missing, Row, RowKind, Table
from crystalbench.tables.text import plain

NO_VALUE = "–"
FAILED = "failed"
ARROWS = {Direction.HIGHER: "↑", Direction.LOWER: "↓", Direction.TARGET: "→", Direction.NONE: ""}
MARKS = {RowKind.EXAMPLE: "†", RowKind.PUBLISHED: "‡"}
ORDER = (RowKind.TRAINING, RowKind.REFERENCE, RowKind.MEASURED, RowKind.EXAMPLE, RowKind.PUBLISHED)
HEADINGS = {
    RowKind.TRAINING: "Training set",
    RowKind.REFERENCE: "Reference (built in)",
    RowKind.MEASURED: "Measured",
    RowKind.EXAMPLE: "Example files",
    RowKind.PUBLISHED: "Published",
}
MARK_NOTES = {
    RowKind.EXAMPLE: "computed from a small example file; these are not results of that generator.",
    RowKind.PUBLISHED: "published: printed in the named source; neither measured nor compared here.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One cell as text: ``value`` is a number, "–" or "failed".

    ``spread`` is a deviation over replicas, ``interval`` the sampling interval of one; at most one of them is there.
    ``marks`` are those of its footnotes: why there is no value, or what must be borne in mind about it.
    """

    value: str
    spread: str = ""
    interval: tuple[str, str] | None = None
    best: bool = False
    failed: bool = False
    marks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.value + self.beside

    @property
    def beside(self) -> str:
        """What stands behind the value: `` ± spread``, `` [low, high]``, or nothing."""
        if self.spread:
            return f" ± {self.spread}"
        return f" [{', '.join(self.interval)}]" if self.interval else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: its title, the marks behind the title, and one entry per column."""

    row: Row
    title: str
    marks: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table laid out: rows in groups by kind in the order of `ORDER`, footnotes in that of their marks.

    ``heads`` are the marks behind the titles of the columns.
    """

    table: Table
    heads: tuple[tuple[str, ...], ...]
    groups: tuple[tuple[RowKind, tuple[Line, ...]], ...]
    footnotes: tuple[tuple[str, str], ...]
    legend: tuple[str, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for _, lines in self.groups for line in lines)

    def groups_in(self, block: range) -> Iterator[tuple[RowKind, tuple[Line, ...]]]:
        """Yield the groups as the columns of a block need them: without published rows that print nothing there."""
        for kind, lines in self.groups:
            told = [line for line in lines if any(line.entries[i].value != NO_VALUE for i in block)]
            if shown := tuple(told) if kind is RowKind.PUBLISHED else lines:
                yield kind, shown

    @property
    def counted(self) -> tuple[Line, ...]:
        """The rows that have samples, for the ledger: all but the published ones."""
        return tuple(line for line in self.lines if line.row.kind is not RowKind.PUBLISHED)


@dataclass(slots=True)
class _Footnotes:
    """Gives letters to texts in the order they are met; equal texts share one."""

    letters: dict[str, str] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        return self.letters.setdefault(plain(text), letters(len(self.letters)))


def layout(table: Table) -> Sheet:
    """Lay a table out; rows keep their order within a kind."""
    notes = _Footnotes()
    titles = _titles(table)
    heads = tuple((notes.mark(encoder_note(column)),) if column.encoder else () for column in table.columns)
    best = {column.key: table.best(column) for column in table.columns}
    groups = []
    for kind in ORDER:
        lines = tuple(
            _line(row, title, table, best, notes)
            for row, title in zip(table.rows, titles, strict=True)
            if row.kind is kind
        )
        if lines:
            groups.append((kind, lines))
    marked = [(MARKS[kind], MARK_NOTES[kind]) for kind, _ in groups if kind in MARKS]
    lettered = [(letter, text) for text, letter in notes.letters.items()]
    return Sheet(
        table=table,
        heads=heads,
        groups=tuple(groups),
        footnotes=(*marked, *lettered),
        legend=tuple(_legend(table)),
    )


def encoder_note(column: Column) -> str:
    """Return the footnote of a column whose values another encoder than the paper's is behind."""
    return f"by the encoder {column.encoder}, not by the paper's: no published value compares with it"


def _titles(table: Table) -> list[str]:
    """Return the titles; those that two rows of one kind share get the generator's name behind them."""
    seen: dict[tuple[RowKind, str], int] = {}
    for row in table.rows:
        seen[row.kind, row.title] = seen.get((row.kind, row.title), 0) + 1
    return [
        plain(row.title if seen[row.kind, row.title] == 1 else f"{row.title} [{row.generator}]") for row in table.rows
    ]


def _line(row: Row, title: str, table: Table, best: dict[str, frozenset[str]], notes: _Footnotes) -> Line:
    marks = [MARKS[row.kind]] if row.kind in MARKS else []
    marks += [notes.mark(note) for note in row.notes]
    entries = tuple(
        _entry(
            row,
            column,
            row.kind is RowKind.MEASURED and row.generator in best[column.key],
            notes,
        )
        for column in table.columns
    )
    return Line(row=row, title=title, marks=tuple(marks), entries=entries)


def _entry(row: Row, column: Column, best: bool, notes: _Footnotes) -> Entry:
    cell = row.cells.get(column.key, Cell())
    if cell.mean is None:
        return Entry(
            value=FAILED if isinstance(cell.problem, Failure) else NO_VALUE,
            failed=isinstance(cell.problem, Failure),
            marks=(notes.mark(problem_text(row, cell)),),
        )
    if cell.published is not None:
        mean, std = cell.published
        spread = "" if std is None else printed(std, column, column.digits)
        return Entry(value=printed(mean, column), spread=spread)
    marks = tuple(map(notes.mark, cell.notes))
    if cell.std is None:
        interval = bounds(cell.interval, column) if column.show_interval and cell.interval else None
        return Entry(value=number(cell.mean, column), interval=interval, best=best, marks=marks)
    value, spread = with_spread(cell.mean, cell.std, column)
    return Entry(value=value, spread=spread, best=best, marks=marks)


def problem_text(row: Row, cell: Cell) -> str:
    """Say why a cell has no value, and in how many replicas where not all share the reason's kind."""
    match cell.problem:
        case None:
            published = row.kind is RowKind.PUBLISHED
            return "not reported in that source" if published else "not computed in this run"
        case Failure(step=step, plugin=plugin, error=error):
            text = f"{step} failed in {plugin}: {error}"
        case Missing(reason=reason):
            text = reason
    count = sum(isinstance(item, type(cell.problem)) for item in cell.outcomes)
    return text if len(cell.outcomes) == 1 else f"{count} of {len(cell.outcomes)} replicas: {text}"


def _legend(table: Table) -> Iterator[str]:
    directions = {column.direction for column in table.columns}
    used = [ARROWS[way] for way in (Direction.HIGHER, Direction.LOWER) if way in directions]
    if used:
        words = {"↑": "↑ higher is better", "↓": "↓ lower is better"}
        yield ", ".join(words[arrow] for arrow in used) + "."
    if Direction.TARGET in directions:
        yield "→ best is closest to the training set's own value."
    if any(table.best(column) for column in table.columns):
        yield "Bold: best of the measured rows, where its 95 % interval lies apart from all others."
    if not all(map(table.comparable, table.columns)):
        yield "No best where rows differ in the number of samples, or of invalid ones, and the value depends on it."
    cells = [cell for row in table.rows for cell in row.cells.values()]
    if any(cell.std is not None for cell in cells):
        yield "a ± b: mean and standard deviation over replicas (models or seeds), not a sampling interval."
    shown = {column.key for column in table.columns if column.show_interval}
    if any(cell.interval for row in table.rows for key, cell in row.cells.items() if key in shown):
        yield "In brackets: 95 % sampling interval of one replica."


def heading(column: Column, marks: str = "") -> str:
    """Return the column's full title, marks, arrow and unit: ``novel: FWD (a) ↓``, ``Uniqueness ↑ %``, ``E (eV)``."""
    unit = plain(column.unit)
    parts = (full_title(column) + marks, ARROWS[column.direction], unit if unit in ("", "%") else f"({unit})")
    return " ".join(part for part in parts if part)


def full_title(column: Column) -> str:
    name = own_group(column)
    return f"{name}: {plain(column.title)}" if name else plain(column.title)


def own_group(column: Column) -> str:
    """Return the column's group, or nothing where the title names it already ("FWD of novel")."""
    name = plain(column.group)
    return "" if name.lower() in plain(column.title).lower() else name


def scaled(value: float, column: Column) -> float:
    """Return the number to print: a fraction times 100 in a column of percentages."""
    return value * 100 if column.unit == "%" else value


def number(value: float, column: Column) -> str:
    """Print a measured number with the column's decimals.

    More decimals are taken where rounding would make nothing of something (0.04 of 0.0) or all of almost all
    (99.99 of 100.0 %): readers draw conclusions from exactly those. Outside 1e-5 to 1e6 in powers of ten.
    """
    x = scaled(value, column) + 0.0  # -0.0 becomes 0.0
    return f"{x:.{_decimals(x, column)}f}" if _plain_size(x) else f"{x:.2e}"


def bounds(interval: tuple[float, float], column: Column) -> tuple[str, str]:
    """Print the ends of an interval with two significant digits of its width, at most the column's decimals."""
    low, high = (scaled(end, column) for end in interval)
    decimals = column.digits
    if 0 < high - low < inf:
        decimals = min(decimals, max(0, 1 - floor(log10(high - low))))
    rounded = (round(end, decimals) + 0.0 for end in (low, high))  # -0.0 becomes 0.0
    first, last = (f"{end:.{decimals}f}" if _plain_size(end) else f"{end:.2e}" for end in rounded)
    return first, last


def with_spread(mean: float, std: float, column: Column) -> tuple[str, str]:
    """Print a mean and its standard deviation with the same decimals.

    A deviation that rounds to zero gets up to two more; one that is smaller still is printed as zero.
    """
    x, spread = scaled(mean, column) + 0.0, scaled(std, column)
    if not _plain_size(x) or spread >= 1e6:
        return f"{x:.2e}", f"{spread:.0e}"
    wanted = _decimals(spread, column)
    decimals = max(_decimals(x, column), wanted if wanted <= column.digits + 2 else column.digits)
    return f"{x:.{decimals}f}", f"{spread:.{decimals}f}"


def _plain_size(x: float) -> bool:
    return x == 0 or 1e-5 <= abs(x) < 1e6


def _decimals(x: float, column: Column) -> int:
    special = {0.0, 100.0, -100.0} if column.unit == "%" else {0.0}
    for decimals in range(column.digits, column.digits + 9):
        if x in special or float(f"{x:.{decimals}f}") not in special:
            return decimals
    return column.digits  # within 1e-9 of 100 %: the rounding of a division


def printed(value: float, column: Column, decimals: int = 0) -> str:
    """Print a published number with no more digits than its source has, and at least so many decimals."""
    text = f"{Decimal(f'{scaled(value, column):.12g}'):f}"
    own = len(text.partition(".")[2])
    return text if own >= decimals else f"{Decimal(text):.{decimals}f}"


def ledger(row: Row) -> tuple[tuple[str, int], ...]:
    """Return the samples without a protostructure by reason, most frequent first.

    Where the counts do not add up to ``drawn - valid`` the difference is an entry of its own.
    """
    reasons = sorted(((plain(str(r)), n) for r, n in row.reasons.items() if n), key=lambda item: (-item[1], item[0]))
    gap = row.drawn - row.valid - sum(row.reasons.values())
    return (*reasons, ("without a reason", gap)) if gap else tuple(reasons)


def settings_text(table: Table) -> str:
    """Return the settings on one line: ``dataset: wbm; seed: 0``."""
    return "; ".join(f"{plain(key)}: {plain(value)}" for key, value in table.settings.items())


def blocks(widths: Sequence[int], names: int, limit: int) -> Iterator[range]:
    """Split columns into consecutive blocks that fit ``limit`` beside the names; each holds at least one column."""
    start, used = 0, names
    for index, width in enumerate(widths):
        if index > start and used + width > limit:
            yield range(start, index)
            start, used = index, names
        used += width
    yield range(start, len(widths))


def letters(index: int) -> str:
    """Return the footnote letter of a position: a, b, ..., z, aa, ab, ..."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
