"""A CSV file of the user's own materials: a crystal in each row, and what else is known of it."""

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from crystalbench import DatasetError
from crystalbench.crystals.columns import CRYSTAL_COLUMNS

COLUMN = "column"
"""The setting of the reader of CSV files that names the column of the crystals."""

MAX_UNPACKED = 4_000_000_000
MAX_LINE = 64_000_000
"""Bytes in a compressed file: a few kilobytes unpack to more than any memory holds."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a CSV file; an empty name means: the one of `CRYSTAL_COLUMNS`, or none.

    Attributes
    ----------
    crystal
        Protostructure labels, or CIF texts.
    energy
        Formation energy, eV/atom.
    id
        Identifier of each row.
    split
        Name of the split of each row. Without it the rows are split at random.
    """

    crystal: str = ""
    energy: str = ""
    id: str = ""
    split: str = ""

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.crystal, self.energy, self.id, self.split)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """The columns of a file that were asked for, a value for each row: "" or NaN where there is no such column.

    Attributes
    ----------
    column
        Name of the column of the crystals.
    crystals
        Labels or CIF texts.
    energies
        (n,) float64, eV/atom.
    places
        What messages call each row.
    """

    path: Path
    columns: Columns
    column: str
    crystals: Sequence[str]
    energies: NDArray[np.float64]
    ids: Sequence[str]
    splits: Sequence[str]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.crystals)

    @property
    def holds_cifs(self) -> bool:
        """Whether crystals are CIF texts: they have several lines, labels one; a column named ``cif`` has no labels."""
        return self.column == "cif" or any("\n" in text.strip() for text in self.crystals)


def read_table(path: Path, columns: Columns) -> TableFile:
    """Read a CSV file, alone or compressed (.gz, .bz2, .xz, .zip); raises `DatasetError`."""
    import pandas as pd

    try:
        _check_unpacked(path)
        (heads,) = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, nrows=1).to_numpy().tolist()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:  # and pandas' own
        raise DatasetError(f"{path}: not a readable CSV file: {error}") from error
    if twice := next((name for name in (*columns.named, *CRYSTAL_COLUMNS) if heads.count(name) > 1), ""):
        raise DatasetError(f"{path}: {heads.count(twice)} columns are called {twice!r}; rename them")
    known = list(frame.columns)
    for wanted in columns.named:
        if wanted not in known:
            raise DatasetError(f"{path}: no column {wanted!r}; its columns: {', '.join(known)}")
    column = columns.crystal or _column(path, known)
    return TableFile(
        path=path,
        columns=columns,
        column=column,
        crystals=frame[column].tolist(),
        energies=_energies(path, frame[columns.energy].tolist()) if columns.energy else np.full(len(frame), np.nan),
        ids=[" ".join(text.split()) for text in frame[columns.id]] if columns.id else [""] * len(frame),
        splits=frame[columns.split].str.strip().tolist() if columns.split else [""] * len(frame),
        places=[f"{path.name} row {row + 2}" for row in range(len(frame))],  # line 1 holds the names of the columns
    )


def _check_unpacked(path: Path) -> None:
    """Refuse what unpacks to more than memory should hold, before any of it is kept; a file as it is may be long."""
    opened = _UNPACKED.get(path.suffix.lower())
    if opened is None:
        if path.suffix.lower() in (".tar", ".tgz", ".zst", ".7z", ".rar"):
            raise DatasetError(f"{path}: unpack it first; CSV is read as it is, or as .gz, .bz2, .xz or .zip")
        return
    read = line = 0
    with opened(path) as file:
        while block := file.read(_BLOCK):
            read += len(block)
            line = len(block) - 1 - block.rfind(b"\n") if b"\n" in block else line + len(block)
            if read > MAX_UNPACKED or line > MAX_LINE:
                what = f"over {MAX_UNPACKED:,} bytes" if read > MAX_UNPACKED else f"a line of over {MAX_LINE:,} bytes"
                raise DatasetError(f"{path}: unpacks to {what}; split it, or unpack it if it is meant")


def _only_member(path: Path) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise DatasetError(f"{path}: {len(names)} files in it; a table is one")
        return archive.open(names[0])


_UNPACKED: dict[str, Callable[[Path], IO[bytes]]] = {
    ".gz": gzip.GzipFile,  # type: ignore[dict-item]
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zip": _only_member,
}


def _column(path: Path, known: Sequence[str]) -> str:
    found = [name for name in CRYSTAL_COLUMNS if name in known]
    if len(found) == 1:
        return found[0]
    problem = f"columns {' and '.join(found)} could be meant" if found else f"no column {', '.join(CRYSTAL_COLUMNS)}"
    raise DatasetError(
        f"{path}: {problem}; name the column of the labels or CIF texts with --column (its columns: {', '.join(known)})"
    )


def _energies(path: Path, texts: Sequence[str]) -> NDArray[np.float64]:
    energies = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        try:
            energies[row] = float(text.strip() or "nan")
        except ValueError:
            energies[row] = np.inf
        if np.isinf(energies[row]) or abs(energies[row]) > 1e4:  # eV/atom; beyond it is another unit, or no energy
            raise DatasetError(f"{path} row {row + 2}: {text!r} is no formation energy in eV/atom")
    return energies
