"""Forward noise and backward steps of one kind of categorical variable, in closed form and float64.

Notation (paper, Section 3.3): ``x_t`` is the value at time t, ``K`` the number of values, ``m`` the prior,
``abar_t`` the probability to be untouched up to time t. For times ``s < t`` the noise between them is of the same
form with ``r = abar_t / abar_s``. With ``b = x_t``::

    q(x_t=b | x_s=a) = L_a = r [a=b] + (1 - r) m_b
    q(x_t=b | x_0=k) = D_k = abar_t [k=b] + (1 - abar_t) m_b
    q(x_s=a | x_0=k)       = abar_s [k=a] + (1 - abar_s) m_a

so that Eq. 6, for any s < t and not only s = t-1, costs O(K) instead of O(K^2)::

    p(x_s=a | x_t=b) = sum_k p(x_0=k) q(x_s=a | x_t=b, x_0=k) = L_a [ abar_s w_a + (1 - abar_s) m_a sum_k w_k ]
    w_k = p(x_0=k) / D_k, or 0 where D_k = 0: such an x_0 cannot have led to b

**Lazy thinning.** Whatever the network says, the variable stays at b with probability at least::

    rho_b = min_k q(x_s=b | x_t=b, x_0=k) = L_b (1 - abar_s) / (1 - abar_t),  or 1 where m_b = 0

(``m_b = 0`` leaves x_0 = b as the only cause). So a number u is drawn first, and the network is needed only where
u >= rho_b; there the value follows ``(p - rho_b [a=b]) / (1 - rho_b)``, and the law of x_s is exactly p.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from wyckoffdiff.settings import Prior
from wyckoffdiff.transitions import alpha_bars, prior_vector


class ImpossibleStateError(ValueError):
    """A value at time t that no x_0 of non-zero probability can have led to: a fault of the model or a constraint."""


@dataclass(frozen=True, eq=False)
class Diffusion:
    """The noise of one kind of variable.

    Attributes
    ----------
    alpha_bar
        (T+1,) float64, decreasing from 1.
    prior
        (K,) float64, ``m``.
    """

    alpha_bar: Tensor
    prior: Tensor

    @classmethod
    def of(cls, prior: Prior | str, n_states: int, timesteps: int, counts: Tensor | None = None) -> "Diffusion":
        """Build from the names in the paper; see `wyckoffdiff.transitions`."""
        return cls(alpha_bars(timesteps), prior_vector(prior, n_states, counts))

    @property
    def timesteps(self) -> int:
        return len(self.alpha_bar) - 1

    @property
    def n_states(self) -> int:
        return len(self.prior)

    @cached_property
    def _cumulative_prior(self) -> Tensor:
        return torch.cumsum(self.prior, dim=0)

    @cached_property
    def _only_prior_state(self) -> int | None:
        states = torch.nonzero(self.prior).flatten().tolist()
        return int(states[0]) if len(states) == 1 else None

    @property
    def only_erases(self) -> bool:
        """Whether noise does nothing but set to 0: the zeros prior."""
        return self._only_prior_state == 0

    def draw_prior(self, shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        """Draw independent values from ``m``: int64 of the given shape, on the CPU."""
        if self._only_prior_state is not None:
            return torch.full(shape, self._only_prior_state, dtype=torch.int64)
        return _invert(self._cumulative_prior, torch.rand(shape, dtype=torch.float64, generator=generator))

    def noise(self, x_0: Tensor, t: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw x_t given x_0 (Eq. 5): each value is kept with probability abar_t, else drawn from the prior.

        Parameters
        ----------
        x_0
            Integers of any shape (B, ...), on the CPU.
        t
            (B,) int64, time of each row, 0..T.
        """
        keep = self.alpha_bar[t].reshape(-1, *[1] * (x_0.dim() - 1))
        touched = torch.rand(x_0.shape, dtype=torch.float64, generator=generator) >= keep
        x_t = x_0.clone()
        x_t[touched] = self.draw_prior((int(touched.sum()),), generator).to(x_0.dtype)
        return x_t

    def posterior(self, p_0: Tensor, x_t: Tensor, t: int, s: int) -> Tensor:
        """Return p(x_s | x_t) of Eq. 6 for any s < t.

        Parameters
        ----------
        p_0
            (N, K) float64, the model's p(x_0 | x_t).
        x_t
            (N,) int64.
        t, s
            Times, 0 <= s < t <= T.

        Returns
        -------
        (N, K) float64, rows sum to 1.

        Raises
        ------
        ImpossibleStateError
            If no x_0 of non-zero probability can have led to some x_t.
        """
        p, _ = self._unnormalised(p_0, x_t, t, s)
        return _normalised(p, x_t, t)

    def stay(self, t: int, s: int) -> Tensor:
        """Return rho: (K,) float64, the least probability to be in the same state at s as at t, for each state."""
        a_s, a_t = self.alpha_bar[s], self.alpha_bar[t]
        rho = self._same(t, s) * (1 - a_s) / (1 - a_t)
        return torch.where(self.prior > 0, rho, 1.0)

    def residual(self, p_0: Tensor, x_t: Tensor, t: int, s: int) -> Tensor:
        """Return the law of x_s where the variable was not made to stay by `stay`; as `posterior` otherwise.

        The row of a state whose `stay` is 1 has no meaning and raises.
        """
        p, rows = self._unnormalised(p_0, x_t, t, s)
        # Without cancellation: staying beyond rho needs x_0 = b, every other x_0 gives exactly rho.
        a_s, a_t = self.alpha_bar[s], self.alpha_bar[t]
        m_b = self.prior[x_t]
        if_same = self._same(t, s) * (a_s + (1 - a_s) * self.prior) / (a_t + (1 - a_t) * self.prior)
        p[rows, x_t] = torch.where(m_b > 0, p_0[rows, x_t] * (if_same - self.stay(t, s))[x_t], 0.0)
        return _normalised(p, x_t, t)

    def _same(self, t: int, s: int) -> Tensor:
        """L_b for a = b: (K,)."""
        r = self.alpha_bar[t] / self.alpha_bar[s]
        return r + (1 - r) * self.prior

    def _unnormalised(self, p_0: Tensor, x_t: Tensor, t: int, s: int) -> tuple[Tensor, Tensor]:
        if not 0 <= s < t <= self.timesteps:
            raise ValueError(f"times must be 0 <= s < t <= {self.timesteps}, got s={s}, t={t}")
        a_s, a_t = self.alpha_bar[s], self.alpha_bar[t]
        r = a_t / a_s
        rows = torch.arange(len(x_t))
        m_b = self.prior[x_t]
        other = (1 - a_t) * m_b  # D_k for k != b
        w = torch.where(other[:, None] > 0, p_0 / other[:, None], 0.0)
        w[rows, x_t] = p_0[rows, x_t] / (a_t + other)
        p = a_s * w + (1 - a_s) * w.sum(dim=1, keepdim=True) * self.prior
        same = p[rows, x_t] * (r + (1 - r) * m_b)
        p *= ((1 - r) * m_b)[:, None]
        p[rows, x_t] = same
        return p, rows


def _normalised(p: Tensor, x_t: Tensor, t: int) -> Tensor:
    total = p.sum(dim=1, keepdim=True)
    bad = ~(total > 0).flatten()  # also NaN
    if bad.any():
        row = int(torch.nonzero(bad)[0])
        raise ImpossibleStateError(
            f"{int(bad.sum())} of {len(p)} variables have no possible x_0; the first is in state {int(x_t[row])} at "
            f"time {t}: the model's probabilities are not finite, or a constraint excludes every cause of this state"
        )
    return p / total


def _invert(cumulative: Tensor, u: Tensor) -> Tensor:
    """Inverse distribution function of one law for uniform numbers of any shape: never a state of probability 0."""
    place = torch.searchsorted(cumulative, u * cumulative[-1], right=True)
    last = int(torch.nonzero(cumulative < cumulative[-1]).numel())  # u * total can round up to the total
    return place.clamp_(max=last)


def draw(p: Tensor, u: Tensor) -> Tensor:
    """Draw one value per row by the inverse distribution function.

    Parameters
    ----------
    p
        (N, K) float64, non-negative, each row with a positive sum; need not be normalised.
    u
        (N,) float64, independent uniform numbers in [0, 1).

    Returns
    -------
    (N,) int64, never a value of probability 0.
    """
    cumulative = torch.cumsum(p, dim=1)
    total = cumulative[:, -1:]
    place = torch.searchsorted(cumulative, u[:, None] * total, right=True)
    last = (cumulative < total).sum(dim=1, keepdim=True)  # u * total can round up to the total
    return torch.minimum(place, last).flatten()
