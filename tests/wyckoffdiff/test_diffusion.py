"""The closed forms against K x K matrices multiplied out in float64."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wyckoffdiff.diffusion import Diffusion, ImpossibleStateError, draw
from wyckoffdiff.settings import Prior
from wyckoffdiff.transitions import betas

K = 5
T = 12
COUNTS = torch.tensor([70, 20, 0, 9, 1])
PRIORS = list(Prior)


def diffusion(prior: Prior) -> Diffusion:
    return Diffusion.of(prior, K, T, COUNTS)


def step_matrix(d: Diffusion, t: int) -> Tensor:
    """Q_t, rows x_{t-1}, columns x_t (Eq. 5)."""
    beta = betas(T)[t]
    return (1 - beta) * torch.eye(K, dtype=torch.float64) + beta * d.prior.expand(K, K)


def between(d: Diffusion, s: int, t: int) -> Tensor:
    """q(x_t | x_s) by multiplication."""
    product = torch.eye(K, dtype=torch.float64)
    for step in range(s + 1, t + 1):
        product = product @ step_matrix(d, step)
    return product


def brute_posterior(d: Diffusion, t: int, s: int, x_t: int) -> Tensor:
    """q(x_s=a | x_t, x_0=k) as rows k; NaN where x_0=k cannot have led to x_t."""
    early, late, whole = between(d, 0, s), between(d, s, t), between(d, 0, t)
    return early * late[:, x_t] / whole[:, x_t, None]


def probabilities(n: int, seed: int = 0) -> Tensor:
    return torch.rand((n, K), dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


@pytest.mark.parametrize("prior", PRIORS)
def test_all_noise_together_is_the_product_of_the_steps(prior: Prior) -> None:
    d = diffusion(prior)
    for t in range(T + 1):
        closed = d.alpha_bar[t] * torch.eye(K, dtype=torch.float64) + (1 - d.alpha_bar[t]) * d.prior.expand(K, K)
        torch.testing.assert_close(closed, between(d, 0, t), rtol=0, atol=1e-14)


times = st.integers(0, T - 1).flatmap(lambda s: st.tuples(st.integers(s + 1, T), st.just(s)))


@given(st.sampled_from(PRIORS), times, st.integers(0, K - 1), st.integers(0, 1000))
def test_the_posterior_is_bayes_rule_over_all_x_0(prior: Prior, ts: tuple[int, int], b: int, seed: int) -> None:
    (t, s), d = ts, diffusion(prior)
    p_0 = probabilities(1, seed)
    brute = (p_0[0, :, None] * brute_posterior(d, t, s, b)).nan_to_num(0.0).sum(dim=0)
    torch.testing.assert_close(d.posterior(p_0, torch.tensor([b]), t, s)[0], brute / brute.sum(), rtol=0, atol=1e-12)


@given(st.sampled_from(PRIORS), times)
def test_the_stay_probability_is_the_least_over_all_x_0(prior: Prior, ts: tuple[int, int]) -> None:
    (t, s), d = ts, diffusion(prior)
    least = torch.stack([brute_posterior(d, t, s, b)[:, b].nan_to_num(1.0).min() for b in range(K)])
    torch.testing.assert_close(d.stay(t, s), least, rtol=0, atol=1e-12)


@given(st.sampled_from(PRIORS), times, st.integers(0, 1000))
def test_staying_and_the_residual_law_together_are_the_posterior(prior: Prior, ts: tuple[int, int], seed: int) -> None:
    (t, s), d = ts, diffusion(prior)
    states = torch.nonzero(d.stay(t, s) < 1).flatten()
    p_0, rho = probabilities(len(states), seed), d.stay(t, s)[states]
    mixed = (1 - rho)[:, None] * d.residual(p_0, states, t, s)
    mixed[torch.arange(len(states)), states] += rho
    torch.testing.assert_close(mixed, d.posterior(p_0, states, t, s), rtol=0, atol=1e-12)


def test_with_the_zeros_prior_an_atom_never_leaves_and_the_residual_law_is_the_models() -> None:
    d = diffusion(Prior.ZEROS)
    assert d.stay(7, 6)[1:].tolist() == [1.0] * (K - 1)
    p_0 = probabilities(3)
    torch.testing.assert_close(d.residual(p_0, torch.zeros(3, dtype=torch.int64), 7, 6), p_0)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_step_to_time_zero_draws_the_models_x_0(prior: Prior) -> None:
    d = diffusion(prior)
    p_0 = probabilities(2)
    torch.testing.assert_close(d.posterior(p_0, torch.tensor([0, 1]), 1, 0)[0], brute_last(d, p_0[0], 0))


def brute_last(d: Diffusion, p_0: Tensor, b: int) -> Tensor:
    possible = p_0 * (between(d, 0, 1)[:, b] > 0)
    return possible / possible.sum()


def test_certainty_of_the_model_is_certainty_of_the_posterior_where_noise_is_small() -> None:
    p_0 = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    posterior = diffusion(Prior.UNIFORM).posterior(p_0, torch.tensor([0]), 1, 0)
    assert posterior[0].tolist() == [0, 1, 0, 0, 0]


def test_a_state_without_a_possible_cause_is_an_error_and_not_a_uniform_draw() -> None:
    certain = torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]], dtype=torch.float64)
    with pytest.raises(ImpossibleStateError, match="state 3 at time 7"):
        diffusion(Prior.ZEROS).posterior(certain, torch.tensor([3]), 7, 6)
    with pytest.raises(ImpossibleStateError, match="not finite"):
        diffusion(Prior.UNIFORM).posterior(torch.full((1, K), torch.nan, dtype=torch.float64), torch.tensor([0]), 7, 6)


@pytest.mark.parametrize(("t", "s"), [(3, 3), (2, 5), (T + 1, 0), (1, -1)])
def test_times_in_the_wrong_order_are_refused(t: int, s: int) -> None:
    with pytest.raises(ValueError, match="times must be"):
        diffusion(Prior.UNIFORM).posterior(probabilities(1), torch.tensor([0]), t, s)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("t", [0, 1, 6, T])
def test_noised_values_follow_the_closed_form(prior: Prior, t: int) -> None:
    d, n = diffusion(prior), 40_000
    x_0 = torch.full((n, 1), 3)
    x_t = d.noise(x_0, torch.full((n,), t), torch.Generator().manual_seed(5))
    assert_frequencies(x_t.flatten(), between(d, 0, t)[3])


def test_noise_takes_one_time_per_row() -> None:
    d = diffusion(Prior.ZEROS)
    x_0 = torch.full((2, 500, 3), 4)
    x_t = d.noise(x_0, torch.tensor([0, T]), torch.Generator().manual_seed(0))
    assert (x_t[0] == 4).all()
    assert (x_t[1] == 0).float().mean() > 0.95
    assert (x_0 == 4).all()  # the clean data are not touched


def test_draws_follow_the_given_law_and_never_take_what_is_impossible() -> None:
    p = torch.tensor([0.0, 2.0, 0.0, 6.0, 0.0], dtype=torch.float64)
    u = torch.rand(40_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert_frequencies(draw(p.expand(40_000, K), u), p / p.sum())
    edges = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert draw(p.expand(2, K), edges).tolist() == [1, 3]


def assert_frequencies(x: Tensor, p: Tensor) -> None:
    """Chi-square at five standard deviations; a state of probability 0 must not occur."""
    observed = torch.bincount(x, minlength=K).double()
    assert (observed[p < 1e-15] == 0).all()
    expected = (p * len(x))[p >= 1e-15]
    chi2 = ((observed[p >= 1e-15] - expected) ** 2 / expected).sum().item()
    freedom = len(expected) - 1
    assert chi2 <= freedom + 5 * (2 * max(freedom, 1)) ** 0.5
