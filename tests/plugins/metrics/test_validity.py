"""Validity: every sample counts, and each invalid one has its reason."""

import pytest
from hypothesis import given

from crystalbench import NotComputable
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics.validity import compute
from tests.plugins.metrics.metric_inputs import CRASH, EMPTY, RUTILE, SALT, inputs, samples


def test_validity_counts_invalid_samples_in_the_denominator() -> None:
    result = compute(inputs([SALT, CRASH, RUTILE, EMPTY, EMPTY]))
    assert result.value == 2 / 5
    assert result.n == 5
    assert result.details["reasons"] == {"crash": 1, "empty": 2}


def test_duplicates_are_valid() -> None:
    assert compute(inputs([SALT, SALT])).value == 1


@given(samples.filter(bool))
def test_valid_and_reasons_add_up_to_n(items: list[Converted]) -> None:
    result = compute(inputs(items))
    reasons = result.details["reasons"]
    assert isinstance(reasons, dict)
    assert result.details["hits"] + sum(reasons.values()) == result.n == len(items)


@given(samples.filter(bool))
def test_order_does_not_matter(items: list[Converted]) -> None:
    first, second = compute(inputs(items)), compute(inputs(items[::-1]))
    assert repr(first) == repr(second)  # also the order of the reasons


def test_validity_of_no_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no samples"):
        compute(inputs([]))
