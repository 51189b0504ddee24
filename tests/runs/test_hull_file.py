"""A user's own table of formation energies: read strictly, every fault with its place."""

from pathlib import Path

import numpy as np
import pytest

from crystalbench import Hull, HullSpec, ReadError
from crystalbench.runs.hull_file import hull_from_file

BASE = HullSpec(
    name="base",
    version="1",
    title="Base",
    load=lambda parameters: Hull([], np.zeros(0), {8: -4.95, 11: -1.32, 12: -1.6, 17: -1.85}),
    identity=lambda parameters: "0" * 64,
    card=lambda: "",
    caveat="",
)
CSV = "id,formula,formation_energy\nmp-1,NaCl,-2.1\nmp-2,Mg(ClO4)2,-0.9\n"


def written(folder: Path, content: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_table_of_formulas_and_energies_is_a_hull(tmp_path: Path) -> None:
    spec = hull_from_file(written(tmp_path, CSV), BASE, {})
    hull = spec.load({})
    assert hull.compositions == [{11: 1, 17: 1}, {12: 1, 17: 2, 8: 8}]
    assert hull.distance({11: 2, 17: 2}, -2.0) == pytest.approx(0.1)
    assert hull.references[11] == -1.32
    assert "those of Base" in spec.caveat


def test_json_gives_the_same_and_may_bring_its_own_elements(tmp_path: Path) -> None:
    rows = '[{"formula": "NaCl", "formation_energy": -2.1}]'
    listed = hull_from_file(written(tmp_path, rows, "mine.json"), BASE, {}).load({})
    assert listed.references[17] == -1.85
    own = f'{{"phases": {rows}, "references": {{"Na": -1.0, "Cl": -2.0}}}}'
    spec = hull_from_file(written(tmp_path, own, "own.json"), BASE, {})
    assert spec.load({}).references == {11: -1.0, 17: -2.0}
    assert "its own" in spec.caveat


def test_identity_follows_the_content_and_the_elements(tmp_path: Path) -> None:
    first = hull_from_file(written(tmp_path, CSV), BASE, {}).identity({})
    assert first == hull_from_file(written(tmp_path, CSV, "moved.csv"), BASE, {}).identity({})
    assert first != hull_from_file(written(tmp_path, CSV.replace("-2.1", "-2.2")), BASE, {}).identity({})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "formula,energy\nNaCl,-2\n", "a.csv: line 1 names the columns and must have formation_energy once"),
        ("a.csv", "", "must have formula once; it has: nothing"),
        ("a.csv", "formula,formation_energy\n", "holds no phases"),
        ("a.csv", "formula,formation_energy\nNaCl,-2\nNaQq,-1\n", "a.csv line 3: 'NaQq': 'Qq' is no element"),
        ("a.csv", "formula,formation_energy\nNa0.5Cl,-2\n", "line 2: 'Na0.5Cl' is no formula of whole numbers"),
        ("a.csv", "formula,formation_energy\nMg(OH,-2\n", "line 2: 'Mg\\(OH' does not close a bracket"),
        ("a.csv", "formula,formation_energy\nMgOH)2,-2\n", "line 2: 'MgOH\\)2' closes a bracket"),
        ("a.csv", "formula,formation_energy\nNa0Cl,-2\n", "line 2: 'Na0Cl': numbers of atoms go from 1"),
        ("a.csv", "formula,formation_energy\n,-2\n", "line 2: '' holds no element"),
        ("a.csv", "formula,formation_energy\nNaCl,\n", "line 2: '' is no formation energy"),
        ("a.csv", "formula,formation_energy\nNaCl,nan\n", "line 2: nan is no formation energy"),
        ("a.csv", "formula,formation_energy\nNaCl,-2703\n", "line 2: -2703 is no formation energy in eV/atom"),
        ("a.csv", "formula,formation_energy\nNa,-0.1\n", "line 2: Na has -0.1 eV/atom, below its reference"),
        ("a.csv", "formula,formation_energy\nNaCl,-2,1\n", "line 2: 3 cells under 2 columns"),
        ("a.csv", 'formula,formation_energy\n"NaCl,-2\n', "a.csv line 2: unexpected end of data"),
        ("a.json", "{", "a.json: not readable as JSON"),
        ("a.json", "[1]", "a.json: \\[0\\] is 1; expected a mapping"),
        ("a.json", '[{"formula": "NaCl"}]', "a.json: \\[0\\] lacks formation_energy"),
        ("a.json", '[{"formula": "NaCl", "formation_energy": "x"}]', "\\[0\\].formation_energy is 'x'; expected a fin"),
        ("a.json", '{"phases": [], "element": {}}', "has unknown key 'element'"),
        (
            "a.json",
            '{"phases": [{"formula": "NaCl", "formation_energy": -2}], "references": {"Na": -1}}',
            "references lacks elements of its phases: Cl",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(ReadError, match=said):
        hull_from_file(written(tmp_path, content, name), BASE, {})


def test_a_file_that_is_no_text_or_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        hull_from_file(tmp_path / "none.csv", BASE, {})
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReadError, match=r"binary\.csv: not text in UTF-8"):
        hull_from_file(tmp_path / "binary.csv", BASE, {})
