"""Runs from plan to folder: nothing is lost, nothing is computed twice, one failure stays one failure."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crystalbench import (
    Dataset,
    Draw,
    Invalid,
    InvalidReason,
    MetricSpec,
    Parameters,
    ReaderSpec,
    ReporterSpec,
    Sample,
    SamplerInput,
    hookimpl,
)
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.checks import Check, Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Finished, Run
from crystalbench.runs.stored import Moved
from crystalbench.runs.stream import Stream, draw_replica
from crystalbench.runs.verify import Verification
from crystalbench.tables.results import Failure, MetricResult, Row, RowKind
from crystalbench.versions import all_packages, packages
from tests.small_plugins import CHUNK, Halides, Small, SmallEncoders, count, read_labels, rock_salt

FINE = {Finding.HOLDS, Finding.RECORDED}


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    return plugins


def execute(plugins: Plugins, folder: Path, **settings: Any) -> Finished:
    config = RunConfig.from_mapping({"dataset": "example", "workers": 1, **settings})
    return Run(make_plan(config, plugins), plugins, RunFolder(folder), log=lambda _: None).execute()


def row(finished: Finished, name: str) -> Row:
    return next(r for r in finished.table.rows if r.generator == name)


def value(finished: Finished, generator: str, metric: str) -> float | None:
    return row(finished, generator).cells[metric].mean


def verify(plugins: Plugins, folder: Path, redraw: bool = False) -> list[Check]:
    return list(Verification(RunFolder(folder), plugins, redraw).checks())


def differing(checks: list[Check]) -> set[str]:
    return {check.what for check in checks if check.finding is Finding.DIFFERS}


def labels_file(folder: Path, n: int, name: str = "labels.json", invalid: int = 0) -> Path:
    path = folder / name
    path.write_text(json.dumps([rock_salt(i).label for i in range(n)] + [None] * invalid))
    return path


def test_a_run_gives_every_cell_and_writes_everything_down(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=25)
    assert finished.failures == ()
    assert value(finished, "halides", "halide_share") == 1.0
    assert value(finished, "halides", "novel_count") == 24  # NaCl is in the training split
    names = {p.name for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert names == {"manifest.json", "halides.0.csv", "ledger.csv", "scores.json", "table.json", "table.txt"}
    manifest = RunFolder(tmp_path / "run").manifest()
    assert manifest["status"] == "finished"
    assert manifest["environment"]["packages"]["numpy"]


def test_structures_are_converted_and_invalid_ones_stay_in_the_denominator(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["structures"], n=4)
    got = row(finished, "structures")
    assert (got.asked, got.drawn, got.valid) == (4, 4, 2)
    assert got.reasons == {"overlapping_atoms": 2}
    assert value(finished, "structures", "halide_share") == 0.5
    with (tmp_path / "run" / "ledger.csv").open() as file:
        found = [(line["index"], line["reason"]) for line in csv.DictReader(file)]
    assert found == [("1", "overlapping_atoms"), ("3", "overlapping_atoms")]


def test_a_small_run_is_the_beginning_of_a_large_one(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path / "small", generators=["halides"], n=7)
    execute(plugins, tmp_path / "large", generators=["halides"], n=25)
    small, large = ((tmp_path / name / "samples/halides.0.csv").read_text() for name in ("small", "large"))
    assert large.startswith(small)


def test_a_second_run_draws_nothing_and_is_byte_identical(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALIDES_LOG", str(tmp_path / "log"))
    for name in ("first", "second"):
        execute(plugins, tmp_path / name, generators=["halides"], n=25)
    assert (tmp_path / "log").read_text() == "0\n1\n2\n"
    for file in ("scores.json", "ledger.csv", "samples/halides.0.csv", "table.txt"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_killed_run_loses_one_chunk_and_resumes_to_the_same_result(plugins: Plugins, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.runs.test_run import execute; from tests.small_plugins import Small\n"
        "from crystalbench.plugins import Plugins\n"
        "plugins = Plugins(); plugins.register(Small(), 'small')\n"
        "execute(plugins, Path(sys.argv[1]), generators=['halides'], n=40)"
    )
    environment = {**os.environ, "HALIDES_KILL_AT": "2", "HALIDES_LOG": str(tmp_path / "log")}
    run = [sys.executable, "-c", script, str(tmp_path / "run")]
    root = Path(__file__).parents[2]
    assert subprocess.run(run, env=environment, cwd=root, check=False).returncode == -signal.SIGKILL
    assert RunFolder(tmp_path / "run").manifest()["status"] == "running"
    (check,) = verify(plugins, tmp_path / "run")
    assert "--resume" in check.detail
    subprocess.run(run, env=environment | {"HALIDES_KILL_AT": "-1"}, cwd=root, check=True)
    assert (tmp_path / "log").read_text() == "0\n1\n2\n3\n"
    assert RunFolder(tmp_path / "run").manifest()["status"] == "finished"
    execute(plugins, tmp_path / "whole", generators=["halides"], n=40)
    assert (tmp_path / "run/scores.json").read_bytes() == (tmp_path / "whole/scores.json").read_bytes()


def test_drawing_goes_on_until_enough_are_novel(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=5, novel=30)
    assert value(finished, "halides", "novel_count") == 30
    assert row(finished, "halides").drawn == 5
    assert RunFolder(tmp_path / "run").manifest()["generators"][0]["replicas"][0]["drawn"] == 4 * CHUNK


def test_a_cap_on_the_search_for_novel_samples_is_kept_and_told(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=5, novel=1000, max_draws=20)
    assert value(finished, "halides", "novel_count") == 19
    assert "1,000 novel samples were asked for; 20 draws from the generator gave 19" in row(finished, "halides").notes


def test_a_cap_inside_a_chunk_counts_no_sample_beyond_it(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=5, novel=12, max_draws=13)
    assert value(finished, "halides", "novel_count") == 12
    finished = execute(plugins, tmp_path / "less", generators=["halides"], n=5, novel=14, max_draws=13)
    assert "14 novel samples were asked for; 13 draws from the generator gave 12" in row(finished, "halides").notes


def test_replicas_give_mean_and_standard_deviation(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generator={"halides": {"replicas": 3}}, n=5)
    cell = row(finished, "halides").cells["halide_share"]
    assert (cell.mean, cell.std, len(cell.outcomes)) == (1.0, 0.0, 3)


def test_several_files_are_replicas_of_a_generator_nobody_knows(plugins: Plugins, tmp_path: Path) -> None:
    files = [str(labels_file(tmp_path, 10, "a.json")), str(labels_file(tmp_path, 10, "b.json", invalid=2))]
    finished = execute(plugins, tmp_path / "run", generator={"my model": {"samples": files}}, n=12)
    got = row(finished, "my model")
    assert (got.kind, got.replicas, got.asked, got.drawn) == (RowKind.MEASURED, 2, 24, 22)
    assert "12 samples were asked for; the file of replica 0 holds 10" in got.notes
    assert got.cells["halide_share"].mean == pytest.approx((1 + 10 / 12) / 2)


def test_samples_that_were_made_and_not_written_count_as_invalid(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"samples": [str(labels_file(tmp_path, 10))], "generated": 15}
    finished = execute(plugins, tmp_path / "run", generator={"mine": settings}, n=100)
    assert row(finished, "mine").reasons == {"not_written": 5}
    assert value(finished, "mine", "halide_share") == pytest.approx(10 / 15)


def test_more_samples_than_were_generated_is_an_error_of_that_row_only(plugins: Plugins, tmp_path: Path) -> None:
    for number, n in enumerate((100, 5)):
        settings = {"samples": [str(labels_file(tmp_path, 10))], "generated": 5}
        finished = execute(plugins, tmp_path / str(number), generator={"mine": settings, "halides": {}}, n=n)
        (failure,) = finished.failures
        assert f"{tmp_path / 'labels.json'}: holds more than the 5 samples" in failure.error
        assert value(finished, "halides", "halide_share") == 1.0


def test_generated_needs_files_and_all_of_them(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"samples": [str(labels_file(tmp_path, 10))], "generated": 15}
    with pytest.raises(ConfigError, match="use -n 15"):
        execute(plugins, tmp_path / "run", generator={"mine": settings}, n=10)
    with pytest.raises(ConfigError, match="there are none"):
        execute(plugins, tmp_path / "run", generator={"halides": {"generated": 5}}, n=10)


@pytest.mark.parametrize("rows", [499, 500, 501, 1000])
def test_a_file_ends_where_it_ends(plugins: Plugins, tmp_path: Path, rows: int) -> None:
    samples = {"samples": [str(labels_file(tmp_path, rows))]}
    got = row(execute(plugins, tmp_path / "run", generator={"mine": samples}, n=1000), "mine")
    assert got.drawn == rows
    assert got.notes == (() if rows == 1000 else (f"1,000 samples were asked for; the file holds {rows}",))


def test_the_first_samples_of_a_larger_file_are_used_and_the_table_says_so(plugins: Plugins, tmp_path: Path) -> None:
    samples = {"samples": [str(labels_file(tmp_path, 20))]}
    got = row(execute(plugins, tmp_path / "run", generator={"mine": samples}, n=5), "mine")
    assert got.notes == ("the first 5 samples are used; the file holds more",)


def test_settings_of_what_a_run_does_not_use_are_a_warning_and_change_nothing(plugins: Plugins, tmp_path: Path) -> None:
    plugins.register(SmallEncoders(), "encoders")
    settings: dict[str, Any] = {"dataset": "example", "generators": ["halides"], "metrics": ["halide_share"]}
    unused = {
        "metric": {"failing": {"what": 1}},
        "generator": {"structures": {"size": 5.0}, "mine": {"samples": ["absent.json"]}},
        "encoder": {"paper": {"broken": True}},
    }
    plan = make_plan(RunConfig.from_mapping(settings | unused), plugins)
    assert plan.warnings == (
        "[encoder.paper] is not used: 'paper' is not among the encoders of this run",
        "[generator.mine] is not used: 'mine' is not among the generators of this run",
        "[generator.structures] is not used: 'structures' is not among the generators of this run",
        "[metric.failing] is not used: 'failing' is not among the metrics of this run",
    )
    assert plan.key == make_plan(RunConfig.from_mapping(settings), plugins).key
    assert Run(plan, plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute().failures == ()
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["warnings"] == list(plan.warnings)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"metric": {"failling": {}}}, "unknown metric in the settings 'failling'; did you mean 'failing'"),
        ({"generator": {"halidse": {}}}, "unknown generator in the settings 'halidse'; did you mean 'halides'"),
        ({"encoder": {"small": {}}}, "unknown encoder in the settings 'small'"),
    ],
)
def test_settings_of_what_nobody_knows_are_an_error(plugins: Plugins, section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        make_plan(RunConfig.from_mapping({"dataset": "example", "generators": ["halides"], **section}), plugins)


def test_an_empty_file_is_an_error(plugins: Plugins, tmp_path: Path) -> None:
    samples = {"samples": [str(labels_file(tmp_path, 0))]}
    (failure,) = execute(plugins, tmp_path / "run", generator={"mine": samples}, n=5).failures
    assert failure.error == f"{tmp_path / 'labels.json'}: holds no samples"


def test_files_cannot_take_the_name_of_a_reference_generator() -> None:
    config = RunConfig.from_mapping({"generator": {"train": {"samples": ["labels.json"]}}})
    with pytest.raises(ConfigError, match="built-in reference generator"):
        make_plan(config, Plugins.load())


def test_a_generator_that_fails_fills_its_own_row_and_no_other(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["broken", "halides"], n=5)
    assert finished.failures == (Failure("sample", "broken", "RuntimeError: no weights"),)
    assert row(finished, "broken").cells["halide_share"].problem == finished.failures[0]
    assert value(finished, "halides", "halide_share") == 1.0


def test_the_manifest_says_where_the_code_of_a_plugin_failed_and_the_table_does_not(
    plugins: Plugins, tmp_path: Path
) -> None:
    class Raising:
        @hookimpl
        def crystalbench_step_finished(self) -> None:
            raise ValueError("not now")

    plugins.register(Raising(), "raising")
    metrics = ["failing", "halide_share"]
    execute(plugins, tmp_path / "run", generators=["broken", "halides"], n=5, metrics=metrics)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [failure["traceback"].splitlines()[-1] for failure in manifest["failures"]] == [
        "RuntimeError: no weights",
        "ZeroDivisionError: division by zero",
    ]
    assert all("small_plugins.py" in failure["traceback"] for failure in manifest["failures"])
    assert "crystalbench_step_finished" in manifest["hook_failures"][0]["traceback"]
    for file in ("table.json", "scores.json", "table.md", "table.html"):
        if (tmp_path / "run" / file).exists():
            assert "Traceback" not in (tmp_path / "run" / file).read_text()


def test_what_a_generator_reports_inside_a_chunk_is_seen_before_the_chunk_ends(
    plugins: Plugins, tmp_path: Path
) -> None:
    class Slow(Halides):
        def __init__(self, given: SamplerInput) -> None:
            super().__init__(given)
            self.progress = given.progress

        def draw(self, chunk: int) -> Draw:
            for share in (0.25, 0.5, 1.0):
                self.progress(share)
            return super().draw(chunk)

    spec = replace(plugins.generators["halides"], start=Slow)
    config = RunConfig.from_mapping({"generators": ["halides"], "dataset": "example", "n": 15})
    plan = replace(make_plan(config, plugins).generators[-1], spec=spec)
    dataset = Dataset(plugins.datasets["example"])
    told: list[float] = []
    with Converter(ConversionSettings()) as converter:
        stream = Stream(plan, plan.replicas[0], dataset, Cache(tmp_path), converter.convert, lambda *_: None)
        draw_replica(stream, n=15, novel=0, limit=15, report=lambda done, now="", /: told.append(done))
    assert {2.5, 5.0, 10.0, 11.25, 12.5, 15.0} <= set(told)
    assert told == sorted(told)


def test_a_metric_that_fails_fills_its_own_cell_and_no_other(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=5, metrics=["failing", "halide_share"])
    assert finished.failures == (Failure("score", "failing", "ZeroDivisionError: division by zero"),)
    assert value(finished, "halides", "halide_share") == 1.0


def test_a_metric_without_what_it_needs_is_missing_and_no_failure(plugins: Plugins, tmp_path: Path) -> None:
    samples = {"samples": [str(labels_file(tmp_path, 10))]}
    finished = execute(plugins, tmp_path / "run", generator={"mine": samples}, n=5)
    assert finished.failures == ()
    assert "was not timed" in str(row(finished, "mine").cells["seconds"].problem)


def test_timing_covers_the_samples_that_count(plugins: Plugins, tmp_path: Path) -> None:
    whole = value(execute(plugins, tmp_path / "20", generators=["halides"], n=20), "halides", "seconds")
    part = value(execute(plugins, tmp_path / "15", generators=["halides"], n=15), "halides", "seconds")
    assert whole is not None
    assert part is not None
    assert 0 < part < whole


def test_another_run_is_not_written_over(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path / "run", generators=["halides"], n=5)
    with pytest.raises(ConfigError, match="other settings"):
        execute(plugins, tmp_path / "run", generators=["halides"], n=6)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.tex").touch()
    with pytest.raises(ConfigError, match="holds other files"):
        execute(plugins, tmp_path / "thesis", generators=["halides"], n=6)


def test_a_timeout_is_tried_again_and_never_taken_from_the_cache(plugins: Plugins, tmp_path: Path) -> None:
    hasty = execute(plugins, tmp_path / "hasty", generators=["heavy"], n=1, conversion={"timeout": 0.3})
    assert row(hasty, "heavy").reasons == {"timeout": 1}
    patient = execute(plugins, tmp_path / "patient", generators=["heavy"], n=1)
    assert row(patient, "heavy").reasons == {}


def test_verify_recomputes_every_cell(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"halides": {"replicas": 2}, "structures": {}, "mine": {"samples": [str(labels_file(tmp_path, 9))]}}
    execute(plugins, tmp_path / "run", generator=settings, n=9)
    checks = verify(plugins, tmp_path / "run", redraw=True)
    assert [check for check in checks if check.finding not in FINE] == []
    expected = {"halides/1 halide_share", "mine/0 novel_count", "structures/0 drawn again", "row mine", "report titles"}
    assert expected <= {check.what for check in checks}


def test_verify_finds_a_changed_sample_a_changed_score_and_a_changed_file(plugins: Plugins, tmp_path: Path) -> None:
    source = labels_file(tmp_path, 9)
    execute(plugins, tmp_path / "run", generator={"halides": {}, "mine": {"samples": [str(source)]}}, n=9)
    samples = tmp_path / "run/samples/halides.0.csv"
    samples.write_text(samples.read_text().replace("Cl-K", "K-Zr"))
    scores = json.loads((tmp_path / "run/scores.json").read_text())
    scores["mine"]["halide_share"][0]["value"] = 0.99
    (tmp_path / "run/scores.json").write_text(json.dumps(scores))
    source.write_text("[]")
    checks = verify(plugins, tmp_path / "run", redraw=True)
    assert {"samples/halides.0.csv", "halides/0 samples", "mine/0 halide_share", "row mine"} <= differing(checks)
    (redrawn,) = (check for check in checks if check.what == "mine/0 drawn again")
    assert redrawn.finding is Finding.NOT_CHECKED


def test_verify_finds_a_table_that_was_written_over_with_its_digests(plugins: Plugins, tmp_path: Path) -> None:
    execute(plugins, tmp_path / "run", generators=["halides"], n=9)
    for name, old, new in (("table.json", '"value": 1.0', '"value": 0.42'), ("table.txt", "Halides", "Better")):
        path = tmp_path / "run" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    manifest = RunFolder(tmp_path / "run").manifest()
    manifest["files"] = RunFolder(tmp_path / "run").digests()
    RunFolder(tmp_path / "run").write_json("manifest.json", manifest)
    assert differing(verify(plugins, tmp_path / "run")) == {"manifest", "row halides", "report titles"}


@pytest.mark.parametrize("name", ["scores.json", "table.json", "samples/halides.0.csv"])
def test_verify_names_what_is_missing(plugins: Plugins, tmp_path: Path, name: str) -> None:
    execute(plugins, tmp_path / "run", generators=["halides"], n=9)
    (tmp_path / "run" / name).unlink()
    assert name in differing(verify(plugins, tmp_path / "run", redraw=True))


def test_verify_does_not_depend_on_what_was_installed_later_or_on_where_it_is_run(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels_file(tmp_path, 9)
    monkeypatch.chdir(tmp_path)
    execute(plugins, tmp_path / "run", generator={"mine": {"samples": ["labels.json"]}}, n=9)
    monkeypatch.chdir("/")

    class Later:
        @hookimpl
        def crystalbench_metrics(self) -> list[MetricSpec]:
            return [MetricSpec(name="later", version="1", title="Later", description="", compute=count)]

    plugins.register(Later(), "later")
    (tmp_path / "run").rename(tmp_path / "moved")
    checks = verify(plugins, tmp_path / "moved", redraw=True)
    assert [check for check in checks if check.finding not in FINE] == []


def test_sample_files_that_have_moved_can_be_named(plugins: Plugins, tmp_path: Path) -> None:
    there = labels_file(tmp_path, 9)
    execute(plugins, tmp_path / "run", generator={"mine": {"samples": [str(there)]}}, n=9)
    here = there.rename(tmp_path / "received.json")

    def redrawn(**samples: tuple[str, ...]) -> list[Check]:
        return list(Verification(RunFolder(tmp_path / "run"), plugins, True, Moved(samples=samples)).checks())

    lost = {check.what: check.finding for check in redrawn() if check.finding not in FINE}
    assert lost == dict.fromkeys(("generator mine", "mine/0 drawn again", "table notes"), Finding.NOT_CHECKED)
    assert {check.finding for check in redrawn(mine=(str(here),))} == FINE
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        redrawn(mien=(str(here),))
    with pytest.raises(ConfigError, match="has 1 sample files in the run, 2 are given"):
        redrawn(mine=(str(here), str(here)))


def test_what_a_plugin_does_wrong_stays_in_its_own_cells(plugins: Plugins, tmp_path: Path) -> None:
    def leave(_: object) -> MetricResult:
        sys.exit(0)

    def numpy_count(_: object) -> MetricResult:
        return MetricResult(value=np.float32(0.5), n=np.int64(3))  # type: ignore[arg-type]

    class Rude:
        @hookimpl
        def crystalbench_metrics(self) -> list[MetricSpec]:
            computes = {"leaving": leave, "numpy": numpy_count, "text": lambda _: "0.5"}
            return [
                MetricSpec(name=name, version="1", title=name, description="", compute=compute)  # type: ignore[arg-type]
                for name, compute in computes.items()
            ]

        @hookimpl
        def crystalbench_reporters(self) -> list[ReporterSpec]:
            return [ReporterSpec(name="none", version="1", title="None", suffix=".none", render=lambda _: None)]  # type: ignore[arg-type,return-value]

        @hookimpl
        def crystalbench_readers(self) -> list[ReaderSpec]:
            def detect(path: Path) -> bool:
                raise SystemExit(3)

            return [ReaderSpec(name="rude", version="1", title="", description="", detect=detect, read=read_labels)]

    plugins.register(Rude(), "rude")
    finished = execute(plugins, tmp_path / "run", generator={"mine": {"samples": [str(labels_file(tmp_path, 9))]}}, n=9)
    assert {failure.plugin for failure in finished.failures} == {"leaving", "text", "none"}
    assert value(finished, "mine", "numpy") == 0.5
    assert value(finished, "mine", "halide_share") == 1.0


def test_details_of_invalid_samples_are_one_line_of_text_in_the_ledger(plugins: Plugins, tmp_path: Path) -> None:
    def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
        yield Invalid(InvalidReason.UNREADABLE, "line 1\r\nline 2 \udc80 \u2028")
        yield rock_salt(1)

    class Odd:
        @hookimpl
        def crystalbench_readers(self) -> list[ReaderSpec]:
            return [ReaderSpec(name="odd", version="1", title="", description="", detect=lambda _: False, read=read)]

    plugins.register(Odd(), "odd")
    samples = {"samples": [str(labels_file(tmp_path, 1))], "reader": "odd"}
    finished = execute(plugins, tmp_path / "run", generator={"mine": samples}, n=9)
    assert row(finished, "mine").reasons == {"unreadable": 1}
    assert len((tmp_path / "run/ledger.csv").read_text().splitlines()) == 2
    assert differing(verify(plugins, tmp_path / "run")) == set()


def test_scores_hold_full_precision_and_denominators(plugins: Plugins, tmp_path: Path) -> None:
    from crystalbench.tables.results_json import outcome_from_json

    execute(plugins, tmp_path / "run", generator={"mine": {"samples": [str(labels_file(tmp_path, 2, invalid=1))]}}, n=3)
    stored = json.loads((tmp_path / "run/scores.json").read_text())["mine"]["halide_share"][0]
    assert outcome_from_json(stored) == MetricResult(value=2 / 3, n=3)


@pytest.mark.parametrize("many", [False, True])
def test_a_row_that_was_read_with_another_library_says_which(plugins: Plugins, tmp_path: Path, many: bool) -> None:
    settings = {"mine": {"samples": [str(labels_file(tmp_path, 9))]}}
    with pytest.MonkeyPatch.context() as patch:
        others = sorted(packages().keys() - {"crystalbench"})[:6] if many else ["spglib"]
        versions = packages() | dict.fromkeys(others, "1.0")
        patch.setattr("crystalbench.runs.plan.packages", lambda: versions)
        there = all_packages() | versions | {"ruff": "0"}
        patch.setattr("crystalbench.runs.environment.all_packages", lambda: there)
        execute(plugins, tmp_path / "run", generator=settings, n=9)
    found = [check for check in verify(plugins, tmp_path / "run", redraw=True) if check.finding not in FINE]
    assert {check.finding for check in found} == {Finding.NOT_CHECKED}
    told = [f"{name} 1.0 (now {packages()[name]})" for name in others[:4]] + (["2 more packages"] if many else [])
    assert found[0].detail == f"has changed since the run: {', '.join(told)}"
