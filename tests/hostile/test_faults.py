"""Faults of the machine: the table in results/README.md says what happens, these tests that it does."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from crystalbench.runs.folder import RunFolder
from tests.hostile.small_run import ROOT, command_line, elsewhere, execute, needs_mounts, numbers

RUN = ("run", "--generators", "random", "-n", "9", "--metrics", "novelty")
SETTINGS: dict[str, Any] = {"generators": ["halides", "structures"], "n": 12, "metrics": ["halide_share", "fwd"]}


def test_a_full_disk_is_named_with_the_file_and_how_to_go_on(tmp_path: Path) -> None:
    needs_mounts()
    folder = tmp_path / "run"
    folder.mkdir()
    done = command_line(*RUN, "--out", str(folder), before=f"mount -t tmpfs -o size=24k none {folder}")
    assert done.returncode == 1
    assert f"Error: {folder}/" in done.stderr
    assert ": no space left on device; when that is mended" in done.stderr
    assert f"crystalbench run --resume {folder}" in done.stderr
    assert "Traceback" not in done.stderr


WRITERS = {
    "a checkpoint": "from wyckoffdiff.checkpoint import save; save(path, 'model', {'a': torch.zeros(10_000)})",
    "weights": "from crystalbench_plugins.wrenformer.weights import write; write(path, {'a': torch.zeros(10_000)})",
    "a log": "from wyckoffdiff.training_log import Log; log = Log(path, 0)\nwhile True: log.write(loss=1.0)",
    "a picture": "from crystalbench.runs.cache import write_text; write_text(path, 'x' * 10_000)",
}


@pytest.mark.parametrize("what", WRITERS)
def test_whatever_does_not_fit_is_named_with_its_file(what: str, tmp_path: Path) -> None:
    code = "import resource, torch; from pathlib import Path; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    code += f"\npath = Path({str(tmp_path / 'x.pt')!r})\n{WRITERS[what]}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"OSError: [Errno 27] File too large: '{tmp_path / 'x.pt'}'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == (["x.pt"] if what == "a log" else [])


def test_a_read_only_results_folder_is_told_before_anything_is_sampled(tmp_path: Path) -> None:
    needs_mounts()
    folder = tmp_path / "run"
    folder.mkdir()
    done = command_line(*RUN, "--out", str(folder), before=f"mount -t tmpfs -o ro none {folder}")
    assert done.returncode == 1
    assert f"Error: {folder}/manifest.json: read-only file system" in done.stderr
    assert "sampling" not in done.stderr
    assert "--resume" not in done.stderr


def test_runs_at_once_on_one_cache_get_the_same_numbers(tmp_path: Path) -> None:
    code = "import json, sys; from pathlib import Path; from tests.hostile.small_run import execute\n"
    code += "execute(Path(sys.argv[1]), **json.loads(sys.argv[2]))"
    import json

    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name), json.dumps(SETTINGS)], cwd=ROOT)
        for name in "abc"
    ]
    assert [process.wait(200) for process in running] == [0, 0, 0]
    assert len({numbers(tmp_path / name) for name in "abc"}) == 1


def test_without_assertions_the_numbers_are_the_same(tmp_path: Path) -> None:
    done = elsewhere(tmp_path / "optimized", "-O", environment={"CRYSTALBENCH_CACHE": str(tmp_path / "c")}, **SETTINGS)
    assert done.returncode == 0, done.stderr
    execute(tmp_path / "plain", **SETTINGS)
    assert numbers(tmp_path / "optimized") == numbers(tmp_path / "plain")


def test_without_a_home_that_anybody_knows_the_remedy_is_named(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become a user whom the system does not know")
    code = "import os; os.setuid(54321); from crystalbench.runs.cache import cache_dir; print(cache_dir())"
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "CRYSTALBENCH_CACHE", "XDG_CACHE_HOME")}
    done = subprocess.run(
        [sys.executable, "-c", f"import crystalbench.runs.cache, platformdirs, crystalbench.errors; {code}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Set CRYSTALBENCH_CACHE to a folder" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_run_that_is_killed_at_any_moment_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    import json

    execute(tmp_path / "whole", **SETTINGS)
    moments = random.Random(0)
    run = [sys.executable, "-m", "tests.hostile.small_run"]
    for trial in range(10):
        folder = tmp_path / f"killed-{trial}"
        environment = os.environ | {"CRYSTALBENCH_CACHE": str(tmp_path / f"cache-{trial}")}
        process = subprocess.Popen([*run, str(folder), json.dumps(SETTINGS)], cwd=ROOT, env=environment)
        time.sleep(moments.uniform(0.5, 5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert elsewhere(folder, environment=environment, **SETTINGS).returncode == 0
        assert numbers(folder) == numbers(tmp_path / "whole")
        assert RunFolder(folder).manifest()["status"] == "finished"
