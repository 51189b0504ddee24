"""A histogram with quantiles as details of a result, which a report draws (`crystalbench.tables.charts.histograms`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from crystalbench.tables.results import JSON

SHARES = (0.1, 0.5, 0.9)
MOST_BINS = 1000
LARGEST = 1e9  # of what a stranger's table may hold: beyond it nothing can be drawn


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts in bins of equal width; values outside are in the first or last one.

    Attributes
    ----------
    low, width
        Lower edge of the first bin and width of each, in the metric's unit.
    quantiles
        Q10, Q50, Q90 of the values themselves.
    """

    name: str
    low: float
    width: float
    counts: tuple[int, ...]
    quantiles: tuple[float, float, float]

    @classmethod
    def of(cls, name: str, values: NDArray[np.floating], low: float, width: float, bins: int) -> "Distribution":
        places = np.floor((np.asarray(values, np.float64) - low) / width).clip(0, bins - 1).astype(np.int64)
        q10, q50, q90 = np.quantile(np.asarray(values, np.float64), SHARES).tolist()
        return cls(name, low, width, tuple(np.bincount(places, minlength=bins).tolist()), (q10, q50, q90))

    def to_json(self) -> dict[str, JSON]:
        return {
            "name": self.name,
            "low": self.low,
            "width": self.width,
            "counts": list(self.counts),
            "quantiles": list(self.quantiles),
        }


def distributions(details: Mapping[str, JSON]) -> tuple[Distribution, ...]:
    """Return the distributions in the details of a result; anything malformed in a stranger's table is none."""
    listed = details.get("distributions")
    found = [_read(item) for item in listed] if isinstance(listed, list) else []
    return tuple(item for item in found if item is not None)


def _read(item: JSON) -> Distribution | None:
    if not isinstance(item, dict) or item.keys() != {"name", "low", "width", "counts", "quantiles"}:
        return None
    name, counts, quantiles = item["name"], item["counts"], item["quantiles"]
    if not (isinstance(name, str) and isinstance(counts, list) and isinstance(quantiles, list)):
        return None
    numbers = [item["low"], item["width"], *quantiles]
    if not all(isinstance(x, int | float) and isfinite(x) and abs(x) < LARGEST for x in numbers) or len(
        quantiles
    ) != len(SHARES):
        return None
    made = tuple(count for count in counts if type(count) is int and 0 <= count < LARGEST)
    if len(made) < len(counts) or not 0 < len(made) <= MOST_BINS or not any(made):
        return None
    low, width, q10, q50, q90 = (float(x) for x in numbers if isinstance(x, int | float))
    return Distribution(name, low, width, made, (q10, q50, q90)) if width > 1 / LARGEST else None
