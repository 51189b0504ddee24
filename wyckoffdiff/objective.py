"""Training objectives: what one is, and the paper's, the cross-entropy of x_0 given x_t."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from wyckoffdiff.batches import Batch, Noise, make_batch, part
from wyckoffdiff.data import Materials
from wyckoffdiff.diffusion import Diffusion
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
    def bounds(self, materials: Materials, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Return unbiased estimates of the variational bound on -log p(x_0 | s): (B,) float64, nats a material.

        It compares models of different priors, objectives and networks, which the loss cannot. x_0 is the canonical
        lettering: a model that was trained on all equivalent ones divides its probability among them.
        """

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

    def bounds(self, materials: Materials, rows: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """Return T KL(q(x_s | x_t, x_0), p(x_s | x_t)), s = t - 1, summed over variables, at one random t (Eq. 2).

        t = 1 gives -log p(x_0 | x_1), and x_T has no cost, as abar_T = 0. t is drawn with the probability that a
        variable is touched between s and t, where the terms are largest, and the term weighted accordingly.
        """
        constrained = self.noise.constrained
        touched = constrained.alpha_bar[:-1] - constrained.alpha_bar[1:]
        t = int(torch.multinomial(touched, 1, generator=generator)) + 1
        clean = make_batch(materials, rows, self.network.settings.n_elements)
        times = torch.full((len(clean),), t)
        noisy = self.noise.apply(clean, times, generator)
        logits = self.network(noisy.positions, noisy.z0, noisy.zinf, times)
        total = torch.zeros(len(clean), dtype=torch.float64)
        positions = clean.positions
        for diffusion, given, x_0, x_t, place in (
            (constrained, logits[0], clean.z0, noisy.z0, positions.constrained),
            (self.noise.unconstrained, logits[1], clean.zinf, noisy.zinf, positions.unconstrained),
        ):
            costs = _divergence(diffusion, given.double().softmax(-1), x_0, x_t, t)
            total.index_add_(0, positions.material[place], costs.flatten(1).sum(1) if costs.dim() > 1 else costs)
        return total * float(touched.sum() / touched[t - 1])

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


def _divergence(diffusion: Diffusion, p_0: Tensor, x_0: Tensor, x_t: Tensor, t: int) -> Tensor:
    """KL(q(x_s | x_t, x_0), p(x_s | x_t)) for s = t - 1 of variables (...), with the model's p_0 (..., K)."""
    p_0, certain = p_0.flatten(0, -2), functional.one_hot(x_0.flatten(), diffusion.n_states).double()
    q, p = (diffusion.posterior(known, x_t.flatten(), t, t - 1) for known in (certain, p_0))
    return torch.where(q > 0, q * (q.log() - p.log()), 0.0).sum(1).view(x_0.shape)


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
