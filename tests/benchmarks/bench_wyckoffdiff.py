"""WyckoffDiff: CPU time and memory of a sampling and of a training step at the paper's settings, and of its entries.

    python tests/benchmarks/bench_wyckoffdiff.py [THREADS] [PRIOR]      (2 zeros)

Materials are rows of the bundled `wbm-rebuilt`, drawn with a fixed seed, so the mix of space groups is WBM's. A
sampling step from t to t-1 starts from those materials noised to t, as a well trained model would find them; 20 times
t are spread evenly over T = 1000, so the mean is that of a whole chain. The weights are random: they decide nothing
about the cost. Each figure comes from a process of its own, since memory is its peak.

`completing` is the preset `entries`, which has no steps: its figures are for whole materials, so that a chain costs T
times its line against once this one. `learning` is a training step of that preset.

Units: CPU ms (all threads together) for one material and one step; wall is wall-clock time.
"""

import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time

import numpy as np
import torch

from crystalbench import Dataset
from crystalbench_plugins.datasets.bundled import crystalbench_datasets
from wyckoffdiff.batches import Noise, make_batch
from wyckoffdiff.chain import Chain
from wyckoffdiff.condition import Condition
from wyckoffdiff.data import Materials
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.objective import EntryObjective
from wyckoffdiff.entries.sample import EntrySampler
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.objective import loss_sum
from wyckoffdiff.settings import PRESETS, Prior
from wyckoffdiff.state import State

TIMES = range(25, 1000, 50)
SETTINGS = PRESETS["paper"].model
ENTRIES = PRESETS["entries"].model


def materials(n: int) -> Materials:
    """Draw n rows of the training split, with repetition where it must be."""
    spec = {item.name: item for item in crystalbench_datasets()}["wbm-rebuilt"]
    labels = Dataset(spec).train.labels
    rows = np.random.default_rng(0).choice(len(labels), size=n)
    return Materials.of_labels([labels[row] for row in rows], SETTINGS.n_elements, SETTINGS.max_orbits)


def noise_of(prior: Prior, rows: Materials) -> Noise:
    zero, inf = map(torch.from_numpy, rows.variable_counts(SETTINGS.n_elements, SETTINGS.max_orbits))
    return Noise.of(prior, SETTINGS, (zero, inf.sum(0)))


def sampling(n: int, prior: Prior) -> tuple[float, float]:
    """CPU and wall seconds of a step of n materials, mean over t."""
    rows, random = materials(n), torch.Generator().manual_seed(0)
    noise, model = noise_of(prior, rows), WyckoffGNN(SETTINGS).eval()
    clean = make_batch(rows, np.arange(n), SETTINGS.n_elements)
    groups = [int(clean.positions.spacegroup[clean.positions.material == k][0]) for k in range(n)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as `wyckoffdiff.state.one_thread_each` does
    cpu = wall = 0.0
    with ThreadPoolExecutor(threads) as pool:
        chain = Chain(State(model, groups, Condition(), memory=256), noise, random, pool.map)
        for t in (500, *TIMES):  # the first is to warm up
            noisy = noise.apply(clean, torch.full((n,), t), random)
            chain.place(noisy.z0, noisy.zinf.flatten())
            start = process_time(), perf_counter()
            chain.step(t, t - 1)
            if t != 500:
                cpu, wall = cpu + process_time() - start[0], wall + perf_counter() - start[1]
    return cpu / len(TIMES), wall / len(TIMES)


def training(n: int, prior: Prior) -> tuple[float, float]:
    """CPU and wall seconds of a step on n materials: batch, noise, forward, backward, AdamW."""
    rows, random = materials(8 * n), torch.Generator().manual_seed(0)
    noise, model = noise_of(prior, rows), WyckoffGNN(SETTINGS)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-4, weight_decay=0.0, fused=True)
    letters = np.random.default_rng(0)
    cpu = wall = 0.0
    for step in range(8):
        start = process_time(), perf_counter()
        clean = make_batch(rows, np.arange(step * n, (step + 1) * n), SETTINGS.n_elements, letters)
        t = noise.times(clean, random)
        noisy = noise.apply(clean, t, random)
        loss = loss_sum(model(noisy.positions, noisy.z0, noisy.zinf, t), clean) / n
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        if step:  # the first is to warm up
            cpu, wall = cpu + process_time() - start[0], wall + perf_counter() - start[1]
    return cpu / 7, wall / 7


def completing(n: int, prior: Prior) -> tuple[float, float]:
    """CPU and wall seconds of n materials completed entry by entry."""
    rows = materials(n)
    sampler = EntrySampler(EntryNetwork(ENTRIES).eval(), rows.size_counts(), Condition(), torch.get_num_threads())
    sampler.sample(rows.spacegroup[:10].tolist(), torch.Generator().manual_seed(1))  # to warm up
    start = process_time(), perf_counter()
    sampler.sample(rows.spacegroup.tolist(), torch.Generator().manual_seed(0))
    return process_time() - start[0], perf_counter() - start[1]


def learning(n: int, prior: Prior) -> tuple[float, float]:
    """CPU and wall seconds of a training step of the preset `entries` on n materials."""
    rows, random = materials(8 * n), torch.Generator().manual_seed(0)
    network = EntryNetwork(ENTRIES)
    objective = EntryObjective(network, rows.size_counts())
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, fused=True)
    cpu = wall = 0.0
    for step in range(8):
        start = process_time(), perf_counter()
        loss = objective(objective.draw(rows, np.arange(step * n, (step + 1) * n), random)) / n
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        if step:  # the first is to warm up
            cpu, wall = cpu + process_time() - start[0], wall + perf_counter() - start[1]
    return cpu / 7, wall / 7


WHAT = {"sampling": sampling, "training": training, "completing": completing, "learning": learning}


def main() -> None:
    threads, prior = (*sys.argv[1:3], *("2", "zeros")[len(sys.argv) - 1 :])[:2]
    if len(sys.argv) > 3:
        what, n = sys.argv[3], int(sys.argv[4])
        torch.set_num_threads(int(threads))
        torch.manual_seed(0)
        cpu, wall = WHAT[what](n, Prior(prior))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{what:10} batch {n:5}  {1e3 * cpu / n:7.2f} CPU ms  {1e3 * wall / n:7.2f} ms wall  {peak:5.2f} GB")
        return
    told = f"paper settings, T = {SETTINGS.timesteps}, prior {prior}, {threads} threads, torch {torch.__version__}"
    print(told, flush=True)
    for what, n in (
        ("sampling", 64),
        ("sampling", 250),
        ("sampling", 1000),
        ("completing", 1000),
        ("training", 256),
        ("learning", 128),
    ):
        subprocess.run([sys.executable, __file__, threads, prior, what, str(n)], check=True)


if __name__ == "__main__":
    main()
