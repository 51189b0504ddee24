"""Kernel distance: unbiased, its interval covers, and its kernel is the published one."""

import numpy as np
import pytest

from crystalbench import NotComputable
from crystalbench.testing import example_encoder
from crystalbench_plugins.metrics._embedded import reference_rows
from crystalbench_plugins.metrics.kernel_distance import blocks, compute, crystalbench_metrics, unbiased
from tests.plugins.metrics.metric_inputs import spec
from tests.plugins.metrics.test_fwd import TRAIN, crystals, given


def test_the_estimate_is_the_sum_over_pairs_written_out() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(6, 3)), random.normal(size=(6, 3)) + 1

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    pairs = [(i, j) for i in range(6) for j in range(6)]
    within = sum(kernel(s[i], s[j]) for s in (x, y) for i, j in pairs if i != j) / 30
    assert unbiased(x, y) == pytest.approx(within - 2 * sum(kernel(x[i], y[j]) for i, j in pairs) / 36)


def test_sets_of_one_distribution_are_at_no_distance_on_average_however_small() -> None:
    random = np.random.default_rng(1)
    for n in (20, 200):
        values = [blocks(random.normal(size=(n, 8)), random.normal(size=(n, 8)), 0).mean() for _ in range(200)]
        assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_the_interval_covers_the_truth() -> None:
    """A shift of mean along one axis, against a value from many more samples; 34 of 40 as for the Fréchet distance."""
    random = np.random.default_rng(2)
    many = np.mean(blocks(random.normal(size=(100_000, 4)) + 0.3, random.normal(size=(100_000, 4)), 0))
    hits = 0
    for _ in range(40):
        found = blocks(random.normal(size=(500, 4)) + 0.3, random.normal(size=(500, 4)), 0)
        hits += abs(found.mean() - many) <= 2.262 * found.std(ddof=1) / np.sqrt(10)
    assert hits >= 34


def test_the_metric_compares_samples_with_reference_rows() -> None:
    samples = crystals(150, seed=3, low=8)
    inputs = given(samples)
    result = compute(inputs)
    rows = example_encoder().encode(reference_rows(inputs, 150)).embeddings
    own = example_encoder().encode(sorted(p.label for p in samples)).embeddings
    found = blocks(own, rows, 0)
    assert result.value == pytest.approx(found.mean())
    assert result.interval is not None
    assert result.interval[1] - result.value == pytest.approx(2.2622 * found.std(ddof=1) / np.sqrt(10), rel=1e-4)
    assert abs(compute(given(crystals(150, seed=3))).value) < 0.2 * result.value


def test_an_interval_holds_possible_values_though_the_estimate_is_none() -> None:
    sets = [crystals(150, seed=3), TRAIN, TRAIN[:200], TRAIN[100:]]
    found = [compute(given(samples)) for samples in sets]
    below = [result for result in found if result.value < 0]
    assert below
    for result in found:
        assert result.interval is not None
        assert 0 <= result.interval[0] < result.interval[1]
        assert (result.value < 0) == any("below zero" in note for note in result.notes)


def test_too_few_samples_have_no_error_and_so_no_value() -> None:
    with pytest.raises(NotComputable, match="at least 20 valid samples, there are 19"):
        compute(given(crystals(19, seed=0)))


def test_it_stands_aside_unless_asked_for() -> None:
    assert not spec(crystalbench_metrics, "kernel_distance").default
