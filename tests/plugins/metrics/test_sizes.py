"""FWD against the number of samples: disjoint parts, a straight line over 1 / N, FWD∞ as its intercept."""

import numpy as np
import pytest

from crystalbench_plugins.metrics._frechet import distance, extrapolated, fit
from crystalbench_plugins.metrics._sizes import MOST_BLOCKS, against_size


def rows(n: int, d: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, d))


def test_the_first_point_is_the_distance_of_all_and_the_line_leads_to_the_extrapolated_one() -> None:
    x, y = rows(3200, 20, 0, 0.1), rows(3200, 20, 1)
    points = against_size(x, y, 0)
    assert [n for n, _ in points] == [3200, 1600, 1066, 800, 400, 200]
    assert points[0][1] == pytest.approx(distance(fit(x), fit(y)))
    slope, intercept = np.polyfit([1 / n for n, _ in points], [value for _, value in points], 1)
    assert slope > 0
    assert intercept == pytest.approx(0.2, abs=0.05)  # 20 dimensions, each 0.1 apart
    assert intercept == pytest.approx(extrapolated(x, y, 0), abs=0.05)


def test_parts_with_fewer_rows_than_dimensions_are_left_out_beyond_halves() -> None:
    assert [n for n, _ in against_size(rows(100, 30, 0), rows(120, 30, 1), 0)] == [100, 50, 33]
    assert [n for n, _ in against_size(rows(10, 30, 0), rows(10, 30, 1), 0)] == [10, 5]


def test_the_order_of_rows_of_one_population_says_nothing() -> None:
    """Samples come sorted by their labels: parts are drawn, so that none holds the beginning of the alphabet alone."""
    x = np.sort(rows(1600, 2, 0), axis=0)
    y = np.sort(rows(1600, 2, 1), axis=0)
    assert all(value < 0.2 for _, value in against_size(x, y, 0))
    assert MOST_BLOCKS == 4
