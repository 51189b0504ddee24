"""Novelty: neither in training nor invalid."""

import pytest
from hypothesis import given

from crystalbench import Direction, NotComputable, Protostructure
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics.novelty import compute, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import CRASH, IODIDE, RUTILE, SALT, inputs, references, samples, spec


def test_novelty_is_novel_over_all_samples() -> None:
    result = compute(inputs([SALT, IODIDE, RUTILE, CRASH], train=[SALT]))
    assert result.value == 2 / 4
    assert result.n == 4
    assert result.details["in_training"] == 1
    assert result.details["invalid"] == 1


def test_novelty_compares_elements_not_only_prototypes() -> None:
    assert IODIDE.prototype == SALT.prototype
    assert compute(inputs([IODIDE], train=[SALT])).value == 1


def test_duplicates_of_a_novel_sample_are_novel() -> None:
    assert compute(inputs([IODIDE, IODIDE], train=[SALT])).value == 1


def test_equivalent_lettering_is_not_novel() -> None:
    shifted = Protostructure(225, [("Na", "b"), ("Cl", "a")])
    assert compute(inputs([shifted], train=[SALT])).value == 0


def test_a_copy_of_the_training_set_has_no_novelty() -> None:
    assert compute(inputs([SALT, RUTILE, SALT], train=[RUTILE, SALT])).value == 0


@given(samples.filter(bool), references)
def test_novel_and_seen_and_invalid_add_up_to_n(items: list[Converted], train: list[Protostructure]) -> None:
    details = compute(inputs(items, train=train)).details
    assert details["hits"] + details["in_training"] + details["invalid"] == len(items)


@given(samples.filter(bool), references)
def test_order_does_not_matter(items: list[Converted], train: list[Protostructure]) -> None:
    assert compute(inputs(items, train=train)) == compute(inputs(items[::-1], train=train[::-1]))


def test_more_novelty_is_not_called_better() -> None:
    assert spec(crystalbench_metrics, "novelty").direction is Direction.NONE


def test_novelty_of_no_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no samples"):
        compute(inputs([], train=[SALT]))
