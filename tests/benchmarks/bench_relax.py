"""Relaxing real crystals: ours against a plain ASE loop (FixSymmetry, FrechetCellFilter, FIRE), in one run.

    python tests/benchmarks/bench_relax.py [N] [POTENTIAL] [MODEL]     (20 chgnet)

N materials of MP-20 with up to 10 atoms in the primitive cell, stretched or squeezed by up to 4 % in length, one thread
and one process; CPU time, the loading of the model is not counted. ASE has the calculator that the library itself
provides, BFGS besides FIRE, and for FIRE also the conventional cell, which is what a realiser gives.
"""

import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from crystalbench import Potential, RawStructure
from crystalbench.crystals.symmetry import Backend, search
from crystalbench.materials.relax import relax
from crystalbench.plugins import Plugins
from crystalbench.runs.config import check_parameters
from tests.conftest import ROOT
from tests.materials.ase_loop import ase_relaxed, materials

FMAX = 0.05


def conventional(structure: RawStructure) -> RawStructure:
    found = search(structure, Backend.SPGLIB, 0.01, 5.0)
    return found.conventional  # type: ignore[union-attr]


def by_ase(calculator: Any, optimiser: str, prepare: Callable[[RawStructure], RawStructure]) -> Callable[..., Any]:
    def run(structures: Sequence[RawStructure], potential: Potential) -> list[tuple[float, int]]:
        found = []
        for structure in structures:
            atoms, steps = ase_relaxed(prepare(structure), calculator, FMAX, optimiser)
            found.append((atoms.get_potential_energy() / len(atoms), steps + 1))
        return found

    return run


def ours(batch: int) -> Callable[..., Any]:
    def run(structures: Sequence[RawStructure], potential: Potential) -> list[tuple[float, int]]:
        found = [
            relaxed
            for start in range(0, len(structures), batch)
            for relaxed in relax(structures[start : start + batch], potential)
        ]
        assert all(relaxed.converged for relaxed in found), [r.detail for r in found if not r.converged]
        return [(relaxed.energy, relaxed.evaluations) for relaxed in found]

    return run


def main(n: int, name: str, model: str) -> None:
    import os

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    data = Path(os.environ.get("CRYSTALBENCH_SHARED", ROOT.parent / "shared")) / "data"
    structures = [structure for _, structure in islice(materials(data, 10, 0), n)]
    spec = Plugins.load().potentials[name]
    parameters = check_parameters(name, {"model": model} if model else {}, spec.parameters)
    potential = spec.load(parameters)
    if name == "chgnet":
        from chgnet.model.dynamics import CHGNetCalculator

        calculator: Any = CHGNetCalculator(use_device="cpu")
    else:
        from sevenn.calculator import SevenNetCalculator

        calculator = SevenNetCalculator(str(parameters["model"]), device="cpu")
    sides: dict[str, Callable[..., Any]] = {
        "ours, all at once": ours(n),
        "ours, one by one": ours(1),
        "ASE BFGS, primitive": by_ase(calculator, "BFGS", lambda s: s),
        "ASE FIRE, primitive": by_ase(calculator, "FIRE", lambda s: s),
        "ASE FIRE, conventional": by_ase(calculator, "FIRE", conventional),
    }
    print(f"{n} materials, {np.mean([len(s.numbers) for s in structures]):.1f} atoms on average; {name} {parameters}")
    first: list[tuple[float, int]] = []
    for side, run in sides.items():
        run(structures[:1], potential)  # imports
        start = process_time()
        found = run(structures, potential)
        spent = process_time() - start
        first = first or found
        seen = sum(evaluations for _, evaluations in found)
        apart = np.array([energy for energy, _ in found]) - [energy for energy, _ in first]
        print(
            f"  {side:23} {1000 * spent / n:7.0f} ms CPU a material, {1000 * spent / seen:5.1f} an evaluation, "
            f"{seen / n:5.1f} evaluations a material; energies from the first line's: mean {1000 * apart.mean():+.2f}, "
            f"largest {1000 * np.abs(apart).max():.2f} meV/atom",
            flush=True,
        )


if __name__ == "__main__":
    count, potential_name, model_name = [*sys.argv[1:], *("20", "chgnet", "")[len(sys.argv) - 1 :]]
    main(int(count), potential_name, model_name)
