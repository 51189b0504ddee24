"""New occupations, and new prototypes that are known once two elements are one: counted by hand."""

import pytest
from hypothesis import given

from crystalbench import NotComputable, Protostructure, Subset
from crystalbench_plugins.metrics import prototype_novelty
from crystalbench_plugins.metrics.occupation_novelty import compute, compute_merged, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import BRASS, IODIDE, RUTILE, SALT, SILICON, inputs, references, spec

HEUSLER = Protostructure(225, [("Al", "a"), ("Mn", "b"), ("Cu", "c")])
ORDERED = Protostructure(225, [("Al", "a"), ("Fe", "b"), ("Fe", "c")])  # D0_3, HEUSLER with Mn and Cu one element
ANTI_RUTILE = Protostructure(136, [("O", "a"), ("Ti", "f")])


def test_a_new_colouring_is_a_new_prototype_of_a_known_occupation() -> None:
    given = inputs([HEUSLER], train=[ORDERED])
    result = compute(given)
    assert result.value == 0
    assert result.details["new_prototypes"] == result.details["new_prototypes_of_known_occupation"] == 1
    assert prototype_novelty.compute(given).value == compute_merged(given).value == 1


def test_known_with_another_colouring_is_not_known_with_two_elements_merged() -> None:
    """HEUSLER has more colours than ORDERED: none of its pairs can be merged into it the other way round."""
    given = inputs([ORDERED], train=[HEUSLER])
    assert (compute(given).value, compute_merged(given).value) == (0, 0)
    assert compute(given).details["new_prototypes_of_known_occupation"] == 1


def test_each_new_occupation_counts_once() -> None:
    result = compute(inputs([RUTILE, ANTI_RUTILE, RUTILE, BRASS, IODIDE, HEUSLER, ORDERED], train=[SALT]))
    assert result.value == 3  # rutile, CsCl, Heusler
    assert result.n == 7
    assert result.details == {
        "denominator": "novel samples",
        "distinct_occupations": 4,
        "samples_with_new_occupation": 6,
        "new_prototypes": 4,
        "new_prototypes_of_known_occupation": 0,
    }


def test_other_elements_are_nothing_new() -> None:
    given = inputs([IODIDE], train=[SALT])
    assert (compute(given).value, compute_merged(given).value) == (0, 0)


@given(references, references)
def test_no_more_occupations_are_new_than_prototypes(items: list[Protostructure], train: list[Protostructure]) -> None:
    given = inputs(items, train=train)
    result, prototypes = compute(given), prototype_novelty.compute(given).value
    assert result.value == len({item.occupation for item in items} - {row.occupation for row in train})
    assert result.value <= prototypes - result.details["new_prototypes_of_known_occupation"]
    assert compute_merged(given).value <= result.details["new_prototypes_of_known_occupation"]
    assert result.details["new_prototypes"] == prototypes


def test_more_training_rows_never_give_more_new_occupations() -> None:
    items = [RUTILE, BRASS, SILICON]
    assert [compute(inputs(items, train=[SALT, *items[:k]])).value for k in range(4)] == [3, 2, 1, 0]


@pytest.mark.parametrize("name", ["occupation_novelty", "merged_prototypes"])
def test_the_metrics_are_given_the_novel_samples_and_need_one(name: str) -> None:
    metric = spec(crystalbench_metrics, name)
    assert metric.subset is Subset.NOVEL
    with pytest.raises(NotComputable, match="no novel samples"):
        metric.compute(inputs([], train=[SALT]))
