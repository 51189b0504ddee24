"""A share of samples with its denominator and its 95 % sampling interval."""

from collections.abc import Mapping
from math import sqrt
from statistics import NormalDist
from types import MappingProxyType

from crystalbench import MetricResult, NotComputable
from crystalbench.tables.results import JSON

_Z = NormalDist().inv_cdf(0.975)  # 1.96: two-sided 95 %


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of ``hits / n`` without continuity correction, ``n`` > 0.

    Written out because importing ``scipy.stats`` takes 0.9 s; a test compares it with
    ``scipy.stats.binomtest(...).proportion_ci(method="wilson")``.
    """
    share, square = hits / n, _Z * _Z / n
    centre = (share + square / 2) / (1 + square)
    half = sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return low, high


def share(hits: int, n: int, *, of: str, details: Mapping[str, JSON] = MappingProxyType({})) -> MetricResult:
    """Return ``hits / n`` with its Wilson interval.

    Parameters
    ----------
    of
        What the denominator counts, for example ``"novel samples"``; kept in the details.

    Raises
    ------
    NotComputable
        If ``n`` is 0.
    """
    if n == 0:
        raise NotComputable(f"there are no {of}")
    return MetricResult(
        value=hits / n, n=n, interval=wilson(hits, n), details={"denominator": of, "hits": hits, **details}
    )
