"""The variational bound of the zeros prior, as the cross-entropy of the next entry.

For n entries that were erased independently, in the limit of many steps (and up to 1 in 10^4 at T = 1000)::

    -log p(x_0 | s, n)  <=  E_order sum_j -log p(e_j | s, n, e_1 .. e_{j-1})  -  log n!

over all orders of the entries. One term of the sum, for a random j, stands for all n; as each of the k = n - j missing
entries is the next one with equal probability, the mean over them replaces the draw of one::

    loss = n / k sum_missing -log p(e | s, n, x_t) - log n!
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from wyckoffdiff.data import Materials
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.state import Entries, shuffled
from wyckoffdiff.objective import Objective

SMOOTHING = 1e-3
"""Materials of each number of entries that are added to those of a space group where p(n | s) must not be zero."""


class EntryObjective(Objective[Entries]):
    """The bound on -log p(x_0 | s, n) in nats a material.

    Parameters
    ----------
    size_counts
        (231, most + 1) int64, how many materials of each group have 0, 1, 2 ... entries.
    """

    def __init__(self, network: EntryNetwork, size_counts: NDArray[np.int64]) -> None:
        super().__init__()
        self.network = network
        smoothed = torch.from_numpy(size_counts) + SMOOTHING
        self.log_sizes = (smoothed / smoothed.sum(1, keepdim=True)).log()

    def draw(
        self,
        materials: Materials,
        rows: NDArray[np.int64],
        generator: torch.Generator,
        relettering: np.random.Generator | None = None,
    ) -> Entries:
        return shuffled(materials, rows, generator, relettering)

    def bounds(self, materials: Materials, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Return the bound on -log p(x_0 | s, n) plus -log p(n | s), with `SMOOTHING` materials of every size added."""
        state = shuffled(materials, rows, generator)
        sizes = (state.known + state.missing).clamp(max=self.log_sizes.shape[1] - 1)
        return material_bounds(self.network, state).double() - self.log_sizes[state.spacegroup, sizes]

    def share(self, drawn: Entries, rank: int, processes: int, device: torch.device) -> Entries:
        return drawn.part(slice(rank, None, processes)).to(device)

    def forward(self, drawn: Entries) -> Tensor:
        return material_bounds(self.network, drawn).sum()


def material_bounds(network: EntryNetwork, state: Entries) -> Tensor:
    """Return an unbiased estimate of the bound on -log p(x_0 | s, n) of each material: (B,) in nats."""
    logits, rows = network(state)
    logs = logits.float().flatten(1).log_softmax(1).view_as(logits)
    number = torch.arange(state.position.shape[1], device=logs.device)
    n = state.known + state.missing
    missing = (number >= state.known[:, None]) & (number < n[:, None])
    owner = torch.nonzero(missing)[:, 0]
    position, element, orbits = state.position[missing], state.element[missing], state.orbits[missing]
    cost = -logs[owner, position, element - 1]
    free = torch.nonzero(~network.constrained(state.spacegroup[owner], position)).flatten()
    amounts = network.amounts(rows[owner[free], position[free]], element[free]).float()
    cost = cost.index_add(0, free, functional.cross_entropy(amounts, orbits[free] - 1, reduction="none"))
    weight = (n / state.missing)[owner]
    total = torch.zeros(len(state), device=cost.device).index_add(0, owner, cost * weight)
    return total - torch.lgamma(n + 1.0)
