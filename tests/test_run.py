"""Runs from plan to folder: nothing is lost, nothing is computed twice, one failure stays one failure."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crystalbench.config import RunConfig
from crystalbench.errors import ConfigError
from crystalbench.folder import RunFolder
from crystalbench.plan import make_plan
from crystalbench.plugins import Plugins
from crystalbench.results import Failure, MetricResult, Row, RowKind
from crystalbench.run import Finished, Run
from crystalbench.verify import verify
from tests.small_plugins import CHUNK, Small, rock_salt


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
    assert names == {"manifest.json", "halides.0.csv", "ledger.csv", "scores.json", "table.txt"}
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
        "from tests.test_run import execute; from tests.small_plugins import Small\n"
        "from crystalbench.plugins import Plugins\n"
        "plugins = Plugins(); plugins.register(Small(), 'small')\n"
        "execute(plugins, Path(sys.argv[1]), generators=['halides'], n=40)"
    )
    environment = {**os.environ, "HALIDES_KILL_AT": "2", "HALIDES_LOG": str(tmp_path / "log")}
    run = [sys.executable, "-c", script, str(tmp_path / "run")]
    root = Path(__file__).parents[1]
    assert subprocess.run(run, env=environment, cwd=root, check=False).returncode == -signal.SIGKILL
    assert RunFolder(tmp_path / "run").manifest()["status"] == "running"
    (check,) = verify(RunFolder(tmp_path / "run"), plugins)
    assert "--resume" in check.problem
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
    assert "1,000 novel samples were asked for; 20 draws of halides/0 gave 19" in row(finished, "halides").notes


def test_replicas_give_mean_and_standard_deviation(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generator={"halides": {"replicas": 3}}, n=5)
    cell = row(finished, "halides").cells["halide_share"]
    assert (cell.mean, cell.std, len(cell.outcomes)) == (1.0, 0.0, 3)


def test_several_files_are_replicas_of_a_generator_nobody_knows(plugins: Plugins, tmp_path: Path) -> None:
    files = [str(labels_file(tmp_path, 10, "a.json")), str(labels_file(tmp_path, 10, "b.json", invalid=2))]
    finished = execute(plugins, tmp_path / "run", generator={"my model": {"samples": files}}, n=12)
    got = row(finished, "my model")
    assert (got.kind, got.replicas, got.asked, got.drawn) == (RowKind.MEASURED, 2, 24, 22)
    assert "12 samples were asked for; my model/0 holds 10" in got.notes
    assert got.cells["halide_share"].mean == pytest.approx((1 + 10 / 12) / 2)


def test_samples_that_were_made_and_not_written_count_as_invalid(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"samples": [str(labels_file(tmp_path, 10))], "generated": 15}
    finished = execute(plugins, tmp_path / "run", generator={"mine": settings}, n=100)
    assert row(finished, "mine").reasons == {"not_written": 5}
    assert value(finished, "mine", "halide_share") == pytest.approx(10 / 15)


def test_more_samples_than_were_generated_is_an_error_of_that_row_only(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"samples": [str(labels_file(tmp_path, 10))], "generated": 5}
    finished = execute(plugins, tmp_path / "run", generator={"mine": settings, "halides": {}}, n=100)
    (failure,) = finished.failures
    assert f"{tmp_path / 'labels.json'}: holds 10 samples, but generated=5 was given" in failure.error
    assert value(finished, "halides", "halide_share") == 1.0


def test_a_generator_that_fails_fills_its_own_row_and_no_other(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["broken", "halides"], n=5)
    assert finished.failures == (Failure("sample", "broken", "RuntimeError: no weights"),)
    assert row(finished, "broken").cells["halide_share"].problem == finished.failures[0]
    assert value(finished, "halides", "halide_share") == 1.0


def test_a_metric_that_fails_fills_its_own_cell_and_no_other(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", generators=["halides"], n=5, metrics=["failing", "halide_share"])
    assert finished.failures == (Failure("score", "failing", "ZeroDivisionError: division by zero"),)
    assert value(finished, "halides", "halide_share") == 1.0


def test_a_metric_without_what_it_needs_is_missing_and_no_failure(plugins: Plugins, tmp_path: Path) -> None:
    samples = {"samples": [str(labels_file(tmp_path, 10))]}
    finished = execute(plugins, tmp_path / "run", generator={"mine": samples}, n=5)
    assert finished.failures == ()
    assert "nobody timed" in str(row(finished, "mine").cells["seconds"].problem)


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


def test_verify_recomputes_every_cell(plugins: Plugins, tmp_path: Path) -> None:
    settings = {"halides": {"replicas": 2}, "structures": {}, "mine": {"samples": [str(labels_file(tmp_path, 9))]}}
    execute(plugins, tmp_path / "run", generator=settings, n=9)
    checks = list(verify(RunFolder(tmp_path / "run"), plugins, redraw=True))
    assert [check for check in checks if check.problem] == []
    assert {"halides/1 halide_share", "mine/0 novel_count", "structures/0 drawn again"} <= {c.what for c in checks}


def test_verify_finds_a_changed_sample_a_changed_score_and_a_changed_file(plugins: Plugins, tmp_path: Path) -> None:
    source = labels_file(tmp_path, 9)
    execute(plugins, tmp_path / "run", generator={"halides": {}, "mine": {"samples": [str(source)]}}, n=9)
    samples = tmp_path / "run/samples/halides.0.csv"
    samples.write_text(samples.read_text().replace("Cl-K", "K-Zr"))
    scores = json.loads((tmp_path / "run/scores.json").read_text())
    scores["scores"]["mine"]["halide_share"][0]["value"] = 0.99
    (tmp_path / "run/scores.json").write_text(json.dumps(scores))
    source.write_text("[]")
    problems = {c.what for c in verify(RunFolder(tmp_path / "run"), plugins, redraw=True) if c.problem}
    assert {"samples/halides.0.csv", "halides/0 samples", "mine/0 halide_share", "mine/0 drawn again"} <= problems


def test_scores_hold_full_precision_and_denominators(plugins: Plugins, tmp_path: Path) -> None:
    from crystalbench.results_json import outcome_from_json

    execute(plugins, tmp_path / "run", generator={"mine": {"samples": [str(labels_file(tmp_path, 2, invalid=1))]}}, n=3)
    stored = json.loads((tmp_path / "run/scores.json").read_text())["scores"]["mine"]["halide_share"][0]
    assert outcome_from_json(stored) == MetricResult(value=2 / 3, n=3)
