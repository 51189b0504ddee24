"""From samples to ranked materials: the funnel adds up, every sample has a fate, a killed discovery goes on."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from click.testing import CliRunner

from crystalbench import Protostructure
from crystalbench.cli import main
from crystalbench.errors import ConfigError, ReadError
from crystalbench.materials.selection import NOBLE_GASES, Block, block, excluded
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.discovery.discovery import Discovery
from crystalbench.runs.discovery.output import Found
from crystalbench.runs.discovery.returned import Returned, read_returned
from crystalbench.runs.discovery.settings import DiscoverySettings, Order
from crystalbench.runs.discovery.stored import asked_of
from crystalbench.runs.discovery.verify import DiscoveryVerification
from crystalbench.runs.folder import RunFolder, digest_of
from crystalbench_plugins.reports import csv as csv_report
from crystalbench_plugins.reports import html, latex, markdown
from crystalbench_plugins.reports import json as json_report
from tests.energy_plugins import PAUSE, Energies, Foreign, Second
from tests.runs.test_energies import labels_file
from tests.small_plugins import Small, SmallEncoders

ROOT = Path(__file__).parents[2]
LABELS = [
    "AB_cF8_225_a_b:Cl-Na",  # known
    "AB_cP2_221_a_b:Cl-Na",
    "AB_cF8_225_a_b:Cl-Cu",
    "AB_cP2_221_a_b:Cl-Na",  # a copy
    "AB_cF8_225_a_b:Cl-K",  # unknown to the potential
    "A_cF4_225_a:Ar",  # a noble gas
    "AB_cP2_221_a_b:Cl-Gd",  # of the f block
    None,  # no protostructure
    "A_cI2_229_a:Cu",
    "AB_cF8_216_a_c:Cl-Na",
]


def plugins_of_tests() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(SmallEncoders(), "encoders")
    plugins.register(Energies(), "energies")
    plugins.register(Second(), "second")
    plugins.register(Foreign(), "foreign")
    for module in (csv_report, html, json_report, latex, markdown):
        plugins.register(module, module.__name__)
    return plugins


def discover(
    folder: Path,
    labels: list[str | None] = LABELS,
    returned: Returned | None = None,
    potentials: Sequence[str] = (),
    more: Mapping[str, Any] = MappingProxyType({}),
    **given: Any,
) -> Found:
    plugins = plugins_of_tests()
    folder.parent.mkdir(parents=True, exist_ok=True)
    config = RunConfig.from_mapping(
        {
            "generators": ["mine"],
            "generator": {"mine": {"samples": [str(labels_file(folder.parent, labels))]}},
            "dataset": "example",
            "workers": 1,
            "n": len(labels),
            "energies": {"tries": 2, "potentials": list(potentials)},
            **more,
        }
    )
    return Discovery(
        config=config,
        settings=DiscoverySettings(**given),
        plugins=plugins,
        folder=RunFolder(folder),
        log=lambda _: None,
        generator="mine",
        returned=returned,
    ).execute()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Found, Path]:
    folder = tmp_path_factory.mktemp("discovery") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYSTALBENCH_CACHE", str(folder.parent / "cache"))
        return discover(folder, order=Order.SAMPLE, top=3), folder


def test_each_step_of_the_funnel_is_a_part_of_the_one_before(found: tuple[Found, Path]) -> None:
    counts = [count for _, count in found[0].funnel]
    assert counts[:7] == [10, 9, 7, 6, 5, 4, 3]
    assert counts == sorted(counts, reverse=True)


def test_every_sample_has_one_fate(found: tuple[Found, Path]) -> None:
    folder = found[1]
    materials, ledger = rows(folder / "materials.csv"), rows(folder / "ledger.csv")
    assert sorted(int(row["index"]) for row in [*materials, *ledger]) == list(range(len(LABELS)))
    assert {int(row["index"]): row["reason"] for row in ledger} == {
        0: "known",
        3: "duplicate",
        4: "unknown_element",
        5: "excluded_element",
        6: "excluded_element",
        7: "invalid",
        9: "not_taken",
    }
    assert next(row for row in materials if row["index"] == "1")["copies"] == "2"


def test_materials_are_ranked_by_their_distance_from_the_hull(found: tuple[Found, Path]) -> None:
    materials = rows(found[1] / "materials.csv")
    distances = [float(row["e_above_hull"]) for row in materials if row["e_above_hull"]]
    assert len(distances) >= 2
    assert distances == sorted(distances)
    assert [row["rank"] for row in materials] == ["1", "2", "3"]


def test_the_manifest_says_what_the_numbers_rest_on(found: tuple[Found, Path]) -> None:
    manifest = json.loads((found[1] / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["energies"]["potentials"][0]["name"] == "morse"
    assert manifest["settings"]["order"] == "sample"
    assert manifest["funnel"]["samples"] == len(LABELS)
    assert {"materials.csv", "materials.jsonl", "ledger.csv"} <= manifest["files"].keys()


def test_those_that_an_encoder_predicts_to_be_lowest_are_taken_first(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crystalbench.runs.discovery.discovery.SearchedMaterials", NoMaterials)
        got = discover(tmp_path / "out", order=Order.ENERGY, top=2)
    taken = [got.source.samples.items[row] for row in got.chosen.rows]
    assert [len(item.orbits) for item in taken if isinstance(item, Protostructure)] == [
        2,
        2,
    ]  # two are at -2, one at -1
    assert {reason.reason for reason in got.chosen.dropped.values()} >= {"not_taken"}


class NoMaterials:
    """Finds nothing: for what comes before."""

    def __init__(self, **_: Any) -> None: ...

    def find(self, candidates: Any) -> list[Any]:
        from crystalbench.materials.candidate import Material, Reason

        return [Material(label=c.label, digest=c.digest, reason=Reason.NOT_REALISED) for c in candidates]


def test_known_ones_and_other_elements_come_in_when_they_are_asked_for(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crystalbench.runs.discovery.discovery.SearchedMaterials", NoMaterials)
        got = discover(tmp_path / "out", order=Order.SAMPLE, known=True, blocks=tuple(Block), noble_gases=True)
    assert [count for _, count in got.chosen.steps] == [10, 9, 9, 8, 5, 5]


def test_a_folder_with_another_discovery_is_refused(found: tuple[Found, Path]) -> None:
    with pytest.raises(ConfigError, match="other settings"):
        discover(found[1], order=Order.SAMPLE, top=2)


def test_what_it_was_asked_for_is_read_back_from_its_folder(found: tuple[Found, Path]) -> None:
    config, settings, run, generator, _ = asked_of(RunFolder(found[1]))
    assert settings == DiscoverySettings(order=Order.SAMPLE, top=3)
    assert (run, generator, config.energies.tries) == (None, "mine", 2)
    with pytest.raises(ConfigError, match="holds a discovery, no run"):
        RunFolder(found[1]).manifest()
    with pytest.raises(ConfigError, match="no discovery here"):
        asked_of(RunFolder(found[1].parent))


def table_of(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, ["table", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_its_table_is_drawn_in_every_format_as_it_drew_its_own_reports(found: tuple[Found, Path]) -> None:
    folder = found[1]
    for path in folder.glob("report.*"):
        name = {".md": "markdown", ".tex": "latex"}.get(path.suffix, path.suffix[1:])
        assert table_of(folder, "--format", name).rstrip("\n") == path.read_text().rstrip("\n"), name
    assert {path.suffix for path in folder.glob("report.*")} == {".csv", ".html", ".json", ".md", ".tex"}


def test_columns_and_order_of_its_table_are_chosen_by_the_names_in_its_csv(found: tuple[Found, Path]) -> None:
    folder = found[1]
    text = table_of(folder, "--format", "csv", "--columns", "protostructure,energy", "--sort", "-energy")
    shown = list(csv.DictReader(io.StringIO(text)))
    energies = [float(row["energy"]) for row in shown if row["energy"]]
    assert shown[0].keys() == {"protostructure", "energy"}
    assert energies == sorted(energies, reverse=True)
    assert "predicted" not in table_of(folder, "--format", "markdown")
    assert "predicted energy" in table_of(folder, "--columns", "rank,predicted_formation_energy")


@pytest.mark.parametrize("width", [80, 119])
def test_its_table_is_folded_to_the_line_and_each_part_names_the_materials(
    found: tuple[Found, Path], width: int
) -> None:
    parts = table_of(found[1], "--width", str(width)).split("\n\n")
    ranked = [part for part in parts if part.startswith("| rank | protostructure")]
    assert max(len(line) for part in ranked for line in part.splitlines()) <= width
    assert len(ranked) > 1
    assert all(part.count("AB_cP2_221_a_b:Cl-Na") >= 1 for part in ranked)
    folded = [cell.strip() for part in ranked for cell in part.splitlines()[0].strip("|").split("|")]
    (whole,) = [line for line in table_of(found[1]).splitlines() if line.startswith("| rank")]
    assert list(dict.fromkeys(folded)) == [cell.strip() for cell in whole.strip("|").split("|")]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--published",), "--published: is for tables of runs"),
        (("--format", "notebook"), "does not draw ranked materials"),
        (("--columns", "energi"), "unknown column 'energi'"),
    ],
)
def test_what_ranked_materials_have_not_is_refused(
    found: tuple[Found, Path], options: tuple[str, ...], said: str
) -> None:
    result = CliRunner().invoke(main, ["table", str(found[1]), *options])
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_energies_that_come_back_rank_alone_and_say_so(
    found: tuple[Found, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(found[1].parent / "cache"))
    path = tmp_path / "energies.csv"
    path.write_text("id,label,formation_energy\n1,AB_cF8_225_a_b:Cl-Cu,-0.9\n2,AB_cP2_221_a_b:Cl-Na,\n")
    got = discover(tmp_path / "out", returned=read_returned(path), order=Order.SAMPLE, top=3)
    first, *others = rows(tmp_path / "out/materials.csv")
    assert (first["protostructure"], float(first["formation_energy"])) == ("AB_cF8_225_a_b:Cl-Cu", -0.9)
    assert float(first["e_above_hull"]) == pytest.approx(-0.9 + 0.05)
    assert {(row["reason"], row["e_above_hull"] + row["formation_energy"]) for row in others} == {("not_returned", "")}
    before = {row["protostructure"]: row for row in rows(found[1] / "materials.csv")}
    for row in (first, *others):
        assert row["potential_e_above_hull"] == before[row["protostructure"]]["e_above_hull"]
    assert "user's file energies.csv" in got.basis
    assert "for 1 of 3 materials" in got.basis


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,formation_energy\n", "line 1 names the columns and must have label once"),
        ("label,formation_energy\nAB_cF8_225_a_b:Cl-Na,\n", "no formation energy is filled in"),
        ("label,formation_energy\nNaCl,-1\n", "line 2: "),
        ("label,formation_energy\nAB_cF8_225_a_b:Cl-Na,x\n", "line 2: 'x' is no formation energy"),
        ("label,formation_energy\nAB_cF8_225_a_b:Cl-Na,-27034\n", "line 2: -27034 is no formation energy"),
        (
            "label,formation_energy\nA_cF4_225_a:Cu,0\nA_cF4_225_a:Cu,1\n",
            "line 3: A_cF4_225_a:Cu has an energy already",
        ),
    ],
)
def test_a_table_of_energies_is_read_strictly(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "energies.csv"
    path.write_text(content)
    with pytest.raises(ReadError, match=said):
        read_returned(path)


def test_an_energy_of_what_was_not_discovered_is_refused_with_its_line(
    found: tuple[Found, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(found[1].parent / "cache"))
    path = tmp_path / "energies.csv"
    path.write_text("label,formation_energy\nA_cF4_225_a:Ni,0\n")
    with pytest.raises(ReadError, match="line 2: A_cF4_225_a:Ni is none of the 3 materials"):
        discover(tmp_path / "out", returned=read_returned(path), order=Order.SAMPLE, top=3)


def checked(folder: Path, redraw: bool = False) -> dict[str, Finding]:
    checks = DiscoveryVerification(folder=RunFolder(folder), plugins=plugins_of_tests(), redraw=redraw).checks()
    return {one.what: one.finding for one in checks}


def test_with_a_longer_limit_the_same_folder_goes_on_and_keeps_no_file_of_the_ranking_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "how").write_text("slow")
    fragile = {"potential": {"morse": {"fragile": str(tmp_path / "how")}}}
    labels: list[str | None] = ["AB_cF8_225_a_b:Cl-Cu", "AB_cF8_216_a_c:Cl-Na", "AB_hP4_186_b_b:Cl-Na"]
    energies = {"tries": 10, "agreement": 0.0}
    given: dict[str, Any] = {"order": Order.SAMPLE, "known": True}
    cut = discover(tmp_path / "out", labels, more=fragile | {"energies": energies | {"timeout": PAUSE}}, **given)
    assert [one.material.cut for one in cut.judged.values()].count(True) == 1
    assert verified(tmp_path / "out", redraw=True).keys() == {"what only the discovery could see"}
    (tmp_path / "how").write_text("never")
    (tmp_path / "out/structures/mine.cif").write_text("data_mine\n")
    after = discover(tmp_path / "out", labels, more=fragile | {"energies": energies | {"timeout": 60.0}}, **given)
    ranked = {row: one for row, one in after.judged.items() if one.material.structure is not None}
    files = [path.name for path in (tmp_path / "out/structures").iterdir() if path.name != "mine.cif"]
    assert len(files) == len(ranked) == 2
    assert (tmp_path / "out/structures/mine.cif").is_file()


def verified(folder: Path, redraw: bool = False) -> dict[str, Finding]:
    return {what: finding for what, finding in checked(folder, redraw).items() if finding is not Finding.HOLDS}


def test_all_that_follows_from_the_stored_materials_holds(found: tuple[Found, Path]) -> None:
    assert verified(found[1], redraw=True) == {"what only the discovery could see": Finding.RECORDED}


def test_a_changed_rank_or_energy_is_found_also_where_the_digests_fit(
    found: tuple[Found, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "forged"
    shutil.copytree(found[1], folder)
    path = folder / "materials.csv"
    first, second, *_ = path.read_text().splitlines(keepends=True)[1:]
    path.write_text(path.read_text().replace(first + second, second + first))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"] = RunFolder(folder).digests()
    manifest["digest"] = digest_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert verified(folder)["materials.csv again"] is Finding.DIFFERS


def test_killed_in_the_middle_the_same_command_gives_the_same(found: tuple[Found, Path], tmp_path: Path) -> None:
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(tmp_path / "own-cache")}
    command = [sys.executable, "-m", "tests.runs.test_discovery", str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    kept = tmp_path / "own-cache" / "materials"
    for _ in range(1200):
        if process.poll() is not None or (kept.exists() and list(kept.rglob("*.json.gz"))):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads((tmp_path / "killed/manifest.json").read_text())["status"] == "running"
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=120)
    for name in ("ledger.csv", "report.md"):
        assert (tmp_path / "killed" / name).read_bytes() == (found[1] / name).read_bytes()
    assert timeless(tmp_path / "killed") == timeless(found[1])


def timeless(folder: Path) -> list[dict[str, str]]:
    return [row | {"cpu_seconds": ""} for row in rows(folder / "materials.csv")]


def test_blocks_are_those_of_the_periodic_table() -> None:
    examples = {
        "H": "s",
        "He": "s",
        "B": "p",
        "Fe": "d",
        "La": "f",
        "Yb": "f",
        "Lu": "d",
        "U": "f",
        "Og": "p",
        "Cs": "s",
    }
    assert {name: str(block(name)) for name in examples} == examples
    assert excluded(["Fe", "O", "Xe", "Ce"]) == ["Xe", "Ce"]
    assert len(NOBLE_GASES) == 7


if __name__ == "__main__":
    discover(Path(sys.argv[1]), order=Order.SAMPLE, top=3)
