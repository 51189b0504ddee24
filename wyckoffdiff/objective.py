"""The training objective: cross-entropy of x_0 given x_t, every variable of a material counting alike."""

from typing import Any

import torch
from torch import Tensor

from wyckoffdiff.batches import Batch


def material_losses(logits: tuple[Tensor, Tensor], clean: Batch) -> Tensor:
    """Return the mean cross-entropy of the variables of each material: (B,) float32.

    Per material (sum over constrained + sum over unconstrained x elements) / (n0 + N_a * ninf), in nats, as in the
    released code; the objective is the mean over the batch. Not differentiable: see `loss_sum`.
    """
    batch, positions = clean, clean.positions
    first = _cross_entropy(logits[0].detach().float(), batch.z0)[0]
    second = _cross_entropy(logits[1].detach().float(), batch.zinf)[0].sum(1)
    sums = torch.zeros(len(batch), device=first.device)
    sums.index_add_(0, positions.material[positions.constrained], first)
    sums.index_add_(0, positions.material[positions.unconstrained], second)
    return sums / batch.variables


def loss_sum(logits: tuple[Tensor, Tensor], clean: Batch) -> Tensor:
    """Return the sum of `material_losses` as a differentiable scalar."""
    positions = clean.positions
    weight = 1 / clean.variables.float()
    own = weight[positions.material[positions.constrained]]
    every = weight[positions.material[positions.unconstrained]]
    first: Tensor = _WeightedCrossEntropy.apply(logits[0], clean.z0, own)  # type: ignore[no-untyped-call]
    second: Tensor = _WeightedCrossEntropy.apply(logits[1], clean.zinf, every[:, None])  # type: ignore[no-untyped-call]
    return first + second


def _cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropies (...) of logits (..., K), and the probabilities (..., K)."""
    shifted = logits - logits.amax(-1, keepdim=True)
    picked = shifted.gather(-1, target[..., None])[..., 0]
    p = shifted.exp_()
    total = p.sum(-1)
    p /= total[..., None]
    return total.log() - picked, p


class _WeightedCrossEntropy(torch.autograd.Function):
    """sum_r weight_r CE(logits_r, target_r), with one array of the size of the logits kept instead of three.

    Most of a step's outputs are the (Minf, N_a, P + 1) logits of which nearly every target is 0.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        losses, p = _cross_entropy(logits.float(), target)
        ctx.save_for_backward(p, target, weight)
        ctx.dtype = logits.dtype
        return (losses * weight).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        p, target, weight = ctx.saved_tensors
        index = target[..., None]
        gradient = p.scatter(-1, index, p.gather(-1, index) - 1)  # a second backward pass may need p
        gradient *= (grads[0] * weight)[..., None]
        return gradient.to(ctx.dtype), None, None
