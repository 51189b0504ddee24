"""How relaxing materials scales with worker processes: one against two, in one run. Needs ``crystalbench[discover]``.

    python tests/benchmarks/bench_workers.py [N] [POTENTIAL]     (24 chgnet)

The first N protostructures of the kept discovery of WyckoffDiff (results/discover-wyckoffdiff), each searched for as
`crystalbench discover` does, with an empty cache. Wall clock from the first material on: each process loads the
potential once, which is apart. On a machine that does other things, too, the ratio says nothing; the load average is
printed.
"""

import csv
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from crystalbench.executors import Executors
from crystalbench.materials.candidate import Candidate
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.energy_config import EnergyConfig
from crystalbench.runs.energy_plan import EnergyPlan, plan_energies
from crystalbench.runs.materials import SearchedMaterials

KEPT = Path(__file__).parents[2] / "results" / "discover-wyckoffdiff" / "materials.csv"


class TimedCache(Cache):
    """A cache that writes down when each material was kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.times: list[float] = []

    def put(self, *given: Any) -> None:
        super().put(*given)
        self.times.append(perf_counter())


def timed(plan: EnergyPlan, labels: list[str], workers: int) -> tuple[float, float, list[float | None]]:
    """Return seconds until as many materials as workers were kept, from there to the last, and all energies."""
    with TemporaryDirectory() as folder:
        cache, start = TimedCache(Path(folder)), perf_counter()
        search = SearchedMaterials(
            plan=plan, potential=plan.potentials[0], seed=0, cache=cache, executors=Executors(workers=workers)
        )
        found = search.find([Candidate(label=label) for label in labels])
        first, last = cache.times[workers - 1], cache.times[-1]
    return first - start, (last - first) / (len(labels) - workers), [one.energy for one in found]


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    potential = sys.argv[2] if len(sys.argv) > 2 else "chgnet"
    none: dict[str, Any] = {"potential": {}, "hull": {}, "realiser": {}}
    plan = plan_energies(EnergyConfig(potentials=(potential,)), none, Plugins.load())
    with KEPT.open(newline="", encoding="utf-8") as file:
        labels = [row["protostructure"] for row in csv.DictReader(file)][:n]
    print(f"{len(labels)} materials with {potential}; load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    print("| workers | until first, s | then, s a material |\n|---:|---:|---:|")
    paces, energies = [], []
    for workers in (1, 2):
        first, pace, found = timed(plan, labels, workers)
        paces.append(pace)
        energies.append(found)
        print(f"| {workers} | {first:.1f} | {pace:.2f} |", flush=True)
    print(f"two workers are {paces[0] / paces[1]:.2f} times as fast; energies the same: {energies[0] == energies[1]}")


if __name__ == "__main__":
    main()
