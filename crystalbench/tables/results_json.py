"""A results table as JSON and back, without loss: what ``table.json`` of a run holds.

Every later format is drawn from this file, so ``from_json(to_json(table)) == table``.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn, cast

from crystalbench.errors import ReadError
from crystalbench.strict_data import Node
from crystalbench.tables.results import (
    JSON,
    Cell,
    Column,
    ColumnSet,
    Direction,
    Failure,
    MetricResult,
    Missing,
    Outcome,
    Row,
    RowKind,
    Table,
)

SCHEMA_VERSION = 4
PRINTED = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


def to_json(table: Table) -> str:
    """Write the table as ASCII JSON text; ends with a newline."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": table.title,
        "settings": dict(table.settings),
        "notes": list(table.notes),
        "columns": [_from_column(column) for column in table.columns],
        "rows": [_from_row(row) for row in table.rows],
    }
    # ASCII, because a name made of a file name may hold lone surrogates, which UTF-8 cannot write.
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def from_json(text: str, file: str = "table.json") -> Table:
    """Read what `to_json` wrote; ``file`` names the source in messages.

    Raises
    ------
    ReadError
        The text is no JSON, has another schema version, or a value is absent, unknown or of the wrong type.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{file}: not JSON: {error}") from error
    node = Node(data, file)
    version = node.mapping().get("schema_version", Node(None, file, "schema_version"))
    if version.value != SCHEMA_VERSION:
        version.fail(f"{SCHEMA_VERSION}, the only version that this crystalbench reads; make the run again")
    top = node.record(("schema_version", "title", "settings", "notes", "columns", "rows"))
    return Table(
        title=top["title"].text(),
        columns=tuple(_column(item) for item in top["columns"].sequence()),
        rows=tuple(_row(item) for item in top["rows"].sequence()),
        settings={key: item.text() for key, item in top["settings"].mapping().items()},
        notes=top["notes"].texts(),
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _from_column(column: Column) -> dict[str, JSON]:
    return {
        "key": column.key,
        "version": column.version,
        "title": column.title,
        "latex": column.latex,
        "unit": column.unit,
        "direction": column.direction.value,
        "target_from": column.target_from,
        "digits": column.digits,
        "group": column.group,
        "description": column.description,
        "show_interval": column.show_interval,
        "size_dependent": column.size_dependent,
        "valid_only": column.valid_only,
        "within": column.within.value,
        **({"basis": column.basis} if column.basis else {}),
    }


def _column(node: Node) -> Column:
    names = ("key", "version", "title", "latex", "unit", "direction", "target_from", "digits", "group", "description")
    record = node.record((*names, "show_interval", "size_dependent", "valid_only", "within"), ("basis",))
    return Column(
        key=record["key"].text(),
        version=record["version"].text(),
        title=record["title"].text(),
        latex=record["latex"].text(),
        unit=record["unit"].text(),
        direction=record["direction"].choice(Direction),
        target_from=record["target_from"].text(),
        digits=record["digits"].count(),
        group=record["group"].text(),
        description=record["description"].text(),
        show_interval=record["show_interval"].flag(),
        size_dependent=record["size_dependent"].flag(),
        valid_only=record["valid_only"].flag(),
        within=record["within"].choice(ColumnSet),
        basis=record["basis"].text() if "basis" in record else "",
    )


def _from_row(row: Row) -> dict[str, JSON]:
    return {
        "generator": row.generator,
        "key": row.key,
        "title": row.title,
        "kind": row.kind.value,
        "replicas": row.replicas,
        "asked": row.asked,
        "drawn": row.drawn,
        "valid": row.valid,
        "searched": row.searched,
        "novel": row.novel,
        "used": row.used,
        "reasons": {str(reason): count for reason, count in row.reasons.items()},
        "notes": list(row.notes),
        "cells": {key: _from_cell(cell) for key, cell in row.cells.items()},
    }


def _row(node: Node) -> Row:
    counts = ("replicas", "asked", "drawn", "valid", "searched")
    record = node.record(("generator", "key", "title", "kind", *counts, "novel", "used", "reasons", "notes", "cells"))
    return Row(
        generator=record["generator"].text(),
        key=record["key"].text(),
        title=record["title"].text(),
        kind=record["kind"].choice(RowKind),
        **{name: record[name].count() for name in counts},
        novel=None if record["novel"].value is None else record["novel"].count(),
        used=None if record["used"].value is None else record["used"].count(),
        reasons={key: item.count() for key, item in record["reasons"].mapping().items()},
        notes=record["notes"].texts(),
        cells={key: _cell(item) for key, item in record["cells"].mapping().items()},
    )


def _from_cell(cell: Cell) -> dict[str, JSON]:
    return {
        "outcomes": [outcome_to_json(outcome) for outcome in cell.outcomes],
        "published": None if cell.published is None else [None if x is None else f"{x:f}" for x in cell.published],
        "given": cell.given,
    }


def _cell(node: Node) -> Cell:
    record = node.record(("outcomes", "published", "given"))
    published = None
    if record["published"].value is not None:
        pair = tuple(record["published"].sequence())
        if len(pair) != 2:
            record["published"].fail("[mean, standard deviation or null]")
        published = (_printed(pair[0]), None if pair[1].value is None else _printed(pair[1]))
    return Cell(
        outcomes=tuple(_outcome(item) for item in record["outcomes"].sequence()),
        published=published,
        given=record["given"].flag(),
    )


def _printed(node: Node) -> Decimal:
    return Decimal(text) if PRINTED.fullmatch(text := node.text()) else node.fail("a number as text, in plain digits")


def outcome_to_json(outcome: Outcome) -> dict[str, JSON]:
    """Return one outcome as JSON data."""
    match outcome:
        case MetricResult():
            return {
                "type": "value",
                "value": outcome.value,
                "n": outcome.n,
                "interval": None if outcome.interval is None else list(outcome.interval),
                "details": dict(outcome.details),
                **({"notes": list(outcome.notes)} if outcome.notes else {}),
            }
        case Missing():
            return {"type": "missing", "reason": outcome.reason}
        case Failure():
            return {
                "type": "failure",
                "step": outcome.step,
                "plugin": outcome.plugin,
                "error": outcome.error,
            }


def outcome_from_json(document: object, file: str = "outcome") -> Outcome:
    """Read what `outcome_to_json` returned; raises `ReadError` naming ``file`` and the place in it."""
    return _outcome(Node(document, file))


def _outcome(node: Node) -> Outcome:
    kind = node.mapping().get("type", Node(None, node.file, f"{node.path}.type"))
    match kind.value:
        case "value":
            record = node.record(("type", "value", "n", "interval", "details"), ("notes",))
            details = {key: item.value for key, item in record["details"].mapping().items()}
            return MetricResult(
                value=record["value"].number(),
                n=record["n"].count(),
                interval=_interval(record["interval"]),
                details=cast("Mapping[str, JSON]", details),  # the parser of JSON makes nothing else
                notes=record["notes"].texts() if "notes" in record else (),
            )
        case "missing":
            return Missing(node.record(("type", "reason"))["reason"].text())
        case "failure":
            record = node.record(("type", "step", "plugin", "error"))
            return Failure(record["step"].text(), record["plugin"].text(), record["error"].text())
    return kind.fail("one of value, missing, failure")


def _interval(node: Node) -> tuple[float, float] | None:
    if node.value is None:
        return None
    ends = tuple(item.number() for item in node.sequence())
    if len(ends) != 2:
        node.fail("[low, high]")
    return ends[0], ends[1]
