"""The backward chain (paper, Algorithm 1), exact in law and lazy: the network is asked only where it matters.

A step from time t to s draws a uniform number for every variable. Most of them say that the variable stays whatever
the network would answer (`Diffusion.stay`); only for the others is p(x_0 | x_t) needed, so only their positions, in
only those materials, are evaluated (`wyckoffdiff.inference`). Materials of one space group in identical states share
one evaluation. The law of every step is exactly that of Eq. 6.

All steps are taken by default. Fewer use the same closed form q(x_s | x_t, x_0) over longer strides: a different law,
since the model's p(x_0 | x_t) is then asked less often.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import functional

from wyckoffdiff.batches import Noise
from wyckoffdiff.diffusion import Diffusion, draw
from wyckoffdiff.state import Run, State

DECODED = 1 << 16
"""Variables decoded at once: 28 MB of probabilities at the paper's P."""


class LastStep(StrEnum):
    """Where the chain ends."""

    CLEAN = "clean"  # at x_0, as Algorithm 1
    REFERENCE = "reference"  # at x_1, as the released code, which leaves the noise of one step


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


@dataclass(frozen=True, slots=True, eq=False)
class _Variables:
    """All variables of one kind: x (V,) int64 as `State` changes it, and known (V,) int64, x_0 where it is certain."""

    noise: Diffusion
    x: Tensor
    known: Tensor
    generator: torch.Generator

    def prior(self) -> Tensor:
        """Draw values from the prior: (V,) int64."""
        return self.noise.draw_prior((len(self.x),), self.generator)

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
    """The variables of B materials at some time, which starts with draws from the prior.

    Parameters
    ----------
    run
        Evaluates the parts of a step: `map`, or that of a pool of threads.
    """

    def __init__(self, state: State, noise: Noise, generator: torch.Generator, run: Run = map) -> None:
        self.state, self.generator, self._run = state, generator, run
        self.n_elements, self.positions, self.evaluator = state.n_elements, state.positions, state.evaluator
        self.zero = _Variables(noise.constrained, state.zero, state.known_zero, generator)
        self.inf = _Variables(noise.unconstrained, state.inf, state.known_inf, generator)
        self.place(self.zero.prior(), self.inf.prior())

    def place(self, zero: Tensor, inf: Tensor) -> None:
        """Set the values of all variables, (V0,) and (Vinf,) int64."""
        self.state.move(torch.arange(len(zero)), zero, torch.arange(len(inf)), inf)

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
        self.state.move(zero, new0, inf, newinf)

    def _ask(self, zero: Tensor, u0: Tensor, inf: Tensor, uinf: Tensor, t: int, s: int) -> tuple[Tensor, Tensor]:
        """Return new values of loose variables from the network, some materials at a time."""
        nodes = torch.cat([self.positions.constrained[zero], self.positions.unconstrained[inf // self.n_elements]])
        asked, place = torch.unique(self.positions.material[nodes], return_inverse=True)
        first, kind = self.state.alike(asked)
        nodes = self.state.starts[first[kind[place]]] + self.positions.letter[nodes]
        part = self.state.parts(first)[kind[place]]
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

    def _ask_part(self, asked: "_Asked", t: int, s: int) -> tuple[Tensor, Tensor]:
        rows, row = torch.unique(torch.cat([asked.row0, asked.rowinf]), return_inverse=True)
        h = self.evaluator.encode(t, torch.unique_consecutive(self.positions.material[rows]), rows)
        row0, rowinf = row[: len(asked.zero)], row[len(asked.zero) :]
        new0, newinf = torch.empty_like(asked.zero), torch.empty_like(asked.inf)
        for part in torch.split(torch.arange(len(row0)), DECODED):
            logits = self.evaluator.constrained_logits(h[row0[part]]).cpu().double()
            p_0 = logits.masked_fill(~self.state.allowed, -torch.inf).softmax(1)
            new0[part] = self.zero.redraw(asked.zero[part], p_0, asked.u0[part], t, s)
        used, rowinf = torch.unique(rowinf, return_inverse=True)
        trunk = self.evaluator.unconstrained_trunk(h[used])
        elements = asked.inf % self.n_elements + 1
        for part in torch.split(torch.argsort(elements, stable=True), DECODED):
            p_0 = self.evaluator.unconstrained_logits(trunk, rowinf[part], elements[part]).cpu().double().softmax(1)
            newinf[part] = self.inf.redraw(asked.inf[part], p_0, asked.uinf[part], t, s)
        return new0, newinf
