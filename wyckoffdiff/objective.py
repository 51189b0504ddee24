"""Training objectives: what one is, and the paper's, the cross-entropy of x_0 given x_t."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wyckoffdiff.batches import Batch, Noise, make_batch, part
from wyckoffdiff.data import Materials
from wyckoffdiff.model import WyckoffGNN

Drawn = TypeVar("Drawn")


class Objective(nn.Module, ABC, Generic[Drawn]):
    """What a network is trained to make small: the mean over materials of a loss in nats.

    Calling it with what `draw` returned gives the sum of the losses of these materials, differentiable.
    """

    @abstractmethod
    def draw(
        self,
        materials: Materials,
        rows: NDArray[np.int64],
        generator: torch.Generator,
        relettering: np.random.Generator | None = None,
    ) -> Drawn:
        """Draw a batch of materials on the CPU, noise included; all randomness is in the two generators."""

    @abstractmethod
    def share(self, drawn: Drawn, rank: int, processes: int, device: torch.device) -> Drawn:
        """Return every ``processes``-th material of a batch from number ``rank`` on, on a device."""


@dataclass(frozen=True, slots=True, eq=False)
class Noised:
    """Materials x_0, the same at times t (B,), x_t."""

    clean: Batch
    noisy: Batch
    t: Tensor


class NoiseObjective(Objective[Noised]):
    """The paper's: cross-entropy of x_0 given x_t, t uniform, every variable of a material counting alike.

    Per material (sum over constrained + sum over unconstrained x elements) / (n0 + N_a * ninf), in nats a variable, as
    in the released code; the objective is the mean over the batch.
    """

    def __init__(self, network: WyckoffGNN, noise: Noise) -> None:
        super().__init__()
        self.network, self.noise = network, noise

    def draw(
        self,
        materials: Materials,
        rows: NDArray[np.int64],
        generator: torch.Generator,
        relettering: np.random.Generator | None = None,
    ) -> Noised:
        clean = make_batch(materials, rows, self.network.settings.n_elements, relettering)
        t = self.noise.times(clean, generator)
        return Noised(clean, self.noise.apply(clean, t, generator), t)

    def share(self, drawn: Noised, rank: int, processes: int, device: torch.device) -> Noised:
        clean, chosen = part(drawn.clean, rank, processes)
        noisy, _ = part(drawn.noisy, rank, processes)
        return Noised(clean.to(device), noisy.to(device), drawn.t[chosen].to(device))

    def forward(self, drawn: Noised) -> Tensor:
        noisy = drawn.noisy
        return loss_sum(self.network(noisy.positions, noisy.z0, noisy.zinf, drawn.t), drawn.clean)


def loss_sum(logits: tuple[Tensor, Tensor], clean: Batch) -> Tensor:
    """Return the sum over materials of the mean cross-entropy of their variables, a differentiable scalar."""
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
