"""Two shares of the same samples: an exact test, and the interval of their difference.

Samples that one file gave and two conversions understood are no independent draws. What tells the two shares apart are
the samples that they disagree on, however few those are beside the others.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Counts of samples by what the first and the second share say of them."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.first + self.second + self.neither

    @property
    def change(self) -> float:
        """Second share - first share."""
        return (self.second - self.first) / self.n


RowPairs: TypeAlias = Mapping[str, Mapping[str, Pairs]]
"""By the generator of the first row, of rows that have the same samples: what is paired, by the key of the column."""


def mcnemar(pairs: Pairs) -> float:
    """Return the two-sided p-value of McNemar's exact test: of those that disagree, half should be on either side."""
    from scipy.stats import binomtest

    apart = pairs.first + pairs.second
    return float(binomtest(pairs.second, apart).pvalue) if apart else 1.0


def paired_interval(pairs: Pairs, first: Interval, second: Interval) -> Interval:
    """Return the 95 % interval of the second share - the first, from the Wilson intervals of both.

    Newcombe 1998 (Statistics in Medicine 17, 2635), method 10: square and add with the correlation of the two, which is
    corrected for continuity. Without a correlation it is that of independent shares.
    """
    one, two = (pairs.both + pairs.first) / pairs.n, (pairs.both + pairs.second) / pairs.n
    phi = _correlation(pairs)
    low = _third_side(two - second[0], first[1] - one, phi)
    high = _third_side(second[1] - two, one - first[0], phi)
    return pairs.change - low, pairs.change + high


def _correlation(pairs: Pairs) -> float:
    a, b, c, d = pairs.both, pairs.first, pairs.second, pairs.neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if not margins:
        return 0.0
    cross = a * d - b * c
    return (max(0.0, cross - pairs.n / 2) if cross >= 0 else cross) / math.sqrt(margins)


def _third_side(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))
