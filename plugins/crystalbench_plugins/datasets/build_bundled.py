"""Build the datasets that come with crystalbench from the published files they rest on::

    python -m crystalbench_plugins.datasets.build_bundled SHARED_DATA_DIR [NAME ...]

``SHARED_DATA_DIR`` holds ``wbm_protostructures/``, ``carbon_24/`` and ``mp_20_val_test/``. The same input gives
the same bytes. Every packed row is decoded and compared with its source; a difference is an error.
"""

import json
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pymatgen.core import Structure
from tqdm import tqdm

from crystalbench import Invalid, Protostructure, RawStructure
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import file_digest
from crystalbench.tables.results import JSON
from crystalbench_plugins.datasets.bundled import BUNDLED, Bundled
from crystalbench_plugins.datasets.packed import ENERGY_UNIT, Packed, pack
from crystalbench_plugins.datasets.rows import Rows, grouped_split

SPLIT_SEED = 0
WBM_HELD_OUT = {"val": 10_000, "test": 10_000}

Built = tuple[dict[str, Rows], dict[str, JSON]]


def build_wbm(source: Path) -> Built:
    """WBM: labels re-canonicalised, rows without a label left out (counted in the card)."""
    path = source / "wbm_protostructures" / "wbm_protostructures.parquet"
    frame = pd.read_parquet(path)
    labelled = frame[frame["protostructure"].notna()]
    labels = {
        table: [Protostructure.parse(label, table).label for label in labelled["protostructure"]]
        for table in (Table.AFFINE, Table.PYMATGEN)
    }
    energies = labelled["e_form_per_atom_mp2020_corrected"].to_numpy(np.float64)
    ids = labelled["material_id"].tolist()
    splits = {
        name: Rows(
            labels={table: [known[i] for i in rows] for table, known in labels.items()},
            energies=energies[rows],
            ids=[ids[i] for i in rows],
        )
        for name, rows in grouped_split(labels[Table.AFFINE], WBM_HELD_OUT, SPLIT_SEED).items()
    }
    return splits, {"sources": {path.name: file_digest(path)}, "unlabelled": len(frame) - len(labelled)}


def label_structures(texts: Iterable[str], form: Literal["cif", "poscar"]) -> list[Protostructure]:
    """Convert published crystals with the default settings (spglib, 0.1 Å, 5 degrees).

    The letter table is the finest, so that all tables can be served. Runs in this process: these crystals are
    known not to crash or hang spglib.

    Raises
    ------
    RuntimeError
        If a crystal has no protostructure.
    """
    settings = ConversionSettings(table=Table.AVIARY)
    labelled = []
    for text in tqdm(list(texts), desc=form, disable=None):
        with warnings.catch_warnings():
            # pymatgen rounds 0.3333 to 1/3 and says so for a third of the files
            warnings.filterwarnings("ignore", message="Issues encountered while parsing CIF")
            crystal = Structure.from_str(text, fmt=form)
        raw = RawStructure.of(crystal.lattice.matrix, crystal.frac_coords, crystal.atomic_numbers)
        converted = convert(raw, settings)
        if isinstance(converted, Invalid):
            raise RuntimeError(f"{converted.reason}: {converted.detail}, in\n{text}")
        labelled.append(converted)
    return labelled


def build_carbon(source: Path) -> Built:
    """Carbon-24 in CDVAE's split."""
    path = source / "carbon_24" / "carbon24_energy_per_atom.json.zip"
    with zipfile.ZipFile(path) as archive:
        crystals = json.loads(archive.read("carbon24_energy_per_atom.json"))
    splits = {
        # the line feeds of the POSCAR texts are written as backslash and n
        name: Rows.of(
            label_structures((text.replace("\\n", "\n") for text in crystals[name].values()), "poscar"),
            ids=list(crystals[name]),
        )
        for name in ("train", "val", "test")
    }
    return splits, {"sources": {path.name: file_digest(path)}, "conversion": _conversion()}


def build_mp20(source: Path) -> Built:
    """MP-20's validation and test splits."""
    folder = source / "mp_20_val_test"
    splits, sources = {}, {}
    for name in ("val", "test"):
        path = folder / f"mp_20_{name}.feather"
        frame = pd.read_feather(path)
        energies = frame["formation_energy_per_atom"].to_numpy(np.float64)
        splits[name] = Rows.of(label_structures(frame["cif"], "cif"), energies, frame["material_id"].tolist())
        sources[path.name] = file_digest(path)
    return splits, {"sources": dict(sources), "conversion": _conversion()}


def _conversion() -> dict[str, JSON]:
    return dict(ConversionSettings(table=Table.AVIARY).identity())


BUILDERS: Mapping[str, Callable[[Path], Built]] = {
    "wbm-rebuilt": build_wbm,
    "carbon24-bundled": build_carbon,
    "mp20-eval": build_mp20,
}


def verify(packed: Packed, splits: Mapping[str, Rows]) -> None:
    """Compare every row as it will be loaded with what went in; raises `RuntimeError` on a difference."""
    for name, rows in splits.items():
        for table, labels in rows.labels.items():
            loaded = packed.split(name, table)
            prototype_of = {x: Protostructure.from_canonical(x, table).prototype for x in set(labels)}
            same = (
                loaded.labels == tuple(labels)
                and loaded.prototypes == tuple(prototype_of[label] for label in labels)
                and packed.ids(name) == tuple(rows.ids)
                and _equal_energies(loaded.energies, rows.energies)
            )
            if not same:
                raise RuntimeError(f"{packed.path}: {name} under {table} is not what the source says")


def _equal_energies(loaded: NDArray[np.float32] | None, source: NDArray[np.float64] | None) -> bool:
    if loaded is None or source is None:
        return loaded is source
    # half a unit from rounding, and float32, which at 4.7 eV is good to 5e-7
    return np.allclose(loaded, source, rtol=0, atol=ENERGY_UNIT / 2 + 1e-6, equal_nan=True)


def build(dataset: Bundled, source: Path, target: Path) -> None:
    """Build, verify and report one dataset; ``target`` is the file to write."""
    splits, about = BUILDERS[dataset.name](source)
    pack(splits, about, target)
    verify(Packed(dataset.name, target, "mend the build"), splits)
    sizes = ", ".join(f"{name} {len(rows.labels[Table.AFFINE]):,}" for name, rows in splits.items())
    print(f"{dataset.name}: {sizes}; {target.stat().st_size:,} bytes, sha256 {file_digest(target)}")


def main(arguments: list[str]) -> int:
    if not arguments or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    for dataset in BUNDLED:
        if len(arguments) == 1 or dataset.name in arguments[1:]:
            build(dataset, Path(arguments[0]), dataset.path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
