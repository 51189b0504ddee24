"""Commands on a real cluster of worker processes give, byte for byte, what they give on one machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crystalbench.cli import main
from tests.runs.test_energies import LABELS, execute, late, material_of, scores

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def invoked(cache: Path, *arguments: str) -> Result:
    return CliRunner(env={"CRYSTALBENCH_CACHE": str(cache)}).invoke(main, list(arguments))


def test_a_run_draws_converts_and_encodes_the_same_on_a_cluster(scheduler: str, tmp_path: Path) -> None:
    arguments = (
        "run", "-g", "wyckoffdiff,symmcd", "-d", "wbm-rebuilt", "-n", "600", "-m", "validity,fwd,novel_per_minute",
        "--reports", "json", "--workers", "1",
    )  # fmt: skip
    here = invoked(tmp_path / "cache", *arguments, "--out", str(tmp_path / "here"))
    there = invoked(tmp_path / "other", *arguments, "--out", str(tmp_path / "there"), "--scheduler", scheduler)
    assert (here.exit_code, there.exit_code) == (0, 0), here.output + there.output
    assert f"cluster {scheduler}: 2 workers, 2 processes" in there.output
    written = [{p.name: p.read_bytes() for p in (tmp_path / run / "samples").iterdir()} for run in ("here", "there")]
    assert len(written[0]) == 7  # the structures of symmcd and how wyckoffdiff was trained, too
    assert written[0] == written[1]
    scores = [json.loads((tmp_path / run / "scores.json").read_text()) for run in ("here", "there")]
    clocks = [score["wyckoffdiff"].pop("novel_per_minute")[0]["details"] for score in scores]
    for score in scores:
        score["random"].pop("novel_per_minute", None)
        score["train"].pop("novel_per_minute", None)
        score["test"].pop("novel_per_minute", None)
    assert scores[0] == scores[1]
    assert clocks[0]["device"] == "cpu"
    assert clocks[1]["device"] == "cpu of a worker of a cluster"
    assert clocks[1]["cpu_seconds"] > 0
    manifests = [json.loads((tmp_path / run / "manifest.json").read_text()) for run in ("here", "there")]
    assert manifests[0]["key"] == manifests[1]["key"]
    assert "scheduler" not in manifests[1]["config"]


def test_a_conversion_is_the_same_on_a_cluster(scheduler: str, tmp_path: Path, shared: Path) -> None:
    source = next(iter(sorted((shared / "generator_outputs").rglob("*.pt"))))
    arguments = ("convert", str(source), "--workers", "1")
    here = invoked(tmp_path, *arguments, "--out", str(tmp_path / "here.csv"))
    there = invoked(tmp_path, *arguments, "--out", str(tmp_path / "there.csv"), "--scheduler", scheduler)
    assert (here.exit_code, there.exit_code) == (0, 0), here.output + there.output
    assert (tmp_path / "here.csv").read_bytes() == (tmp_path / "there.csv").read_bytes()


def test_a_late_candidate_keeps_the_energies_it_has_on_a_cluster_too(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("crystalbench.runs.materials.GRACE", 2.0)
    finished = execute(tmp_path / "slow", **late(tmp_path, "slow", scheduler=scheduler))
    material = material_of(finished.folder, LABELS[4] or "")
    assert material.cut
    assert material.energy is not None
    hung = execute(tmp_path / "hung", **late(tmp_path, "hang", scheduler=scheduler))
    assert [row["reason"] for row in scores(hung.folder)] == ["", "timeout", ""]


def test_an_address_where_nothing_answers_ends_the_command_before_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crystalbench.executors.cluster._SECONDS_TO_CONNECT", 1)
    result = invoked(tmp_path, "run", "-g", "test", "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert "no scheduler of dask answers there" in result.output
    assert not (tmp_path / "run").exists()
