"""A user's own data become a dataset: labels or crystals, with or without splits; what is left out is listed."""

import bz2
import csv
import gzip
import lzma
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from crystalbench import ConfigError, DatasetError, DatasetSpec, Protostructure, RawStructure
from crystalbench.crystals.columns import CRYSTAL_COLUMNS
from crystalbench.crystals.wyckoff import Table
from crystalbench.plugins import Plugins
from crystalbench.testing import check_dataset
from crystalbench_plugins.datasets import table_file
from crystalbench_plugins.datasets.build_command import command
from crystalbench_plugins.datasets.custom import build_dataset, crystalbench_datasets, user_folder
from crystalbench_plugins.datasets.table_file import Columns, read_table

SALT, RUTILE, BAD = "AB_cF8_225_a_b:Cl-Na", "A2B_tP6_136_f_a:O-Ti", "A_cP1_221_z:Po"


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def found(name: str) -> DatasetSpec:
    return next(spec for spec in crystalbench_datasets() if spec.name == name)


def cubic(a: str, b: str) -> list[dict[str, str]]:
    """Rock salts of all pairs of elements."""
    return [{"protostructure": Protostructure(225, [(x, "a"), (y, "b")]).label} for x in a.split() for y in b.split()]


SALTS = cubic("Li Na K Rb Cs", "F Cl Br I At") * 2


def test_labels_are_split_by_protostructure(tmp_path: Path) -> None:
    folder = build_dataset(table(tmp_path / "mine.csv", SALTS), "mine")
    assert folder == user_folder() / "mine"
    spec = found("mine")
    check_dataset(spec)
    splits = {name: spec.load(name, Table.AFFINE) for name in spec.splits}
    # 25 protostructures of two rows each; a tenth of 50 rows is 5, which holds two of them
    assert {name: len(split) for name, split in splits.items()} == {"train": 42, "val": 4, "test": 4}
    assert not splits["train"].label_set & splits["test"].label_set
    assert splits["train"].energies is None
    assert "`mine.csv`" in spec.card()


def test_a_column_gives_splits_energies_and_identifiers(tmp_path: Path) -> None:
    rows = [
        {"aflow": SALT, "e": "-2.0", "key": "one", "set": "train"},
        {"aflow": RUTILE, "e": "", "key": "two", "set": "test"},
        {"aflow": RUTILE, "e": "-3.25", "key": "three", "set": "train"},
    ]
    columns = Columns(crystal="aflow", energy="e", id="key", split="set")
    folder = build_dataset(table(tmp_path / "mine.csv", rows), "mine", columns=columns)
    spec = found("mine")
    assert spec.splits == ("train", "test")
    train, test = (spec.load(name, Table.AFFINE) for name in spec.splits)
    assert train.energies is not None
    assert test.energies is not None
    np.testing.assert_allclose(train.energies, [-2.0, -3.25])
    assert np.isnan(test.energies).all()
    assert (folder / "rejected.csv").read_text() == "place,text,reason\n"


def test_a_folder_of_three_files_keeps_its_splits(tmp_path: Path) -> None:
    table(tmp_path / "set" / "train.csv", [{"label": SALT}, {"label": SALT}])
    table(tmp_path / "set" / "val.csv", [{"label": RUTILE}])
    text = table(tmp_path / "x.csv", [{"label": SALT}]).read_bytes()
    (tmp_path / "set" / "test.csv.gz").write_bytes(gzip.compress(text))
    build_dataset(tmp_path / "set", "mine")
    spec = found("mine")
    assert {name: len(spec.load(name, Table.AFFINE)) for name in spec.splits} == {"train": 2, "val": 1, "test": 1}


def test_two_sources_of_one_split_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "train.csv", [{"label": SALT}])
    (tmp_path / "train").mkdir()
    with pytest.raises(DatasetError, match="two sources of split train"):
        build_dataset(tmp_path, "mine")


def test_bad_rows_are_listed_beside_the_dataset_and_counted_in_its_card(tmp_path: Path) -> None:
    rows = [{"label": SALT, "set": "train"}, {"label": BAD, "set": "train"}, {"label": "", "set": "train"},
            {"label": SALT, "set": "Train"}]  # fmt: skip
    folder = build_dataset(table(tmp_path / "mine.csv", rows), "mine", columns=Columns(split="set"))
    with (folder / "rejected.csv").open(newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [(row["place"], row["text"]) for row in rejected] == [
        ("mine.csv row 3", BAD), ("mine.csv row 4", ""), ("mine.csv row 5", SALT),
    ]  # fmt: skip
    assert rejected[2]["reason"] == "split 'Train' is none of train, val, test"
    assert "3 rows of the source have no valid protostructure" in found("mine").card()


def test_nothing_usable_is_an_error_with_the_first_reason(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"label": BAD}])
    with pytest.raises(DatasetError, match=r"not one of 1 rows.*mine\.csv row 2: not a protostructure"):
        build_dataset(source, "mine")
    assert not (user_folder() / "mine").exists()


@pytest.mark.parametrize("text", ["lots", "1e9", "inf"])
def test_a_cell_that_is_no_energy_is_named(tmp_path: Path, text: str) -> None:
    source = table(tmp_path / "mine.csv", [{"label": SALT, "e": "-1"}, {"label": SALT, "e": text}])
    with pytest.raises(DatasetError, match=rf"mine\.csv row 3: '{text}' is no formation energy in eV/atom"):
        build_dataset(source, "mine", columns=Columns(energy="e"))


def test_columns_are_checked(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"structure": SALT, "e": "1"}])
    with pytest.raises(DatasetError, match=r"name the column .* with --column \(its columns: structure, e\)"):
        build_dataset(source, "mine")
    with pytest.raises(DatasetError, match="no column 'E'; its columns: structure, e"):
        build_dataset(source, "mine", columns=Columns(crystal="structure", energy="E"))
    for heads in ("label,label", "label,e,e"):
        source.write_text(f"{heads}\n{SALT},{SALT},2\n")
        with pytest.raises(DatasetError, match=r"2 columns are called '(label|e)'; rename them"):
            build_dataset(source, "mine", columns=Columns(energy="e" if "e,e" in heads else ""))


ROCK_SALT = (Path(__file__).parents[2] / "golden" / "rock_salt.cif").read_text()


def test_a_column_of_cif_texts_keeps_its_energies_identifiers_and_splits(tmp_path: Path) -> None:
    rows = [
        {"cif": ROCK_SALT, "e": "-2.0", "key": "one", "set": "train"},
        {"cif": ROCK_SALT.replace("Na", "K"), "e": "", "key": "two", "set": "test"},
        {"cif": "data_x\n_cell_length_a 1\n", "e": "-1", "key": "three", "set": "test"},
    ]
    columns = Columns(energy="e", id="key", split="set")
    for name, reader in (("named", "csv"), ("detected", "")):
        folder = build_dataset(table(tmp_path / "mine.csv", rows), name, columns=columns, reader=reader)
        spec = found(name)
        train, test = spec.load("train", Table.AFFINE), spec.load("test", Table.AFFINE)
        assert (train.labels, test.labels) == ((SALT,), ("AB_cF8_225_a_b:Cl-K",))
        assert train.energies is not None
        assert test.energies is not None
        assert train.energies.tolist() == [-2.0]
        assert np.isnan(test.energies).all()
        (bad,) = csv.DictReader((folder / "rejected.csv").read_text().splitlines())
        assert bad["place"] == "mine.csv row 4"


def test_a_column_of_cif_texts_may_have_any_name(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"structure": ROCK_SALT, "e": "-2.0"}])
    columns = Columns(crystal="structure", energy="e")
    build_dataset(source, "mine", columns=columns, held_out={})
    assert found("mine").load("train", Table.AFFINE).labels == (SALT,)


@pytest.mark.parametrize("columns", [Columns(energy="e"), Columns(id="e"), Columns(split="e"), Columns(crystal="e")])
@pytest.mark.parametrize("reader", ["", "cif"])
def test_a_column_of_what_has_no_columns_is_an_error(tmp_path: Path, columns: Columns, reader: str) -> None:
    (tmp_path / "cifs").mkdir()
    (tmp_path / "cifs" / "0.cif").write_text(ROCK_SALT)
    with pytest.raises(ConfigError, match=r"columns \(e\) are read from CSV files"):
        build_dataset(tmp_path / "cifs", "mine", columns=columns, reader=reader)


def test_two_columns_that_could_be_meant_are_an_error(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"label": SALT, "cif": ROCK_SALT}])
    with pytest.raises(DatasetError, match=r"columns cif and label could be meant.*--column"):
        build_dataset(source, "mine")


def test_the_format_of_crystals_is_detected(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(f"{SALT}\n{RUTILE}\n")
    build_dataset(tmp_path / "labels.txt", "mine", held_out={})
    assert found("mine").load("train", Table.AFFINE).labels == (SALT, RUTILE)


@pytest.mark.parametrize("column", CRYSTAL_COLUMNS)
def test_the_columns_that_the_reader_knows_are_those_that_datasets_are_built_from(tmp_path: Path, column: str) -> None:
    source = table(tmp_path / "mine.csv", [{column: ROCK_SALT if column == "cif" else SALT, "other": "1"}])
    build_dataset(source, "mine", held_out={})
    reader = Plugins.load().readers["csv"]
    assert reader.detect(source)
    (sample,) = reader.read(source, {"column": ""})
    assert isinstance(sample, RawStructure) if column == "cif" else str(sample) == SALT
    assert found("mine").load("train", Table.AFFINE).labels == (SALT,)


def test_the_command_takes_its_options_as_every_other_does(tmp_path: Path) -> None:
    source = str(table(tmp_path / "mine.csv", [{"label": SALT, "e": "-1"}]))
    arguments = [source, "--name", "mine", "--energy", "e", "--val", "0", "--test", "0", "--table", "aviary-1.1.1"]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    with pytest.raises(ConfigError, match="did you mean 'affine'"):
        CliRunner().invoke(command, [source, "--name", "two", "--table", "afine"], catch_exceptions=False)


@pytest.mark.parametrize("name", ["", "Mine", "../mine", "a/b", ".mine", "x" * 65, "wbm", "wbm-rebuilt"])
def test_names_are_checked(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="dataset name"):
        build_dataset(table(tmp_path / "mine.csv", SALTS), name)


@pytest.mark.parametrize("shares", [{"train": 0.5}, {"val": -0.1}, {"val": 0.5, "test": 0.5}])
def test_shares_are_checked(tmp_path: Path, shares: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="held-out shares"):
        build_dataset(table(tmp_path / "mine.csv", SALTS), "mine", held_out=shares)


def test_a_dataset_is_replaced_only_when_asked(tmp_path: Path) -> None:
    build_dataset(table(tmp_path / "mine.csv", SALTS), "mine")
    other = table(tmp_path / "other.csv", [{"label": SALT}])
    before = found("mine").identity()
    with pytest.raises(ConfigError, match="there is a dataset 'mine' already"):
        build_dataset(other, "mine")
    assert found("mine").identity() == before
    build_dataset(other, "mine", overwrite=True)
    assert found("mine").identity() != before
    assert found("mine").splits == ("train",)


def test_building_again_gives_the_same_identity(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", SALTS)
    identities = set()
    for name in ("one", "two"):
        build_dataset(source, name)
        identities.add(found(name).identity())
    build_dataset(source, "three", seed=1)
    assert len(identities) == 1
    assert found("three").identity() not in identities


def test_labels_serve_the_table_they_are_canonical_under_and_coarser_ones(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"label": SALT}])
    build_dataset(source, "coarse")
    build_dataset(source, "fine", table=Table.PYMATGEN)
    assert len(found("fine").load("train", Table.PYMATGEN)) == 1
    with pytest.raises(DatasetError, match="letter table 'pymatgen'"):
        found("coarse").load("train", Table.PYMATGEN)


def test_a_damaged_dataset_does_not_hide_the_others(tmp_path: Path) -> None:
    source = table(tmp_path / "mine.csv", [{"label": SALT}])
    build_dataset(source, "good")
    (build_dataset(source, "torn") / "dataset.npz").write_bytes(b"PK")
    assert found("good").splits == ("train",)
    assert found("torn").splits == ()
    with pytest.raises(DatasetError, match=r"'torn'.*crystalbench dataset build"):
        found("torn").load("train", Table.AFFINE)


def test_a_folder_of_cif_files_is_converted(tmp_path: Path) -> None:
    pytest.importorskip("crystalbench_baselines.cif")
    from pymatgen.core import Lattice, Structure

    crystals = tmp_path / "crystals"
    crystals.mkdir()
    for i, (metal, halogen) in enumerate([("Na", "Cl"), ("K", "I"), ("K", "I")]):
        cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5 + i), [metal, halogen], [[0, 0, 0], [0.5, 0.5, 0.5]])
        cell.to(filename=str(crystals / f"c{i}.cif"))
    (crystals / "c3.cif").write_text("this is no CIF\n")
    folder = build_dataset(crystals, "mine", held_out={"test": 0.0})
    spec = found("mine")
    check_dataset(spec)
    assert [spec.load("train", table).labels for table in Table] == [
        (SALT, "AB_cF8_225_a_b:I-K", "AB_cF8_225_a_b:I-K")
    ] * 3
    assert len((folder / "rejected.csv").read_text().splitlines()) == 2
    assert "spglib" in spec.card()


PACKERS: dict[str, Any] = {".csv.gz": gzip.open, ".csv.bz2": bz2.open, ".csv.xz": lzma.open}


def packed(path: Path, lines: Iterable[bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("t.csv", "w") as file:
            file.writelines(lines)
    else:
        with PACKERS["".join(path.suffixes)](path, "wb") as file:
            file.writelines(lines)
    return path


@pytest.mark.parametrize("suffix", [*PACKERS, ".csv.zip"])
def test_a_compressed_table_is_read_and_one_that_unpacks_to_too_much_is_not(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [b"label\n", *[b"AB_cF8_225_a_b:Cl-Na\n"] * 100]
    path = packed(tmp_path / f"t{suffix}", rows)
    assert len(read_table(path, Columns())) == 100
    monkeypatch.setattr(table_file, "MAX_UNPACKED", 2000)
    with pytest.raises(DatasetError, match=f"t{suffix}: unpacks to over 2,000 bytes; split it"):
        read_table(path, Columns())


def test_a_line_without_an_end_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    path = packed(tmp_path / "t.csv.gz", [b"label\n", *[b"a" * 1_000_000] * 80])
    assert path.stat().st_size < 200_000
    with pytest.raises(DatasetError, match="a line of over 64,000,000 bytes"):
        read_table(path, Columns())


@pytest.mark.parametrize("name", ["t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zip", "t.csv.zst", "t.tar"])
def test_what_is_no_compressed_table_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"label\n")
    with pytest.raises(DatasetError, match=r"not a readable CSV file|unpack it first"):
        read_table(tmp_path / name, Columns())


def test_an_archive_of_two_tables_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("a.csv", "label\n")
        archive.writestr("b.csv", "label\n")
    with pytest.raises(DatasetError, match="2 files in it; a table is one"):
        read_table(tmp_path / "t.zip", Columns())
