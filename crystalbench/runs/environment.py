"""What a number was computed with: versions, source revision, hardware."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from crystalbench.tables.results import JSON
from crystalbench.versions import all_packages


def environment() -> dict[str, JSON]:
    """Return versions, git state and hardware as JSON; what cannot be found out is None."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "packages": dict(all_packages()),
        "git": _git(Path(__file__).parents[2]),
    }


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _git(folder: Path) -> JSON:
    """Commit of the checkout that the code runs from; None for an installed package."""
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git_output(folder, "rev-parse", "HEAD")
        return {
            "commit": commit,
            "changed": bool(_git_output(folder, "status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return None


def _git_output(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
