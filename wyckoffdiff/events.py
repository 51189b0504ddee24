"""The zeros prior by its events: when the next variable is filled, and which, instead of a thousand steps.

With the zeros prior noise only erases, so backwards a variable at zero is filled once and stays. With
``r_t = 1 - abar_t`` and ``q = 1 - p(x_0 = 0 | x_t, t)`` of the network, Eq. 6 fills it between t and s with probability
``(r_t - r_s) / r_t * q``. A variable that is empty was erased with a probability that grows like r_t, so q at a time t
is near ``r_t / r_tau`` times q at a time tau close by. Then the chance per unit of r is the constant ``q / r_tau``, and
the time of a material's next event is one exponential draw from the sum over its variables.

**What law is sampled.** r is cut into K blocks of equal length. In each, the network is asked at the time tau nearest
to its middle, once for every state: after an event it is asked again, at the same tau. The law is that of a jump
process whose rates are ``p(x_0 = a | x, tau) / r_tau`` within each block. It is not the law of the chain of T steps,
whose network is asked at every t; it comes close to it as K grows, as far as the network's answers agree over time.

A condition restricts and renormalises p(x_0 | x_t) as in the chain. A variable whose x_0 is certain is filled at an r
that is uniform on [0, 1], its exact law.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from wyckoffdiff.batches import Noise
from wyckoffdiff.diffusion import draw
from wyckoffdiff.state import Run, State


def check_events(noise: Noise, blocks: int) -> None:
    """Raise `ValueError` where there are no such events: another prior, or more blocks than time steps."""
    timesteps = noise.constrained.timesteps
    if not 0 <= blocks <= timesteps:
        raise ValueError(f"events must be 0 (none: a chain) to {timesteps}, got {blocks}")
    if blocks and not all(kind.only_erases for kind in (noise.constrained, noise.unconstrained)):
        raise ValueError(
            "events are of the zeros prior, whose noise only erases; leave out events for a chain of steps"
        )


def block_times(alpha_bar: Tensor, blocks: int) -> list[int]:
    """Return the time in 1..T whose ``1 - abar`` is nearest to the middle of each block of r, from r = 1 down."""
    middles = (torch.arange(blocks, 0, -1, dtype=torch.float64) - 0.5) / blocks
    distance = (1 - alpha_bar[None, 1:] - middles[:, None]).abs()
    return (distance.argmin(1) + 1).tolist()


class Events:
    """B materials that are empty at r = 1, and filled up to r = 0.

    A variable has a number: those of the constrained positions first, then those of the unconstrained ones.

    Parameters
    ----------
    run
        Evaluates the parts of a round: `map`, or that of a pool of threads.
    """

    def __init__(self, state: State, noise: Noise, generator: torch.Generator, run: Run = map) -> None:
        self.state, self.alpha_bar, self.generator, self._run = state, noise.constrained.alpha_bar, generator, run
        p, materials = state.positions, torch.arange(len(state))
        owner0, ownerinf = p.material[p.constrained], p.material[p.unconstrained]
        self.n_zero = len(state.zero)
        self.owner = torch.cat([owner0, ownerinf.repeat_interleave(state.n_elements)])
        self.first_zero = torch.searchsorted(owner0, materials)
        self.first_inf = torch.searchsorted(ownerinf, materials) * state.n_elements
        self.known = torch.cat([state.known_zero, state.known_inf])
        self.given = torch.nonzero(self.known > 0).flatten()
        self.given_at = 1 - torch.rand(len(self.given), dtype=torch.float64, generator=generator)  # never 0

    def draw(self, blocks: int, progress: Callable[[float], None] = lambda share: None) -> None:
        """Fill the materials: the values are those of the state."""
        for block, tau in enumerate(block_times(self.alpha_bar, blocks)):
            at = torch.full((len(self.state),), 1 - block / blocks, dtype=torch.float64)
            end = 1 - (block + 1) / blocks
            materials = torch.arange(len(self.state))
            while len(materials):
                materials = self._round(materials, at, end, tau)
            progress((block + 1) / blocks)

    def _round(self, materials: Tensor, at: Tensor, end: float, tau: int) -> Tensor:
        """Take the next event of materials that stand at r = ``at``; return those that had one before r = ``end``."""
        u = torch.rand(len(materials), 3, dtype=torch.float64, generator=self.generator)
        wait, variable, value = self._ask(materials, u, tau)
        when = at[materials] - wait
        self._given_first(materials, when, variable, value)
        happens = when > end
        materials, variable, value = materials[happens], variable[happens], value[happens]
        at[materials] = when[happens]
        zero = variable < self.n_zero
        self.state.move(variable[zero], value[zero], variable[~zero] - self.n_zero, value[~zero])
        return materials

    def _given_first(self, materials: Tensor, when: Tensor, variable: Tensor, value: Tensor) -> None:
        """Put in its place the next of the values that a condition gives, where it comes before the network's."""
        x = torch.cat([self.state.zero, self.state.inf])
        missing = torch.nonzero(x[self.given] == 0).flatten()
        due, given = self.given_at[missing], self.given[missing]
        owner = self.owner[given]
        latest = torch.full((len(self.state),), -1.0, dtype=torch.float64).scatter_reduce_(0, owner, due, "amax")
        next_ = torch.zeros(len(self.state), dtype=torch.int64)
        next_[owner[due == latest[owner]]] = given[due == latest[owner]]
        first = latest[materials] > when
        when[first], variable[first] = latest[materials][first], next_[materials][first]
        value[first] = self.known[variable[first]]

    def _ask(self, materials: Tensor, u: Tensor, tau: int) -> tuple[Tensor, Tensor, Tensor]:
        """Ask the network how long materials wait in r, and which variable then gets which value: (M,) each."""
        first, kind = self.state.alike(materials)
        part = self.state.parts(first)
        wait = torch.empty(len(materials), dtype=torch.float64)
        variable, value = torch.empty_like(materials), torch.empty_like(materials)

        def ask(number: int) -> None:
            states = torch.nonzero(part == number).flatten()  # a run
            members = torch.nonzero((kind >= states[0]) & (kind <= states[-1])).flatten()
            found = self._ask_part(first[states], materials[members], kind[members] - states[0], u[members], tau)
            wait[members], variable[members], value[members] = found

        for _ in self._run(ask, torch.unique(part).tolist()):
            pass
        return wait, variable, value

    def _ask_part(
        self, first: Tensor, materials: Tensor, kind: Tensor, u: Tensor, tau: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As `_ask`, for materials (M,) that are in the state, number ``kind`` (M,), of one of ``first`` (S,)."""
        zero, inf = self._open(first, tau)
        total = (zero.total + inf.total)[kind]
        wait = torch.where(total > 0, -torch.log1p(-u[:, 0]) * (1 - self.alpha_bar[tau]) / total, torch.inf)
        variable, value = torch.zeros_like(materials), torch.zeros_like(materials)
        amount = u[:, 1] * total
        on_zero = (amount < zero.total[kind]) | (inf.total[kind] == 0)
        for open_, base, chosen, passed in (
            (zero, self.first_zero, on_zero, 0),
            (inf, self.first_inf, ~on_zero, zero.total[kind]),
        ):
            some = torch.nonzero(chosen & (total > 0)).flatten()
            number, value[some] = open_.draw(kind[some], (amount - passed)[some], u[some, 2])
            variable[some] = number + base[materials[some]] - base[first[kind[some]]]
        return wait, variable, value

    def _open(self, first: Tensor, tau: int) -> tuple["_Open", "_Open"]:
        """Ask the network about materials (S,) in different states: their constrained and unconstrained variables."""
        state, p = self.state, self.state.positions
        rows = torch.nonzero(torch.isin(p.material, first)).flatten()
        h = state.evaluator.encode(tau, first, rows)
        constrained = p.dof[rows] == 0
        place = torch.full((len(state),), -1)
        place[first] = torch.arange(len(first))
        owner0, ownerinf = place[p.material[p.constrained]], place[p.material[p.unconstrained]]
        zero = torch.nonzero(owner0 >= 0).flatten()
        inf = torch.nonzero(ownerinf >= 0)
        inf = (inf * state.n_elements + torch.arange(state.n_elements)).flatten()
        logits = state.evaluator.constrained_logits(h[constrained]).cpu().double()
        logits = logits.masked_fill(~state.allowed, -torch.inf)
        every = state.evaluator.all_unconstrained_logits(h[~constrained]).cpu().double().flatten(0, 1)
        open0 = (state.zero[zero] == 0) & (state.known_zero[zero] < 0)
        openinf = (state.inf[inf] == 0) & (state.known_inf[inf] < 0)
        return (
            _Open.of(zero, owner0[zero], logits.log_softmax(1), open0, len(first)),
            _Open.of(
                self.n_zero + inf, place[self.owner[self.n_zero + inf]], every.log_softmax(1), openinf, len(first)
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """Variables (V,) of one kind of materials in S states, those of one state together.

    Attributes
    ----------
    number
        (V,) int64, their numbers in `Events`.
    log_p
        (V, K) float64, the network's log p(x_0 | x_t).
    before
        (V + 1,) float64, sum of q over the variables before each.
    start, last
        (S,) int64, place of the first variable of a state, and of the last with q > 0.
    total
        (S,) float64, sum of q over the variables of a state.
    """

    number: Tensor
    log_p: Tensor
    before: Tensor
    start: Tensor
    last: Tensor
    total: Tensor

    @classmethod
    def of(cls, number: Tensor, owner: Tensor, log_p: Tensor, open_: Tensor, states: int) -> "_Open":
        """From the state (V,) of each variable, ascending, and whether it is at zero and not certain (V,)."""
        q = torch.where(open_, -torch.expm1(log_p[:, 0]), 0.0)
        before = torch.cat([q.new_zeros(1), torch.cumsum(q, 0)])
        counts = torch.bincount(owner, minlength=states)
        end = torch.cumsum(counts, 0)
        positive = torch.nonzero(q > 0).flatten()
        last = torch.full((states,), -1).scatter_reduce_(0, owner[positive], positive, "amax")
        return cls(number, log_p, before, end - counts, last, before[end] - before[end - counts])

    def draw(self, state: Tensor, amount: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return variables (M,), where the sum of q in the states (M,) passes the amounts (M,), and new values."""
        place = torch.searchsorted(self.before, self.before[self.start[state]] + amount, right=True) - 1
        place = torch.minimum(place, self.last[state])  # the amount can round up to the total
        p = self.log_p[place].exp()
        p[:, 0] = 0
        return self.number[place], draw(p, u)
