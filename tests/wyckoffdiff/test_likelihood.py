"""The variational bound against brute force on a tiny state space: its exact value, and the law that it bounds."""

import functools
import math

import numpy as np
import pytest
import torch

from tests.wyckoffdiff.tiny_chain import ELEMENTS, GROUP, STATES, STEPS, bayes, law_of_chain, model, noise, predictions
from wyckoffdiff.data import Materials
from wyckoffdiff.objective import NoiseObjective
from wyckoffdiff.settings import Prior
from wyckoffdiff.transitions import alpha_bars

X_0 = (1, 0, 0, 2)  # H on a, two orbits of He on c
MATERIAL = Materials(
    spacegroup=np.array([GROUP], dtype=np.uint8),
    first=np.array([0, 2]),
    position=np.array([0, 2], dtype=np.uint8),
    element=np.array([1, 2], dtype=np.uint8),
    orbits=np.array([1, 2], dtype=np.uint16),
)


@functools.cache
def exact(prior: Prior) -> float:
    """sum_t E_q(x_t | x_0) sum over variables KL(q(x_s | x_t, x_0), p(x_s | x_t)), over all states x_t."""
    both, abar, total = noise(prior), alpha_bars(STEPS), 0.0
    priors = [both.constrained.prior] * 2 + [both.unconstrained.prior] * ELEMENTS
    for t in range(1, STEPS + 1):
        zero, inf = predictions(t)
        for number, state in enumerate(STATES):
            weight = math.prod(
                float(abar[t] * (x == x_0) + (1 - abar[t]) * m[x]) for x, x_0, m in zip(state, X_0, priors, strict=True)
            )
            if weight == 0:
                continue
            for place, (x_t, x_0) in enumerate(zip(state, X_0, strict=True)):
                backwards = bayes(prior, place < 2, x_t, t, t - 1)
                q = backwards[x_0]
                p = (zero[number, place] if place < 2 else inf[number, place - 2]) @ backwards
                p = p / p.sum()
                total += weight * float(torch.where(q > 0, q * (q.log() - p.log()), 0.0).sum())
    return total


@pytest.mark.parametrize("prior", list(Prior))
def test_its_estimates_average_to_the_exact_bound(prior: Prior) -> None:
    objective = NoiseObjective(model(), noise(prior))
    generator = torch.Generator().manual_seed(0)
    rows = np.zeros(50, dtype=np.int64)
    with torch.no_grad():
        means = torch.stack([objective.bounds(MATERIAL, rows, generator).mean() for _ in range(400)])
    assert abs(float(means.mean()) - exact(prior)) < 4 * float(means.std()) / len(means) ** 0.5


@pytest.mark.parametrize("prior", list(Prior))
def test_it_lies_above_the_cost_of_the_material_under_the_law_of_the_chain(prior: Prior) -> None:
    p = float(law_of_chain(prior, list(range(STEPS, -1, -1)))[STATES.index(X_0)])
    assert exact(prior) > -math.log(p)
