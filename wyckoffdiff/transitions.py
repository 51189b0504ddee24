"""Noise schedule and priors of the categorical diffusion (WyckoffDiff paper, Eqs. 5 and 8, App. A.2).

One step of noise is ``Q_t = (1 - beta_t) I + beta_t 1 m^T``: a variable keeps its value, or is drawn anew from the
prior ``m`` (Section 3.5). ``t`` steps together are ``Q_bar_t = abar_t I + (1 - abar_t) 1 m^T`` with ``abar_t`` the
product of ``1 - beta``, so no K x K matrix is ever built. Times run from 0 (clean) to T (prior).
"""

import math

import torch
from torch import Tensor

from wyckoffdiff.settings import Prior

MAX_BETA = 0.999
"""The largest noise of one step (paper, App. A.2): the last one, where the cosine ends at zero, is cut to it."""


def betas(timesteps: int) -> Tensor:
    """Return the noise of each step: (T+1,) float64, entry t for the step from t-1 to t, entry 0 is 0.

    ``beta_t = min(1 - c(t) / c(t-1), 0.999)`` with ``c(t) = cos((t/T + 0.008) / 1.008 * pi/2)``. The cosine is not
    squared, as in the authors' released code.

    Raises
    ------
    ValueError
        If there is no step.
    """
    if timesteps < 1:
        raise ValueError(f"a diffusion has at least one step, not {timesteps}")
    time = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
    cosine = torch.cos((time + 0.008) / 1.008 * math.pi / 2)
    beta = (1 - cosine[1:] / cosine[:-1]).clamp(max=MAX_BETA)
    return torch.cat((torch.zeros(1, dtype=torch.float64), beta))


def alpha_bars(timesteps: int) -> Tensor:
    """Return the probability to be untouched by noise up to time t: (T+1,) float64, 1 at t = 0."""
    return torch.cumprod(1 - betas(timesteps), dim=0)


def prior_vector(prior: Prior | str, n_states: int, counts: Tensor | None = None) -> Tensor:
    """Return ``m``: (K,) float64, summing to 1.

    Parameters
    ----------
    prior
        Which one.
    n_states
        K, the number of values of the variable: 0..N_a or 0..P.
    counts
        For ``marginal``: (K,) how often each value occurs in the training set, over all variables of this kind
        (constrained positions; unconstrained position and element).

    Raises
    ------
    ValueError
        If ``marginal`` is given no counts, or they are negative, all zero or not K of them.
    """
    prior = Prior(prior)
    if prior is Prior.UNIFORM:
        return torch.full((n_states,), 1 / n_states, dtype=torch.float64)
    if prior is Prior.ZEROS:
        vector = torch.zeros(n_states, dtype=torch.float64)
        vector[0] = 1
        return vector
    if counts is None or counts.shape != (n_states,):
        given = "none" if counts is None else tuple(counts.shape)
        raise ValueError(f"the marginal prior needs counts of shape ({n_states},), got {given}")
    counts = counts.to(torch.float64)
    if not (counts >= 0).all() or not counts.sum() > 0:
        raise ValueError("the counts of the marginal prior must be non-negative and not all zero")
    return counts / counts.sum()
