"""Conversion against pymatgen's labeller on real crystals, timed in one run.

    python tests/benchmarks/bench_conversion.py [N]     (10000)

Both get crystals that are parsed already; pymatgen labels them one after the other on one core, as the released
evaluation code of WyckoffDiff does. CPU seconds are of this process and its workers.
"""

import json
import logging
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crystalbench.crystals.convert import Backend, ConversionSettings, Converter
from crystalbench.crystals.samples import RawStructure
from crystalbench.crystals.wyckoff import Table
from crystalbench.executors import Executors


@dataclass(frozen=True)
class Timed:
    """Labels and what they cost, in seconds."""

    labels: list[str]
    wall: float
    cpu: float


def crystals(folder: Path, n: int) -> tuple[list[Any], list[RawStructure]]:
    """``n`` crystals of MP-20, drawn at random, as pymatgen's structures and as ours."""
    import pandas
    from pymatgen.core import Structure

    parts = [pandas.read_feather(folder / f"mp_20_{part}.feather")["cif"] for part in ("val", "test")]
    cifs = [cif for part in parts for cif in part]
    chosen = np.random.default_rng(0).choice(len(cifs), min(n, len(cifs)), replace=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # remarks on rounded coordinates
        theirs = [Structure.from_str(cifs[i], fmt="cif") for i in chosen]
    return theirs, [RawStructure.of(s.lattice.matrix, s.frac_coords, s.atomic_numbers) for s in theirs]


def cpu_seconds() -> float:
    """CPU time of this process, of processes that have ended, and of the workers that run."""
    mine = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in mine) + sum(map(_process_seconds, _workers()))


def _workers() -> list[int]:
    """Descendants of this process: workers are children of the fork server."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:  # ended meanwhile
                continue
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _process_seconds(pid: int) -> float:
    return sum(map(int, _stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")


def timed(label: Callable[[], list[str]]) -> Timed:
    cpu, wall = cpu_seconds(), time.perf_counter()
    labels = label()
    return Timed(labels, time.perf_counter() - wall, cpu_seconds() - cpu)


def pymatgens(structures: list[Any], method: str) -> Timed:
    from pymatgen.analysis.prototypes import get_protostructure_label

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return timed(lambda: [str(get_protostructure_label(s, method)) for s in structures])


def ours(structures: list[RawStructure], backend: Backend, workers: int) -> Timed:
    with Converter(ConversionSettings(backend=backend, table=Table.PYMATGEN), Executors(workers=workers)) as converter:
        converter.convert(structures[: 8 * workers])  # the workers start; a run pays that once
        return timed(lambda: [str(item) for item in converter.convert(structures)])


def compare(folder: Path, n: int) -> list[dict[str, str | int | float]]:
    """One row per contestant, pymatgen with spglib first."""
    logging.getLogger("moyo").setLevel(logging.ERROR)
    theirs, structures = crystals(folder, n)
    contestants: list[tuple[str, str, Callable[[], Timed]]] = [
        ("pymatgen", "spglib", partial(pymatgens, theirs, "spglib")),
        ("pymatgen", "moyo", partial(pymatgens, theirs, "moyopy")),
    ]
    for backend in Backend:
        for workers in (1, 2):
            who = f"crystalbench, {workers} worker{'s' * (workers > 1)}"
            contestants.append((who, backend.value, partial(ours, structures, backend, workers)))
    rows: list[dict[str, str | int | float]] = []
    labels: dict[str, list[str]] = {}
    for name, backend_name, run_it in contestants:
        result = run_it()
        same = [label.replace("_oS", "_oC") for label in result.labels]
        reference = labels.setdefault(backend_name, same)
        rows.append(
            {
                "who": name,
                "backend": backend_name,
                "wall_s": round(result.wall, 2),
                "cpu_s": round(result.cpu, 2),
                "ms_each": round(1e3 * result.wall / len(structures), 3),
                "times_pymatgen_spglib": round(float(rows[0]["wall_s"]) / result.wall, 2) if rows else 1.0,
                "same_label": sum(a == b for a, b in zip(same, reference, strict=True)),
                "n": len(structures),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_conversion_is_timed_against_pymatgen(shared: Path) -> None:
    """Prints the timings; asserts only what does not depend on the machine's mood."""
    pytest.importorskip("pyarrow")
    rows = compare(shared / "mp_20_val_test", 200)
    assert len(rows) == 2 + 2 * len(Backend)
    assert all(row["same_label"] == row["n"] == 200 for row in rows)


if __name__ == "__main__":
    root = Path(os.environ.get("CRYSTALBENCH_SHARED", Path(__file__).parents[3] / "shared"))
    compare(root / "data" / "mp_20_val_test", int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
