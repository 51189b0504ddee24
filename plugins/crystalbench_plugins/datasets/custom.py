"""The user's own datasets: `build_dataset` makes one, the hook finds those that were made.

They live in the cache folder, ``datasets/user/NAME/``: ``dataset.npz``, ``card.md`` and ``rejected.csv``, the rows that
could not be used.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crystalbench import ConfigError, DatasetError, DatasetSpec, Invalid, Protostructure, hookimpl
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.crystals.wyckoff import FINEST_FIRST, Table
from crystalbench.runs.cache import atomic_write, cache_dir, file_digest
from crystalbench.tables.results import JSON
from crystalbench_plugins.datasets import cards
from crystalbench_plugins.datasets.bundled import BUNDLED
from crystalbench_plugins.datasets.official import OFFICIAL
from crystalbench_plugins.datasets.packed import Packed, pack
from crystalbench_plugins.datasets.rows import (
    Rejected,
    Rows,
    grouped_split,
    read_labels,
    write_ledger,
)

SPLITS = ("train", "val", "test")
LABEL_COLUMNS = ("protostructure", "wyckoff_spglib", "label", "aflow_label")
"""Columns that are tried when the user names none."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CSV = (".csv", ".csv.gz", ".csv.bz2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the columns of a CSV file; an empty name means: `LABEL_COLUMNS`, or none.

    Attributes
    ----------
    label
        Protostructure labels.
    energy
        Formation energy, eV/atom.
    id
        Identifier of each row.
    split
        Name of the split of each row. Without it the rows are split at random.
    """

    label: str = ""
    energy: str = ""
    id: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    structure: Protostructure
    energy: float = np.nan
    id: str = ""
    split: str = ""


_Read = tuple[list[_Material], list[Rejected]]


def build_dataset(
    source: Path,
    name: str,
    *,
    columns: Columns | None = None,
    table: Table = Table.AFFINE,
    reader: str = "",
    settings: ConversionSettings | None = None,
    workers: int = 1,
    held_out: Mapping[str, float] | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Make a dataset of the user's own materials.

    Parameters
    ----------
    source : Path
        A CSV file of labels; a file or folder of crystals; or a folder that holds ``train``, ``val`` and
        ``test``, each such a file (``train.csv``) or folder.
    name : str
        Name of the dataset: lower-case letters, digits, ``.``, ``_`` and ``-``.
    columns : Columns
        Columns of a CSV file of labels.
    table : Table
        The letter table under which the labels are canonical, or `Table.AFFINE` if unknown. It and coarser tables are
        served; converted crystals serve all.
    reader : str
        Reader of crystals, by name. Empty: labels in a CSV file, ``cif`` in a folder.
    settings : ConversionSettings
        How crystals are converted.
    workers : int
        Processes that convert crystals.
    held_out : mapping
        Share of the rows in each split but ``train``, where the source has no splits; default 10 % ``val``, 10 %
        ``test``. Rows of one protostructure stay together.
    seed : int
        Of the random split.
    overwrite : bool
        Replace a dataset of that name.

    Returns
    -------
    Path
        Folder of the dataset. Rows without a protostructure are in its ``rejected.csv``.

    Raises
    ------
    ConfigError
        If the name or a share makes no sense.
    DatasetError
        If the source cannot be used, or nothing in it can.
    """
    folder = user_folder() / _checked_name(name)
    if (folder / "dataset.npz").exists() and not overwrite:
        raise ConfigError(f"there is a dataset {name!r} already, in {folder}; overwrite it or choose another name")
    shares = _checked_shares(held_out if held_out is not None else {"val": 0.1, "test": 0.1})
    settings = replace(settings or ConversionSettings(), table=Table.AVIARY)
    read_crystals = partial(_read_crystals, reader=reader or "cif", settings=settings, workers=workers)
    materials: list[_Material] = []
    rejected: list[Rejected] = []
    given = _given_splits(source)
    labelled = {split: not reader and path.name.endswith(_CSV) for split, path in given.items()}
    for split, path in given.items():
        if labelled[split]:
            found, bad = _read_csv(path, columns or Columns(), table)
        else:
            found, bad = read_crystals(path)
        materials += [replace(material, split=split or material.split) for material in found]
        rejected += bad
    if not materials:
        first = f"; first: {rejected[0].place}: {rejected[0].reason}" if rejected else ""
        raise DatasetError(f"{source}: not one of {len(rejected)} rows has a protostructure{first}")
    splits = _split(materials, shares, seed)
    about: dict[str, JSON] = {"sources": {source.name: file_digest(source)}, "rejected": len(rejected)}
    folder.mkdir(parents=True, exist_ok=True)
    write_ledger(rejected, folder / "rejected.csv")
    how = "labels read as they are" if all(labelled.values()) else f"crystals converted: {settings.identity()}"
    with atomic_write(folder / "card.md") as file:
        file.write(f"# {name}\n\nMade by `crystalbench dataset build` from `{source.name}`; {how}.\n".encode())
    pack(splits, about, folder / "dataset.npz")
    return folder


def user_folder() -> Path:
    return cache_dir() / "datasets" / "user"


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"dataset name {name!r}: use up to 64 of a-z, 0-9, '.', '_', '-', a letter or digit first")
    if name in {known.name for known in (*BUNDLED, *OFFICIAL)}:
        raise ConfigError(f"dataset name {name!r} belongs to a dataset of crystalbench; choose another")
    return name


def _checked_shares(shares: Mapping[str, float]) -> Mapping[str, float]:
    bad = [name for name, share in shares.items() if name not in SPLITS[1:] or not 0 <= share < 1]
    if bad or sum(shares.values()) >= 1:
        raise ConfigError(f"held-out shares {dict(shares)}: expected val and test, from 0, together below 1")
    return shares


def _given_splits(source: Path) -> dict[str, Path]:
    """Path of each ready-made split, or the source itself under an empty name."""
    if not source.exists():
        raise DatasetError(f"{source}: no such file or folder")
    if source.is_dir():
        candidates = {split: [source / f"{split}{end}" for end in ("", *_CSV)] for split in SPLITS}
        found = {split: [path for path in paths if path.exists()] for split, paths in candidates.items()}
        if any(found.values()):
            if double := [split for split, paths in found.items() if len(paths) > 1]:
                raise DatasetError(
                    f"{source}: two sources of split {double[0]}: {', '.join(map(str, found[double[0]]))}"
                )
            return {split: paths[0] for split, paths in found.items() if paths}
    return {"": source}


def _read_csv(path: Path, columns: Columns, table: Table) -> _Read:
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError) as error:  # pandas' parser errors are ValueErrors
        raise DatasetError(f"{path}: not a readable CSV file: {error}") from error
    known = list(frame.columns)
    label = columns.label or next((column for column in LABEL_COLUMNS if column in known), "")
    for wanted in (label, columns.energy, columns.id, columns.split):
        if wanted and wanted not in known:
            raise DatasetError(f"{path}: no column {wanted!r}; its columns: {', '.join(known)}")
    if not label:
        raise DatasetError(
            f"{path}: no column {', '.join(LABEL_COLUMNS)}; name the column of the labels (its columns: "
            f"{', '.join(known)}), or the reader if the rows hold crystals"
        )
    # line 1 holds the names of the columns
    places = [f"{path.name} row {row + 2}" for row in range(len(frame))]
    good, structures, rejected = read_labels(frame[label], places, table)
    energies = _energies(path, frame[columns.energy].tolist()) if columns.energy else np.full(len(frame), np.nan)
    ids = [" ".join(text.split()) for text in frame[columns.id]] if columns.id else [""] * len(frame)
    splits = frame[columns.split].str.strip().tolist() if columns.split else [""] * len(frame)
    materials = []
    for row, structure in zip(good, structures, strict=True):
        if columns.split and splits[row] not in SPLITS:
            reason = f"split {splits[row]!r} is none of {', '.join(SPLITS)}"
            rejected.append(Rejected(places[row], structure.label, reason))
            continue
        materials.append(_Material(structure=structure, energy=energies[row], id=ids[row], split=splits[row]))
    return materials, rejected


def _energies(path: Path, texts: list[str]) -> NDArray[np.float64]:
    energies = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        try:
            energies[row] = float(text.strip() or "nan")
        except ValueError:
            energies[row] = np.inf
        if np.isinf(energies[row]) or abs(energies[row]) > 1e4:  # eV/atom; beyond it is another unit, or no energy
            raise DatasetError(f"{path} row {row + 2}: {text!r} is no formation energy in eV/atom")
    return energies


def _read_crystals(path: Path, *, reader: str, settings: ConversionSettings, workers: int) -> _Read:
    from crystalbench.plugins import Plugins

    spec = Plugins.load().readers[reader]
    samples = list(spec.read(path, {parameter.name: parameter.default for parameter in spec.parameters}))
    with Converter(settings, workers) as converter:
        converted = converter.convert(samples)
    materials, rejected = [], []
    for number, item in enumerate(converted, 1):
        if isinstance(item, Invalid):
            rejected.append(Rejected(f"{path.name} crystal {number}", item.detail, str(item.reason)))
        else:
            materials.append(_Material(structure=item))
    return materials, rejected


def _split(materials: list[_Material], shares: Mapping[str, float], seed: int) -> dict[str, Rows]:
    if any(material.split for material in materials):
        members = {name: [i for i, m in enumerate(materials) if m.split == name] for name in SPLITS}
    else:
        groups = [Protostructure.parse(material.structure.label).label for material in materials]
        wanted = {name: int(share * len(materials)) for name, share in shares.items()}
        members = grouped_split(groups, wanted, seed)
    coarsest = max((material.structure.table for material in materials), key=FINEST_FIRST.index)
    return {
        name: _rows([materials[i] for i in numbers], materials, coarsest)
        for name, numbers in members.items()
        if numbers
    }


def _rows(members: list[_Material], everything: list[_Material], table: Table) -> Rows:
    energies = np.array([material.energy for material in members])
    return Rows.of(
        [material.structure for material in members],
        None if all(np.isnan(material.energy) for material in everything) else energies,
        [material.id for material in members] if any(material.id for material in everything) else (),
        table,
    )


def _spec(folder: Path) -> DatasetSpec:
    """Declare a user's dataset; one that cannot be read has no splits, and says why when it is used."""
    packed = Packed(folder.name, folder / "dataset.npz", "make it again with 'crystalbench dataset build'")
    try:
        counts = packed.about["splits"]
    except DatasetError:
        counts = {}
    identity: Callable[[], str] = partial(file_digest, packed.path)
    return DatasetSpec(
        name=folder.name,
        version="1",
        title=folder.name,
        description=f"your own: {sum(split['rows'] for split in counts.values()):,} materials",
        splits=tuple(counts),
        load=packed.split,
        identity=identity,
        card=lambda: cards.render((folder / "card.md").read_text(encoding="utf-8"), packed),
        reference=next((split for split in SPLITS if split in counts), "train"),
        without_train="its source has none; make it again with 'crystalbench dataset build' from one that has",
    )


@hookimpl
def crystalbench_datasets() -> Iterable[DatasetSpec]:
    return [_spec(path.parent) for path in sorted(user_folder().glob("*/dataset.npz"))]
