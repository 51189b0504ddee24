"""What samples measure goes with a run: taken once, kept in its folder, verified; never where nobody asks."""

import json
from pathlib import Path

import pytest

from crystalbench import Draw, MetricResult, MetricSpec, Need, RawStructure, ScoreInput, Subset, hookimpl
from crystalbench.interfaces import GeneratorSpec
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.plan import make_plan
from crystalbench_plugins.metrics import structure
from tests.runs.test_run import FINE, differing, execute, row, value, verify
from tests.small_plugins import Small, Structures

CSV = "samples/structures.0.geometry.csv"


class Counted(Structures):
    """Structures that count how often they are drawn; the last one of a chunk has no numbers."""

    drawn = 0

    def draw(self, chunk: int) -> Draw:
        type(self).drawn += 1
        good, overlap = super().draw(chunk).items
        return Draw((good, overlap, RawStructure.of([[5, 0, 0], [0, 5, 0], [0, 0, float("nan")]], [[0, 0, 0]], [11])))


def median(given: ScoreInput) -> MetricResult:
    return MetricResult(value=1.0, n=len(given.geometries))


class More:
    @hookimpl
    def crystalbench_generators(self) -> list[GeneratorSpec]:
        small = next(spec for spec in Small().crystalbench_generators() if spec.name == "structures")
        return [
            GeneratorSpec(
                name="counted", version="1", title="Counted", description="", start=Counted, chunk_size=3,
                parameters=small.parameters,
            )
        ]  # fmt: skip

    @hookimpl
    def crystalbench_metrics(self) -> list[MetricSpec]:
        return [
            MetricSpec(name="measured_novel", version="1", title="x", description="x", compute=median, default=False,
                       subset=Subset.NOVEL, needs=frozenset({Need.GEOMETRY})),
            MetricSpec(name="undeclared", version="1", title="x", description="x", compute=median, default=False),
        ]  # fmt: skip


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(structure, "structure")
    plugins.register(More(), "more")
    Counted.drawn = 0
    return plugins


def test_refused_samples_are_measured_and_count_and_the_run_verifies(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"generators": ["structures", "halides"], "metrics": ["structure"], "n": 4}
    finished = execute(plugins, tmp_path, **settings)
    assert not finished.failures
    assert value(finished, "structures", "structural_validity") == 0.5  # an overlap in every second sample
    assert value(finished, "structures", "sane_cell") == 1.0
    assert value(finished, "structures", "nearest_atoms") == pytest.approx((2.82 + 0.00564) / 2)
    assert "came without coordinates" in str(row(finished, "halides").cells["sane_cell"].problem)
    assert [line.split(",")[0] for line in (tmp_path / CSV).read_text().splitlines()] == ["index", "0", "1", "2", "3"]
    assert not (tmp_path / "samples/halides.0.geometry.csv").exists()
    checks = verify(plugins, tmp_path, redraw=True)
    assert {check.finding for check in checks} <= FINE
    assert "structures/0 geometry" in {check.what for check in checks}


def test_what_is_changed_in_the_geometries_is_found(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path, generators=["structures"], metrics=["structure"], n=4)
    lines = (tmp_path / CSV).read_text().splitlines()
    forged = lines[2].replace("0.00564", "2.00564")
    assert forged != lines[2]
    (tmp_path / CSV).write_text("\n".join([*lines[:2], forged, *lines[3:]]) + "\n")
    found = differing(verify(plugins, tmp_path, redraw=True))
    assert {CSV, "structures/0 geometry", "structures/0 structural_validity", "structures/0 drawn again"} <= found
    for damage in ("", "index\n", "\n".join([*lines, lines[1]]), "\n".join([lines[0], "9" + lines[1][1:]]), "\0"):
        (tmp_path / CSV).write_text(damage)
        assert "structures/0 samples" in differing(verify(plugins, tmp_path))
    (tmp_path / CSV).unlink()
    assert {CSV, "structures/0 structural_validity"} <= differing(verify(plugins, tmp_path))


def test_geometries_are_taken_when_they_are_first_asked_for_and_then_kept(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"generators": ["counted"], "n": 6}
    execute(plugins, tmp_path / "without", metrics=["halide_share"], **settings)
    assert not (tmp_path / "without/samples/counted.0.geometry.csv").exists()
    drawn = Counted.drawn
    first = execute(plugins, tmp_path / "with", metrics=["structure"], **settings)
    again = execute(plugins, tmp_path / "again", metrics=["structure"], **settings)
    assert Counted.drawn == drawn  # from the cache of what was drawn, then from that of the geometries
    name = "samples/counted.0.geometry.csv"
    assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    for finished in (first, again):
        assert value(finished, "counted", "structural_validity") == pytest.approx(2 / 6)


def test_a_structure_that_no_json_can_hold_is_not_among_those_that_are_shown(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path, generators=["counted"], metrics=["halide_share"], n=6)
    kept = json.loads((tmp_path / "samples/counted.0.structures.json").read_text(), parse_constant=pytest.fail)
    assert [*kept["structures"]] == ["0", "1"]  # of the first chunk


def test_a_word_for_several_metrics_stands_for_all_of_them(plugins: Plugins) -> None:
    def names(*metrics: str) -> list[str]:
        config = RunConfig.from_mapping({"dataset": "example", "generators": ["halides"], "metrics": list(metrics)})
        return [metric.spec.name for metric in make_plan(config, plugins).metrics]

    structural = ["structural_validity", "sane_cell", "nearest_atoms", "mass_density"]
    assert names("structure") == structural
    assert names() == names("default") == ["halide_share", "novel_count", "seconds"]
    assert names("seconds", "structure", "seconds") == ["seconds", *structural]
    assert set(names("novel")) == {"novel_count", "measured_novel"}


def test_who_did_not_ask_for_geometries_or_asks_for_those_of_novel_samples_is_told(
    plugins: Plugins, tmp_path: Path
) -> None:
    finished = execute(plugins, tmp_path, generators=["structures"], metrics=["measured_novel", "undeclared"], n=2)
    errors = {failure.plugin: failure.error for failure in finished.failures}
    assert "Need.GEOMETRY" in errors["undeclared"]
    assert "subset=Subset.ALL" in errors["measured_novel"]
    checks = verify(plugins, tmp_path)
    assert Finding.DIFFERS not in {check.finding for check in checks}
