"""The datasets in the package are what their cards say, and what the published files say where those are at hand."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from crystalbench import Dataset, DatasetError, Protostructure, Split
from crystalbench.crystals.higher_symmetry import is_possible
from crystalbench.crystals.wyckoff import Table
from crystalbench.testing import check_dataset
from crystalbench_plugins.datasets.bundled import BUNDLED, Bundled, union

BY_NAME = {dataset.name: dataset for dataset in BUNDLED}
every = pytest.mark.parametrize("dataset", BUNDLED, ids=lambda dataset: dataset.name)
stored = pytest.mark.parametrize(
    ("dataset", "split"), [(d, s) for d in BUNDLED for s in d.splits], ids=lambda x: getattr(x, "name", x)
)


@every
def test_the_contract_holds(dataset: Bundled) -> None:
    check_dataset(dataset.spec)


def test_the_package_stays_small() -> None:
    assert sum(dataset.path.stat().st_size for dataset in BUNDLED) < 8_000_000


def test_the_default_dataset_is_offline_and_has_a_training_split() -> None:
    defaults = [dataset for dataset in BUNDLED if dataset.spec.default]
    assert [dataset.name for dataset in defaults] == ["wbm-rebuilt"]
    assert "train" in defaults[0].splits


@stored
def test_counts_are_those_of_the_loaded_split(dataset: Bundled, split: str) -> None:
    rows = dataset.load(split, Table.AFFINE)
    counts = dataset.packed.about["splits"][split]
    assert counts["rows"] == len(rows) == len(dataset.packed.ids(split)) == len(set(dataset.packed.ids(split)))
    assert counts["protostructures"] == len(rows.label_set)
    assert counts["prototypes"] == len(rows.prototype_set)
    assert counts["space groups"] == len(set(rows.spacegroups.tolist()))
    assert f"| {split} | {len(rows):,} | {len(rows.label_set):,} |" in dataset.card()
    if rows.energies is None:
        assert counts["with energy"] == 0
    else:
        assert np.isfinite(rows.energies).all()
        assert np.abs(rows.energies).max() < 6  # eV/atom


@stored
def test_every_row_is_possible(dataset: Bundled, split: str) -> None:
    representative = {label.partition(":")[0]: label for label in dataset.load(split, Table.AFFINE).labels}
    assert [x for x in representative.values() if not is_possible(Protostructure.from_canonical(x))] == []


@stored
def test_tables_describe_the_same_crystals(dataset: Bundled, split: str) -> None:
    exact = dataset.load(split, Table.AFFINE)
    for name in dataset.packed.about["tables"]:
        table = Table(name)
        rows = dataset.load(split, table)
        places = [i for i, pair in enumerate(zip(rows.labels, exact.labels, strict=True)) if len(set(pair)) > 1]
        for i in [*places[:200], *range(0, len(rows), max(1, len(rows) // 200))]:
            made = Protostructure.parse(rows.labels[i], table)
            assert (made.label, made.prototype) == (rows.labels[i], rows.prototypes[i])
            assert Protostructure.parse(rows.labels[i]).label == exact.labels[i]


def test_sizes_are_those_of_the_sources() -> None:
    sizes = {d.name: {s: len(d.load(s, Table.AFFINE)) for s in d.spec.splits} for d in BUNDLED}
    assert sizes == {
        "wbm-rebuilt": {"train": 227_814, "val": 10_000, "test": 10_000},
        "carbon24-bundled": {"train": 6_091, "val": 2_032, "test": 2_030},
        "mp20-eval": {"val": 9_047, "test": 9_046, "all": 18_093},
    }


def test_no_protostructure_of_wbm_is_in_two_splits() -> None:
    dataset = Dataset(BY_NAME["wbm-rebuilt"].spec)
    train, val, test = (dataset.split(name).label_set for name in ("train", "val", "test"))
    assert not train & val
    assert not train & test
    assert not val & test


def test_a_union_is_its_parts_one_after_another() -> None:
    dataset = BY_NAME["mp20-eval"]
    whole = dataset.load("all", Table.AFFINE)
    parts = [dataset.load(name, Table.AFFINE) for name in ("val", "test")]
    assert whole.labels == parts[0].labels + parts[1].labels
    assert whole.energies is not None
    np.testing.assert_array_equal(whole.energies, np.concatenate([part.energies for part in parts]))


def test_a_union_keeps_unknown_energies_unknown() -> None:
    known, unknown = Split(("a",), ("p",), np.array([1.0], np.float32)), Split(("b",), ("p",))
    energies = union([known, unknown]).energies
    assert energies is not None
    np.testing.assert_array_equal(energies, np.array([1.0, np.nan], np.float32))
    assert union([unknown, unknown]).energies is None


def test_mp20_says_why_it_has_no_training_split() -> None:
    dataset = Dataset(BY_NAME["mp20-eval"].spec)
    with pytest.raises(DatasetError, match=r"no training split.*'mp20'.*crystalbench dataset build"):
        _ = dataset.train
    with pytest.raises(DatasetError, match="no split 'holdout'; its splits: val, test"):
        dataset.split("holdout")


def test_a_missing_file_is_named() -> None:
    absent = Bundled(cite=(), name="absent", title="", description="", splits=("train",))
    for call in (absent.identity, lambda: absent.load("train", Table.AFFINE)):
        with pytest.raises(DatasetError, match=r"no file .*absent\.npz; install crystalbench again"):
            call()


def test_loading_needs_no_library_but_numpy() -> None:
    code = (
        "from crystalbench_plugins.datasets.bundled import BUNDLED; from crystalbench.crystals.wyckoff import Table\n"
        "BUNDLED[0].load('test', Table.AFFINE)\n"
        "import sys; print(*{'pandas', 'pymatgen', 'scipy', 'spglib', 'torch'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_wbm_is_the_published_table(shared: Path) -> None:
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    frame = pd.read_parquet(shared / "wbm_protostructures" / "wbm_protostructures.parquet").set_index("material_id")
    frame = frame[frame["protostructure"].notna()]
    dataset = BY_NAME["wbm-rebuilt"]
    ids = [id_ for split in dataset.splits for id_ in dataset.packed.ids(split)]
    assert sorted(ids) == sorted(frame.index)
    for split in dataset.splits:
        rows = dataset.load(split, Table.PYMATGEN)
        source = frame.loc[list(dataset.packed.ids(split))]
        energies = source["e_form_per_atom_mp2020_corrected"].to_numpy()
        np.testing.assert_allclose(rows.energies, energies, rtol=0, atol=5.1e-5)
        for i in range(0, len(rows), 97):
            label = source["protostructure"].iloc[i]
            assert Protostructure.parse(label, Table.PYMATGEN).label == rows.labels[i]


def test_carbon_labels_are_those_of_our_converter(shared: Path) -> None:
    from crystalbench_plugins.datasets.build_bundled import label_structures

    with zipfile.ZipFile(shared / "carbon_24" / "carbon24_energy_per_atom.json.zip") as archive:
        crystals = json.loads(archive.read("carbon24_energy_per_atom.json"))
    dataset = BY_NAME["carbon24-bundled"]
    for split in dataset.splits:
        ids, rows = dataset.packed.ids(split), dataset.load(split, Table.AFFINE)
        assert ids == tuple(crystals[split])
        some = range(0, len(ids), len(ids) // 20)
        texts = [crystals[split][ids[i]].replace("\\n", "\n") for i in some]
        found = label_structures(texts, "poscar")
        assert [Protostructure.parse(x.label).label for x in found] == [rows.labels[i] for i in some]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:No Pauling electronegativity:UserWarning")  # of pymatgen, for He
@every
def test_building_again_gives_the_same_bytes(dataset: Bundled, shared: Path, tmp_path: Path) -> None:
    """But for the number of the algorithm, which has been raised since for crystals that none of these files has."""
    pytest.importorskip("pyarrow")
    from crystalbench_plugins.datasets.build_bundled import build

    build(dataset, shared, tmp_path / "again.npz")
    again, shipped = (members(path) for path in (tmp_path / "again.npz", dataset.path))
    about, said = (json.loads(one.pop("about.json")) for one in (again, shipped))
    if "conversion" in said:
        assert said["conversion"].pop("algorithm") <= about["conversion"].pop("algorithm")
    assert about == said
    assert again == shipped


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
