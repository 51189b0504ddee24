"""Several tables in one: those of runs under one another, and what papers printed below them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from crystalbench.errors import ConfigError
from crystalbench.tables.published import rows as published_rows
from crystalbench.tables.results import ENCODED_WITH, Column, Row, RowKind, Table

SHARED = ("dataset", "dataset version", "compared with", "conversion")
"""Settings that every cell depends on: runs of one table agree in them."""


def with_published(table: Table) -> Table:
    """Add the rows that papers printed for the table's dataset, where they are not there yet.

    A metric that was measured here with another encoder than the paper's gets a column of its own for the printed
    values: the two are different quantities.
    """
    published = [row for row in published_rows(table.settings["dataset"]) if row not in table.rows]
    printed = {key for row in published for key in row.cells}
    columns: dict[str, Column] = {}
    known = {column.key for column in table.columns}
    for column in table.columns:
        name = column.metric
        if column.encoder and name in printed - known:
            plain = replace(
                column,
                key=name,
                version="",
                target_from=column.target_from.partition(ENCODED_WITH)[0],
            )
            columns.setdefault(name, plain)
        columns[column.key] = column
    return replace(table, columns=tuple(columns.values()), rows=(*table.rows, *published))


def merge(tables: Mapping[str, Table]) -> Table:
    """Put the rows of several runs, by their names, under one another.

    Runs must agree on dataset and conversion, and each metric that two of them have on its definition: its version, its
    settings, its encoder's weights, and how far novel samples were searched for. They may have different metrics,
    encoders, reference generators and numbers of samples; values of different encoders stand in different columns. A
    row of the same samples, or published, appears once, with the cells of all runs. A generator that two runs measured
    on different samples appears twice, numbered.

    Raises
    ------
    ConfigError
        If the runs, or columns of them, are not comparable; it names which.
    """
    for key in SHARED:
        _compare(f"the {key}", {name: table.settings.get(key, "") for name, table in tables.items()})
    columns: dict[str, Column] = {}
    versions: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        for column in table.columns:
            columns[column.key] = _joined(columns.get(column.key, column), column)
            if any(column.key in row.cells for row in table.rows if row.kind is not RowKind.PUBLISHED):
                versions.setdefault(column.key, {})[name] = column.version
    conflicts = [_conflict(f"metric {key}", by_run) for key, by_run in versions.items() if len({*by_run.values()}) > 1]
    if conflicts:
        raise ConfigError(
            f"these cells of the runs are not comparable: {'; '.join(conflicts)}; "
            "leave them out with --metrics, or draw the runs apart"
        )
    every = [table.settings for table in tables.values()]
    keys = dict.fromkeys(key for settings in every for key in settings)
    titles = {table.title for table in tables.values()}
    return Table(
        title=titles.pop() if len(titles) == 1 else f"{len(tables)} runs",
        columns=tuple(columns.values()),
        rows=tuple(_unique_rows([row for table in tables.values() for row in table.rows])),
        settings={key: "; ".join(dict.fromkeys(item[key] for item in every if key in item)) for key in keys},
        notes=tuple(dict.fromkeys(note for table in tables.values() for note in table.notes)),
    )


def _joined(known: Column, other: Column) -> Column:
    """Return one column for two runs: shown where one of them shows it, and with the version of what was measured."""
    shown = other.within if known.within.holds(other.within) else known.within
    return replace(known, within=shown, version=known.version or other.version)


def _compare(what: str, by_run: Mapping[str, str]) -> None:
    if len({*by_run.values()}) > 1:
        raise ConfigError(f"these runs are not comparable, no cell of them: {_conflict(what, by_run)}")


def _conflict(what: str, by_run: Mapping[str, str]) -> str:
    """Say what two runs mean by one name: the first, and the first that differs from it."""
    (first, known), *others = by_run.items()
    name, other = next((name, value) for name, value in others if value != known)
    return f"{what} is {known!r} in {first} and {other!r} in {name}"


def _unique_rows(rows: Sequence[Row]) -> list[Row]:
    kinds = list(RowKind)
    unique: list[Row] = []
    for row in rows:
        same = next((i for i, o in enumerate(unique) if row == o or (row.key and row.key == o.key)), None)
        if same is not None:
            unique[same] = replace(unique[same], cells={**row.cells, **unique[same].cells})
            continue
        taken = {other.generator for other in unique if other.kind is row.kind}
        number = 1
        while (name := row.generator if number == 1 else f"{row.generator}#{number}") in taken:
            number += 1
        unique.append(row if number == 1 else replace(row, generator=name, title=f"{row.title} ({number})"))
    return sorted(unique, key=lambda row: kinds.index(row.kind))
