"""Comparisons as text, CSV and JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence

from crystalbench.tables.differences import ALPHA, Comparison, Difference
from crystalbench.tables.text import plain

FIELDS = (
    "first row",
    "second row",
    "metric",
    "unit",
    "first",
    "second",
    "change",
    "low",
    "high",
    "test",
    "p",
    "verdict",
    "problem",
)
NOTE = (
    "Change: second - first, with the 95 % interval of each cell alone. p: corrected for the number of cells (Holm); "
    f"below {ALPHA} a cell is called different."
)


def markdown(comparisons: Sequence[Comparison]) -> str:
    """One table for each pair of rows; why cells are not compared, and what neither row has a value of, below it."""
    return "\n".join([*map(_table, comparisons), NOTE])


def _table(comparison: Comparison) -> str:
    from tabulate import tabulate

    names = plain(comparison.first), plain(comparison.second)
    heads = ("metric", *(names if names[0] != names[1] else ("first", "second")), "change", "p", "test", "verdict")
    told = [d for d in comparison.differences if (d.first, d.second) != (None, None)]
    reasons = list(dict.fromkeys(d.problem for d in told if d.problem))
    rows = [_cells(d, reasons) for d in told]
    align = ("left", "right", "right", "right", "right", "left", "left")
    parts = [f"{plain(comparison.first)} and {plain(comparison.second)}"]
    if rows:
        parts.append(tabulate(rows, heads, tablefmt="github", colalign=align, disable_numparse=True))
    notes = [f"({i}) {plain(reason)}" for i, reason in enumerate(reasons, 1)]
    if empty := [plain(d.column.key) for d in comparison.differences if d not in told]:
        notes.append(f"Neither has a value of: {', '.join(empty)}.")
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])]) + "\n"


def records(comparisons: Iterable[Comparison]) -> Iterator[dict[str, object]]:
    """Yield one record of `FIELDS` for each cell, at full precision; shares are fractions."""
    for comparison in comparisons:
        for d in comparison.differences:
            low, high = d.interval or (None, None)
            unit = "fraction" if d.column.unit == "%" else d.column.unit
            values = (
                *(comparison.first, comparison.second, d.column.key, unit),
                *(d.first, d.second, d.change, low, high, d.test, d.p, d.verdict, d.problem),
            )
            yield dict(zip(FIELDS, values, strict=True))


def as_csv(comparisons: Sequence[Comparison]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, FIELDS)
    writer.writeheader()
    writer.writerows(records(comparisons))
    return buffer.getvalue().removesuffix("\r\n")


def as_json(comparisons: Sequence[Comparison]) -> str:
    return json.dumps([*records(comparisons)], indent=1)


FORMATS = {"markdown": markdown, "csv": as_csv, "json": as_json}


def _cells(d: Difference, reasons: Sequence[str]) -> tuple[str, ...]:
    change = _number(d.change, d, sign="+")
    if d.interval is not None:
        change += f" [{', '.join(_number(end, d, sign='+') for end in d.interval)}]"
    name = plain(d.column.key) + (f" ({d.column.unit})" if d.column.unit else "")
    p = "" if d.p is None else f"{d.p:.2g}" if d.p >= 1e-4 else "<0.0001"
    told = " ".join(filter(None, (d.test, f"({reasons.index(d.problem) + 1})" if d.problem else "")))
    return name, _number(d.first, d), _number(d.second, d), change, p, told, d.verdict


def _number(value: float | None, difference: Difference, sign: str = "") -> str:
    if value is None:
        return "–"
    column = difference.column
    digits = max(column.digits, 1)
    shown = round(100 * value if column.unit == "%" else value, digits)
    return f"{shown + 0.0:{sign}.{digits}f}"  # no -0.0
