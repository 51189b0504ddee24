"""Novel samples per minute of generation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Need, NotComputable, Timing
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics.novel_per_minute import compute, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import BRASS, CRASH, IODIDE, RUTILE, SALT, inputs, samples, spec


def test_three_novel_samples_in_half_a_minute_are_six_per_minute() -> None:
    timing = Timing(seconds=30, device="cpu", threads=2)
    result = compute(inputs([SALT, IODIDE, RUTILE, RUTILE, CRASH], train=[SALT], timing=timing))
    assert result.value == 6
    assert result.n == 5
    assert result.details["novel"] == 3
    assert (result.details["seconds"], result.details["device"], result.details["threads"]) == (30, "cpu", 2)
    assert result.details["covers"] == timing.covers


@given(samples.filter(bool), st.floats(1e-3, 1e5))
def test_twice_the_time_is_half_the_rate(items: list[Converted], seconds: float) -> None:
    once = compute(inputs(items, train=[SALT], timing=Timing(seconds=seconds)))
    twice = compute(inputs(items, train=[SALT], timing=Timing(seconds=2 * seconds)))
    assert twice.value == pytest.approx(once.value / 2)
    assert twice.details["novel"] == once.details["novel"]


@given(samples.filter(bool))
def test_one_replica_has_no_interval_as_its_clock_has_none(items: list[Converted]) -> None:
    result = compute(inputs(items, train=[SALT, BRASS], timing=Timing(seconds=7.0)))
    assert result.interval is None
    low, high = result.details["novel_interval"]
    assert low <= result.details["novel"] <= high


def test_the_rate_in_cpu_time_is_in_the_details_where_it_was_measured() -> None:
    clock = Timing(seconds=60.0, cpu_seconds=15.0, load=7.25, threads=2)
    result = compute(inputs([RUTILE], train=[SALT], timing=clock))
    assert (result.value, result.details["novel_per_cpu_minute"], result.details["load"]) == (1, 4, 7.25)
    assert compute(inputs([RUTILE], train=[SALT], timing=Timing(seconds=60.0))).details["novel_per_cpu_minute"] is None


@pytest.mark.parametrize("timing", [None, Timing(seconds=0.0)])
def test_without_time_there_is_no_rate(timing: Timing | None) -> None:
    with pytest.raises(NotComputable, match="no time"):
        compute(inputs([RUTILE], train=[SALT], timing=timing))


def test_no_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no samples"):
        compute(inputs([], train=[SALT], timing=Timing(seconds=1.0)))


def test_metric_asks_for_clock_and_reference() -> None:
    assert spec(crystalbench_metrics, "novel_per_minute").needs == {Need.TRAIN, Need.TIMING}
