"""Which columns and rows of a table are shown, and in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from crystalbench.errors import unknown_name
from crystalbench.tables.results import Column, ColumnSet, Direction, Row, RowKind, Table


def check_columns(tables: Iterable[Table], names: Iterable[str]) -> None:
    """Raise `ConfigError` for a name that none of the tables has a column for."""
    columns = [column for table in tables for column in table.columns]
    check_names([name for column in columns for name in (column.metric, column.key)], names)


def check_names(columns: Iterable[str], names: Iterable[str]) -> None:
    """Raise `ConfigError` for a name that is neither that of a column nor of a `ColumnSet`."""
    known = dict.fromkeys((*map(str, ColumnSet), *columns))
    for name in names:
        if name not in known:
            raise unknown_name("column", name, known)


def ranked(table: Table, names: Sequence[str]) -> Table:
    """Return all columns, those named first in the order of their names, and no other in the default set.

    A name is that of a metric, whose columns are those of all its encoders; of a column, such as ``fwd@small-1a2b``; or
    of a `ColumnSet`. One that the table has no column for names nothing (`check_columns`).
    """
    chosen: dict[str, Column] = {}
    for name in names:
        for column in _named(table, name):
            within = column.within if ColumnSet.DEFAULT.holds(column.within) else ColumnSet.DEFAULT
            chosen.setdefault(column.key, replace(column, within=within))
    rest = [replace(column, within=ColumnSet.ALL) for column in table.columns if column.key not in chosen]
    return replace(table, columns=(*chosen.values(), *rest))


def select(table: Table, names: Sequence[str]) -> Table:
    """Return the table with the named columns alone, in the order of their names, as `ranked` understands them."""
    return within(ranked(table, names), ColumnSet.DEFAULT)


def within(table: Table, columns: ColumnSet) -> Table:
    """Return the table with the columns of a set alone."""
    return replace(table, columns=tuple(column for column in table.columns if columns.holds(column.within)))


def _named(table: Table, name: str) -> list[Column]:
    if name in list(ColumnSet):
        return [column for column in table.columns if ColumnSet(name).holds(column.within)]
    return [column for column in table.columns if name in (column.key, column.metric)]


def choose_rows(table: Table, names: Sequence[str]) -> Table:
    """Return the rows of the named generators, of every kind, in the order of the names.

    The training set's own row stays: it gives the scale, and the target of a column.

    Raises
    ------
    ConfigError
        A generator that the table does not have.
    """
    known = dict.fromkeys(row.generator for row in table.rows)
    for name in names:
        if name not in known:
            raise unknown_name("generator", name, known)
    kept = [row for row in table.rows if row.kind is RowKind.TRAINING and row.generator not in names]
    kept += [row for name in names for row in table.rows if row.generator == name]
    return replace(table, rows=tuple(kept))


def sort(table: Table, name: str) -> Table:
    """Sort the rows by a column, best first; the largest first where no value is better than another.

    Reports keep rows of a kind together, so it is within its kind that a row finds its place. A hyphen before the name
    turns the order around; rows without a value stand last. Of a metric with columns of several encoders the first one
    counts in which a row has a value.
    """
    turned = -1 if name.startswith("-") else 1
    columns = _named(table, name.removeprefix("-"))
    scores = [_score(table, columns, row) for row in table.rows]
    order = sorted(
        range(len(scores)), key=lambda i: (scores[i] is None, turned * score if (score := scores[i]) is not None else 0)
    )
    return replace(table, rows=tuple(table.rows[i] for i in order))


def _score(table: Table, columns: Iterable[Column], row: Row) -> float | None:
    """Return a number that is smaller for what stands first."""
    for column in columns:
        cell = row.cells.get(column.key)
        if cell is not None and cell.mean is not None:
            target = table.target(column) if column.direction is Direction.TARGET else None
            if target is not None:
                return abs(cell.mean - target)
            return cell.mean if column.direction is Direction.LOWER else -cell.mean
    return None
