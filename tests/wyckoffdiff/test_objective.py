"""The objective is the mean over materials of the mean cross-entropy over a material's variables."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.wyckoffdiff.tiny import MODEL, dataset
from wyckoffdiff.batches import Batch, make_batch
from wyckoffdiff.data import Materials
from wyckoffdiff.objective import loss_sum


@pytest.fixture(scope="module")
def batch() -> Batch:
    materials = Materials.of_labels(dataset().train.labels, MODEL.n_elements, MODEL.max_orbits)
    return make_batch(materials, np.arange(12), MODEL.n_elements)


def logits(batch: Batch) -> tuple[Tensor, Tensor]:
    seeded = torch.Generator().manual_seed(0)
    first = torch.randn(len(batch.z0), MODEL.n_elements + 1, generator=seeded, dtype=torch.float64)
    shape = (*batch.zinf.shape, MODEL.max_orbits + 1)
    return first.requires_grad_(), torch.randn(shape, generator=seeded, dtype=torch.float64).requires_grad_()


def by_hand(given: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    losses = []
    positions = batch.positions
    for number in range(len(batch)):
        own = positions.material == number
        own0, owninf = own[positions.constrained], own[positions.unconstrained]
        total = functional.cross_entropy(given[0][own0], batch.z0[own0], reduction="sum")
        total = total + functional.cross_entropy(
            given[1][owninf].flatten(0, 1), batch.zinf[owninf].flatten(), reduction="sum"
        )
        losses.append(total / (own0.sum() + MODEL.n_elements * owninf.sum()))
    return torch.stack(losses)


def test_the_loss_is_the_sum_of_the_mean_cross_entropies_of_materials(batch: Batch) -> None:
    given = logits(batch)
    torch.testing.assert_close(loss_sum(given, batch), by_hand(given, batch).sum().float())


def test_its_gradient_is_that_of_the_formula(batch: Batch) -> None:
    given, same = logits(batch), logits(batch)
    (loss_sum(given, batch) / 12).backward()
    by_hand(same, batch).mean().backward()
    for a, b in zip(given, same, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-9)


def test_uniform_logits_cost_the_logarithms_of_the_numbers_of_states(batch: Batch) -> None:
    flat = tuple(torch.zeros_like(x) for x in logits(batch))
    n0 = torch.bincount(batch.positions.material[batch.positions.constrained], minlength=len(batch))
    ninf = torch.bincount(batch.positions.material[batch.positions.unconstrained], minlength=len(batch))
    n_a, p = MODEL.n_elements, MODEL.max_orbits
    expected = (n0 * np.log(n_a + 1) + n_a * ninf * np.log(p + 1)) / (n0 + n_a * ninf)
    torch.testing.assert_close(loss_sum(flat, batch), expected.sum().float())


def test_large_logits_do_not_overflow(batch: Batch) -> None:
    huge = tuple((x.detach() * 1e4).float() for x in logits(batch))
    assert loss_sum(huge, batch).isfinite().all()
