"""Splits of a dataset in one small file that numpy reads alone.

A label is the AFLOW part and the elements: ``A2B_tP6_136_f_a:O-Ti``. A dataset has far fewer AFLOW parts than
rows (6,561 in 247,814 of WBM), and neither an AFLOW part nor its prototype says anything of the elements. So a
file holds each AFLOW part once with its prototype, and for a row the number of its AFLOW part and its atomic
numbers in the order of the label. Decoding is exact: it joins the very strings that were taken apart.

The file is a zip of ``.npy`` columns (`numpy.load` reads it, no pickle) and ``about.json``::

    about.json                 format, letter tables, splits, and what the dataset's maker wants to say
    aflow, prototypes          distinct texts
    TABLE.prototype            (aflow,) prototype of each AFLOW part under a letter table, -1 where unused
    SPLIT.aflow                (n,) AFLOW part of each row under the affine table
    SPLIT.elements             (width, n) atomic numbers in the label's order, then zeros
    SPLIT.TABLE.rows, .aflow   rows whose AFLOW part differs under another table, and that part
    SPLIT.energies             (n,) int32, formation energy in 0.1 meV/atom, or `NO_ENERGY`; may be absent
    SPLIT.ids                  identifiers joined by line feeds, UTF-8; may be absent

Equal content gives equal bytes: texts are sorted and time stamps constant.
"""

import io
import json
import lzma
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crystalbench import DatasetError, Protostructure, Split
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.wyckoff import TABLE_VERSION, Table
from crystalbench.runs.cache import atomic_write
from crystalbench.tables.results import JSON
from crystalbench_plugins.datasets.rows import Rows

FORMAT = 1
ENERGY_UNIT = 1e-4
"""Energies are stored as multiples of this, eV/atom: off by 0.05 meV at most, far below DFT's own error."""
NO_ENERGY = np.iinfo(np.int32).min
_MAX_UNPACKED = 1 << 30  # bytes; a hostile archive could hold far more than its size shows


def pack(splits: Mapping[str, Rows], about: Mapping[str, JSON], path: Path) -> None:
    """Write splits to ``path``, whole or not at all. All splits serve the letter tables of the first."""
    tables = list(next(iter(splits.values())).labels)
    texts = {table: sorted({_aflow(x) for rows in splits.values() for x in rows.labels[table]}) for table in tables}
    aflow = sorted({text for known in texts.values() for text in known})
    prototype_of = {table: {text: _prototype(text, table) for text in texts[table]} for table in tables}
    prototypes = sorted({text for known in prototype_of.values() for text in known.values()})
    number = {text: i for i, text in enumerate(prototypes)}
    columns: dict[str, NDArray[Any]] = {
        "aflow": np.array(aflow, dtype=np.bytes_),
        "prototypes": np.array(prototypes, dtype=np.bytes_),
    }
    for table, known in prototype_of.items():
        columns[f"{table}.prototype"] = np.array(
            [number[known[t]] if t in known else -1 for t in aflow], dtype=np.int32
        )
    index = {text: i for i, text in enumerate(aflow)}
    for name, rows in splits.items():
        columns |= {f"{name}.{key}": column for key, column in _columns(rows, index).items()}
    document = {
        "format": FORMAT,
        "letter_table": TABLE_VERSION,
        "tables": [str(table) for table in tables],
        "splits": {name: _counts(rows, prototype_of[Table.AFFINE]) for name, rows in splits.items()},
        **about,
    }
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        _add(archive, "about.json", json.dumps(document, indent=1).encode())
        for key, column in columns.items():
            buffer = io.BytesIO()
            np.save(buffer, column, allow_pickle=False)
            _add(archive, f"{key}.npy", buffer.getvalue())


def _counts(rows: Rows, prototypes: Mapping[str, str]) -> dict[str, JSON]:
    """Sizes of one split under the affine table, for the card."""
    labels = rows.labels[Table.AFFINE]
    texts = {_aflow(label) for label in labels}
    return {
        "rows": len(labels),
        "protostructures": len(set(labels)),
        "prototypes": len({prototypes[text] for text in texts}),
        "space groups": len({text.split("_", 3)[2] for text in texts}),
        "elements": len({symbol for label in labels for symbol in label.partition(":")[2].split("-")}),
        "with energy": 0 if rows.energies is None else int(np.isfinite(rows.energies).sum()),
    }


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)  # dated 1980, so that equal content gives equal bytes
    info.compress_type = zipfile.ZIP_LZMA
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)


def _aflow(label: str) -> str:
    return label.partition(":")[0]


def _prototype(aflow: str, table: Table) -> str:
    """Prototype of an AFLOW part, with the first elements of the alphabet in the place of its own."""
    names = sorted(ELEMENTS)[: aflow.count("_") - 2]
    return Protostructure.from_canonical(f"{aflow}:{'-'.join(names)}", table).prototype


def _columns(rows: Rows, index: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    small = np.min_scalar_type(max(len(index) - 1, 0))
    affine = rows.labels[Table.AFFINE]
    own = np.array([index[_aflow(label)] for label in affine], dtype=small)
    numbers = {symbol: z for z, symbol in enumerate(ELEMENTS, 1)}
    chemical = [[numbers[symbol] for symbol in label.partition(":")[2].split("-")] for label in affine]
    elements = np.zeros((max(map(len, chemical), default=0), len(own)), dtype=np.uint8)
    for row, members in enumerate(chemical):
        elements[: len(members), row] = members
    columns: dict[str, NDArray[Any]] = {"aflow": own, "elements": elements}
    for table, labels in rows.labels.items():
        other = np.array([index[_aflow(label)] for label in labels], dtype=small)
        differs = np.flatnonzero(other != own)
        if table is not Table.AFFINE:
            columns |= {f"{table}.rows": differs.astype(np.uint32), f"{table}.aflow": other[differs]}
    if rows.energies is not None:
        known = np.isfinite(rows.energies)
        units = np.rint(np.where(known, rows.energies, 0.0) / ENERGY_UNIT)
        columns["energies"] = np.where(known, units, NO_ENERGY).astype(np.int32)
    if rows.ids:
        columns["ids"] = np.frombuffer("\n".join(rows.ids).encode(), dtype=np.uint8)
    return columns


class Packed:
    """A packed dataset, read a split at a time.

    Parameters
    ----------
    name : str
        The dataset's name, for messages.
    path : Path
        The file.
    remedy : str
        What to do where the file is absent or cannot be read.
    """

    def __init__(self, name: str, path: Path, remedy: str) -> None:
        self.name, self.path, self.remedy = name, path, remedy

    def _error(self, problem: str) -> DatasetError:
        return DatasetError(f"dataset {self.name!r}: {problem}; {self.remedy}")

    def _read(self, *keys: str) -> dict[str, Any]:
        """Return members by name, without those that the file lacks."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                if sum(info.file_size for info in archive.infolist()) > _MAX_UNPACKED:
                    raise ValueError(f"it unpacks to more than {_MAX_UNPACKED} bytes")
                present = set(archive.namelist())
            with np.load(self.path, allow_pickle=False) as archive:
                return {key: archive[key] for key in keys if key in present or f"{key}.npy" in present}
        except FileNotFoundError:
            raise DatasetError(f"dataset {self.name!r}: there is no file {self.path}; {self.remedy}") from None
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, lzma.LZMAError) as error:
            raise DatasetError(f"dataset {self.name!r}: cannot read {self.path}: {error}; {self.remedy}") from error

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """What the file says of itself; raises `DatasetError` where this version cannot serve it."""
        found = self._read("about.json")
        try:
            about = json.loads(found["about.json"])
            stated = about["format"], about["letter_table"]
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"dataset {self.name!r}: {self.path} is no packed dataset; {self.remedy}") from error
        if stated != (FORMAT, TABLE_VERSION):
            raise self._error(
                f"{self.path} has format and letter table {stated}, this version of crystalbench reads "
                f"{(FORMAT, TABLE_VERSION)}"
            )
        return dict(about)

    def _check(self, split: str) -> None:
        if split not in self.about["splits"]:
            raise DatasetError(
                f"dataset {self.name!r} has no split {split!r}; its splits: {', '.join(self.about['splits'])}"
            )

    def split(self, name: str, table: Table = Table.AFFINE) -> Split:
        """Decode one split with labels canonical under ``table``."""
        self._check(name)
        if str(table) not in self.about["tables"]:
            raise DatasetError(
                f"dataset {self.name!r} has no labels under the letter table {str(table)!r}: its labels were "
                f"made with a coarser one, which cannot be undone; use one of {', '.join(self.about['tables'])}"
            )
        keys = (f"{name}.aflow", f"{name}.elements", f"{name}.{table}.rows", f"{name}.{table}.aflow")
        found = self._read("aflow", "prototypes", f"{table}.prototype", f"{name}.energies", *keys)
        try:
            own = found[keys[0]].astype(np.int64)
            if table is not Table.AFFINE:
                own[found[keys[2]]] = found[keys[3]]
            labels = _texts(found["aflow"])[own]
            head, tail = _separated(":"), _separated("-")
            for place, column in enumerate(found[keys[1]]):
                labels = labels + (tail if place else head)[column]
            prototypes = _texts(found["prototypes"])[found[f"{table}.prototype"]][own]
        except (KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
            raise DatasetError(f"dataset {self.name!r}: {self.path} is damaged ({error!r}); {self.remedy}") from error
        return Split(tuple(labels.tolist()), tuple(prototypes.tolist()), _energies(found.get(f"{name}.energies")))

    def ids(self, split: str) -> tuple[str, ...]:
        """Return the identifier of each row of a split; empty where the dataset has none."""
        self._check(split)
        found = self._read(f"{split}.ids").get(f"{split}.ids")
        return () if found is None else tuple(found.tobytes().decode().split("\n"))


def _texts(column: NDArray[np.bytes_]) -> NDArray[np.object_]:
    return np.array([text.decode("ascii") for text in column.tolist()], dtype=object)


def _separated(separator: str) -> NDArray[np.object_]:
    """Symbols by atomic number with a separator before each; nothing for number 0 (no further element)."""
    return np.array(["", *(separator + symbol for symbol in ELEMENTS)], dtype=object)


def _energies(units: NDArray[np.int32] | None) -> NDArray[np.float32] | None:
    if units is None:
        return None
    return np.where(units == NO_ENERGY, np.nan, units * ENERGY_UNIT).astype(np.float32)
