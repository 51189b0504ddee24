"""A model small enough that the law of its backward chain can be computed: all states, all K x K matrices."""

import functools
import math
from itertools import pairwise, product

import torch
from torch import Tensor

from tests.wyckoffdiff.one_group import GroupTensors, encode
from wyckoffdiff.batches import Noise
from wyckoffdiff.encoding import Record
from wyckoffdiff.layout import layout
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.settings import ModelSettings, Prior
from wyckoffdiff.transitions import betas

GROUP = 61
"""Pbca: two constrained positions, a and b, and one unconstrained, c."""
ELEMENTS, ORBITS, STEPS = 2, 2, 6
STATES = list(product(range(ELEMENTS + 1), range(ELEMENTS + 1), range(ORBITS + 1), range(ORBITS + 1)))
"""(element on a, element on b, orbits of H on c, orbits of He on c)."""
SETTINGS = ModelSettings(
    n_elements=ELEMENTS, max_orbits=ORBITS, hidden=8, layers=2, position_features=4, pair_hidden=8,
    message_hidden=8, decoder_hidden=8, timesteps=STEPS,
)  # fmt: skip
COUNTS0, COUNTSINF = torch.tensor([5, 3, 2]), torch.tensor([12, 3, 0])


@functools.cache
def model() -> WyckoffGNN:
    """Random weights, large enough that p(x_0 | x_t) depends strongly on the state of all positions and on t."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = WyckoffGNN(SETTINGS).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(2.5)
    return network


def noise(prior: Prior) -> Noise:
    return Noise.of(prior, SETTINGS, (COUNTS0, COUNTSINF))


@functools.cache
def predictions(t: int) -> tuple[Tensor, Tensor]:
    """p(x_0 | x_t) of every state: (states, 2, N_a + 1) and (states, N_a, P + 1) float64, by the plain network."""
    states, shape, network = torch.tensor(STATES), layout(GROUP), model()
    group = GroupTensors.of(GROUP, shape.dof, shape.multiplicity)
    with torch.no_grad():
        h = encode(network, group, states[:, :2], states[:, None, 2:], t)
        zero = network.constrained_logits(h[:, group.constrained])
        inf = network.unconstrained_logits(h[:, group.unconstrained[0]])
    return zero.double().softmax(-1), inf.double().softmax(-1)


@functools.cache
def bayes(prior: Prior, constrained: bool, x_t: int, t: int, s: int) -> Tensor:
    """q(x_s | x_t, x_0) of one variable by products of K x K matrices: rows x_0, columns x_s, 0 if impossible."""
    both = noise(prior)
    m = (both.constrained if constrained else both.unconstrained).prior
    eye = torch.eye(len(m), dtype=torch.float64)

    def several(start: int, end: int) -> Tensor:
        matrix = eye
        for step in range(start + 1, end + 1):
            beta = betas(STEPS)[step]
            matrix = matrix @ ((1 - beta) * eye + beta * m.expand(len(m), len(m)))
        return matrix

    return (several(0, s) * several(s, t)[:, x_t] / several(0, t)[:, x_t, None]).nan_to_num(0.0)


def law_of_chain(
    prior: Prior, times: list[int], known: dict[int, int] | None = None, allowed: Tensor | None = None
) -> Tensor:
    """(states,) the law of the chain's end, by multiplying the transition matrices of whole states.

    ``known`` maps places in a state to their certain x_0, ``allowed`` (N_a + 1,) restricts constrained positions.
    """
    both = noise(prior)
    priors = [both.constrained.prior] * 2 + [both.unconstrained.prior] * ELEMENTS
    law = torch.stack([torch.stack([m[x] for m, x in zip(priors, state, strict=True)]).prod() for state in STATES])
    for t, s in pairwise(times):
        zero, inf = predictions(t)
        if allowed is not None:
            zero = zero * allowed
            zero = zero / zero.sum(-1, keepdim=True)
        new = torch.zeros_like(law)
        for number, state in enumerate(STATES):
            if law[number] == 0:
                continue
            joint = torch.ones(1, dtype=torch.float64)
            for place, x_t in enumerate(state):
                p_0 = zero[number, place] if place < 2 else inf[number, place - 2]
                if known and place in known:
                    p_0 = torch.eye(len(p_0), dtype=torch.float64)[known[place]]
                one = p_0 @ bayes(prior, place < 2, x_t, t, s)
                joint = torch.outer(joint, one / one.sum()).flatten()
            new += law[number] * joint
        law = new
    return law


def law_of_events(blocks: int, given: dict[int, int] | None = None, substeps: int = 1) -> Tensor:
    """(states,) the law of the jump process of the zeros prior, by exponentials of its matrix of rates.

    ``given`` maps places in a state to their certain x_0. One that is not 0 is filled at the rate 1/r, which is taken
    as constant, at its exact mean, in each of the ``substeps`` of a block.
    """
    given = given or {}
    abar = noise(Prior.ZEROS).constrained.alpha_bar
    law = torch.zeros(len(STATES), dtype=torch.float64)
    law[0] = 1
    for block in range(blocks):
        middle = 1 - (block + 0.5) / blocks
        tau = min(range(1, STEPS + 1), key=lambda t: abs(1 - abar[t] - middle))
        zero, inf = predictions(tau)
        for step in range(substeps):
            r = 1 - (block + step / substeps) / blocks
            length = 1 / blocks / substeps
            certain = math.log(r / (r - length)) / length if r - length > 1e-12 else 1e9
            rates = torch.zeros(len(STATES), len(STATES), dtype=torch.float64)
            for number, state in enumerate(STATES):
                for place in (place for place, x in enumerate(state) if x == 0):
                    p_0 = zero[number, place] if place < 2 else inf[number, place - 2]
                    for value in range(1, len(p_0)):
                        rate = p_0[value] / (1 - abar[tau])
                        if place in given:
                            rate = certain * (given[place] == value)
                        rates[number, STATES.index((*state[:place], value, *state[place + 1 :]))] += rate
            rates -= torch.diag(rates.sum(1))
            law = law @ torch.matrix_exp(rates * length)
    return law.clamp(min=0)


def state_of(record: Record) -> int:
    """The number of a material's state."""
    held = {(position, z): orbits for position, z, orbits in record.entries}
    constrained = [next((z for z in (1, 2) if (position, z) in held), 0) for position in (0, 1)]
    return STATES.index((*constrained, held.get((2, 1), 0), held.get((2, 2), 0)))


def chi_square(records: list[Record], law: Tensor) -> float:
    """Standard deviations by which Pearson's statistic exceeds its mean; infinite if the impossible happened."""
    observed = torch.bincount(torch.tensor([state_of(record) for record in records]), minlength=len(STATES)).double()
    if (observed[law < 1e-14] > 0).any():
        return float("inf")
    expected = law * len(records)
    rare = expected < 5
    observed = torch.cat([observed[~rare], observed[rare].sum()[None]])
    expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    filled = expected > 1e-9
    statistic = ((observed - expected)[filled] ** 2 / expected[filled]).sum().item()
    freedom = int(filled.sum()) - 1
    return (statistic - freedom) / (2 * max(freedom, 1)) ** 0.5
