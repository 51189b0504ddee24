"""Several tables in one: those of runs under one another, and what papers printed below them."""

from collections.abc import Sequence
from dataclasses import replace

from crystalbench.errors import ConfigError
from crystalbench.tables.published import rows as published_rows
from crystalbench.tables.results import ENCODED_WITH, Column, Row, RowKind, Table

DIFFERING = frozenset({"samples", "encoder", "dataset chosen"})
"""Settings in which runs of one table may differ."""


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
        name = column.key.partition(ENCODED_WITH)[0]
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


def merge(tables: Sequence[Table]) -> Table:
    """Put the rows of several runs under one another.

    Runs must agree on dataset, conversion, the search for novel samples and the versions and settings of metrics; they
    may differ in the number of samples and in the encoders, which the table then says: values of different encoders
    stand in different columns. A row of the same samples, or published, appears once, with the cells of all runs. A
    generator that two runs measured on different samples appears twice, numbered.

    Raises
    ------
    ConfigError
        If the runs are not comparable.
    """
    columns: dict[str, Column] = {}
    for table in tables:
        for key in (tables[0].settings.keys() | table.settings.keys()) - DIFFERING - columns.keys():
            _compare(key, tables[0].settings.get(key), table.settings.get(key))
        for column in table.columns:
            known = columns.setdefault(column.key, column)
            _compare(f"metric {column.key}", known.version, column.version)
    settings = {key: value for table in tables for key, value in table.settings.items()}
    for key in DIFFERING & settings.keys():
        settings[key] = "; ".join(dict.fromkeys(t.settings[key] for t in tables if key in t.settings))
    return Table(
        title=tables[0].title if len({t.title for t in tables}) == 1 else f"{len(tables)} runs",
        columns=tuple(columns.values()),
        rows=tuple(_unique_rows([row for table in tables for row in table.rows])),
        settings=settings,
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )


def _compare(what: str, first: str | None, other: str | None) -> None:
    if first != other:
        raise ConfigError(f"these runs are not comparable: {what} is {first!r} in one and {other!r} in another")


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
