"""What all report formats share: the rows, marks and footnotes of a table, before any markup.

A `Sheet` holds plain text; each format escapes it for itself. Two kinds of spread never meet: ``±`` is always
the standard deviation over replicas; the sampling interval of one replica is ``[low, high]``, or not printed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from crystalbench import Cell, Column, Direction, Failure, Missing, Row, RowKind, Table
from crystalbench.tables.results import NOVEL
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._footnotes import Footnotes
from crystalbench_plugins.reports._numbers import bounds, number, printed, with_spread

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
    RowKind.PUBLISHED: "published: printed in the named source, – where it has no number; neither measured nor "
    "compared here.",
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
class Group:
    """The rows of one kind; ``marks`` are those of the notes that all of them share."""

    kind: RowKind
    marks: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def heading(self) -> str:
        return HEADINGS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table laid out: rows in groups by kind in the order of `ORDER`, footnotes in that of their marks.

    ``heads`` are the marks behind the titles of the columns.
    """

    table: Table
    heads: tuple[tuple[str, ...], ...]
    groups: tuple[Group, ...]
    footnotes: tuple[tuple[str, str], ...]
    legend: tuple[str, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for group in self.groups for line in group.lines)

    @property
    def headed(self) -> bool:
        """Whether the groups need their headings."""
        return len(self.groups) > 1 or any(group.marks for group in self.groups)

    def groups_in(self, block: range) -> Iterator[Group]:
        """Yield the groups as the columns of a block need them: without published rows that print nothing there."""
        for group in self.groups:
            told = [line for line in group.lines if any(line.entries[i].value != NO_VALUE for i in block)]
            if shown := tuple(told) if group.kind is RowKind.PUBLISHED else group.lines:
                yield replace(group, lines=shown)

    @property
    def counted(self) -> tuple[Line, ...]:
        """The rows that have samples, for the ledger: all but the published ones."""
        return tuple(line for line in self.lines if line.row.kind is not RowKind.PUBLISHED)


def layout(table: Table) -> Sheet:
    """Lay a table out; rows keep their order within a kind.

    Columns in which no row has a value are named in the legend with the reason, and are no columns of the sheet.
    """
    notes = Footnotes()
    whole, table = table, _told(table)
    heads = tuple((notes.mark(note, apart=True),) if (note := basis_note(column)) else () for column in table.columns)
    titled = list(zip(table.rows, _titles(table), strict=True))
    groups = tuple(
        _group(kind, members, table, notes)
        for kind in ORDER
        if (members := [(row, title) for row, title in titled if row.kind is kind])
    )
    legend = (*_legend(table), *_without_value(whole, table, notes))
    marked = [(MARKS[group.kind], MARK_NOTES[group.kind]) for group in groups if group.kind in MARKS]
    return Sheet(
        table=table,
        heads=heads,
        groups=groups,
        footnotes=(*marked, *notes),
        legend=legend,
    )


def _told(table: Table) -> Table:
    """Leave out the columns in which no row has a value; a failure is one, and a table without columns is none."""
    told = tuple(column for column in table.columns if any(_has_value(row, column) for row in table.rows))
    return replace(table, columns=told) if told else table


def _has_value(row: Row, column: Column) -> bool:
    cell = row.cells.get(column.key, Cell())
    return cell.mean is not None or isinstance(cell.problem, Failure)


def _without_value(whole: Table, table: Table, notes: Footnotes) -> Iterator[str]:
    """Name the columns that were left out, together with those that lack a value for the same reasons."""
    by_marks: dict[tuple[str, ...], list[str]] = {}
    for column in whole.columns:
        if column in table.columns:
            continue
        cells = [(row, row.cells.get(column.key, Cell())) for row in whole.rows]
        reasons = [problem_text(row, cell) for row, cell in cells if not _goes_without_saying(row, column, cell)]
        marks = _in_order(notes.mark(reason) for reason in dict.fromkeys(reasons))
        by_marks.setdefault(marks, []).append(full_title(column))
    if by_marks:
        parts = (", ".join(names) + (f" ({','.join(marks)})" if marks else "") for marks, names in by_marks.items())
        yield f"No row has a value in: {'; '.join(parts)}."


def _group(kind: RowKind, members: Sequence[tuple[Row, str]], table: Table, notes: Footnotes) -> Group:
    """Lay the rows of one kind out; notes that all of several rows have become one, of the group."""
    first, *others = (row.notes for row, _ in members)
    shared = [note for note in first if all(note in other for other in others)] if others else []
    marks = (notes.mark("; ".join(shared)),) if shared else ()
    best = {column.key: table.best(column) for column in table.columns} if kind is RowKind.MEASURED else {}
    lines = []
    for row, title in members:
        own = [MARKS[kind]] if kind in MARKS else []
        own += [notes.mark(note) for note in row.notes if note not in shared]
        entries = [_entry(row, column, row.generator in best.get(column.key, ()), notes) for column in table.columns]
        lines.append(Line(row=row, title=title, marks=_in_order(own), entries=tuple(entries)))
    return Group(kind=kind, marks=marks, lines=tuple(lines))


def _in_order(marks: Iterable[str]) -> tuple[str, ...]:
    """Return marks once each: † and ‡, then letters as in the list of footnotes."""
    return tuple(sorted({*marks}, key=lambda mark: (mark not in MARKS.values(), len(mark), mark)))


def basis_note(column: Column) -> str:
    """Return the footnote of a column: what it rests on, where that is no encoder, or the paper's, but another."""
    if column.basis or not column.encoder:
        return f"{column.encoder}: {column.basis}" if column.basis else ""
    return f"by the encoder {column.encoder}, not by the paper's: no published value compares with it"


def _titles(table: Table) -> list[str]:
    """Return the titles; those that two rows of one kind share get the generator's name behind them."""
    seen: dict[tuple[RowKind, str], int] = {}
    for row in table.rows:
        seen[row.kind, row.title] = seen.get((row.kind, row.title), 0) + 1
    return [
        plain(row.title if seen[row.kind, row.title] == 1 else f"{row.title} [{row.generator}]") for row in table.rows
    ]


def _entry(row: Row, column: Column, best: bool, notes: Footnotes) -> Entry:
    cell = row.cells.get(column.key, Cell())
    if cell.mean is None:
        return Entry(
            value=FAILED if isinstance(cell.problem, Failure) else NO_VALUE,
            failed=isinstance(cell.problem, Failure),
            marks=() if _goes_without_saying(row, column, cell) else (notes.mark(problem_text(row, cell)),),
        )
    if cell.published is not None:
        mean, std = cell.published
        spread = "" if std is None else printed(std, column)
        return Entry(value=printed(mean, column), spread=spread)
    marks = _in_order(map(notes.mark, cell.notes))
    if cell.std is None:
        interval = bounds(cell.interval, column) if column.show_interval and cell.interval else None
        return Entry(value=number(cell.mean, column), interval=interval, best=best, marks=marks)
    value, spread = with_spread(cell.mean, cell.std, column)
    return Entry(value=value, spread=spread, best=best, marks=marks)


def _goes_without_saying(row: Row, column: Column, cell: Cell) -> bool:
    """Whether no note need say why there is no value: not printed in a paper, or novel samples of the training set."""
    if row.kind is RowKind.PUBLISHED:
        return cell.problem is None
    none_novel = row.kind is RowKind.TRAINING and not row.novel and column.group == NOVEL
    return none_novel and isinstance(cell.problem, Missing)


def problem_text(row: Row, cell: Cell) -> str:
    """Say why a cell has no value, and in how many replicas where not all share the reason's kind."""
    match cell.problem:
        case None:
            return "not printed in that source" if row.kind is RowKind.PUBLISHED else "not computed in this run"
        case Failure(step=step, plugin=plugin, error=error):
            text = f"{step} failed in {plugin}: {error}"
        case Missing(reason=reason):
            text = reason
    count = sum(isinstance(item, type(cell.problem)) for item in cell.outcomes)
    return text if count == len(cell.outcomes) else f"{count} of {len(cell.outcomes)} replicas: {text}"


def _legend(table: Table) -> Iterator[str]:
    directions = {column.direction for column in table.columns}
    used = [ARROWS[way] for way in (Direction.HIGHER, Direction.LOWER) if way in directions]
    if used:
        words = {"↑": "↑ higher is better", "↓": "↓ lower is better"}
        yield ", ".join(words[arrow] for arrow in used) + "."
    if Direction.TARGET in directions:
        aims = ", ".join(_elsewhere(table))
        yield f"→ best is closest to the training set's own value{f' ({aims})' if aims else ''}."
    if any(table.best(column) for column in table.columns):
        yield "Bold: best of the measured rows, where its 95 % interval lies apart from all others."
    if not all(map(table.comparable, table.columns)):
        yield "No best where rows differ in the number of samples, or of invalid ones, and the value depends on it."
    cells = [
        (column, row.cells[column.key]) for column in table.columns for row in table.rows if column.key in row.cells
    ]
    if any(cell.std is not None for _, cell in cells):
        yield "a ± b: mean and standard deviation over replicas (models or seeds), not a sampling interval."
    if any(cell.interval for column, cell in cells if column.show_interval):
        yield "In brackets: 95 % sampling interval of one replica."


def _elsewhere(table: Table) -> Iterator[str]:
    """Yield the targets that the training set's row does not show in the column itself: SMACT 89.1 %."""
    row = next((row for row in table.rows if row.kind is RowKind.TRAINING), None)
    for column in table.columns if row else ():
        shown = row.cells.get(column.key) if row else None
        target = table.target(column) if column.direction is Direction.TARGET else None
        if target is not None and (shown is None or shown.mean is None):
            yield " ".join(filter(None, (plain(column.title), number(target, column), unit_of(column))))


def heading(column: Column, marks: str = "", *, grouped: bool = True) -> str:
    """Return the column's title, marks, arrow and unit: ``novel: FWD (a) ↓``, ``Uniqueness ↑ %``, ``E (eV)``.

    Its group stands before the title unless it is said elsewhere (``grouped`` is False).
    """
    title = full_title(column) if grouped else plain(column.title)
    unit = unit_of(column)
    parts = (title + marks, ARROWS[column.direction], unit if unit in ("", "%") else f"({unit})")
    return " ".join(part for part in parts if part)


def unit_of(column: Column) -> str:
    """Return the column's unit, or nothing where the title says it: 1/min of "Novel/min"."""
    unit = plain(column.unit)
    return "" if unit.startswith("1/") and plain(column.title).endswith(unit[1:]) else unit


def full_title(column: Column) -> str:
    name = own_group(column)
    return f"{name}: {plain(column.title)}" if name else plain(column.title)


def own_group(column: Column) -> str:
    """Return the column's group, or nothing where the title names it already ("FWD of novel")."""
    name = plain(column.group)
    return "" if name.lower() in plain(column.title).lower() else name


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


def counts(sheet: Sheet) -> tuple[tuple[str, ...], list[tuple[int | None, ...]]]:
    """Return the names of the counts that the table needs, and the counts of each of its `Sheet.counted` rows."""
    rows = [line.row for line in sheet.counted]
    told = {
        "asked": True,
        "drawn": True,
        "valid": True,
        "searched": any(row.searched for row in rows),
        "novel": any(row.novel is not None for row in rows),
        "used": any(row.used != row.novel for row in rows),
    }
    heads = tuple(name for name, shown in told.items() if shown)
    numbers = ({name: getattr(row, name) for name in heads} | {"searched": row.searched or None} for row in rows)
    return heads, [tuple(counted[name] for name in heads) for counted in numbers]


def counts_note(heads: Sequence[str]) -> str:
    """Return what the counts of a search for novel samples mean; "" where there was none."""
    if "searched" not in heads:
        return ""
    used = "used: those that the columns of novel samples rest on" if "used" in heads else "all of them are used"
    return f"searched: drawn in all, until enough are novel; novel: of these, not in the training set; {used}."


def blocks(groups: Sequence[str], fits: Callable[[range], bool]) -> Iterator[range]:
    """Split columns into consecutive blocks that fit; each holds at least one column.

    As few as can be; of those splits the one that divides the fewest named groups, then mixes the fewest, and then the
    most even one.
    """
    best: list[tuple[tuple[int, ...], int]] = [((0, 0, 0, 0), 0)]  # of the first columns: cost, start of the last block
    for end in range(1, len(groups) + 1):
        found = []
        for start in range(end - 1, -1, -1):
            if end - start > 1 and not fits(range(start, end)):
                break
            divides = start > 0 and groups[start] != "" and groups[start] == groups[start - 1]
            mixes = sum(groups[i] != groups[i - 1] for i in range(start + 1, end))
            own = (1, divides, mixes, (end - start) ** 2)
            found.append((tuple(a + b for a, b in zip(best[start][0], own, strict=True)), start))
        best.append(min(found))
    ends = [len(groups)]
    while ends[-1]:
        ends.append(best[ends[-1]][1])
    yield from (range(start, end) for end, start in reversed(list(pairwise(ends))))
