"""The backward chain (paper, Algorithm 1), exact in law and lazy: the network is asked only where it matters.

A step from time t to s draws a uniform number for every variable. Most of them say that the variable stays whatever
the network would answer (`Diffusion.stay`); only for the others is p(x_0 | x_t) needed, so only their positions, in
only those materials, are evaluated (`wyckoffdiff.inference`). Materials of one space group in identical states share
one evaluation. The law of every step is exactly that of Eq. 6.

All steps are taken by default. Fewer (``steps``) use the same closed form q(x_s | x_t, x_0) over longer strides: a
different law, since the model's p(x_0 | x_t) is then asked less often.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from operator import itemgetter
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from wyckoffdiff.batches import Noise, stack_positions
from wyckoffdiff.condition import Condition
from wyckoffdiff.diffusion import Diffusion, draw
from wyckoffdiff.encoding import Record, from_dense
from wyckoffdiff.inference import Evaluator
from wyckoffdiff.layout import layout, stacked
from wyckoffdiff.model import N_LETTERS, WyckoffGNN

DECODED = 1 << 16
"""Variables decoded at once: 28 MB of probabilities at the paper's P."""

PART = 64
"""Materials evaluated together on a CPU: the same whatever the number of threads, and so are the samples."""

Run: TypeAlias = Callable[[Callable[[int], None], Iterable[int]], Iterable[None]]
"""Calls a function with each number and yields what it returns: `map`, or that of a pool."""


class LastStep(StrEnum):
    """Where the chain ends."""

    CLEAN = "clean"  # at x_0, as Algorithm 1
    REFERENCE = "reference"  # at x_1, as the released code, which leaves the noise of one step


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How the chain is run.

    Attributes
    ----------
    steps
        Number of steps; 0 for all T.
    threads, memory
        Threads, and MB for the activations of the network in each. A small memory, or a GPU, changes which materials
        are evaluated together, and by rounding now and then a sample; threads change nothing.
    """

    steps: int = 0
    last_step: LastStep = LastStep.CLEAN
    threads: int = 1
    memory: int = 256


def times(timesteps: int, steps: int, last_step: LastStep) -> list[int]:
    """Return the times of the chain, from T down, evenly spaced.

    Raises
    ------
    ValueError
        If there are fewer time steps than asked for.
    """
    end = 0 if last_step is LastStep.CLEAN else 1
    longest = timesteps - end
    if not 0 <= steps <= longest:
        raise ValueError(f"steps must be 0 (all) to {longest}, got {steps}")
    steps = steps or longest
    return [end + round(longest * k / steps) for k in range(steps, -1, -1)] if steps else [timesteps]


def sample(
    model: WyckoffGNN,
    noise: Noise,
    spacegroups: Sequence[int],
    settings: SampleSettings,
    condition: Condition,
    generator: torch.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Record]:
    """Draw one material of each space group; a record without entries is a void material.

    The samples depend on nothing but the arguments (``settings.threads`` does not matter). Required
    elements are not looked at here: see `wyckoffdiff.condition`. ``progress`` is told the share of the chain that is
    done.
    """
    order = sorted(range(len(spacegroups)), key=lambda k: stacked().size[spacegroups[k]])
    groups = [spacegroups[k] for k in order]
    with one_thread_each(), ThreadPoolExecutor(settings.threads) as pool:
        run = pool.map if settings.threads > 1 else map
        chain = Chain(model, noise, groups, settings, condition, generator, run)
        for t, s in pairwise(times(noise.constrained.timesteps, settings.steps, settings.last_step)):
            chain.step(t, s)
            progress(1 - s / noise.constrained.timesteps)
    records = chain.records()
    return [record for _, record in sorted(zip(order, records, strict=True), key=itemgetter(0))]


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


class _Variables:
    """All variables of one kind: x (V,) int64, and known (V,) int64, their x_0 where it is certain, else -1."""

    def __init__(self, noise: Diffusion, known: Tensor, generator: torch.Generator) -> None:
        self.noise, self.known, self.generator = noise, known, generator
        self.x = noise.draw_prior((len(known),), generator)

    def loose(self, t: int, s: int) -> Tensor:
        """Draw which variables are not made to stay: (E,) int64, ascending."""
        stay = self.noise.stay(t, s)
        u = torch.rand(len(self.x), dtype=torch.float64, generator=self.generator)
        which = torch.nonzero(u >= stay.min()).flatten()
        return which[u[which] >= stay[self.x[which]]]

    def redraw(self, which: Tensor, p_0: Tensor, u: Tensor, t: int, s: int) -> Tensor:
        """Return new values (E,) of loose variables from the model's p(x_0 | x_t) (E, K)."""
        return draw(self.noise.residual(p_0, self.x[which], t, s), u)

    def redraw_known(self, which: Tensor, u: Tensor, t: int, s: int) -> Tensor:
        """Return new values of loose variables whose x_0 is certain."""
        return self.redraw(which, functional.one_hot(self.known[which], self.noise.n_states).double(), u, t, s)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Loose variables, (E0,) and (Einf,): places, uniform numbers, and the positions to evaluate for them."""

    zero: Tensor
    u0: Tensor
    row0: Tensor
    inf: Tensor
    uinf: Tensor
    rowinf: Tensor


class Chain:
    """The state of B materials, sorted by their number of positions, at some time."""

    def __init__(
        self, model: WyckoffGNN, noise: Noise, spacegroups: list[int], settings: SampleSettings,
        condition: Condition, generator: torch.Generator, run: Run = map,
    ) -> None:  # fmt: skip
        sizes = model.settings
        self._run = run
        self.n_elements = sizes.n_elements
        self.generator, self.spacegroups = generator, spacegroups
        self.positions = p = stack_positions(spacegroups)
        self.evaluator = Evaluator(model, p)
        self.allowed = torch.from_numpy(condition.allowed(self.n_elements))
        known = [condition.known(group, self.n_elements) for group in spacegroups]
        self.zero = _Variables(noise.constrained, torch.from_numpy(np.concatenate([z for z, _ in known])), generator)
        self.inf = _Variables(
            noise.unconstrained, torch.from_numpy(np.concatenate([z.ravel() for _, z in known])), generator
        )
        # Digest of a material's state: the sum of a random 64-bit number per (letter, element, amount), and one per
        # space group. Different states of a batch of 1,000 share one with probability 3e-14 in a step.
        self._codes = _codes(N_LETTERS, self.n_elements + 1, sizes.max_orbits + 1)
        self._codes[:, :, 0] = self._codes[:, 0, :] = 0
        self.digest = _codes(231)[torch.tensor(spacegroups)]
        self._starts = torch.searchsorted(p.material, torch.arange(len(spacegroups)))
        self._pairs = torch.from_numpy(stacked().size[spacegroups]) ** 2
        most = max(1, int(settings.memory * 1e6 / _activation_bytes(model)))
        self._part = min(PART, most) if self.evaluator.device.type == "cpu" else most
        start = self.zero.x, self.inf.x
        self.zero.x, self.inf.x = torch.zeros_like(start[0]), torch.zeros_like(start[1])
        self.place(*start)

    def place(self, zero: Tensor, inf: Tensor) -> None:
        """Set the values of all variables, (V0,) and (Vinf,) int64, as the chain starts with draws from the prior."""
        self._move(torch.arange(len(zero)), zero, torch.arange(len(inf)), inf)

    def step(self, t: int, s: int) -> None:
        """Go from time t to time s."""
        zero, inf = self.zero.loose(t, s), self.inf.loose(t, s)
        u0, uinf = (torch.rand(len(x), dtype=torch.float64, generator=self.generator) for x in (zero, inf))
        new0, newinf = torch.empty_like(zero), torch.empty_like(inf)
        certain0, certaininf = self.zero.known[zero] >= 0, self.inf.known[inf] >= 0
        new0[certain0] = self.zero.redraw_known(zero[certain0], u0[certain0], t, s)
        newinf[certaininf] = self.inf.redraw_known(inf[certaininf], uinf[certaininf], t, s)
        open0, openinf = ~certain0, ~certaininf
        new0[open0], newinf[openinf] = self._ask(zero[open0], u0[open0], inf[openinf], uinf[openinf], t, s)
        self._move(zero, new0, inf, newinf)

    def _ask(self, zero: Tensor, u0: Tensor, inf: Tensor, uinf: Tensor, t: int, s: int) -> tuple[Tensor, Tensor]:
        """Return new values of loose variables from the network, some materials at a time."""
        nodes = torch.cat([self.positions.constrained[zero], self.positions.unconstrained[inf // self.n_elements]])
        nodes = self._representative(nodes)
        material = self.positions.material[nodes]
        part = self._parts(material)[material]
        row0, rowinf = nodes[: len(zero)], nodes[len(zero) :]
        new0, newinf = torch.empty_like(zero), torch.empty_like(inf)

        def ask(number: int) -> None:
            some0 = torch.nonzero(part[: len(zero)] == number).flatten()
            someinf = torch.nonzero(part[len(zero) :] == number).flatten()
            asked = _Asked(zero[some0], u0[some0], row0[some0], inf[someinf], uinf[someinf], rowinf[someinf])
            new0[some0], newinf[someinf] = self._ask_part(asked, t, s)

        for _ in self._run(ask, torch.unique(part).tolist()):
            pass
        return new0, newinf

    def _parts(self, material: Tensor) -> Tensor:
        """Share the materials that are to be evaluated out into parts of equal work: (B,) number of the part."""
        work = torch.zeros(len(self.spacegroups), dtype=torch.int64)
        work[material] = self._pairs[material]
        parts = max(-(-int((work > 0).sum()) // self._part), 1)
        return (torch.cumsum(work, 0) - 1) * parts // max(int(work.sum()), 1)

    def _ask_part(self, asked: "_Asked", t: int, s: int) -> tuple[Tensor, Tensor]:
        rows, row = torch.unique(torch.cat([asked.row0, asked.rowinf]), return_inverse=True)
        h = self.evaluator.encode(t, torch.unique_consecutive(self.positions.material[rows]), rows)
        row0, rowinf = row[: len(asked.zero)], row[len(asked.zero) :]
        new0, newinf = torch.empty_like(asked.zero), torch.empty_like(asked.inf)
        for part in torch.split(torch.arange(len(row0)), DECODED):
            logits = self.evaluator.constrained_logits(h[row0[part]]).cpu().double()
            p_0 = logits.masked_fill(~self.allowed, -torch.inf).softmax(1)
            new0[part] = self.zero.redraw(asked.zero[part], p_0, asked.u0[part], t, s)
        used, rowinf = torch.unique(rowinf, return_inverse=True)
        trunk = self.evaluator.unconstrained_trunk(h[used])
        elements = asked.inf % self.n_elements + 1
        for part in torch.split(torch.argsort(elements, stable=True), DECODED):
            p_0 = self.evaluator.unconstrained_logits(trunk, rowinf[part], elements[part]).cpu().double().softmax(1)
            newinf[part] = self.inf.redraw(asked.inf[part], p_0, asked.uinf[part], t, s)
        return new0, newinf

    def _representative(self, nodes: Tensor) -> Tensor:
        """Map positions (M,) to the same positions of the first material that is in the same state."""
        material = self.positions.material[nodes]
        asked, place = torch.unique(material, return_inverse=True)
        _, state = torch.unique(self.digest[asked], return_inverse=True)
        first = torch.full_like(asked, len(self.spacegroups)).scatter_reduce_(0, state, asked, "amin")
        return self._starts[first[state]][place] + self.positions.letter[nodes]

    def _move(self, zero: Tensor, new0: Tensor, inf: Tensor, newinf: Tensor) -> None:
        """Set new values; tell the evaluator about positions that changed."""
        moved0, movedinf = self.zero.x[zero] != new0, self.inf.x[inf] != newinf
        zero, new0, inf, newinf = zero[moved0], new0[moved0], inf[movedinf], newinf[movedinf]
        p, old0, oldinf = self.positions, self.zero.x[zero], self.inf.x[inf]
        node0, nodeinf = p.constrained[zero], p.unconstrained[inf // self.n_elements]
        element = inf % self.n_elements + 1
        one = torch.ones_like(new0)
        codes = self._codes
        self.digest.index_add_(0, p.material[node0], codes[p.letter[node0], new0, one])
        self.digest.index_add_(0, p.material[node0], -codes[p.letter[node0], old0, one])
        self.digest.index_add_(0, p.material[nodeinf], codes[p.letter[nodeinf], element, newinf])
        self.digest.index_add_(0, p.material[nodeinf], -codes[p.letter[nodeinf], element, oldinf])
        self.zero.x[zero], self.inf.x[inf] = new0, newinf
        rows = torch.unique(inf // self.n_elements)
        self.evaluator.occupy(zero, new0, rows, self.inf.x.view(-1, self.n_elements)[rows])

    def records(self) -> list[Record]:
        """Return the materials in their order in the chain."""
        n0 = [len(layout(group).constrained) for group in self.spacegroups]
        ninf = [len(layout(group).unconstrained) for group in self.spacegroups]
        z0, zinf = torch.split(self.zero.x, n0), torch.split(self.inf.x.view(-1, self.n_elements), ninf)
        return [from_dense(g, a.numpy(), b.numpy()) for g, a, b in zip(self.spacegroups, z0, zinf, strict=True)]


def _codes(*shape: int) -> Tensor:
    """Return random 64-bit numbers, always the same."""
    return torch.from_numpy(np.random.default_rng(0).integers(-(2**63), 2**63 - 1, size=shape, dtype=np.int64))


def _activation_bytes(model: WyckoffGNN) -> int:
    """Memory of one material of average size (11 positions, 136 pairs) in the network, in bytes."""
    sizes = model.settings
    per_position = 4 * (6 * sizes.hidden + 2 * sizes.message_hidden + 2 * sizes.pair_hidden)
    return 11 * per_position + 136 * 100
