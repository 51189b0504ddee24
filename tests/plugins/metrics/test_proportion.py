"""Shares of samples: value, denominator and interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from crystalbench import NotComputable
from crystalbench_plugins.metrics._proportion import share, wilson

counts = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts)
def test_interval_is_scipys_wilson_interval(counts: tuple[int, int]) -> None:
    hits, n = counts
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(counts)
def test_interval_holds_the_value_and_stays_in_0_1(counts: tuple[int, int]) -> None:
    hits, n = counts
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


def test_share_names_its_denominator() -> None:
    result = share(3, 4, of="novel samples")
    assert result.value == 0.75
    assert result.n == 4
    assert result.details == {"denominator": "novel samples", "hits": 3}


def test_share_of_nothing_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no valid samples"):
        share(0, 0, of="valid samples")
