"""Embedding many protostructures: ours against aviary's own loader and forward pass, in one run.

    python tests/benchmarks/bench_encoder.py [N] [DATASET] [SPLIT]     (10000 wbm-rebuilt test)

Both sides run the same network with the same random weights on one thread, each in a process of its own, so that the
peak of memory is its own. Timed is labels in, embeddings out; imports are not. aviary's side averages the settings of
pymatgen's table, so ours does here too.
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch

from crystalbench.crystals.wyckoff import Table
from crystalbench.plugins import Plugins
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.network import Architecture, Wrenformer
from crystalbench_plugins.wrenformer.train import SMALL

SIZES = {"bundled": SMALL, "published": Architecture()}


def ours(model: Wrenformer, labels: Sequence[str]) -> np.ndarray:
    return predict(model, buckets(labels, Table.PYMATGEN), len(labels)).embeddings


def theirs(model: Wrenformer, labels: Sequence[str]) -> np.ndarray:
    import pandas
    from aviary.wrenformer.data import df_to_in_mem_dataloader

    frame = pandas.DataFrame({"protostructure": labels, "energy": np.zeros(len(labels))})
    loader = df_to_in_mem_dataloader(frame, target_col="energy", id_col="protostructure", device="cpu", batch_size=128)
    found: list[torch.Tensor] = []
    model.network.trunk_nn.register_forward_hook(lambda *call: found.append(call[2]))
    with torch.inference_mode():
        for inputs, _, _ in loader:
            model.network(*inputs)
    return torch.cat(found).numpy()


def one_side(side: str, size: str, labels: list[str], path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Wrenformer(SIZES[size].build().eval().requires_grad_(False), 0.0, 1.0)
    function = {"ours": ours, "aviary": theirs}[side]
    function(model, labels[:2])  # imports and tables
    model.network.trunk_nn._forward_hooks.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = perf_counter(), process_time()
    embeddings = function(model, labels)
    spent = {"wall": perf_counter() - wall, "cpu": process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    np.save(path, embeddings)
    print(json.dumps(spent | {"MB": peak / 1024}))


def main(n: int, dataset: str, split: str) -> None:
    rows = Plugins.load().datasets[dataset].load(split, Table.AFFINE).labels
    labels = [rows[row] for row in np.random.default_rng(0).permutation(len(rows))[:n]]
    print(f"{len(labels)} labels of {dataset}/{split}, one thread")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "labels.json").write_text(json.dumps(labels))
        for size in SIZES:
            found = {}
            for side in ("ours", "aviary"):
                command = [sys.executable, __file__, "--side", side, size, folder]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found[side] = json.loads(done.stdout.splitlines()[-1])
                spent = found[side]
                print(
                    f"  {size:9} {side:7} wall {spent['wall']:7.2f} s  CPU {spent['cpu']:7.2f} s  "
                    f"memory beyond imports {spent['MB']:6.0f} MB"
                )
            both = [np.load(Path(folder) / f"{side}.npy") for side in found]
            print(
                f"  {size:9} ratio of CPU times {found['aviary']['cpu'] / found['ours']['cpu']:.1f}, "
                f"of memory {found['aviary']['MB'] / found['ours']['MB']:.1f}; "
                f"largest difference {np.abs(both[0] - both[1]).max():.1e}"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        name, network_size, where = sys.argv[2:]
        one_side(name, network_size, json.loads((Path(where) / "labels.json").read_text()), Path(where) / f"{name}.npy")
    else:
        count, source, part = [*sys.argv[1:], *("10000", "wbm-rebuilt", "test")[len(sys.argv) - 1 :]]
        main(int(count), source, part)
