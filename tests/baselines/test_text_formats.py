"""CSV, labels, extended XYZ, POSCAR, JSON and Wyckoff genes."""

import csv as stdlib_csv
import gzip
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crystalbench import ConfigError, Invalid, Protostructure, RawStructure, ReadError, Sample, SettingError
from crystalbench_baselines import _limits

from .conftest import READERS, detected
from .test_cif import as_folder, as_zip, cif

RUTILE = "A2B_tP6_136_f_a:O-Ti"
ROCK_SALT = "AB_cF8_225_a_b:Cl-Na"


def read(reader: str, path: Path, **parameters: int | str) -> list[Sample]:
    return list(READERS[reader].read(path, parameters))


def outcome(sample: Sample) -> str:
    if isinstance(sample, Invalid):
        return sample.reason.value
    return sample.label if isinstance(sample, Protostructure) else f"{len(sample.numbers)} atoms"


def outcomes(samples: Sequence[Sample]) -> list[str]:
    return [outcome(sample) for sample in samples]


# --- CSV --------------------------------------------------------------------------------------------------------------


def write_csv(path: Path, *rows: Sequence[str], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        stdlib_csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def test_a_column_of_cif_texts(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "llm_samples.csv",
        ("gen_str", "cif", "model_name"),
        ("...", cif("Na Na1 0 0 0", "Cl Cl1 .5 .5 .5"), "llama"),
        ("...", "", "llama"),
        ("...", "data_x broken", "llama"),
        ("...",),
    )
    assert detected(path) == ["csv"]
    samples = read("csv", path)
    assert outcomes(samples) == ["2 atoms", "unreadable", "unreadable", "unreadable"]
    assert isinstance(samples[2], Invalid)
    assert samples[2].detail.startswith("line ")


@pytest.mark.parametrize("column", ["protostructure", "wyckoff_spglib"])
def test_a_column_of_labels(tmp_path: Path, column: str) -> None:
    path = write_csv(
        tmp_path / "generated_protostructures.csv",
        (column, "prototype"),
        (RUTILE, "A2B_tP6_136_f_a"),
        ("A2B_tP6_136_g_b:O-Ti", "x"),  # the same in another lettering
        ("Invalid WP multiplicities - ...", ""),
        ("Unable to determine symmetry", ""),
        ("AB_cF8_225_a_c:Cl-Na", ""),
        ("", ""),
    )
    assert detected(path) == ["csv"]
    assert outcomes(read("csv", path)) == [
        RUTILE,
        RUTILE,
        "inconsistent_symmetry",
        "no_symmetry",
        "invalid_protostructure",
        "unreadable",
    ]


def test_the_column_may_be_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("id", "relaxed"), ("1", RUTILE))
    assert detected(path) == []
    assert outcomes(read("csv", path, column="relaxed")) == [RUTILE]
    with pytest.raises(SettingError, match="no column of a known name; there are id, relaxed; say which"):
        read("csv", path)
    with pytest.raises(ConfigError, match="did you mean 'relaxed'"):
        read("csv", path, column="relaxt")


def test_two_columns_that_could_be_meant_are_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("cif", "protostructure"), ("", RUTILE))
    with pytest.raises(ReadError, match="columns cif and protostructure could be meant"):
        read("csv", path)
    assert outcomes(read("csv", path, column="protostructure")) == [RUTILE]


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("protostructure", "protostructure"), (RUTILE, ROCK_SALT))
    with pytest.raises(ReadError, match="2 columns are called 'protostructure'; rename them"):
        read("csv", path)


def test_a_cell_of_a_cif_column_is_no_label(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("cif",), ("hello",), ("nan",), (RUTILE,))
    details = [sample.detail for sample in read("csv", path) if isinstance(sample, Invalid)]
    assert details == [
        "line 2: no cell and no atoms in it", "line 3: an empty cell", "line 4: no cell and no atoms in it",
    ]  # fmt: skip


def test_csv_may_be_compressed_or_have_tabs_semicolons_or_a_byte_order_mark(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "x.csv", ("protostructure",), (RUTILE,))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    write_csv(tmp_path / "x.tsv", ("protostructure", "b"), (RUTILE, ""), delimiter="\t")
    write_csv(tmp_path / "tabs.csv", ("id", "protostructure"), ("1", RUTILE), delimiter="\t")
    write_csv(tmp_path / "semicolons.csv", ("id", "protostructure"), ("1,5", RUTILE), delimiter=";")
    for name in ("x.csv.gz", "bom.csv", "x.tsv", "tabs.csv", "semicolons.csv"):
        assert detected(tmp_path / name) == ["csv"]
        assert outcomes(read("csv", tmp_path / name)) == [RUTILE]


def test_broken_csv_files_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_LINE", 1000)
    path = tmp_path / "x.csv"
    path.write_bytes(b"protostructure\n" + b"x" * 2000)
    with pytest.raises(ReadError, match="line 2 has over 1000 bytes"):
        read("csv", path)
    path.write_bytes(b"protostructure\n\xff\xfe\x00\n" + RUTILE.encode())
    assert outcomes(read("csv", path)) == ["invalid_protostructure", RUTILE]
    whole = gzip.compress(b"protostructure\n" + RUTILE.encode() * 999)
    (tmp_path / "x.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match="it ends too early; copy it again"):
        read("csv", tmp_path / "x.csv.gz")
    with pytest.raises(ReadError, match="no such file"):
        read("csv", tmp_path / "absent.csv")


# --- labels -----------------------------------------------------------------------------------------------------------


def test_a_label_a_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(f"{RUTILE}\r\n\nUnable to determine symmetry\n  {ROCK_SALT}\nnonsense\n\n\n")
    assert detected(path) == ["labels"]
    assert outcomes(read("labels", path)) == [
        RUTILE,
        "unreadable",
        "no_symmetry",
        ROCK_SALT,
        "invalid_protostructure",
    ]
    (tmp_path / "empty.txt").write_text("")
    assert read("labels", tmp_path / "empty.txt") == []


def test_other_text_is_not_taken_for_labels(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes.\nA_b_c:d\n")
    assert detected(path) == []


# --- extended XYZ -----------------------------------------------------------------------------------------------------


def frame(
    lattice: str = "4 0 0 0 5 0 0 0 6",
    rows: Sequence[str] = ("Na 0 0 0", "Cl 2 2.5 3"),
    properties: str = "Properties=species:S:1:pos:R:3",
    rest: str = 'pbc="T T T"',
    count: int | None = None,
) -> str:
    number = len(rows) if count is None else count
    return "\n".join([str(number), f'Lattice="{lattice}" {properties} {rest}', *rows]) + "\n"


def test_frames_in_order_and_bad_ones_cost_one_sample(tmp_path: Path) -> None:
    path = tmp_path / "generated_crystals.extxyz"
    path.write_text(
        frame()
        + frame(rows=("Xx 0 0 0",))
        + frame(lattice="4 0 0 0 5 0 0 0")
        + frame(lattice="nan 0 0 0 5 0 0 0 6")
        + frame(lattice="4 0 0 4 0 0 0 0 6")
        + frame(rows=("Na 0 0",))
        + frame(rest='pbc="T T F"')
        + frame(rows=("f 0.5 11 2 2.5 3",), properties="Properties=tag:S:1:w:R:1:numbers:I:1:pos:R:3", rest="energy=1")
        + "\n"
        + frame(count=3)
    )
    assert detected(path) == ["extxyz"]
    samples = read("extxyz", path)
    assert outcomes(samples) == [
        "2 atoms",
        "unknown_element",
        "unreadable",
        "non_finite",
        "tiny_cell",
        "unreadable",
        "unreadable",
        "1 atoms",
        "unreadable",  # the last one is cut off
    ]
    first, other = samples[0], samples[7]
    assert isinstance(first, RawStructure)
    assert isinstance(other, RawStructure)
    assert first.frac_coords.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]
    assert other.numbers.tolist() == [11]
    assert other.frac_coords.tolist() == [[0.5, 0.5, 0.5]]


def test_noise_and_denoising_paths_are_refused(tmp_path: Path) -> None:
    noise = tmp_path / "omatg_init.xyz"
    noise.write_text(frame())
    assert detected(noise) == ["extxyz"]
    with pytest.raises(ReadError, match="the noise that OMatG started from"):
        read("extxyz", noise)
    paths = as_zip(tmp_path, {"gen_0.extxyz": frame()}).rename(tmp_path / "generated_trajectories.zip")
    assert detected(paths) == ["extxyz"]
    with pytest.raises(ReadError, match="denoising paths"):
        read("extxyz", paths)


def test_a_file_that_is_no_xyz_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.xyz"
    path.write_text(frame() + "Na 0 0 0\n")
    with pytest.raises(ReadError, match=r"line 5: 'Na 0 0 0' should be the number of atoms"):
        read("extxyz", path)


# --- POSCAR -----------------------------------------------------------------------------------------------------------


def poscar(*rows: str, scale: str = "1.0", symbols: str = "Na Cl", counts: str = "1 1", kind: str = "Direct") -> str:
    return "\n".join(["x", scale, "4 0 0", "0 5 0", "0 0 6", symbols, counts, kind, *rows]) + "\n"


def test_poscar_files(tmp_path: Path) -> None:
    direct = ("0 0 0", "0.5 0.5 0.5 Cl")
    files = {
        "POSCAR-2-x": poscar(*direct, scale="-960"),  # twice the volume of 480
        "POSCAR-1-x": poscar(*direct),
        "POSCAR-10-x": poscar("0 0 0", "2 2.5 3", kind="Cartesian"),
        "POSCAR-3-x": poscar("0 0 0", "2 2.5 3", kind="Selective dynamics\nCartesian", scale="1 2 3"),
        "POSCAR-4-x": poscar(*direct, symbols="Na_pv Cl/abc"),
        "POSCAR-5-x": poscar(*direct, symbols="Na Xx"),
        "POSCAR-6-x": poscar(*direct, symbols="Na"),
        "POSCAR-7-x": poscar("0 0 0"),
        "POSCAR-8-x": "x\n1.0\n",
        "POSCAR-9-x": poscar(*direct, counts="1 999999999999"),
        "notes": "",
    }
    path = as_folder(tmp_path, files)
    assert detected(path) == ["poscar"]
    samples = read("poscar", path)
    good, bad = ["2 atoms"], ["unreadable"]
    assert outcomes(samples) == good * 4 + ["unknown_element"] + bad * 4 + good
    structures = [sample for sample in samples if isinstance(sample, RawStructure)]
    for structure in structures:
        assert np.allclose(structure.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
        assert structure.numbers.tolist() == [11, 17]
    volumes = [float(np.linalg.det(structure.lattice)) for structure in structures]
    assert np.allclose(volumes, [120, 960, 720, 120, 120])


def test_one_poscar_or_a_zip_of_them(tmp_path: Path) -> None:
    (tmp_path / "x.vasp").write_text(poscar("0 0 0", ".5 .5 .5"))
    assert detected(tmp_path / "x.vasp") == ["poscar"]
    assert outcomes(read("poscar", tmp_path / "x.vasp")) == ["2 atoms"]
    packed = as_zip(tmp_path, {"a/POSCAR_1": poscar("0 0 0", ".5 .5 .5")})
    assert detected(packed) == ["poscar"]
    assert outcomes(read("poscar", packed)) == ["2 atoms"]


# --- JSON -------------------------------------------------------------------------------------------------------------


def pymatgen(*elements: str, **lattice: Any) -> dict[str, Any]:
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "lattice": lattice or {"matrix": [[4, 0, 0], [0, 5, 0], [0, 0, 6]]},
        "sites": [
            {"species": [{"element": element, "occu": 1}], "abc": [i / 7, 0, 0.5], "xyz": [0, 0, 0]}
            for i, element in enumerate(elements)
        ],
    }


def partly(occupancy: float) -> dict[str, Any]:
    record = pymatgen("Na")
    record["sites"][0]["species"][0]["occu"] = occupancy
    return record


def write_json(path: Path, content: object) -> Path:
    text = json.dumps(content).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_pymatgen_structures(tmp_path: Path) -> None:
    records = [
        pymatgen("Na", "Cl"),
        {"structure": pymatgen("Na+"), "energy": 1},
        partly(0.5),
        partly(float("nan")),
        pymatgen("Xx"),
        {"lattice": {}},
        None,
        pymatgen("Na", a=4, b=-4, c=4, alpha=90, beta=90, gamma=90),
        pymatgen("Na", matrix=[[1, 2], [3]]),
        pymatgen("Na", matrix=[[4, 0, 0], [0, 5, 0], [0, 0, 10**400]]),
        {"@module": "os", "@class": "system", "lattice": "x", "sites": [1]},
    ]
    wanted = ["2 atoms", "1 atoms", "disordered", "disordered", "unknown_element", "unreadable", "unreadable"]
    wanted += ["non_positive_lattice", "unreadable", "1 atoms", "unreadable"]  # infinite: refused by the screen
    for name in ("x.json", "x.json.gz"):
        path = write_json(tmp_path / name, records)
        assert detected(path) == ["pymatgen-json"]
        assert outcomes(read("pymatgen-json", path)) == wanted
    assert outcomes(read("pymatgen-json", write_json(tmp_path / "one.json", pymatgen("Na")))) == ["1 atoms"]
    by_name = write_json(tmp_path / "named.json", {"b": pymatgen("Na", "Cl"), "a": pymatgen("Na")})
    assert outcomes(read("pymatgen-json", by_name)) == ["2 atoms", "1 atoms"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "3", '"x"', "[1, 2]", '{"a": 1}', "[" + "9" * 5000 + "]"])
@pytest.mark.parametrize("reader", ["pymatgen-json", "wyckoff-genes"])
def test_what_is_no_list_of_records_is_an_error(tmp_path: Path, text: str, reader: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ReadError, match=r"x\.json"):
        read(reader, path)


# --- Wyckoff genes ----------------------------------------------------------------------------------------------------


def gene(
    group: Any = 225,
    species: Any = ("Na", "Cl"),
    sites: Any = (("4a",), ("4b",)),
    counts: Any = (4, 4),
) -> dict[str, Any]:
    return {"group": group, "species": species, "numIons": counts, "sites": sites}


def test_genes_of_wyckoff_transformer(tmp_path: Path) -> None:
    genes = [
        gene(),
        gene(136, ["Ti", "O"], [["2a"], ["4f"]], [2, 4]),
        gene(62, ["C"], [["4c", "4c", "8d"]], [16]),
        gene(47, ["C"], [["8A"]], [8]),
        gene(sites=[["4a"], ["8b"]]),  # 4b
        gene(sites=[["4a"], ["4z"]]),
        gene(sites=[["4a"], ["4a"]]),  # occupied twice
        gene(counts=[4, 8]),
        gene(group=231),
        gene(group="225"),
        gene(species=["Na", "Xx"]),
        gene(species=["Na"]),
        gene(sites=[[4], ["4b"]]),
        gene(sites="ab"),
        {"group": 225},
        None,
        7,
    ]
    path = write_json(tmp_path / "genes.json.gz", genes)
    assert detected(path) == ["wyckoff-genes"]
    found = outcomes(read("wyckoff-genes", path))
    assert found[:4] == [ROCK_SALT, RUTILE, "A_oP16_62_2cd:C", "A_oP8_47_A:C"]
    wanted = ["invalid_protostructure"] * 6 + ["unknown_element", "unreadable"]
    assert found[4:12] == wanted
    assert set(found[12:]) <= {"unreadable", "invalid_protostructure"}


def test_genes_of_wycryst(tmp_path: Path) -> None:
    head = ("str_wyckoff", "reconstructed_formula", "reconstructed_wyckoff", "reconstructed_sg")
    perovskite = "{'Ca': ['4c'], 'Ti': ['4b'], 'O': ['4c', '8d']}"
    path = write_csv(
        tmp_path / "sampled_Wyckoff_Genes.csv",
        head,
        ("x", "Ca4Ti4O12", perovskite, "62"),
        ("x", "Ca4Ti4O12", perovskite, "62.0"),
        ("x", "Ca4Ti4O12", perovskite, "63"),  # 63 has 8d, 4b and 4c: another structure
        ("x", "Ca4Ti4O12", "{'Ca': ['4e']", "62"),
        ("x", "Ca4Ti4O12", "__import__('os').system('false')", "62"),
        ("x", "Ca4Ti4O12", "[1]", "62"),
        ("x", "Ca4Ti4O12", "(" * 500 + ")" * 500, "62"),
        ("x", "Ca4Ti4O12", "{'Ca': ['4c']}", "nan"),
        ("x",),
    )
    assert detected(path) == ["wyckoff-genes"]
    assert outcomes(read("wyckoff-genes", path)) == [
        "AB3C_oP20_62_c_cd_a:Ca-O-Ti",
        "AB3C_oP20_62_c_cd_a:Ca-O-Ti",
        "AB3C_oC20_63_c_cd_a:Ca-O-Ti",
        *["unreadable"] * 6,
    ]


def test_a_csv_without_the_columns_of_wycryst_is_an_error(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("a", "b"), ("1", "2"))
    with pytest.raises(ReadError, match="reconstructed_sg and reconstructed_wyckoff were expected, found a, b"):
        read("wyckoff-genes", path)


# --- all of them ------------------------------------------------------------------------------------------------------

TEXTS = {
    "csv": (".csv", "protostructure,x\n" + f"{RUTILE},1\n" * 3),
    "labels": (".txt", f"{RUTILE}\n" * 3),
    "extxyz": (".extxyz", frame() * 3),
    "poscar": (".vasp", poscar("0 0 0", ".5 .5 .5")),
    "cif": (".cif", cif("Na Na1 0 0 0")),
    "pymatgen-json": (".json", json.dumps([pymatgen("Na")] * 3)),
    "samples": (
        ".samples",
        json.dumps(RUTILE) + "\n" + '{"lattice":[[4,0,0],[0,4,0],[0,0,4]],"frac_coords":[[0,0,0]],"numbers":[11]}',
    ),
    "wyckoff-genes": (".json", json.dumps([gene()] * 3)),
}


@pytest.mark.parametrize("reader", TEXTS)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_samples_or_a_read_error(reader: str, tmp_path: Path, data: st.DataObject) -> None:
    suffix, text = TEXTS[reader]
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    detected(path)
    with suppress(ReadError):
        assert all(isinstance(sample, Protostructure | RawStructure | Invalid) for sample in read(reader, path))


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_detected_where_nothing_is(reader: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.zip").write_bytes(b"")
    for name in ("absent", "absent.cif", "absent.csv", "absent.json", "empty", "empty.zip"):
        assert not READERS[reader].detect(tmp_path / name)


@pytest.mark.parametrize("reader", READERS)
def test_an_absent_file_is_named(reader: str, tmp_path: Path) -> None:
    suffix = TEXTS.get(reader, (".pt", ""))[0]
    with pytest.raises(ReadError, match=rf"absent\{suffix}: no such file"):
        read(reader, tmp_path / f"absent{suffix}")
