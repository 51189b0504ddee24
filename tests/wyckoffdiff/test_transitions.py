"""The schedule and the priors, against the paper's definitions."""

import math

import pytest
import torch

from wyckoffdiff.settings import Prior
from wyckoffdiff.transitions import MAX_BETA, alpha_bars, betas, prior_vector


def test_the_schedule_is_the_papers_cosine_without_a_square() -> None:
    abar = alpha_bars(1000)
    assert abar.shape == (1001,)
    assert abar.dtype == torch.float64
    for t in (0, 1, 250, 500, 999):
        cosine = math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)
        assert abar[t].item() == pytest.approx(cosine, rel=1e-12)


def test_the_first_step_has_the_noise_that_the_released_sampler_leaves() -> None:
    assert betas(1000)[1].item() == pytest.approx(2.06e-5, rel=0.01)  # hand: 1 - c(1)/c(0)


def test_the_last_step_is_cut_so_that_nothing_is_divided_by_zero() -> None:
    beta = betas(1000)
    assert beta[0] == 0
    assert beta[-1] == MAX_BETA
    assert (beta[1:] > 0).all()
    assert alpha_bars(1000)[-1] > 0


@pytest.mark.parametrize("timesteps", [1, 2, 10, 1000, 4000])
def test_alpha_bar_falls_strictly_from_one(timesteps: int) -> None:
    abar = alpha_bars(timesteps)
    assert abar[0] == 1
    assert (abar[1:] < abar[:-1]).all()
    assert abar[-1] < 0.02


def test_priors_are_the_three_of_the_paper() -> None:
    counts = torch.tensor([6, 0, 2])
    assert prior_vector("uniform", 3).tolist() == pytest.approx([1 / 3] * 3)
    assert prior_vector("zeros", 3).tolist() == [1, 0, 0]
    assert prior_vector(Prior.MARGINAL, 3, counts).tolist() == [0.75, 0, 0.25]


@pytest.mark.parametrize("counts", [None, torch.ones(4), torch.tensor([1.0, -1.0, 1.0]), torch.zeros(3)])
def test_a_marginal_prior_without_usable_counts_is_refused(counts: torch.Tensor | None) -> None:
    with pytest.raises(ValueError, match="marginal prior"):
        prior_vector("marginal", 3, counts)


def test_a_diffusion_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        betas(0)
