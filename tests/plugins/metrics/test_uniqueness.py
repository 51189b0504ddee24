"""Uniqueness: distinct protostructures per sample."""

import numpy as np
import pytest
from hypothesis import given

from crystalbench import Invalid, NotComputable, Protostructure, Subset
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics._proportion import wilson
from crystalbench_plugins.metrics.uniqueness import compute, compute_novel, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import CRASH, EMPTY, IODIDE, RUTILE, SALT, inputs, samples, spec


def test_uniqueness_penalizes_duplicates() -> None:
    result = compute(inputs([SALT, SALT, SALT, RUTILE]))
    assert result.value == 2 / 4
    assert result.details["duplicates"] == 2


def test_uniqueness_counts_invalid_samples_in_the_denominator() -> None:
    result = compute(inputs([SALT, RUTILE, CRASH, EMPTY]))
    assert result.value == 2 / 4
    assert result.n == 4
    assert result.details["invalid"] == 2


def test_invalid_samples_alone_have_no_uniqueness() -> None:
    assert compute(inputs([CRASH, CRASH])).value == 0


def test_same_prototype_with_other_elements_is_unique() -> None:
    assert compute(inputs([SALT, IODIDE])).value == 1


def test_equivalent_letterings_are_one() -> None:
    shifted = Protostructure(225, [("Na", "b"), ("Cl", "a")])
    assert compute(inputs([SALT, shifted])).value == 1 / 2


@given(samples.filter(bool))
def test_at_most_the_valid_samples_are_unique(items: list[Converted]) -> None:
    valid = sum(not isinstance(item, Invalid) for item in items)
    hits = compute(inputs(items)).details["hits"]
    assert isinstance(hits, int)
    assert hits <= valid
    assert (hits > 0) == (valid > 0)


@given(samples.filter(bool))
def test_repeating_all_samples_halves_uniqueness(items: list[Converted]) -> None:
    assert compute(inputs(items * 2)).value == pytest.approx(compute(inputs(items)).value / 2)


@given(samples.filter(bool))
def test_order_does_not_matter(items: list[Converted]) -> None:
    assert compute(inputs(items)) == compute(inputs(items[::-1]))


def test_novel_uniqueness_is_the_same_among_the_novel_samples() -> None:
    assert spec(crystalbench_metrics, "novel_uniqueness").subset is Subset.NOVEL
    result = compute_novel(inputs([IODIDE, IODIDE, RUTILE]))
    assert result.value == 2 / 3
    assert result.details["denominator"] == "novel samples"


def test_uniqueness_without_novel_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no novel samples"):
        compute_novel(inputs([]))


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("kinds", [30, 300, 3_000, 15_000])
def test_interval_covers_the_expected_uniqueness(exponent: float, kinds: int) -> None:
    """Samples of ``kinds`` kinds with Zipf weights; at least 92 % of 1,000 intervals hold the expectation."""
    n, rng = 300, np.random.default_rng(0)
    weights = np.arange(1, kinds + 1) ** -exponent
    weights /= weights.sum()
    expected = (1 - (1 - weights) ** n).sum() / n
    draws = np.searchsorted(np.cumsum(weights), rng.random((1_000, n)))
    intervals = [wilson(len(np.unique(row)), n) for row in draws]
    assert np.mean([low <= expected <= high for low, high in intervals]) > 0.92
