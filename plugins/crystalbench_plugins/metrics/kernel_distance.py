"""Kernel distance: the unbiased squared maximum mean discrepancy between samples and reference rows.

The cubic polynomial kernel ``(x.y / d + 1)^3`` and the estimator without diagonal of the kernel inception distance
(Binkowski et al. 2018, arXiv:1801.01401). Unlike the Fréchet distance it owes nothing to the number of
samples and assumes no Gaussian; its unit is that of the kernel, so only values of one encoder are comparable.
"""

from collections.abc import Iterable
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from crystalbench import Direction, MetricResult, MetricSpec, Need, ScoreInput, hookimpl
from crystalbench_plugins.metrics._embedded import embed

BLOCKS = 10  # at least
LARGEST = 1000  # rows of a block, as implementations of KID have it
LEAST = 2 * BLOCKS
NEGATIVE = "estimated below zero: no difference is seen; no distance is negative, so the interval is around zero"


def unbiased(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the unbiased estimate of MMD^2 of two sets of n rows (n, d) each; it may be a little below zero.

    ``sum_ij k(x_i, x_j) / (n (n - 1))`` without ``i = j``, the same of y, minus twice the mean of ``k(x_i, y_j)``.
    """
    n = len(x)
    within = 0.0
    for rows in (x, y):
        kernel = _kernel(rows, rows)
        within += (kernel.sum() - np.trace(kernel)) / (n * (n - 1))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = x @ y.T / x.shape[1] + 1
    return kernel * kernel * kernel


def blocks(x: NDArray[np.floating], y: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """Return the estimates of disjoint random blocks of equal size: their mean is the value, their spread its error."""
    n = min(len(x), len(y))
    count = max(BLOCKS, ceil(n / LARGEST))
    size = n // count
    random = np.random.default_rng(seed)
    parts = [np.asarray(rows, np.float64)[random.permutation(len(rows))[: count * size]] for rows in (x, y)]
    pairs = zip(*(part.reshape(count, size, -1) for part in parts), strict=True)
    return np.array([unbiased(first, second) for first, second in pairs])


def compute(given: ScoreInput) -> MetricResult:
    """Return the mean over blocks, with a 95 % interval by Student's t from their standard error.

    The estimate is unbiased, so it is below zero as often as above where there is no difference; but no distance is, so
    the interval starts at zero and reaches at least as far up as one around zero: it always holds possible values.
    """
    from scipy.special import stdtrit

    embedded = embed(given, LEAST)
    found = blocks(embedded.samples.embeddings, embedded.reference.embeddings, given.seed)
    value, error = float(found.mean()), float(found.std(ddof=1)) / sqrt(len(found))
    half = float(stdtrit(len(found) - 1, 0.975)) * error
    return MetricResult(
        value=value,
        n=len(embedded.samples),
        interval=(max(value - half, 0.0), max(value, 0.0) + half),
        details={"denominator": "valid samples", "standard_error": error, "blocks": len(found)},
        notes=(*embedded.notes, *((NEGATIVE,) if value < 0 else ())),
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="kernel_distance",
            version="3",
            order=310,
            title="KWD",
            latex="KWD",
            description=(
                "Unbiased squared maximum mean discrepancy (cubic kernel, as in KID) between the embeddings of the "
                "samples and of as many random reference rows. Denominator: valid samples."
            ),
            digits=4,
            direction=Direction.LOWER,
            needs=frozenset({Need.REFERENCE, Need.ENCODER}),
            tolerance=1e-3,
            valid_only=True,
            distance=True,
            default=False,  # says on other grounds what FWD says: for those who doubt it
            cite=("binkowski2018demystifying",),
            compute=compute,
        ),
    )
