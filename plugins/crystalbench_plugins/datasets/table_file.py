"""A CSV file of the user's own materials: a crystal in each row, and what else is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crystalbench import DatasetError
from crystalbench.crystals.columns import CRYSTAL_COLUMNS

COLUMN = "column"
"""The setting of the reader of CSV files that names the column of the crystals."""


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
    """Read a CSV file, compressed or not; raises `DatasetError`."""
    import pandas as pd

    try:
        (heads,) = pd.read_csv(path, dtype=str, keep_default_na=False, header=None, nrows=1).to_numpy().tolist()
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError) as error:  # pandas' parser errors are ValueErrors
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
