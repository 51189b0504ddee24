"""Time of the main job as a user waits for it: scoring 10,000 samples per generator, again from the cache, and --help.

FWD is timed on its own first, with nothing cached, then for a second generator, when training rows are embedded.

    python tests/benchmarks/bench_scoring.py [N]

Whole processes; CPU seconds and peak memory as the operating system counts them. There is no peer to compare with.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def timed(arguments: list[str], cwd: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "crystalbench", *arguments]
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(Path(cwd) / "cache")}
    subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


ENCODED = "fwd,fwd_corrected,novel_fwd,novel_fwd_corrected,energy,novel_energy"


def main(n: int) -> None:
    run = ["run", "--generators", "test,element-swap,random", "-n", str(n), "--out", "run"]
    encoded = ["run", "--metrics", ENCODED, "-n", str(n), "--generators"]
    with TemporaryDirectory() as folder:
        for title, arguments in (
            ("--help", ["--help"]),
            (f"{n:,} samples: FWD and energies", [*encoded, "element-swap"]),
            ("the same of another generator", [*encoded, "random"]),
            (f"4 x {n:,} samples, all metrics and reports", run),
            ("the same again, from the cache", run),
            ("verify", ["verify", "run"]),
        ):
            wall, cpu, memory = timed(arguments, folder)
            print(f"{title:<45} {wall:6.2f} s wall {cpu:6.2f} s CPU {memory:7.0f} MB peak so far")


@pytest.mark.benchmark
def test_scoring_is_timed() -> None:
    main(1000)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
