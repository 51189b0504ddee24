"""Materials completed entry by entry (see `wyckoffdiff.entries`): one evaluation of the network for each entry.

**What law is sampled.** p(n | s) of the training split, then each entry from the network's p(next entry | s, n, x_t):
the reversed process of the zeros prior in continuous time, of which only the times of its events, which nothing
depends on, are left out. The chain of T steps has the same law in the limit of many steps.

A condition (`wyckoffdiff.condition`) restricts every draw to what is allowed and renormalises it. Positions that are
given are there from the start; how many entries the material has is then drawn by Bayes' rule, with the network's
probability that a material of n entries holds the given ones.
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wyckoffdiff.condition import Condition
from wyckoffdiff.diffusion import draw
from wyckoffdiff.encoding import Record
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.state import Entries
from wyckoffdiff.layout import layout, stacked
from wyckoffdiff.state import Run, one_thread_each

PART = 128
"""States evaluated together: the same whatever the number of threads, and so are the samples."""


class EntrySampler:
    """Draws materials of given space groups.

    Parameters
    ----------
    size_counts
        (231, most + 1) int64, how many materials of each group had 0, 1, 2 ... entries in training.
    threads
        Threads that share the states; the samples do not depend on it.
    """

    def __init__(
        self, network: EntryNetwork, size_counts: NDArray[np.int64], condition: Condition, threads: int = 1
    ) -> None:
        self.network, self.condition, self.threads = network, condition, threads
        self.size_counts = size_counts
        self.n_elements = network.settings.n_elements
        self.device = next(network.parameters()).device

    def sample(
        self,
        spacegroups: Sequence[int],
        generator: torch.Generator,
        progress: Callable[[float], None] = lambda share: None,
    ) -> list[Record]:
        """Draw one material of each space group; they depend on nothing but the arguments.

        ``progress`` is told the share of all entries that is drawn.
        """
        with one_thread_each(), ThreadPoolExecutor(self.threads) as pool:
            run = pool.map if self.threads > 1 else map
            groups = torch.tensor(spacegroups)
            state = self._start(groups, self._sizes(spacegroups, generator))
            total = int(state.missing.sum())
            while len(rows := torch.nonzero(state.missing).flatten()):
                u = torch.rand(len(rows), 2, dtype=torch.float64, generator=generator)
                _add(state, rows, self._next(state.part(rows), u, run))
                progress(1 - int(state.missing.sum()) / total)
        return _records(state)

    def _start(self, groups: Tensor, sizes: Tensor) -> Entries:
        given = self._given()
        state = _empty(groups, sizes, int(sizes.max()))
        for entry in given:
            _add(state, torch.arange(len(groups)), torch.tensor(entry).expand(len(groups), 3))
        return state

    def _given(self) -> list[tuple[int, int, int]]:
        return [(position, z, orbits) for position, atoms in self.condition.given for z, orbits in atoms]

    def _sizes(self, spacegroups: Sequence[int], generator: torch.Generator) -> Tensor:
        """Draw how many entries each material has: (B,) int64."""
        weights = {group: torch.from_numpy(self._size_weights(group)) for group in set(spacegroups)}
        rows = torch.stack([weights[group] for group in spacegroups])
        return torch.multinomial(rows, 1, generator=generator)[:, 0]

    def _size_weights(self, group: int) -> NDArray[np.float64]:
        """(sizes,), proportional to the probability of each number of entries under the condition."""
        least = len(self._given())
        most = least + int(np.minimum(self.open_pairs(group).sum(1), self._capacity(group)).sum())
        weights = np.zeros(max(self.size_counts.shape[1], least + 1))
        weights[: self.size_counts.shape[1]] = self.size_counts[group]
        weights[:least] = weights[most + 1 :] = 0
        possible = np.flatnonzero(weights)
        if not len(possible):  # no material of the training split is as large, or as small: nothing more is added
            weights[least] = 1
        elif least:
            likelihood = np.array([self._log_likelihood(group, n) for n in possible.tolist()])
            weights[possible] *= np.exp(likelihood - likelihood.max())
        return weights

    def _capacity(self, group: int) -> NDArray[np.int64]:
        """(positions,) most entries of each position."""
        return np.where(layout(group).dof > 0, self.n_elements, 1)

    @torch.inference_mode()
    def _log_likelihood(self, group: int, n: int) -> float:
        """log P(the given entries are among those of a material of n), by the network."""
        total = 0.0
        state = _empty(torch.tensor([group]), torch.tensor([n]), n)
        for position, z, orbits in self._given():
            logits, rows = self.network(state.to(self.device))
            total += float(logits.flatten().log_softmax(0).view_as(logits)[0, position, z - 1])
            if layout(group).dof[position]:
                amounts = self.network.amounts(rows[0, position][None], torch.tensor([z], device=self.device))
                total += float(amounts.log_softmax(1)[0, orbits - 1])
            total += float(np.log(int(state.missing)))
            _add(state, torch.arange(1), torch.tensor([[position, z, orbits]]))
        return total

    @functools.cache  # noqa: B019 - lives as long as the sampler
    def open_pairs(self, group: int) -> NDArray[np.bool_]:
        """(positions, N_a): where the condition lets an entry be added."""
        zero, inf = self.condition.known(group, self.n_elements)
        shape = layout(group)
        allowed = np.broadcast_to(self.condition.allowed(self.n_elements)[1:], (len(shape), self.n_elements)).copy()
        allowed[shape.constrained] &= (zero < 0)[:, None]
        allowed[shape.unconstrained] &= inf < 0
        return allowed

    def _next(self, state: Entries, u: Tensor, run: Run) -> Tensor:
        """Draw the next entry of each material, evaluating every distinct state once, in parts of `PART` states.

        Parameters
        ----------
        u
            (B, 2) float64, uniform numbers.

        Returns
        -------
        (B, 3) int64: position, element, orbits.
        """
        asked, place = _distinct(state)
        entry = torch.empty(len(state), 3, dtype=torch.int64)

        def ask(number: int) -> None:
            own = torch.nonzero(place // PART == number).flatten()
            some = asked.part(slice(number * PART, (number + 1) * PART))
            entry[own] = self._next_of(some, place[own] - number * PART, u[own])

        for _ in run(ask, range(-(-len(asked) // PART))):
            pass
        return entry

    @torch.inference_mode()  # of the thread it runs in
    def _next_of(self, asked: Entries, place: Tensor, u: Tensor) -> Tensor:
        """As `_next`, of materials whose states are rows ``place`` (E,) of ``asked``."""
        logits, rows = self.network(asked.to(self.device))
        if self.condition != Condition():
            logits = logits.masked_fill(~self._open(asked.spacegroup, logits.shape[1]).to(self.device), -torch.inf)
        p = logits.flatten(1).cpu().double().softmax(1)
        pair = draw(p[place], u[:, 0])
        position, element = pair // self.n_elements, pair % self.n_elements + 1
        orbits = torch.ones_like(pair)
        every = stacked()
        free = torch.nonzero(
            torch.from_numpy(every.dof[every.first[asked.spacegroup[place]] + position.numpy()])
        ).flatten()
        amounts = self.network.amounts(rows[place[free], position[free]], element[free].to(self.device))
        orbits[free] += draw(amounts.cpu().double().softmax(1), u[free, 1])
        return torch.stack([position, element, orbits], 1)

    def _open(self, groups: Tensor, width: int) -> Tensor:
        found = torch.zeros(len(groups), width, self.n_elements, dtype=torch.bool)
        for row, group in enumerate(groups.tolist()):
            allowed = self.open_pairs(group)
            found[row, : len(allowed)] = torch.from_numpy(allowed)
        return found


def _empty(groups: Tensor, missing: Tensor, width: int) -> Entries:
    """Return materials without entries, with room for ``width`` of them."""
    tables = (torch.zeros(len(groups), width, dtype=torch.int64) for _ in range(3))
    return Entries(groups, torch.zeros_like(groups), missing.clone(), *tables)


def _distinct(state: Entries) -> tuple[Entries, Tensor]:
    """Return the different states among B, and which of them each is: (B,) int64."""
    entries = torch.stack([state.position, state.element, state.orbits], 2)
    held = torch.arange(entries.shape[1]) < state.known[:, None]
    code = ((entries[..., 0] << 40) + (entries[..., 1] << 32) + entries[..., 2] + 1) * held
    key = torch.cat([state.spacegroup[:, None], state.missing[:, None], code.sort(1).values], 1)
    _, place = torch.unique(key, dim=0, return_inverse=True)
    first = torch.full((int(place.max()) + 1,), len(place)).scatter_reduce_(0, place, torch.arange(len(place)), "amin")
    return state.part(first), place


def _add(state: Entries, rows: Tensor, entry: Tensor) -> None:
    """Add an entry (E, 3) to each of some materials."""
    at = state.known[rows]
    for column, table in enumerate((state.position, state.element, state.orbits)):
        table[rows, at] = entry[:, column]
    state.known[rows] += 1
    state.missing[rows] -= 1


def _records(state: Entries) -> list[Record]:
    columns = (x.tolist() for x in (state.position, state.element, state.orbits))
    return [
        Record(group, tuple(sorted(zip(*(row[:n] for row in rows), strict=True))))
        for group, n, *rows in zip(state.spacegroup.tolist(), state.known.tolist(), *columns, strict=True)
    ]
