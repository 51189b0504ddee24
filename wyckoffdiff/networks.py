"""The networks by their settings, and what each learns."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wyckoffdiff.batches import Noise
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.objective import EntryObjective
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.objective import NoiseObjective, Objective
from wyckoffdiff.settings import EntrySettings, NetworkSettings, Prior

Network: TypeAlias = WyckoffGNN | EntryNetwork


def new_network(settings: NetworkSettings) -> Network:
    """Return a network with random weights."""
    return EntryNetwork(settings) if isinstance(settings, EntrySettings) else WyckoffGNN(settings)


def objective(
    network: Network, prior: Prior, counts: tuple[Tensor, Tensor], size_counts: NDArray[np.int64]
) -> Objective[Any]:
    """Return what the network learns; ``counts`` as `Noise.of` takes them, ``size_counts`` as `EntryObjective`."""
    if isinstance(network, EntryNetwork):
        return EntryObjective(network, size_counts)
    return NoiseObjective(network, Noise.of(prior, network.settings, counts))
