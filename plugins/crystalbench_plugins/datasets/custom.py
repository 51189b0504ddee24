"""The user's own datasets: `build_dataset` makes one, the hook finds those that were made.

They live in the cache folder, ``datasets/user/NAME/``: ``dataset.npz``, ``card.md`` and ``rejected.csv``, the rows that
could not be used.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from crystalbench import (
    ConfigError,
    Converted,
    DatasetError,
    DatasetSpec,
    Invalid,
    Parameters,
    Protostructure,
    ReaderSpec,
    hookimpl,
)
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.crystals.wyckoff import FINEST_FIRST, Table
from crystalbench.executors import ONE_PROCESS, Executors
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import atomic_write, cache_dir, file_digest
from crystalbench.runs.config import check_parameters
from crystalbench.runs.detection import detect_reader, named_reader
from crystalbench.runs.progress import Report, bar
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
from crystalbench_plugins.datasets.table_file import COLUMN, Columns, TableFile, read_table

SPLITS = ("train", "val", "test")

_CSV_READER = "csv"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CSV = (".csv", ".csv.gz", ".csv.bz2")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    structure: Protostructure
    energy: float = np.nan
    id: str = ""
    split: str = ""


Item = TypeVar("Item")
_Read = tuple[list[_Material], list[Rejected]]


def build_dataset(
    source: Path,
    name: str,
    *,
    columns: Columns | None = None,
    table: Table = Table.AFFINE,
    reader: str = "",
    settings: ConversionSettings | None = None,
    executors: Executors = ONE_PROCESS,
    held_out: Mapping[str, float] | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Make a dataset of the user's own materials.

    Parameters
    ----------
    source : Path
        A CSV file of labels or CIF texts; a file or folder of crystals; or a folder that holds ``train``, ``val`` and
        ``test``, each such a file (``train.csv``) or folder.
    name : str
        Name of the dataset: lower-case letters, digits, ``.``, ``_`` and ``-``.
    columns : Columns
        Columns of CSV files; no other file has columns.
    table : Table
        The letter table under which the labels are canonical, or `Table.AFFINE` if unknown. It and coarser tables are
        served; converted crystals serve all.
    reader : str
        Reader of crystals, by name. Empty: detected.
    settings : ConversionSettings
        How crystals are converted.
    executors : Executors
        Where crystals are converted.
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
        If the name or a share makes no sense, or columns are named of a file that has none.
    DatasetError
        If the source cannot be used, or nothing in it can.
    """
    folder = user_folder() / _checked_name(name)
    if (folder / "dataset.npz").exists() and not overwrite:
        raise ConfigError(f"there is a dataset {name!r} already, in {folder}; overwrite it or choose another name")
    shares = _checked_shares(held_out if held_out is not None else {"val": 0.1, "test": 0.1})
    settings = replace(settings or ConversionSettings(), table=Table.AVIARY)
    columns = columns or Columns()
    plugins = Plugins.load()
    materials: list[_Material] = []
    rejected: list[Rejected] = []
    converted = False
    with Converter(settings, executors) as converter:
        for split, path in _given_splits(source).items():
            if path.name.endswith(_CSV) and reader in ("", _CSV_READER):
                rows = read_table(path, columns)
                if rows.holds_cifs:
                    found, bad = _of_cifs(rows, plugins.readers[_CSV_READER], converter)
                else:
                    found, bad = _of_labels(rows, table)
                converted |= rows.holds_cifs
            elif columns.named:
                raise ConfigError(
                    f"{path}: columns ({', '.join(columns.named)}) are read from CSV files"
                    f"{f', not by reader {reader!r}' if reader else ''}; leave them out, or give a CSV file"
                )
            else:
                spec = named_reader(reader, path, plugins) if reader else detect_reader(path, plugins)
                found, bad = _of_crystals(path, spec, converter)
                converted = True
            materials += [replace(material, split=split or material.split) for material in found]
            rejected += bad
    if not materials:
        first = f"; first: {rejected[0].place}: {rejected[0].reason}" if rejected else ""
        raise DatasetError(f"{source}: not one of {len(rejected)} rows has a protostructure{first}")
    with bar("sorting into splits", len(materials), "rows") as report:
        splits = _split(materials, shares, seed)
        report(len(materials))
    about: dict[str, JSON] = {"sources": {source.name: file_digest(source)}, "rejected": len(rejected)}
    folder.mkdir(parents=True, exist_ok=True)
    write_ledger(rejected, folder / "rejected.csv")
    how = f"crystals converted: {settings.identity()}" if converted else "labels read as they are"
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


def _of_labels(file: TableFile, table: Table) -> _Read:
    with bar(f"reading {file.path.name}", len(file), "labels") as report:
        good, structures, rejected = read_labels(_counted(file.crystals, report), file.places, table)
    structure_of = dict(zip(good, structures, strict=True))
    return _sorted_out(file, structure_of, rejected)


def _of_cifs(file: TableFile, reader: ReaderSpec, converter: Converter) -> _Read:
    found = _converted(file.path, reader, {COLUMN: file.column}, converter)
    if len(found) != len(file):
        raise DatasetError(f"{file.path}: {len(found)} crystals in {len(file)} rows; expected one in each")
    good = {row: item for row, item in enumerate(found) if not isinstance(item, Invalid)}
    bad = {row: item for row, item in enumerate(found) if isinstance(item, Invalid)}
    return _sorted_out(file, good, [Rejected(file.places[row], i.detail, str(i.reason)) for row, i in bad.items()])


def _sorted_out(file: TableFile, structures: Mapping[int, Protostructure], rejected: list[Rejected]) -> _Read:
    materials = []
    for row, structure in structures.items():
        if file.columns.split and file.splits[row] not in SPLITS:
            reason = f"split {file.splits[row]!r} is none of {', '.join(SPLITS)}"
            rejected.append(Rejected(file.places[row], structure.label, reason))
            continue
        material = _Material(structure=structure, energy=file.energies[row], id=file.ids[row], split=file.splits[row])
        materials.append(material)
    return materials, rejected


def _of_crystals(path: Path, reader: ReaderSpec, converter: Converter) -> _Read:
    materials, rejected = [], []
    for number, item in enumerate(_converted(path, reader, {}, converter), 1):
        if isinstance(item, Invalid):
            rejected.append(Rejected(f"{path.name} crystal {number}", item.detail, str(item.reason)))
        else:
            materials.append(_Material(structure=item))
    return materials, rejected


def _converted(path: Path, reader: ReaderSpec, given: Parameters, converter: Converter) -> list[Converted]:
    parameters = check_parameters(f"reader {reader.name}", given, reader.parameters)
    with bar(f"reading {path.name}", None, "crystals") as report:
        samples = list(_counted(reader.read(path, parameters), report))
    done = 0
    with bar("converting", len(samples), "crystals") as report:

        def progress(finished: int) -> None:
            nonlocal done
            done += finished
            report(done)

        return converter.convert(samples, progress)


def _counted(items: Iterable[Item], report: Report) -> Iterator[Item]:
    for number, item in enumerate(items, 1):
        yield item
        report(number)


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
