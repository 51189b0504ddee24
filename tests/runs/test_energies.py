"""Materials in a run: what is relaxed and what is not, what is kept, what `verify` sees, whatever is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from crystalbench.errors import ConfigError
from crystalbench.materials.candidate import Candidate, Material, Reason
from crystalbench.materials.relaxed import RelaxFailure
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.checks import Check, Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Finished, Run
from crystalbench.runs.verify import Verification
from crystalbench.tables.results import MetricResult
from crystalbench_plugins.metrics import stability
from crystalbench_plugins.reports import html
from tests.energy_plugins import PAUSE, Energies
from tests.small_plugins import Small

ROOT = Path(__file__).parents[2]
LABELS = [
    "AB_cF8_225_a_b:Cl-Na",  # in the training split
    "AB_cP2_221_a_b:Cl-Na",
    "AB_cP2_221_a_b:Cl-Na",
    "AB_cF8_216_a_c:Cl-Na",
    "AB_cF8_225_a_b:Cl-Cu",
    "A_cI2_229_a:Cu",
    "AB_cP2_221_a_b:Cl-K",  # the potential does not know potassium
    None,  # no protostructure
]
METRICS = ["stable", "metastable", "sun", "msun", "e_above_hull"]
FINE = {Finding.HOLDS, Finding.RECORDED}


def all_plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(stability, "stability")
    plugins.register(Energies(), "energies")
    plugins.register(html, "html")
    return plugins


def labels_file(folder: Path, labels: Sequence[str | None]) -> Path:
    path = folder / "labels.json"
    path.write_text(json.dumps(labels))
    return path


def settings(folder: Path, labels: Sequence[str | None] = LABELS, **more: Any) -> dict[str, Any]:
    samples = str(labels_file(folder, labels))
    base = {"dataset": "example", "workers": 1, "n": len(labels), "metrics": METRICS}
    return (
        base | {"generators": ["mine"], "generator": {"mine": {"samples": [samples]}}, "energies": {"tries": 3}} | more
    )


def execute(folder: Path, **given: Any) -> Finished:
    plugins = all_plugins()
    plan = make_plan(RunConfig.from_mapping(given), plugins)
    return Run(plan, plugins, RunFolder(folder), log=lambda _: None).execute()


def cell(finished: Finished, metric: str) -> MetricResult:
    row = next(row for row in finished.table.rows if row.generator == "mine")
    found = row.cells[f"{metric}@morse-0000"].outcomes[0]
    assert isinstance(found, MetricResult), found
    return found


def differing(folder: Path, redraw: bool = False) -> list[Check]:
    checks = list(Verification(RunFolder(folder), all_plugins(), redraw).checks())
    return [check for check in checks if check.finding not in FINE]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(folder / "cache"))
        return execute(folder / "out", **settings(folder))


@pytest.fixture
def kept(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of the finished run, for tests that need nothing relaxed anew."""
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(finished.folder.parent / "cache"))


def scores(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores/mine.0.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_shares_have_all_samples_in_their_denominator_and_the_funnel_in_their_details(finished: Finished) -> None:
    stable, near = cell(finished, "stable"), cell(finished, "metastable")
    assert stable.n == len(LABELS)
    assert stable.value <= near.value
    sun = cell(finished, "sun")
    funnel = list(dict(sun.details)["funnel"].values())  # type: ignore[union-attr, arg-type, call-overload]
    assert funnel == sorted(funnel, reverse=True)
    assert funnel[:2] == [len(LABELS), 5]  # one is known, one a copy, one invalid
    assert sun.value <= cell(finished, "msun").value


def test_the_scores_of_each_sample_are_in_a_file(finished: Finished) -> None:
    rows = scores(finished.folder)
    assert [row["protostructure"] for row in rows] == [label or "" for label in LABELS]
    assert [row["novel"] for row in rows] == ["False", *["True"] * 6, ""]
    assert rows[2]["duplicate_of"] == "1"
    assert rows[2]["e_above_hull"] == rows[1]["e_above_hull"] != ""
    assert rows[6]["reason"] == "unknown_element"
    assert rows[7]["reason"] == "empty"
    salt = rows[0]
    assert float(salt["e_above_hull"]) == pytest.approx(float(salt["formation_energy"]) + 0.4, abs=2e-6)


def test_a_column_says_potential_references_hull_and_caveat(finished: Finished) -> None:
    column = next(column for column in finished.table.columns if column.metric == "sun")
    for said in ("Morse", "hull and elemental references", "Four phases, none of them real", "MP2020-corrected"):
        assert said in column.basis
    manifest = RunFolder(finished.folder).manifest()
    assert manifest["energies"]["hull"]["identity"] == "4" * 64


def test_the_report_shows_funnels_distances_and_the_best_materials_with_their_structures(finished: Finished) -> None:
    page = (finished.folder / "table.html").read_text()
    assert "S.U.N., M.S.U.N.: from samples to materials" in page.replace("&#44;", ",")
    _, _, materials = page.partition("<h2>Materials</h2>")
    shown, _, _ = materials.partition("</section>")
    best = min(
        (row for row in scores(finished.folder) if row["e_above_hull"]), key=lambda row: float(row["e_above_hull"])
    )
    ranked = shown[shown.index("<tbody>") :]
    assert ranked.index(best["protostructure"]) < 200
    assert "Energy above hull, Morse" in shown
    assert "its errors against DFT were not measured" in shown
    crystals = json.loads(shown.partition('class="crystals">')[2].partition("</script>")[0])
    assert crystals["labels"][0] == best["protostructure"]
    assert len(crystals["crystals"][0][2]) == 3 * len(crystals["crystals"][0][1])
    assert stored_evidence(RunFolder(finished.folder), all_plugins()).rows["mine"].materials[0].title == "Morse"


def test_where_the_hull_is_gone_the_report_says_so_in_the_place_of_materials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    hull = tmp_path / "mine.csv"
    hull.write_text("formula,formation_energy\nNaCl,-0.40\n")
    execute(tmp_path / "run", **settings(tmp_path, LABELS[:1], metrics=["stable"], energies={"hull": str(hull)}))
    hull.unlink()
    (page,) = stored_evidence(RunFolder(tmp_path / "run"), all_plugins()).rows["mine"].materials
    assert "mine.csv" in page.listings[0].notes[0]


def test_every_check_of_a_run_with_energies_holds_and_relaxing_again_agrees(finished: Finished) -> None:
    assert differing(finished.folder, redraw=True) == []


def test_a_changed_energy_is_found(finished: Finished, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    path = next((folder / "materials").glob("*.jsonl"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    changed = next(line for line in lines if line["energy"] is not None)
    changed["energy"] -= 1.0
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = {check.what for check in differing(folder)}
    assert path.relative_to(folder).as_posix() in found
    assert "scores/mine.0.csv" in found
    assert any(what.startswith("mine/0 ") for what in found)


def test_a_consistent_change_of_an_energy_is_found_by_relaxing_again(tmp_path: Path) -> None:
    given = settings(tmp_path, LABELS[:1], metrics=["stable"])
    execute(tmp_path / "honest", **given)
    cache = Cache()
    for path in (cache.folder / "materials").rglob("*.json.gz"):
        key = path.name.removesuffix(".json.gz")
        material = cache.get("materials", key, Material.from_json)
        assert material is not None
        if material.energy is not None:
            cache.put("materials", key, material.to_json() | {"energy": material.energy - 1.0})
    execute(tmp_path / "forged", **given)
    assert any("relaxed again" in check.what for check in differing(tmp_path / "forged", redraw=True))


@pytest.mark.usefixtures("kept")
def test_a_second_run_relaxes_nothing_and_is_the_same(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchedMaterials, "_task", lambda _: pytest.fail("something is relaxed"))
    again = execute(tmp_path / "again", **settings(tmp_path))
    first = [path.read_bytes() for path in sorted(finished.folder.glob("scores/*.csv"))]
    assert [path.read_bytes() for path in sorted(again.folder.glob("scores/*.csv"))] == first


@pytest.mark.usefixtures("kept")
def test_no_more_than_the_cap_is_relaxed_and_the_interval_is_wider(finished: Finished, tmp_path: Path) -> None:
    given = settings(tmp_path) | {"energies": {"tries": 3, "at_most": 2}, "metrics": ["metastable"]}
    capped = execute(tmp_path / "capped", **given)
    reasons = [row["reason"] for row in scores(capped.folder)]
    assert (len(reasons), reasons.count("not_taken"), reasons[7]) == (8, 5, "empty")
    some, all_ = cell(capped, "metastable"), cell(finished, "metastable")
    assert some.interval is not None
    assert all_.interval is not None
    assert some.interval[1] - some.interval[0] > all_.interval[1] - all_.interval[0]
    assert "2 of these, drawn at random" in some.notes[0]
    assert differing(capped.folder) == []


@pytest.mark.usefixtures("kept")
def test_each_sample_that_was_not_relaxed_says_why(tmp_path: Path) -> None:
    finished = execute(tmp_path / "new", **settings(tmp_path, metrics=["sun"]))
    rows = scores(finished.folder)
    assert [row["reason"] for row in rows if not row["e_above_hull"]] == [
        "known",
        "duplicate",
        "unknown_element",
        "empty",
    ]
    assert rows[2]["detail"] == "of sample 1"
    assert differing(finished.folder) == []


def test_energies_are_off_unless_asked_for(tmp_path: Path) -> None:
    given = settings(tmp_path)
    del given["metrics"]
    plugins = all_plugins()
    assert make_plan(RunConfig.from_mapping({**given, "energies": {}}), plugins).energies is None
    plan = make_plan(RunConfig.from_mapping({**given, "with_energies": True}), plugins)
    assert plan.energies is not None
    assert set(METRICS) <= set(plan.config.metrics)


def test_what_must_be_installed_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    plugins = all_plugins()
    spec = plugins.potentials["morse"]
    from dataclasses import replace

    plugins.potentials["morse"] = replace(spec, missing=lambda parameters: "install it first")
    with pytest.raises(ConfigError, match="potential morse: install it first"):
        make_plan(RunConfig.from_mapping(settings(tmp_path)), plugins)


def test_a_worker_that_dies_costs_one_candidate_and_is_tried_again(
    tmp_path: Path,
) -> None:
    how = tmp_path / "how"
    given = settings(tmp_path, LABELS[3:6], metrics=["stable"], potential={"morse": {"fragile": str(how)}})
    how.write_text("kill")
    execute(tmp_path / "fragile", **given)
    assert [row["reason"] for row in scores(tmp_path / "fragile")] == ["", "crash", ""]
    how.write_text("raise")
    execute(tmp_path / "raising", **given)
    assert [row["reason"] for row in scores(tmp_path / "raising")] == ["", "potential_failed", ""]


def late(folder: Path, how: str, **more: Any) -> dict[str, Any]:
    """Settings of a run of which one candidate is not over within a time limit that the others do not notice."""
    (folder / "how").write_text(how)
    fragile = {"morse": {"fragile": str(folder / "how")}}
    energies = {"tries": 10, "agreement": 0.0, "timeout": PAUSE}
    return settings(folder, LABELS[3:6], metrics=["stable"], potential=fragile, energies=energies, **more)


def material_of(folder: Path, label: str) -> Material:
    (path,) = (folder / "materials").glob("*.jsonl")
    found = (json.loads(line) for line in path.read_text().splitlines())
    return next(Material.from_json(one) for one in found if one.pop("rows") and one["label"] == label)


def test_a_late_candidate_keeps_the_energies_it_has_and_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    limited = execute(tmp_path / "limited", **late(tmp_path, "slow"))
    material = material_of(limited.folder, LABELS[4] or "")
    assert material.cut
    assert material.energy == min(one.energy for one in material.tries if one.energy is not None)
    row = scores(limited.folder)[1]
    assert (row["reason"], row["agreed"], row["e_above_hull"] != "") == ("timeout", "False", True)
    assert "lowest of" in row["detail"]
    assert "of 1 the search ended at the time limit" in cell(limited, "stable").notes[0]
    assert "1 of 3 materials" in (limited.folder / "table.html").read_text()
    assert differing(limited.folder, redraw=True) == []
    again = execute(tmp_path / "again", **late(tmp_path, ""))
    assert [row["reason"] for row in scores(again.folder)] == ["", "potential_failed", ""]


def test_one_evaluation_that_never_ends_costs_its_candidate_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crystalbench.runs.materials.GRACE", 2.0)
    finished = execute(tmp_path / "run", **late(tmp_path, "hang"))
    rows = scores(finished.folder)
    assert [row["reason"] for row in rows] == ["", "timeout", ""]
    assert rows[1]["detail"] == "no answer 2 s after the time limit of 3 s"


def test_every_failure_of_a_relaxation_is_a_reason() -> None:
    assert {str(failure) for failure in RelaxFailure} <= {str(reason) for reason in Reason}


def test_a_material_survives_json() -> None:
    from crystalbench.materials.candidate import Try
    from tests.materials.test_realise import rock_salt

    tries = (Try(own=True, energy=-3.1, steps=4), Try(reason=Reason.NOT_CONVERGED, detail="late", refused=2))
    material = Material(label=LABELS[0] or "", tries=tries, energy=-3.1, structure=rock_salt(5.6), agreed=True)
    again = Material.from_json(json.loads(json.dumps(material.to_json())))
    assert again.to_json() == material.to_json()
    assert again.tries == tries
    assert Candidate(label="x", own=rock_salt(5.6)).digest != Candidate(label="x").digest == ""


def test_killed_in_the_middle_the_same_command_gives_the_same(finished: Finished, tmp_path: Path) -> None:
    given = settings(tmp_path)
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(tmp_path / "own-cache")}
    command = [sys.executable, "-m", "tests.runs.test_energies", str(tmp_path / "killed"), json.dumps(given)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    kept = tmp_path / "own-cache" / "materials"
    for _ in range(600):
        if kept.exists() and list(kept.rglob("*.json.gz")):
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert RunFolder(tmp_path / "killed").manifest()["status"] == "running"
    before = {path: path.stat().st_mtime_ns for path in kept.rglob("*.json.gz")}
    assert before
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing that was done is done again
    for name in ("scores/mine.0.csv", "scores.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (finished.folder / name).read_bytes()


if __name__ == "__main__":
    execute(Path(sys.argv[1]), **json.loads(sys.argv[2]))
