"""A distance against the number of samples, from the embeddings at hand: what FWD∞ is the intercept of."""

import statistics

import numpy as np
from numpy.typing import NDArray

from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._frechet import distance, fit

PARTS = (1, 2, 3, 4, 8, 16)
MOST_BLOCKS = 4


def against_size(x: NDArray[np.floating], y: NDArray[np.floating], seed: int) -> list[JSON]:
    """Return [n, distance] of parts of samples (n, d) against parts of reference rows (m, d): means over blocks.

    Blocks of one size are disjoint. Beyond halves, they have at least d rows: a smaller one spans no more than its
    rows, and lies off the line.
    """
    n, d = min(len(x), len(y)), x.shape[1]
    random = np.random.default_rng(seed)
    orders = random.permutation(len(x)), random.permutation(len(y))
    found: list[JSON] = []
    for parts in PARTS:
        size = n // parts
        if size < 2 or (parts > 2 and size < d):
            break
        blocks = [slice(i * size, (i + 1) * size) for i in range(min(parts, MOST_BLOCKS))]
        values = [distance(fit(x[orders[0][block]]), fit(y[orders[1][block]])) for block in blocks]
        found.append([size, statistics.fmean(values)])
    return found
