"""CSV tables of energies that users write: read strictly, every fault with its file and line."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from crystalbench.errors import ReadError

MAX_BYTES = 200_000_000
MAX_ENERGY = 100.0
"""eV/atom; beyond it is another unit, or the energy of a whole cell."""


def content_of(path: Path) -> bytes:
    """Return the bytes of a file of reasonable size; raises `ReadError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReadError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    if len(content) > MAX_BYTES:
        raise ReadError(f"{path}: more than the {MAX_BYTES:,} bytes that a table of energies may have")
    return content


def cells_of(content: bytes, path: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield where each row stands and its cells under ``names``; other columns are not read.

    Raises
    ------
    ReadError
        With the line, where a column is absent or a row has another number of cells.
    """
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        heads = [head.strip() for head in next(reader, [])]
        for name in names:
            if heads.count(name) != 1:
                there = ", ".join(heads) or "nothing"
                raise ReadError(f"{path}: line 1 names the columns and must have {name} once; it has: {there}")
        at = [heads.index(name) for name in names]
        for cells in reader:
            place = f"{path} line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(heads):
                raise ReadError(f"{place}: {len(cells)} cells under {len(heads)} columns")
            yield place, [cells[i].strip() for i in at]
    except UnicodeDecodeError as error:
        raise ReadError(f"{path}: not text in UTF-8: {error}") from error
    except csv.Error as error:
        raise ReadError(f"{path} line {reader.line_num}: {error}") from error


def energy_of(text: str, place: str) -> float:
    """Return a formation energy in eV/atom; raises `ReadError` for what is none."""
    try:
        energy = float(text)
    except ValueError:
        raise ReadError(f"{place}: {text!r} is no formation energy in eV/atom") from None
    return possible(energy, place)


def possible(energy: float, place: str) -> float:
    """Return a formation energy that can be one; raises `ReadError`."""
    if not abs(energy) <= MAX_ENERGY:
        raise ReadError(f"{place}: {energy:g} is no formation energy in eV/atom")
    return energy
