"""Precision, density, coverage: counted by hand, by brute force, and at their known expectations."""

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from crystalbench import MetricResult, NotComputable
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason
from crystalbench_plugins.metrics import precision_coverage
from crystalbench_plugins.metrics.precision_coverage import Overlap, _Rows, crystalbench_metrics, overlap, radii
from tests.plugins.metrics.metric_inputs import spec
from tests.plugins.metrics.test_fwd import crystals, given

PARTS = ("precision", "density", "coverage")


def counted(x: object, y: object, k: int) -> Overlap:
    return overlap(*(_Rows(np.asarray(part, np.float32)) for part in (x, y)), k)


def scores(items: list[Converted], k: int = 5) -> dict[str, MetricResult]:
    inputs = given(items)
    object.__setattr__(inputs, "parameters", {"k": k})
    return {part: spec(crystalbench_metrics, part).compute(inputs) for part in PARTS}


def test_a_line_counted_by_hand() -> None:
    training = [[0.0], [1.0], [3.0]]  # k = 1: balls [-1, 1], [0, 2], [1, 5]
    samples = [[0.5], [1.5], [9.0], [9.5]]
    found = counted(samples, training, 1)
    assert (found.precise, found.covered) == (2, 3)
    assert found.density == (2 + 2 + 0 + 0) / 4


@hypothesis_given(st.integers(0, 2**32 - 1), st.integers(4, 20), st.integers(4, 20), st.integers(1, 3))
def test_chunks_and_products_count_what_loops_count(seed: int, n: int, m: int, k: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.integers(-3, 4, size=(n, 2)).astype(float), random.integers(-3, 4, size=(m, 2)).astype(float)

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None] - b[None]) ** 2).sum(axis=2)

    def reach(a: np.ndarray) -> np.ndarray:
        return np.sort(apart(a, a) - 100 * np.eye(len(a)), axis=1)[:, k]

    inside = apart(x, y) <= reach(y)
    found = counted(x, y, k)
    assert np.array_equal(radii(x, k), reach(x))
    assert found.precise == inside.any(axis=1).sum()
    assert found.covered == inside.any(axis=0).sum()
    assert found.density == pytest.approx(inside.sum() / (k * n))


def test_memory_is_taken_in_chunks_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(70, 5)), random.normal(size=(90, 5)) + 0.5
    whole = counted(x, y, 5)
    monkeypatch.setattr(precision_coverage, "CHUNK", 7)
    overlap.cache_clear()
    assert counted(x, y, 5) == whole


def test_sets_of_one_distribution_have_density_one_and_the_coverage_of_the_paper() -> None:
    """Expected coverage is 1 - (n-1)...(n-k) / ((2n-1)...(2n-k)) for n samples each (Naeem et al.): 0.97."""
    random = np.random.default_rng(0)
    n, k = 2000, 5
    found = counted(random.normal(size=(n, 8)), random.normal(size=(n, 8)), k)
    expected = 1 - np.prod([(n - i) / (2 * n - i) for i in range(1, k + 1)])
    assert found.covered / n == pytest.approx(expected, abs=0.02)
    assert found.density == pytest.approx(1, abs=0.1)


def test_one_repeated_sample_has_precision_and_no_coverage() -> None:
    training = crystals(400, seed=0)
    result = scores([training[0]] * 100)
    assert result["precision"].value == 1
    assert result["coverage"].value < 0.5


def test_denominators_are_valid_samples_or_reference_rows() -> None:
    items: list[Converted] = [*crystals(100, seed=1), Invalid(InvalidReason.EMPTY)]
    for part, result in scores(items).items():
        assert result.n == 100
        assert result.details["denominator"] == ("reference rows" if part == "coverage" else "valid samples")
        assert not any("no embedding" in note for note in result.notes)  # the counts below every table say it
        assert (result.interval is None) == (part == "density")


def test_fewer_samples_than_neighbours_have_no_balls() -> None:
    with pytest.raises(NotComputable, match="at least 7 valid samples"):
        scores(list(crystals(6, seed=0)))


def test_order_does_not_matter() -> None:
    items = list(crystals(60, seed=1))
    assert scores(items) == scores(items[::-1])
