"""How crystals stand in a JSON file: as many samples as there are crystals, or one refusal of the file."""

import bz2
import gzip
import json
import lzma
import random
import time
from pathlib import Path
from typing import Any

import pytest

from crystalbench import ConfigError, Invalid, ReadError, SettingError
from crystalbench_baselines import _json
from crystalbench_baselines._json import NoJsonError

from .conftest import READERS, detected
from .test_text_formats import outcomes, pymatgen, read

ONE, TWO = pymatgen("Na"), pymatgen("Na", "Cl")
ENTRY = {
    "@class": "ComputedStructureEntry", "energy": -1.0, "composition": {"Na": 1}, "parameters": {}, "structure": ONE,
}  # fmt: skip
GOOD = ["1 atoms", "2 atoms"]

LAYOUTS: dict[str, tuple[Any, list[str]]] = {
    "one structure": (ONE, ["1 atoms"]),
    "one record": ({"id": "x", "structure": TWO, "e_above_hull": 0.1}, ["2 atoms"]),
    "a list": ([ONE, TWO], GOOD),
    "by name": ({"gen_0": ONE, "gen_1": TWO}, GOOD),
    "by name, one that failed": ({"a": ONE, "b": None, "c": TWO}, ["1 atoms", "unreadable", "2 atoms"]),
    "by name, numbered, one that failed": (
        {"g0": ONE, "g1": "failed", "g2": TWO},
        ["1 atoms", "unreadable", "2 atoms"],
    ),
    "by name beside metadata": ({"meta": {"n": 2}, "gen_0": ONE, "gen_1": TWO, "model": "m", "seeds": [1]}, GOOD),
    "by name, called structures": ({"structure_0": ONE, "structure_1": TWO}, GOOD),
    "one entry": (ENTRY, ["1 atoms"]),
    "entries": ([ENTRY, ENTRY], ["1 atoms"] * 2),
    "entries by name": ({"mp-1": ENTRY, "mp-2": ENTRY}, ["1 atoms"] * 2),
    "entries under a key": ({"entries": [ENTRY, ENTRY], "n": 2}, ["1 atoms"] * 2),
    "a server's answer": (
        {"data": [{"id": 1, "structure": ONE}, {"id": 2, "structure": TWO}], "meta": {"total": 2}, "errors": None},
        GOOD,
    ),
    "a nested answer": ({"response": {"data": [{"structure": ONE}]}, "status": "ok"}, ["1 atoms"]),
    "a document with several": ({"structure": TWO, "initial_structures": [ONE, ONE]}, ["2 atoms"]),
    "relaxed ones": ([{"final_structure": TWO, "energy": 1}] * 2, ["2 atoms"] * 2),
    "unrelaxed ones": ([{"initial_structure": TWO}], ["2 atoms"]),
    "tasks": ([{"output": {"structure": TWO}, "task_id": 3}], ["2 atoms"]),
    "columns": (
        {"structure": {"0": ONE, "1": TWO, "2": None, "3": {}}, "id": {"0": "a", "1": "b", "2": "c", "3": "d"}},
        [*GOOD, "unreadable", "unreadable"],
    ),
    "columns as lists": ({"structure": [ONE, TWO], "id": ["a", "b"]}, GOOD),
    "columns of entries": ({"computed_structure_entry": {"0": ENTRY}, "id": {"0": "wbm-1"}}, ["1 atoms"]),
    "index": ({"0": {"structure": ONE, "id": "a"}, "1": {"structure": TWO, "id": "b"}}, GOOD),
    "records": ([{"structure": ONE, "id": 1}, {"structure": None, "id": 2}], ["1 atoms", "unreadable"]),
    "split": ({"columns": ["id", "structure"], "index": [0, 1], "data": [["a", ONE], ["b", TWO]]}, GOOD),
    "table": ({"schema": {"fields": [{"name": "index"}]}, "data": [{"index": 0, "structure": ONE}]}, ["1 atoms"]),
    "values": ([["a", ONE], ["b", None]], ["1 atoms", "unreadable"]),
    "batches": ([[ONE, TWO], [TWO, ONE]], [*GOOD, *GOOD[::-1]]),
    "splits of a dataset": ({"train": [ONE], "test": [TWO]}, GOOD),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_gives_as_many_samples_as_there_are_crystals(layout: str, tmp_path: Path) -> None:
    content, wanted = LAYOUTS[layout]
    text = json.dumps(content).encode()
    packed = {"": text, ".gz": gzip.compress(text), ".bz2": bz2.compress(text), ".xz": lzma.compress(text)}
    for suffix, stored in packed.items():
        path = tmp_path / f"crystals.json{suffix}"
        path.write_bytes(stored)
        assert detected(path) == ["pymatgen-json"]
        assert outcomes(read("pymatgen-json", path)) == wanted


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".jsonl.gz", ".jsonl.xz", ".ndjson.bz2"])
def test_a_crystal_a_line(suffix: str, tmp_path: Path) -> None:
    text = "\n".join(json.dumps({"structure": record, "id": 1}) for record in (ONE, TWO, None, ONE)).encode() + b"\n"
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(Path(suffix).suffix, bytes)
    path = tmp_path / f"x{suffix}"
    path.write_bytes(pack(text))
    assert detected(path) == ["pymatgen-json"]
    assert outcomes(read("pymatgen-json", path)) == [*GOOD, "unreadable", "1 atoms"]


def test_a_line_that_is_cut_off_costs_one_sample(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("null\n" + json.dumps(ONE) + "\n\n" + json.dumps(TWO)[:-9])
    samples = read("pymatgen-json", path)
    assert outcomes(samples) == ["unreadable", "1 atoms", "unreadable"]
    assert isinstance(samples[2], Invalid)
    assert samples[2].detail.startswith("line 4: ")


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_what_may_be_a_header_or_a_crystal_that_failed_is_refused(suffix: str, tmp_path: Path) -> None:
    for records in ([{"model": "m"}, ONE, TWO], [ONE, TWO, {"error": "diverged"}]):
        path = tmp_path / f"x{suffix}"
        path.write_text("\n".join(map(json.dumps, records)) if suffix == ".jsonl" else json.dumps(records))
        with pytest.raises(ReadError, match="is unlike the others; remove it if it describes the file"):
            read("pymatgen-json", path)


@pytest.mark.parametrize(
    "content",
    [
        [{"initial_structure": ONE, "final_structure": TWO}],
        {"initial_structure": ONE, "final_structure": TWO},
        {"initial_structure": {"0": ONE}, "final_structure": {"0": TWO}},
    ],
)
def test_which_of_two_structures_is_meant_has_to_be_said(content: object, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SettingError, match=r"initial_structure\); say which: --set key=final_structure"):
        read("pymatgen-json", path)
    assert outcomes(read("pymatgen-json", path, key="final_structure")) == ["2 atoms"]
    assert outcomes(read("pymatgen-json", path, key="initial_structure")) == ["1 atoms"]
    with pytest.raises(ConfigError, match="did you mean 'final_structure'"):
        read("pymatgen-json", path, key="final_structures")


def test_a_file_without_crystals_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for content in ([], {}, [1], {"lattice": {}}, [{"sites": []}], {"data": [], "meta": {}}, {"a": [None, None]}):
        path.write_text(json.dumps(content))
        with pytest.raises(ReadError, match=r"x\.json: no structures of pymatgen in it"):
            read("pymatgen-json", path)


def test_a_slab_is_no_crystal(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(pymatgen("Na", matrix=[[4, 0, 0], [0, 4, 0], [0, 0, 30]], pbc=[True, True, False])))
    (sample,) = read("pymatgen-json", path)
    assert isinstance(sample, Invalid)
    assert "not periodic" in sample.detail


@pytest.mark.parametrize("symbol", ["0.8Nb + 0.2Zr", "Nb:0.8, Zr:0.2", "Nb0.8Zr0.2", "Nb/Zr", "0.5Nb", "(Nb,Zr)"])
def test_shares_of_elements_are_disorder(symbol: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(pymatgen(symbol)))
    assert outcomes(read("pymatgen-json", path)) == ["disordered"]


def _any_json(rng: random.Random, depth: int) -> object:
    leaves = [1, -2.5e3, 'a]"b\\', "{[,", None, True, [1, 2], [], {}]
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(leaves)
    if rng.random() < 0.5:
        return [_any_json(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice('ab"[{\\') + str(i): _any_json(rng, depth - 1) for i in range(rng.randrange(4))}


def _same(node: _json.Node, value: object) -> bool:
    children = list(node.children())
    if isinstance(value, dict):
        return [key for key, _ in children] == list(value) and all(_same(c, value[k]) for k, c in children)
    if isinstance(value, list):
        return len(children) == len(value) and all(_same(c, v) for (_, c), v in zip(children, value, strict=True))
    return node.value() == value


def test_the_tree_of_brackets_is_that_of_the_json_module() -> None:
    rng = random.Random(0)
    for _ in range(1000):
        value = _any_json(rng, 5)
        text = json.dumps(value, indent=rng.choice([None, 1])).encode()
        node = _json.value_at(text, 0)
        assert node.end == len(text)
        assert _same(node, value)


def test_brackets_that_do_not_match_cost_time_in_proportion_to_the_text() -> None:
    def seconds(piece: bytes, count: int) -> float:
        start = time.process_time()
        with pytest.raises(NoJsonError):
            _json.value_at(b"[" + piece * count, 0)
        return time.process_time() - start

    for piece in (b'"\\"', b'\\"', b"[", b"[1,", b'["a",', b'{"a":', b'"'):
        assert seconds(piece, 200_000) < 40 * max(seconds(piece, 20_000), 5e-3)


def test_a_reader_of_tables_says_how_to_choose_in_a_run(tmp_path: Path) -> None:
    error = SettingError("x.csv: which", "column", "my column")
    assert str(error) == """x.csv: which; say which: --set 'column="my column"'"""
    assert str(error.for_generator("m.1")).endswith("""--set 'generator."m.1".column="my column"'""")
    assert READERS["csv"].suffixes == (".csv", ".tsv")


@pytest.mark.parametrize(
    "layout",
    [
        {"structure": {"0": json.dumps(ONE), "1": json.dumps(TWO)}, "e": {"0": 1, "1": 2}},
        [{"structure": json.dumps(ONE)}],
        {"gen_0": json.dumps(TWO)},
    ],
)
def test_structures_that_were_encoded_twice_are_refused_with_what_to_do(tmp_path: Path, layout: Any) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps(layout))
    assert detected(file) == ["pymatgen-json"]
    with pytest.raises(ReadError, match=r"JSON as text inside JSON: decode each value by json\.loads"):
        read("pymatgen-json", file)
