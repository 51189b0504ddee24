"""The Fréchet distance of two sets of embeddings, its value corrected for the number of samples, and its interval.

The squared 2-Wasserstein distance of Gaussians with the samples' means and covariances (Dowson & Landau 1982),
``|mu_x - mu_y|^2 + tr S_x + tr S_y - 2 tr (S_x S_y)^(1/2)``, computed without a matrix square root: with
``S = R^T R`` from a QR decomposition of the centred rows, ``tr (S_x S_y)^(1/2)`` is the nuclear norm of ``R_x R_y^T``.
So it is real and not negative, exact for covariances without full rank, and zero of a set with itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = 100
SPLITS = 20
REPLICATES = 200
CHANCES = 100
NEGLIGIBLE = 1e-3  # share of the variance
CHUNK = 25  # covariances made at once: 13 MB at 256 dimensions

Array = NDArray[np.float64]
Weights = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Mean and covariance of n rows.

    Attributes
    ----------
    mean
        (d,) float64.
    root
        (min(n, d), d) float64; ``root.T @ root`` is the unbiased covariance.
    """

    n: int
    mean: Array
    root: Array

    @property
    def rank(self) -> int:
        """Dimensions that the rows span beyond the rounding of float32: 1e-7 of the largest."""
        scales = np.linalg.svd(self.root, compute_uv=False)
        return int((scales > 1e-6 * scales.max(initial=0.0)).sum())


def fit(rows: NDArray[np.floating]) -> Gaussian:
    """Return the Gaussian of rows (n, d), in float64; raises `ValueError` for fewer than two."""
    if len(rows) < 2:
        raise ValueError(f"a covariance needs at least two rows, got {len(rows)}")
    exact = np.asarray(rows, np.float64)
    mean = exact.mean(axis=0)
    return Gaussian(len(rows), mean, np.linalg.qr(exact - mean, mode="r") / np.sqrt(len(rows) - 1))


def distance(x: Gaussian, y: Gaussian) -> float:
    """Return the squared Fréchet distance, in the square of the embedding's unit."""
    shift = float(((x.mean - y.mean) ** 2).sum())
    common = float(np.linalg.svd(x.root @ y.root.T, compute_uv=False).sum())
    return max(0.0, shift + float((x.root**2).sum()) + float((y.root**2).sum()) - 2 * common)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A distance with the bias of order 1/n taken out, and its 95 % interval.

    The value may be a little below zero, as what is unbiased must be where there is no difference. The interval is then
    that around zero: no true distance is below it, and an interval that held none at all would say nothing.
    """

    value: float
    interval: tuple[float, float]


def corrected(x: NDArray[np.floating], y: NDArray[np.floating], seed: int) -> Corrected:
    """Return ``2 FD(n) - mean FD(n/2)`` and a bootstrap interval around it, pivotal on the scale of the square root.

    The distance of finite samples is too large by about c/n with c unknown (Chong & Forsyth 2020, arXiv:1911.07023):
    half the samples are too large by twice as much, which gives c. Halves are the two parts of `SPLITS` random
    splits. The bootstrap draws `GROUPS` random groups of rows with replacement, `REPLICATES` times (groups instead of
    rows make a replicate cost no pass over them). Its own bias is of the same size again, so the interval does not
    lie where its distances do: it reaches as far from the value as they reach from their mean, mirrored. What is
    mirrored are square roots: samples with few rows of extreme embedding give both a small distance and a small
    spread of it, so that on the scale of the distance itself too many intervals end below the truth. Of 400 intervals
    of 1,000 samples from populations of embeddings whose distance is known, 382 held it: 199 of 200 where there is next
    to no difference (they are up to twice too wide there), 183 of 200 where there is a large one.

    Parameters
    ----------
    x, y
        (n, d) and (m, d) rows, in an order that carries no meaning; at least four rows each.
    """
    random = np.random.default_rng(seed)
    sets = _centred(x, y, random)
    value = _extrapolated(sets, random)
    drawn = [
        random.multinomial(moments.groups, np.full(moments.groups, 1 / moments.groups), size=REPLICATES)
        for moments in sets
    ]
    spread = _distances(_leading(sets), drawn)
    middle = spread.mean()
    roots = 2 * np.sqrt(middle) - np.sqrt(np.quantile(spread.clip(min=0.0), (0.975, 0.025)))
    low, high = (max(value, 0.0) + roots.clip(min=0.0) ** 2 - middle).clip(min=0.0).tolist()
    return Corrected(value, (low, high))


def extrapolated(x: NDArray[np.floating], y: NDArray[np.floating], seed: int) -> float:
    """Return the value of `corrected` alone, at a fifth of the cost."""
    random = np.random.default_rng(seed)
    return _extrapolated(_centred(x, y, random), random)


def _centred(x: NDArray[np.floating], y: NDArray[np.floating], random: np.random.Generator) -> list["_Moments"]:
    centre = np.asarray(y, np.float64).mean(axis=0)
    rows = _narrow(np.concatenate((x, y)).astype(np.float64) - centre)
    return [_Moments.of(part, random) for part in (rows[: len(x)], rows[len(x) :])]


def _narrow(rows: Array) -> Array:
    """Return rows that are fewer than dimensions in the coordinates of the axes that they span: distances stay."""
    return rows @ np.linalg.qr(rows.T)[0] if len(rows) < rows.shape[1] else rows


def _leading(sets: list["_Moments"]) -> list["_Moments"]:
    """Return the moments on the principal axes that hold all variance but `NEGLIGIBLE`: for spreads, not for values."""
    both = [moments.gaussians(np.ones((1, moments.groups), np.int64))[1][0] for moments in sets]
    scales, axes = np.linalg.eigh(both[0] + both[1])
    held = np.cumsum(scales.clip(min=0.0)) > NEGLIGIBLE * scales.clip(min=0.0).sum()
    return [moments.turned(axes[:, held]) for moments in sets] if held.any() else sets


def _extrapolated(sets: list["_Moments"], random: np.random.Generator) -> float:
    whole = _distances(sets, [np.ones((1, moments.groups), np.int64) for moments in sets])[0]
    firsts = [np.stack([_half(moments.groups, random) for _ in range(SPLITS)]) for moments in sets]
    return float(2 * whole - _distances(sets, [np.concatenate((first, 1 - first)) for first in firsts]).mean())


def chance(rows: NDArray[np.floating], seed: int) -> tuple[float, float]:
    """Return what two halves of one set are apart: mean and 95 % quantile over `CHANCES` random splits.

    Parameters
    ----------
    rows
        (2 n, d) rows, at least eight: what is found is that of n rows against n others.
    """
    random = np.random.default_rng(seed)
    exact = np.asarray(rows, np.float64)
    moments = _Moments.of(_narrow(exact - exact.mean(axis=0)), random)
    first = np.stack([_half(moments.groups, random) for _ in range(CHANCES)])
    found = _distances([moments, moments], [first, 1 - first]).clip(min=0.0)
    return float(found.mean()), float(np.quantile(found, 0.95))


def _half(groups: int, random: np.random.Generator) -> Weights:
    return random.permutation(np.arange(groups) < groups // 2).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Moments:
    """Count, sum and sum of squares of the rows of each group: (g,), (g, d), (g, d * d)."""

    counts: Array
    sums: Array
    squares: Array

    @classmethod
    def of(cls, rows: Array, random: np.random.Generator) -> "_Moments":
        groups = np.array_split(rows[random.permutation(len(rows))], min(GROUPS, len(rows) // 2))
        return cls(
            np.array([float(len(group)) for group in groups]),
            np.stack([group.sum(axis=0) for group in groups]),
            np.stack([(group.T @ group).ravel() for group in groups]),
        )

    @property
    def groups(self) -> int:
        return len(self.counts)

    def turned(self, axes: Array) -> "_Moments":
        """The moments of the rows in the coordinates of the axes (d, k)."""
        d, k = axes.shape
        squares = axes.T @ self.squares.reshape(-1, d, d) @ axes
        return _Moments(self.counts, self.sums @ axes, squares.reshape(-1, k * k))

    def gaussians(self, weights: Weights) -> tuple[Array, Array]:
        """Means (b, d) and covariances (b, d, d) of the groups taken ``weights`` (b, g) times."""
        n = (weights @ self.counts)[:, None]
        sums = weights @ self.sums
        squares = (weights @ self.squares).reshape(len(n), sums.shape[1], -1)
        means = sums / n
        return means, (squares - means[:, :, None] * sums[:, None, :]) / (n[:, :, None] - 1)


def _distances(sets: list[_Moments], weights: list[Weights]) -> Array:
    """Return the distances (b,) of b pairs of weighted sets."""
    found = []
    for start in range(0, len(weights[0]), CHUNK):
        (mean_x, cov_x), (mean_y, cov_y) = (
            moments.gaussians(w[start : start + CHUNK]) for moments, w in zip(sets, weights, strict=True)
        )
        shift = ((mean_x - mean_y) ** 2).sum(axis=1)
        traces = np.trace(cov_x, axis1=1, axis2=2) + np.trace(cov_y, axis1=1, axis2=2)
        found += [a + b - 2 * _common(s, t) for a, b, s, t in zip(shift, traces, cov_x, cov_y, strict=True)]
    return np.array(found)


def _common(cov_x: Array, cov_y: Array) -> float:
    """Return ``tr (S_x S_y)^(1/2)`` of two covariances, by the eigenvalues of ``L^T S_y L`` with ``S_x = L L^T``."""
    try:
        left = np.linalg.cholesky(cov_x)
    except np.linalg.LinAlgError:  # no full rank
        scales, axes = np.linalg.eigh(cov_x)
        left = axes * np.sqrt(scales.clip(min=0.0))
    return float(np.sqrt(np.linalg.eigvalsh(left.T @ cov_y @ left).clip(min=0.0)).sum())
