"""Protostructures and small networks for the tests of the Wrenformer."""

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from crystalbench import Protostructure
from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer import feature_tables
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.network import Architecture, Wrenformer

if TYPE_CHECKING:
    import torch

TINY = Architecture(d_model=16, layers=2, heads=2, feedforward=32, trunk=(24,), out=(12, 8), robust=False)
SALT, RUTILE, SELENIDE = "AB_cF8_225_a_b:Cl-Na", "A2B_tP6_136_f_a:O-Ti", "A2B_aP3_2_i_a:Mo-Se"
TWICE = "AB3_aP8_1_2a_6a:C-H"
"""Group 1: two orbits of C and six of H, all on the one position."""


def network(architecture: Architecture = TINY, seed: int = 0) -> Wrenformer:
    """A network with random weights; its biases too, which are 0 in places as built."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        built = architecture.build().eval().requires_grad_(False)
        for parameter in built.parameters():
            parameter.add_(torch.randn(parameter.shape), alpha=0.02)
    return Wrenformer(built, mean=-1.0, std=0.5)


@st.composite
def labels(draw: st.DrawFn) -> str:
    """Canonical labels of up to five orbits."""
    group = draw(st.integers(1, 230))
    positions = wyckoff.positions(group)
    orbits, used = [], set()
    for _ in range(draw(st.integers(1, 5))):
        position = draw(st.sampled_from(positions))
        if position.dof == 0 and position.letter in used:
            continue
        used.add(position.letter)
        orbits.append((draw(st.sampled_from(["O", "Ti", "Na", "Lr"])), position.letter))
    return Protostructure(group, orbits).label


def sample(n: int, seed: int = 0) -> list[str]:
    """Rows of the bundled data set."""
    from crystalbench.plugins import Plugins

    split = Plugins.load().datasets["wbm-rebuilt"].load("test", Table.AFFINE)
    return [split.labels[row] for row in np.random.default_rng(seed).choice(len(split), n, replace=False)]


def dense(label: str, table: Table) -> "tuple[torch.Tensor, torch.Tensor, list[int]]":
    """What aviary's own ``forward`` takes: features (settings, orbits, 645), padding, and the number of settings."""
    import torch

    (bucket,) = buckets([label], table)
    tokens = bucket.all_settings(np.arange(1))
    columns = (
        tokens.ratios[:, :, None],
        feature_tables.element_features()[tokens.elements],
        feature_tables.wyckoff_features()[tokens.positions],
    )
    repeats = tokens.counts[0].astype(int)
    features = torch.from_numpy(np.repeat(np.concatenate(columns, axis=2), repeats, axis=1))
    return features, torch.zeros(features.shape[:2], dtype=torch.bool), [len(features)]
