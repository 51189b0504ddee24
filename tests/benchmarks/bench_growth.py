"""How time and memory grow with the number of samples: labels that are scored, structures that are converted.

    python tests/benchmarks/bench_growth.py [MOST_LABELS [MOST_STRUCTURES [TABLE.csv]]]     (100000 10000)

Each number of samples is a command of its own, watched with all processes below it (Linux). Labels are those of
wbm-rebuilt's training split, repeated; structures are realised from 200 of them and made larger or smaller by up to
2 %, each time anew, so that every search for symmetry is one.
"""

import csv
import os
import subprocess
import sys
import time
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from crystalbench import Protostructure, RawStructure
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.datasets import Dataset
from crystalbench.materials.realise import Realised, realise
from crystalbench.plugins import Plugins
from crystalbench.runs.config import check_parameters

METRICS = "validity,novelty,uniqueness,prototype_novelty,smact_validity,spacegroup_jsd,p1_share"
FEWEST = 1000


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds of a command with all processes below it, and the peak of their memory together, MB."""
    environment = {**os.environ, "CRYSTALBENCH_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "crystalbench", *arguments]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)
    seconds: dict[int, float] = {}
    peak = 0.0
    while process.poll() is None:
        held = 0.0
        for pid in _below(process.pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            seconds[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            held += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        peak = max(peak, held)
        time.sleep(0.05)
    assert process.returncode == 0, arguments
    return sum(seconds.values()), peak


def _below(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, children.read_text().split())
    return found


def labels(folder: Path, n: int) -> list[str]:
    """The command that scores ``n`` labels."""
    train = Dataset(Plugins.load().datasets["wbm-rebuilt"]).train.labels
    (folder / "labels.txt").write_text("\n".join(islice(cycle(train), n)) + "\n")
    command = ["run", "-d", "wbm-rebuilt", "-s", "mine=labels.txt", "-n", str(n), "-m", METRICS, "--workers", "1"]
    return [*command, "--reports", "json,csv", "--out", "run"]


def structures(folder: Path, n: int) -> list[str]:
    """The command that converts ``n`` structures."""
    plugins = Plugins.load()
    rows = Dataset(plugins.datasets["wbm-rebuilt"]).train.labels[::1000][:200]
    spec = plugins.realisers["random-orbits"]
    settings = check_parameters(spec.name, {}, spec.parameters)

    def propose(protostructure: Protostructure, seed: int) -> Realised:
        return spec.propose(protostructure, seed, settings)

    tries = (realise(Protostructure.from_canonical(row), propose, 0, 0) for row in rows)
    made = [found for found in tries if isinstance(found, RawStructure)]
    random = np.random.default_rng(0)
    with (folder / "crystals.extxyz").open("w") as file:
        for crystal in islice(cycle(made), n):
            lattice = crystal.lattice * (1 + random.uniform(-0.02, 0.02))
            cell = " ".join(f"{x:.8f}" for x in lattice.ravel())
            file.write(f'{len(crystal.numbers)}\nLattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T"\n')
            for number, place in zip(crystal.numbers, crystal.frac_coords @ lattice, strict=True):
                file.write(f"{ELEMENTS[number - 1]} {place[0]:.8f} {place[1]:.8f} {place[2]:.8f}\n")
    return ["convert", "crystals.extxyz", "--backend", "moyo", "--workers", "1", "--out", "labels.csv"]


def main(most_labels: int, most_structures: int, table: Path | None) -> None:
    rows = []
    print("| what | samples | CPU s | peak MB |\n|---|---:|---:|---:|")
    for what, prepare, most in (("labels", labels, most_labels), ("structures", structures, most_structures)):
        n = FEWEST
        while n <= most:
            with TemporaryDirectory() as scratch:
                seconds, memory = measured(prepare(Path(scratch), n), Path(scratch))
            rows.append((what, n, round(seconds, 1), round(memory)))
            print(f"| {what} | {n:,} | {seconds:.1f} | {memory:.0f} |", flush=True)
            n *= 10
    if table is not None:
        with table.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("what", "samples", "cpu_seconds", "peak_mb"), *rows])


if __name__ == "__main__":
    numbers = [int(given) for given in sys.argv[1:3]]
    main(*(numbers + [10**5, 10**4][len(numbers) :]), Path(sys.argv[3]) if sys.argv[3:] else None)
