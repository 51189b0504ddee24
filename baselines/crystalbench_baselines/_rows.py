"""Rows of CSV files, one after the other, with limits on their size."""

import csv
import io
from collections.abc import Iterator
from itertools import chain

from crystalbench import ReadError
from crystalbench_baselines import _limits
from crystalbench_baselines._documents import Document


def is_csv(name: str) -> bool:
    """Return whether a file's name says so."""
    return name.endswith((".csv", ".tsv"))


def header(head: str) -> list[str]:
    """Return the names of the columns, from the beginning of a file; empty where there are none."""
    try:
        return next(csv.reader(io.StringIO(head), delimiter=_delimiter(head.partition("\n")[0])), [])
    except csv.Error:
        return []


def _delimiter(first: str) -> str:
    """Return what parts the columns, from the first line: spreadsheets in many languages write semicolons."""
    return next((mark for mark in "\t,;" if mark in first), ",")


def rows(document: Document) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line that it ends on; the first one holds the names of the columns.

    Raises
    ------
    ReadError
        If the file is damaged, or a line or cell is larger than `_limits.MAX_LINE`.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _limits.MAX_LINE))  # a setting of the whole process
    lines = document.lines()
    first = next(lines, "")
    found = csv.reader(chain([first], lines), delimiter=_delimiter(first))
    while True:
        try:
            row = next(found, None)
        except csv.Error:
            raise ReadError(
                f"{document}: line {found.line_num} is no row of a CSV file, or a cell has over {_limits.MAX_LINE} "
                "characters; is a quotation mark missing?"
            ) from None
        if row is None:
            return
        yield found.line_num, row
