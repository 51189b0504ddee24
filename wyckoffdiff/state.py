"""Materials in the middle of being drawn: the values of their variables, and the network that is asked about them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from wyckoffdiff.batches import stack_positions
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record, from_dense
from wyckoffdiff.inference import Evaluator
from wyckoffdiff.layout import layout, stacked
from wyckoffdiff.model import N_LETTERS, WyckoffGNN

PART = 64
"""Materials evaluated together on a CPU: the same whatever the number of threads, and so are the samples."""

Run: TypeAlias = Callable[[Callable[[int], None], Iterable[int]], Iterable[None]]
"""Calls a function with each number and yields what it returns: `map`, or that of a pool."""


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Materials are shared out to threads; splitting single products further costs more than it gains.

    (Two OpenMP threads on two busy cores took 28 CPU ms where one took 4: they spin while they wait.)
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class State:
    """B materials, sorted by their number of positions; all variables are zero at first.

    Parameters
    ----------
    memory
        MB for the activations of the network in each thread.

    Attributes
    ----------
    zero, inf
        (V0,) and (Vinf,) int64, values of the constrained positions and of the pairs (unconstrained position, element).
    known_zero, known_inf
        The same shapes, int64: the x_0 that the condition makes certain, else -1.
    allowed
        (N_a + 1,) bool, values that a constrained position may have.
    """

    def __init__(self, model: WyckoffGNN, spacegroups: list[int], condition: Condition, memory: int) -> None:
        sizes = model.settings
        self.n_elements = sizes.n_elements
        self.spacegroups = spacegroups
        self.positions = p = stack_positions(spacegroups)
        self.evaluator = Evaluator(model, p)
        self.allowed = torch.from_numpy(condition.allowed(self.n_elements))
        known = [condition.known(group, self.n_elements) for group in spacegroups]
        self.known_zero = torch.from_numpy(np.concatenate([z for z, _ in known]))
        self.known_inf = torch.from_numpy(np.concatenate([z.ravel() for _, z in known]))
        self.zero, self.inf = torch.zeros_like(self.known_zero), torch.zeros_like(self.known_inf)
        # Digest of a material's state: the sum of a random 64-bit number per (letter, element, amount), and one per
        # space group. Different states of a batch of 1,000 share one with probability 3e-14 in a step.
        self._codes = _codes(N_LETTERS, self.n_elements + 1, sizes.max_orbits + 1)
        self._codes[:, :, 0] = self._codes[:, 0, :] = 0
        self.digest = _codes(231)[torch.tensor(spacegroups)]
        self.starts = torch.searchsorted(p.material, torch.arange(len(spacegroups)))
        self._pairs = torch.from_numpy(stacked().size[spacegroups]) ** 2
        most = max(1, int(memory * 1e6 / _activation_bytes(model)))
        self._part = min(PART, most) if self.evaluator.device.type == "cpu" else most

    def __len__(self) -> int:
        return len(self.spacegroups)

    def move(self, zero: Tensor, new0: Tensor, inf: Tensor, newinf: Tensor) -> None:
        """Set new values of the variables with the numbers ``zero`` and ``inf``; tell the evaluator what changed."""
        moved0, movedinf = self.zero[zero] != new0, self.inf[inf] != newinf
        zero, new0, inf, newinf = zero[moved0], new0[moved0], inf[movedinf], newinf[movedinf]
        p, old0, oldinf = self.positions, self.zero[zero], self.inf[inf]
        node0, nodeinf = p.constrained[zero], p.unconstrained[inf // self.n_elements]
        element = inf % self.n_elements + 1
        one = torch.ones_like(new0)
        codes = self._codes
        self.digest.index_add_(0, p.material[node0], codes[p.letter[node0], new0, one])
        self.digest.index_add_(0, p.material[node0], -codes[p.letter[node0], old0, one])
        self.digest.index_add_(0, p.material[nodeinf], codes[p.letter[nodeinf], element, newinf])
        self.digest.index_add_(0, p.material[nodeinf], -codes[p.letter[nodeinf], element, oldinf])
        self.zero[zero], self.inf[inf] = new0, newinf
        rows = torch.unique(inf // self.n_elements)
        self.evaluator.occupy(zero, new0, rows, self.inf.view(-1, self.n_elements)[rows])

    def alike(self, materials: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first of the materials (M,) in each state, (S,), and the number of each one's state, (M,).

        Both are in the order of the materials, which is ascending.
        """
        _, kind = torch.unique(self.digest[materials], return_inverse=True)
        first = torch.full_like(materials, len(self)).scatter_reduce_(0, kind, materials, "amin")
        first = first[: int(kind.max()) + 1] if len(kind) else first
        order = torch.argsort(first)
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order))
        return first[order], rank[kind]

    def parts(self, materials: Tensor) -> Tensor:
        """Share materials (M,), ascending, out into parts of equal work: (M,) number of the part."""
        work = self._pairs[materials]
        parts = max(-(-len(materials) // self._part), 1)
        return (torch.cumsum(work, 0) - 1) * parts // max(int(work.sum()), 1)

    def records(self) -> list[Record]:
        """Return the materials in their order."""
        n0 = [len(layout(group).constrained) for group in self.spacegroups]
        ninf = [len(layout(group).unconstrained) for group in self.spacegroups]
        z0, zinf = torch.split(self.zero, n0), torch.split(self.inf.view(-1, self.n_elements), ninf)
        return [from_dense(g, a.numpy(), b.numpy()) for g, a, b in zip(self.spacegroups, z0, zinf, strict=True)]


def _codes(*shape: int) -> Tensor:
    """Return random 64-bit numbers, always the same."""
    return torch.from_numpy(np.random.default_rng(0).integers(-(2**63), 2**63 - 1, size=shape, dtype=np.int64))


def _activation_bytes(model: WyckoffGNN) -> int:
    """Memory of one material of average size (11 positions, 136 pairs) in the network, in bytes."""
    sizes = model.settings
    per_position = 4 * (6 * sizes.hidden + 2 * sizes.message_hidden + 2 * sizes.pair_hidden)
    return 11 * per_position + 136 * 100
