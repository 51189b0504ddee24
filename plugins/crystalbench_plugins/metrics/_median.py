"""The sampling interval of a median."""

from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray


def median_interval(values: NDArray[np.floating]) -> tuple[float, float]:
    """Return the 95 % interval of the median of (n,) values from their order: no distribution is assumed.

    The number of values below the median is binomial (n, 1/2); its normal quantiles give the ranks.
    """
    ordered = np.sort(values)
    n, half = len(ordered), 0.98 * sqrt(len(ordered))
    low, high = max(0, floor(n / 2 - half)), min(n - 1, ceil(n / 2 + half))
    return float(ordered[low]), float(ordered[high])
