"""Rows of CSV files, one after the other, with limits on their size."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from crystalbench import ReadError
from crystalbench_baselines._members import head

MAX_FIELD = 4 * 2**20
"""Characters in one cell; the CIF text of 1,000 atoms has 100,000."""


def is_csv(path: Path) -> bool:
    """Return whether the name says so."""
    return path.is_file() and path.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz"))


def header(path: Path) -> list[str]:
    """Return the names of the columns, from the beginning of the file; empty where there are none."""
    beginning = head(path, 2**16).removeprefix("\ufeff")
    try:
        return next(csv.reader(io.StringIO(beginning), delimiter=_delimiter(path)), [])
    except csv.Error:
        return []


def rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line that it ends on; the first one holds the names of the columns.

    Raises
    ------
    ReadError
        If the file is damaged, or a cell is larger than `MAX_FIELD`.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))  # a setting of the whole process
    try:
        with _open(path) as file:
            found = csv.reader(_lines(file, path), delimiter=_delimiter(path))
            for row in found:
                yield found.line_num, row
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise ReadError(f"{path}: no readable CSV file ({error})") from error


def _open(path: Path) -> io.TextIOWrapper:
    binary = gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")  # noqa: SIM115 - the wrapper closes it
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="replace", newline="")


def _delimiter(path: Path) -> str:
    return "\t" if ".tsv" in path.name.lower() else ","


def _lines(file: io.TextIOWrapper, path: Path) -> Iterator[str]:
    # A line is limited before it is read: a small .gz can hold one of many gigabytes.
    while line := file.readline(MAX_FIELD + 1):
        if len(line) > MAX_FIELD:
            raise ReadError(f"{path}: a line of over {MAX_FIELD} characters")
        yield line
