"""Formation energies counted from a potential's own elements: zero for an element, whatever the potential's zero."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from crystalbench.errors import ConfigError
from crystalbench.executors import Executors
from crystalbench.materials.candidate import Material
from crystalbench.materials.elements import References, element_structures
from crystalbench.materials.potential import EnergyScheme
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.checks import Finding
from crystalbench.runs.discovery.output import Found
from crystalbench.runs.discovery.settings import Order
from crystalbench.runs.energy_book import judge_of
from crystalbench.runs.energy_config import EnergyConfig
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan, plan_energies
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.own_elements import KeptElements, search_of_elements
from tests.energy_plugins import CL, CU, NA, Energies, Foreign, Second
from tests.runs.test_discovery import discover, rows, timeless, verified
from tests.runs.test_energies import LABELS, cell, differing, execute, settings

ROOT = Path(__file__).parents[2]
LABELS_OWN: list[str | None] = ["AB_cP2_221_a_b:Cl-Na", "AB_cF8_225_a_b:Cl-Cu", "AB_cF8_216_a_c:Cl-Na"]
ELEMENTS = "elements/foreign-0000.jsonl"
OWN = {"tries": 2, "references": "own", "potentials": ["foreign"]}


def found_with(folder: Path, more: Mapping[str, Any] = MappingProxyType({}), **foreign: Any) -> Found:
    given = {"energies": OWN, "potential": {"foreign": foreign}, **more}
    return discover(folder, LABELS_OWN, more=given, order=Order.SAMPLE)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Path]:
    folder = tmp_path_factory.mktemp("own") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(folder.parent / "cache"))
        return found_with(folder), folder


def planned(references: References, *potentials: str) -> EnergyPlan:
    plugins = Plugins()
    for plugin in (Energies(), Second(), Foreign()):
        plugins.register(plugin, type(plugin).__name__)
    config = EnergyConfig(references=references, potentials=potentials)
    return plan_energies(config, {"potential": {}, "hull": {}, "realiser": {}}, plugins)


@pytest.mark.parametrize(("name", "elements"), [("foreign", {NA, CL, CU}), ("morse", {NA, CL, CU}), ("lj", {NA, CL})])
def test_an_element_has_the_formation_energy_zero(name: str, elements: set[int], tmp_path: Path) -> None:
    plan = planned(References.OWN, name)

    def search(potential: PotentialPlan) -> SearchedMaterials:
        return search_of_elements(plan, potential, Cache(tmp_path), Executors(workers=1))

    judge = judge_of(plan, plan.potentials[0], search)
    materials = search(plan.potentials[0]).find([element_structures()[z] for z in elements])
    assert [judge.judge(material).formation for material in materials] == [0.0] * len(elements)


def test_another_zero_of_the_potential_changes_nothing(own: tuple[Found, Path], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
        shifted = found_with(tmp_path / "shifted", shift=-3.5)
    before = {one.material.label: one for one in own[0].judged.values()}
    after = {one.material.label: one for one in shifted.judged.values()}
    assert before.keys() == after.keys() == {*LABELS_OWN}
    for label, one in after.items():
        assert one.formation == pytest.approx(before[label].formation, abs=1e-6)
        assert one.distance == pytest.approx(before[label].distance, abs=1e-6)
    salt = LABELS_OWN[0] or ""
    assert after[salt].material.energy == pytest.approx((before[salt].material.energy or 0) - 3.5 / 2, abs=1e-6)


def test_a_scheme_of_its_own_is_refused_with_the_elements_of_a_hull_and_taken_with_its_own() -> None:
    with pytest.raises(ConfigError, match=r"foreign: .* --references own \(energies.references = \"own\"\)"):
        planned(References.HULL, "foreign")
    taken = planned(References.OWN, "foreign")
    assert "a scheme of its own, which are left so though the hull is corrected" in taken.basis(taken.potentials[0])


@pytest.mark.parametrize("references", References)
def test_uncorrected_energies_are_corrected_whoever_counts_the_elements(references: References) -> None:
    """As the phases of the hull are; an element needs no correction."""
    plan = planned(references, "lj")
    judge = judge_of(plan, plan.potentials[0], lambda potential: KeptElements({}))
    assert judge.scheme is EnergyScheme.MP_UNCORRECTED
    assert "corrected by MP2020" in plan.basis(plan.potentials[0])


def test_whose_they_are_is_said_under_the_table_and_part_of_the_identity(own: tuple[Found, Path]) -> None:
    for name in ("morse", "lj"):
        ours, theirs = planned(References.OWN, name), planned(References.HULL, name)
        assert ours.identity(ours.potentials[0]) != theirs.identity(theirs.potentials[0])
        assert ours.search_key(ours.potentials[0]) == theirs.search_key(theirs.potentials[0])  # relaxed once for both
        assert "elemental references: its own" not in theirs.basis(theirs.potentials[0])
    for said in (
        "elemental references: its own",
        "energies from DFT, so that the two sides",
        "come from different methods",
        "with these references were not",
    ):
        assert said in own[0].basis
        assert said in " ".join((own[1] / "report.md").read_text().split())
    manifest = json.loads((own[1] / "manifest.json").read_text())
    assert manifest["config"]["energies"]["references"] == "own"
    assert manifest["energies"]["settings"]["references"] == "own"


def test_the_folder_keeps_each_element_that_was_asked_for_and_verifies(own: tuple[Found, Path]) -> None:
    lines = [json.loads(line) for line in (own[1] / ELEMENTS).read_text().splitlines()]
    assert [line["element"] for line in lines] == ["Na", "Cl", "Cu"]
    assert all(line["energy"] is not None for line in lines)
    assert verified(own[1], redraw=True) == {"what only the discovery could see": Finding.RECORDED}


def forged(folder: Path, target: Path, element: str) -> Path:
    """A copy in which the energy of an element is another, and every digest fits."""
    shutil.copytree(folder, target)
    lines = [json.loads(line) for line in (target / ELEMENTS).read_text().splitlines()]
    for line in lines:
        line["energy"] += 0.1 if line["element"] == element else 0.0
    (target / ELEMENTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    manifest = json.loads((target / "manifest.json").read_text())
    manifest["files"] = RunFolder(target).digests()
    (target / "manifest.json").write_text(json.dumps(manifest | {"digest": digest_of(manifest)}))
    return target


def test_a_changed_reference_is_found_also_where_the_digests_fit(own: tuple[Found, Path], tmp_path: Path) -> None:
    found = verified(forged(own[1], tmp_path / "forged", "Na"), redraw=True)
    assert found["materials.csv again"] is Finding.DIFFERS
    assert found["elements relaxed again with foreign-0000"] is Finding.DIFFERS
    assert ELEMENTS not in found


def test_a_reference_that_is_gone_is_named(own: tuple[Found, Path], tmp_path: Path) -> None:
    shutil.copytree(own[1], tmp_path / "gone")
    (tmp_path / "gone" / ELEMENTS).unlink()
    found = verified(tmp_path / "gone")
    assert (found[ELEMENTS], found["materials"]) == (Finding.DIFFERS, Finding.NOT_CHECKED)


def test_an_element_that_gives_no_energy_leaves_its_materials_without_a_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    got = found_with(tmp_path / "out", blind=NA)
    told = {row["protostructure"]: row for row in rows(tmp_path / "out/materials.csv")}
    for label, row in told.items():
        assert row["reason"] == ("no_reference" if "Na" in label else "")
    assert "Na (potential_failed: RuntimeError: seen nothing" in told[LABELS_OWN[0] or ""]["detail"]
    assert got.reasons["no_reference"] == 2
    assert verified(tmp_path / "out").keys() == {"what only the discovery could see"}


def test_an_element_without_a_structure_is_named() -> None:
    plan = planned(References.OWN, "foreign")
    judge = judge_of(plan, plan.potentials[0], lambda potential: KeptElements({}))
    found = judge.references.find([85])[85]
    assert (found.energy, "no structure of At" in found.why) == (None, True)


def test_a_run_counts_from_own_elements_and_verifies(
    own: tuple[Found, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    given = settings(tmp_path, LABELS[:5], metrics=["e_above_hull"])
    ours = execute(tmp_path / "own", **{**given, "energies": {"tries": 2, "references": "own"}})
    theirs = execute(tmp_path / "hull", **{**given, "energies": {"tries": 2}})
    assert cell(ours, "e_above_hull").value != cell(theirs, "e_above_hull").value
    (column,) = [column for column in ours.table.columns if column.key.startswith("e_above_hull")]
    assert "elemental references: its own" in column.basis
    assert (tmp_path / "own/elements/morse-0000.jsonl").is_file()
    assert not (tmp_path / "hull/elements").exists()
    assert differing(tmp_path / "own", redraw=True) == differing(tmp_path / "hull", redraw=True) == []
    path = tmp_path / "own/elements/morse-0000.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line | {"energy": line["energy"] + 0.1}) + "\n" for line in lines))
    assert {check.what for check in differing(tmp_path / "own")} >= {
        "elements/morse-0000.jsonl",
        "mine/0 e_above_hull@morse-0000",
        "scores/mine.0.csv",
    }


def test_a_second_discovery_relaxes_no_element_again(
    own: tuple[Found, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(own[1].parent / "cache"))
    monkeypatch.setattr(SearchedMaterials, "_task", lambda _: pytest.fail("something is relaxed"))
    found_with(tmp_path / "again")
    assert (tmp_path / "again" / ELEMENTS).read_bytes() == (own[1] / ELEMENTS).read_bytes()


def test_killed_among_the_elements_the_same_command_gives_the_same(own: tuple[Found, Path], tmp_path: Path) -> None:
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(tmp_path / "own-cache")}
    command = [sys.executable, "-m", "tests.runs.test_own_references", str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    kept = tmp_path / "own-cache" / "materials"
    for _ in range(1200):
        if process.poll() is not None or (kept.exists() and list(kept.rglob("*.json.gz"))):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads((tmp_path / "killed/manifest.json").read_text())["status"] == "running"
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json.gz")}
    cache = Cache(tmp_path / "own-cache")
    done = [cache.get("materials", path.name.removesuffix(".json.gz"), Material.from_json) for path in before]
    assert "Na" in {one.label.partition(":")[2] for one in done if one is not None}  # elements come first
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert timeless(tmp_path / "killed") == timeless(own[1])
    energies = [
        [(one["element"], one["energy"]) for one in map(json.loads, (folder / ELEMENTS).read_text().splitlines())]
        for folder in (own[1], tmp_path / "killed")
    ]
    assert energies[0] == energies[1]


if __name__ == "__main__":
    found_with(Path(sys.argv[1]))
