"""Kinds among fewer samples: the formula is the mean over subsamples, the interval holds the expectation."""

from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench_plugins.metrics._rarefaction import kinds_interval, rarefied, spread


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 3), st.data())
def test_it_is_the_mean_over_all_subsamples(counts: list[int], others: int, data: st.DataObject) -> None:
    total = sum(counts) + others
    n = data.draw(st.integers(0, total))
    kinds = [kind for kind, count in enumerate(counts) for _ in range(count)] + [-1] * others
    mean = fmean(len(set(chosen) - {-1}) for chosen in combinations(kinds, n))
    assert rarefied(counts, total, n) == pytest.approx(mean, abs=1e-9)


def test_all_samples_have_all_kinds_and_large_numbers_do_not_overflow() -> None:
    counts = [1] * 5000 + [5000]
    assert rarefied(counts, 10_000, 10_000) == pytest.approx(5001)
    assert rarefied([1] * 10_000, 10_000, 1000) == pytest.approx(1000, rel=1e-6)


def test_the_spread_is_around_the_mean() -> None:
    counts = [3] * 300 + [1] * 300
    low, high = spread(counts, 2000, 500, 0)
    assert low <= rarefied(counts, 2000, 500) <= high
    assert spread(counts, 2000, 500, 0) == (low, high)


@pytest.mark.parametrize("n", [300, 3000])
@pytest.mark.parametrize("shape", ["uniform", "zipf", "two parts"])
def test_the_interval_holds_the_expected_number_of_kinds(shape: str, n: int) -> None:
    random = np.random.default_rng(0)
    weights = {
        "uniform": np.ones(2000),
        "zipf": 1 / np.arange(1.0, 5001),
        "two parts": np.concatenate((np.full(20, 50.0), np.full(2000, 0.5))),
    }[shape]
    shares = weights / weights.sum()
    truth = (1 - (1 - shares) ** n).sum()
    held = 0
    for _ in range(200):
        counts = random.multinomial(n, shares)
        low, high = kinds_interval(counts[counts > 0].tolist())
        held += low <= truth <= high
    assert held >= 184  # of 95 % fewer are found once in 40


def test_the_interval_of_kinds_is_that_of_chaos_lower_bound() -> None:
    """Four kinds seen once, one twice, one often: 6 + 4 * 3 / (2 * 2) = 9 in all, variance 6 (1 - 6 / 9) = 2."""
    half = 1.96 * 2**0.5
    assert kinds_interval([1, 1, 1, 1, 2, 9]) == pytest.approx((6 - half, 6 + half))
    assert kinds_interval([1, 2]) == (2.0, 2.0)  # one alone tells of no others
