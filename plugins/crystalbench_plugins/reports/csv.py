"""The results as tidy CSV: one line for each generator, metric and replica.

Columns
-------
generator, title, kind
    The row of the table; ``kind`` is measured, reference, example or published.
asked, drawn, valid
    Samples wanted, made, and with a protostructure, summed over replicas; empty in published rows.
metric, encoder, unit
    Key of the metric; the encoder behind it, where it is not the paper's; ``fraction`` where the other formats print
    percent.
replica
    From 0; empty for a published mean.
outcome
    value, missing or failure.
value, std, n, low, high
    Full precision; in published rows the digits that were printed. ``std`` only there; for others compute it from the
    replicas.
    ``n`` is the number of samples behind the value; ``low`` and ``high`` bound its 95 % sampling interval.
problem
    Why there is no value, or what must be borne in mind about the one there is.

Text that a spreadsheet would take for a formula, such as a name that begins with ``=``, gets
an apostrophe first.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from crystalbench import (
    Cell,
    Column,
    Failure,
    MetricResult,
    Missing,
    ReporterSpec,
    Row,
    RowKind,
    Table,
    hookimpl,
)
from crystalbench.tables.listing import Page
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import problem_text

FIELDS = (
    "generator", "title", "kind", "asked", "drawn", "valid", "metric", "encoder", "unit", "replica",
    "outcome", "value", "std", "n", "low", "high", "problem",
)  # fmt: skip
FORMULA_STARTS = tuple("=+-@＝＋－＠|")


def render(table: Table) -> str:
    """Write every cell of the table, rows and columns in table order; lines end with CRLF as in RFC 4180."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, FIELDS)
    writer.writeheader()
    for row in table.rows:
        counts = ("", "", "") if row.kind is RowKind.PUBLISHED else (row.asked, row.drawn, row.valid)
        for column in table.columns:
            for record in _records(row, column):
                writer.writerow(
                    {
                        "generator": safe(row.generator),
                        "title": safe(row.title),
                        "kind": row.kind.value,
                        **dict(zip(("asked", "drawn", "valid"), counts, strict=True)),
                        "metric": safe(column.key),
                        "encoder": safe(column.encoder),
                        "unit": "fraction" if column.unit == "%" else safe(column.unit),
                        **record,
                    }
                )
    return buffer.getvalue()


def render_page(page: Page) -> str:
    """Write all of the first table; columns are named as they are asked for."""
    listing = page.listings[0]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([safe(heading.key) for heading in listing.headings])
    for row in listing.rows:
        writer.writerow(["" if x is None else repr(x) if isinstance(x, float) else safe(str(x)) for x in row])
    return buffer.getvalue()


def safe(text: str) -> str:
    """Return text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    line = plain(text)  # first: it takes away white space that may stand before a sign
    return f"'{line}" if line.startswith(FORMULA_STARTS) else line


def _records(row: Row, column: Column) -> Iterator[dict[str, object]]:
    cell = row.cells.get(column.key, Cell())
    if cell.published is not None:
        mean, std = cell.published
        yield {"outcome": "value", "value": f"{mean:f}", "std": "" if std is None else f"{std:f}"}
    elif not cell.outcomes:
        yield {"outcome": "missing", "problem": safe(problem_text(row, cell))}
    for replica, outcome in enumerate(cell.outcomes):
        match outcome:
            case MetricResult():
                low, high = outcome.interval or ("", "")
                yield {
                    "replica": replica,
                    "outcome": "value",
                    "value": repr(outcome.value),
                    "n": outcome.n,
                    "low": repr(low) if low != "" else "",
                    "high": repr(high) if high != "" else "",
                    "problem": safe("; ".join(outcome.notes)),
                }
            case Missing():
                yield {"replica": replica, "outcome": "missing", "problem": safe(outcome.reason)}
            case Failure():
                problem = f"{outcome.step} failed in {outcome.plugin}: {outcome.error}"
                yield {"replica": replica, "outcome": "failure", "problem": safe(problem)}


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="csv", version="2", title="CSV, one line per value", suffix=".csv", render=render, page=render_page
        ),
    )
