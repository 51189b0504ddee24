"""A discovery with two potentials: what each alone would make, side by side, and how far the two agree."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.cli import main
from crystalbench.errors import ConfigError
from crystalbench.materials.candidate import Material, Reason
from crystalbench.materials.judged import Judged
from crystalbench.runs.beside import Beside, agreement, columns, pairs
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.output import Found
from crystalbench.runs.discovery.returned import read_returned
from crystalbench.runs.discovery.settings import Order
from crystalbench.runs.energy_config import EnergyConfig
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Run
from tests.energy_plugins import Second
from tests.runs.test_discovery import ROOT, checked, discover, rows, table_of, verified
from tests.runs.test_energies import all_plugins
from tests.runs.test_energies import settings as run_settings

LABELS: list[str | None] = [
    "AB_cP2_221_a_b:Cl-Na",
    "AB_cF8_216_a_c:Cl-Na",
    "AB_hP4_186_b_b:Cl-Na",
    "A_cI2_229_a:Cu",
    "AB2_hP3_164_a_d:Cl-Na",
]
BOTH = ("morse", "lj")
GIVEN: dict[str, Any] = {"order": Order.SAMPLE, "top": 5}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Path]:
    folder = tmp_path_factory.mktemp("two") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(folder.parent / "cache"))
        return discover(folder, LABELS, potentials=BOTH, **GIVEN), folder


@pytest.fixture
def kept(found: tuple[Found, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(found[1].parent / "cache"))


def materials(path: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {one["label"]: one | {"seconds": 0} for one in found}


@pytest.mark.parametrize(("name", "file"), [("morse", "materials.jsonl"), ("lj", "materials.lj.jsonl")])
def test_each_potential_makes_what_a_discovery_with_it_alone_makes(
    found: tuple[Found, Path], name: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    discover(tmp_path / "alone", LABELS, potentials=(name,), **GIVEN)
    alone, beside = materials(tmp_path / "alone/materials.jsonl"), materials(found[1] / file)
    assert {label: beside[label] for label in alone} == alone
    assert {one["reason"] for label, one in beside.items() if label not in alone} <= {"unknown_element"}


def test_the_first_one_ranks_and_the_second_and_the_spread_stand_beside_it(found: tuple[Found, Path]) -> None:
    shown = rows(found[1] / "materials.csv")
    assert [float(row["e_above_hull"]) for row in shown] == sorted(float(row["e_above_hull"]) for row in shown)
    for row in shown:
        if row["e_above_hull_lj"]:
            spread = abs(float(row["e_above_hull"]) - float(row["e_above_hull_lj"]))
            assert float(row["e_above_hull_spread"]) == pytest.approx(spread, abs=2e-6)
            assert float(row["e_above_hull_spread"]) > 0
    assert sum(row["e_above_hull_lj"] != "" for row in shown) >= 3


def test_what_one_potential_cannot_do_says_why_and_has_no_spread(found: tuple[Found, Path]) -> None:
    (copper,) = [row for row in rows(found[1] / "materials.csv") if row["protostructure"] == "A_cI2_229_a:Cu"]
    assert (copper["reason_lj"], copper["e_above_hull_lj"], copper["e_above_hull_spread"]) == (
        "unknown_element",
        "",
        "",
    )
    assert "does not know Cu" in copper["detail_lj"]
    assert (copper["reason"], copper["e_above_hull"] != "") == ("", True)
    for name in ("report.md", "report.tex", "report.html"):
        assert "reason, Lennard-Jones" in (found[1] / name).read_text(), name


def test_every_format_has_the_columns_and_what_each_potential_rests_on(found: tuple[Found, Path]) -> None:
    folder = found[1]
    for name in ("markdown", "latex", "html", "json"):
        text = " ".join(table_of(folder, "--format", name).replace(r"\_", "_").split())
        for said in ("by Lennard-Jones", "spread", "corrected by MP2020", "predicts MP2020-corrected"):
            assert said in text, (name, said)
        assert "that they disagree is a warning" in text, name
    assert {"e_above_hull_lj", "e_above_hull_spread"} <= rows(folder / "report.csv")[0].keys()
    best = min(path.name for path in (folder / "structures/lj").iterdir())
    assert "Lennard-Jones" in (folder / "structures/lj" / best).read_text()
    assert (folder / "structures" / best).is_file()


def test_the_page_has_a_point_for_each_material_that_both_judge(found: tuple[Found, Path]) -> None:
    page = (found[1] / "report.html").read_text()
    _, _, drawing = page.partition("Energy above hull by two potentials")
    points = pairs(found[0].first, found[0].others[0])
    assert drawing.partition("</svg>")[0].count("<circle") == len(points) >= 3


def test_the_counts_of_both_and_one_alone_are_those_of_the_funnel(found: tuple[Found, Path]) -> None:
    listing = agreement(found[0].first, found[0].others[0])
    counts = {str(name): numbers for name, *numbers in listing.rows}
    funnel = dict(found[0].funnel)
    assert counts["by Morse"] == [funnel["within 0.1 eV/atom of the hull"], funnel["on or below the hull"]]


distances = st.none() | st.floats(-1, 1).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(distances, distances, st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_groups_of_an_agreement_add_up_and_a_spread_needs_all(
    values: list[tuple[float | None, float | None, bool, bool]],
) -> None:
    label = "AB_cF8_225_a_b:Cl-Na"

    def judged(distance: float | None, kept: bool) -> Judged:
        material = Material(label=label, relaxed=label if kept else "other")
        return Judged(material=material, distance=distance, reason=None if distance is not None else Reason.TIMEOUT)

    one = Beside(name="a", title="A", basis="", judged={i: judged(x, k) for i, (x, _, k, _) in enumerate(values)})
    two = Beside(name="b", title="B", basis="", judged={i: judged(y, k) for i, (_, y, _, k) in enumerate(values)})
    counts = {str(name): numbers for name, *numbers in agreement(one, two).rows}
    for column in (0, 1):
        of = {name: numbers[column] for name, numbers in counts.items()}
        assert of["by both"] + of["by A alone"] == of["by A"]
        assert of["by both"] + of["by B alone"] == of["by B"]
        assert of["by both"] + of["by A alone"] + of["by B alone"] + of["by neither"] == len(values)
    spread = next(value for heading, value in columns(one, [two]) if heading.key == "e_above_hull_spread")
    for row, (x, y, _, _) in enumerate(values):
        assert spread(row) == (None if x is None or y is None else pytest.approx(abs(x - y), abs=1e-6))
    third = replace(two, name="c", judged={row: judged(None, True) for row in two.judged})
    assert all(of(0) is None for heading, of in columns(one, [two, third]) if heading.key == "e_above_hull_spread")


def test_all_of_it_is_verified_and_both_potentials_relax_again(found: tuple[Found, Path]) -> None:
    checks = checked(found[1], redraw=True)
    assert {what for what, finding in checks.items() if finding is not Finding.HOLDS} == {
        "what only the discovery could see"
    }
    assert {"relaxed again with morse-0000", "relaxed again with lj-1111"} <= checks.keys()


@pytest.mark.parametrize("redraw", [False, True])
def test_a_changed_energy_of_the_second_potential_is_found(
    found: tuple[Found, Path], tmp_path: Path, redraw: bool
) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(found[1], folder)
    path = folder / "materials.lj.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["energy"] = None if line["energy"] is None else line["energy"] - 0.5
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = RunFolder(folder).digests()
    manifest["digest"] = digest_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    wrong = verified(folder, redraw)
    assert wrong["materials.csv again"] is Finding.DIFFERS
    assert ("relaxed again with lj-1111" in wrong) == redraw
    assert "relaxed again with morse-0000" not in wrong


@pytest.mark.usefixtures("kept")
def test_energies_of_the_user_rank_and_the_spread_stays_that_of_the_potentials(
    found: tuple[Found, Path], tmp_path: Path
) -> None:
    path = tmp_path / "energies.csv"
    path.write_text("label,formation_energy\nAB_cF8_216_a_c:Cl-Na,-0.9\n")
    discover(tmp_path / "out", LABELS, read_returned(path), BOTH, **GIVEN)
    before = {row["protostructure"]: row for row in rows(found[1] / "materials.csv")}
    first, *_ = after = rows(tmp_path / "out/materials.csv")
    assert first["protostructure"] == "AB_cF8_216_a_c:Cl-Na"
    for row in after:
        told = before[row["protostructure"]]
        assert row["potential_e_above_hull"] == told["e_above_hull"]
        assert [row[key] for key in ("e_above_hull_lj", "e_above_hull_spread")] == [
            told[key] for key in ("e_above_hull_lj", "e_above_hull_spread")
        ]
    assert set(verified(tmp_path / "out")) == {"what only the discovery could see"}


def test_killed_while_the_second_potential_relaxes_the_same_command_gives_the_same(
    found: tuple[Found, Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(tmp_path / "own-cache")}
    command = [sys.executable, "-m", "tests.runs.test_two_potentials", str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    cached = tmp_path / "own-cache" / "materials"
    for _ in range(1200):
        if process.poll() is not None or len(list(cached.rglob("*.json.gz"))) > len(LABELS):
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in cached.rglob("*.json.gz")}
    assert len(before) > len(LABELS)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (tmp_path / "killed/report.md").read_bytes() == (found[1] / "report.md").read_bytes()
    assert timeless(tmp_path / "killed") == timeless(found[1])


def timeless(folder: Path) -> list[dict[str, str]]:
    with (folder / "materials.csv").open(newline="") as file:
        return [row | {"cpu_seconds": "", "cpu_seconds_lj": ""} for row in csv.DictReader(file)]


def test_a_run_with_two_potentials_has_a_column_for_each_and_says_how_far_they_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    plugins = all_plugins()
    plugins.register(Second(), "second")
    given = run_settings(tmp_path, LABELS, metrics=["stable"], energies={"tries": 2, "potentials": list(BOTH)})
    plan = make_plan(RunConfig.from_mapping(given), plugins)
    done = Run(plan, plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    assert [column.key for column in done.table.columns] == ["stable@morse-0000", "stable@lj-1111"]
    page = (tmp_path / "run/table.html").read_text()
    assert "Morse and Lennard-Jones, 5 materials" in page
    _, _, drawing = page.partition("Energy above hull by two potentials")
    assert drawing.partition("</svg>")[0].count("<circle") == 4  # one of the five has copper
    (report,) = stored_evidence(RunFolder(tmp_path / "run"), plugins).rows["mine"].materials[1:]
    assert len(report.listings) == 2


@pytest.mark.slow
def test_two_networks_stand_side_by_side(tmp_path: Path) -> None:
    pytest.importorskip("chgnet")
    pytest.importorskip("sevenn")
    arguments = (
        "discover", "--generator", "wyckoffdiff", "--dataset", "wbm-rebuilt", "-n", "300", "--order", "sample", "--top",
        "3", "--set", "energies.max_atoms=4", "--potential", "chgnet,sevenn", "--workers", "1", "--diagrams", "0",
    )  # fmt: skip
    environment = {"CRYSTALBENCH_CACHE": str(tmp_path / "cache")}
    result = CliRunner(env=environment).invoke(main, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    materials = rows(tmp_path / "out/materials.csv")
    assert [float(row["e_above_hull_spread"]) < 1 for row in materials] == [True] * 3
    checked = CliRunner(env=environment).invoke(main, ["verify", str(tmp_path / "out"), "--redraw"])
    assert checked.exit_code == 0, checked.output


def test_a_potential_is_named_once() -> None:
    with pytest.raises(ConfigError, match=r"energies\.potentials names lj more than once"):
        EnergyConfig(potentials=("lj", "morse", "lj"))
    result = CliRunner().invoke(main, ["discover", "--generator", "wyckoffdiff", "--potential", "chgnet,chgnet"])
    assert (result.exit_code, "names chgnet more than once" in result.stderr) == (2, True), result.output


if __name__ == "__main__":
    discover(Path(sys.argv[1]), LABELS, potentials=BOTH, **GIVEN)
