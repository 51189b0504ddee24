"""A run with the small plugin, in this process or another: ``python -m tests.hostile.small_run FOLDER SETTINGS``."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Finished, Run
from tests.small_plugins import Small, SmallEncoders, rock_salt

ROOT = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {"dataset": "example", "workers": 1, "generators": ["halides"], "n": 25}


def small_plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(SmallEncoders(), "encoders")
    return plugins


def execute(folder: Path, plugins: Plugins | None = None, **settings: Any) -> Finished:
    plugins = plugins or small_plugins()
    plan = make_plan(RunConfig.from_mapping(SETTINGS | settings), plugins)
    return Run(plan, plugins, RunFolder(folder), log=lambda _: None).execute()


def labels_file(path: Path, n: int, start: int = 0) -> Path:
    path.write_text(json.dumps([rock_salt(i).label for i in range(start, start + n)]))
    return path


def numbers(folder: Path) -> tuple[str, ...]:
    """What two runs of the same samples have in common, to the byte: all but measured times."""
    files = sorted((folder / "samples").glob("*.csv"))
    cells = json.loads((folder / "scores.json").read_text())
    for row in cells.values():
        row.pop("seconds", None)
    return (*(file.read_text() for file in files), json.dumps(cells))


def elsewhere(
    folder: Path, *python: str, before: str = "", environment: dict[str, str] | None = None, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Execute a run in another process; ``before`` is what a shell of its own file systems does first."""
    run = [sys.executable, *python, "-m", "tests.hostile.small_run", str(folder), json.dumps(settings)]
    command = ["unshare", "--mount", "sh", "-ec", f'{before}; exec "$@"', "sh", *run] if before else run
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, **(environment or {})}, timeout=200,
    )  # fmt: skip


def command_line(*words: str, before: str = ":", after: str = "", cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command of crystalbench in a shell; with ``mount`` before it, in one of its own file systems."""
    space = ["unshare", "--mount"] if "mount" in before else []
    return subprocess.run(
        [*space, "sh", "-ec", f'{before}; "$@" {after}', "sh", sys.executable, "-m", "crystalbench", *words],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip


def needs_mounts() -> None:
    """Skip a test where no file system can be mounted."""
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /tmp"], capture_output=True, check=False
        )
    except OSError:
        pytest.skip("no unshare here: file systems cannot be filled")
    if done.returncode:
        pytest.skip("no file system may be mounted here")


if __name__ == "__main__":
    execute(Path(sys.argv[1]), **json.loads(sys.argv[2]))
