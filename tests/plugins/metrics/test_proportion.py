"""Shares of samples: value, denominator and interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from crystalbench import NotComputable
from crystalbench_plugins.metrics._proportion import share, two_stage, wilson

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


def test_ends_of_a_share_in_two_stages_are_1_96_standard_errors_from_it() -> None:
    """50 of 100 come into question, 5 of 20 judged are hits: p = 1/8 with variance 0.25² 0.25/100 + 0.5² 0.1875/20."""
    worth = 0.125 * 0.875 / 0.0025
    for end in two_stage(5, 20, 50, 100):
        assert (end - 0.125) ** 2 == pytest.approx(1.959964**2 * end * (1 - end) / worth, rel=1e-6)


def test_what_was_not_judged_tells_nothing() -> None:
    assert two_stage(20, 20, 100, 100) == wilson(20, 20)
    assert two_stage(0, 20, 100, 100) == wilson(0, 20)
    assert two_stage(5, 50, 50, 100) == wilson(5, 100)


def test_share_names_its_denominator() -> None:
    result = share(3, 4, of="novel samples")
    assert result.value == 0.75
    assert result.n == 4
    assert result.details == {"denominator": "novel samples", "hits": 3}


def test_share_of_nothing_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no valid samples"):
        share(0, 0, of="valid samples")
