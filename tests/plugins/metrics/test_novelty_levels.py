"""Novelty taken apart adds up again, and every level is coarser than the one below it."""

import pytest
from hypothesis import given

from crystalbench import Direction, NotComputable, Protostructure, ScoreInput
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics import novelty, uniqueness
from crystalbench_plugins.metrics.novelty_levels import (
    composition,
    crystalbench_metrics,
    new_in,
    new_prototypes,
    valid_unique_novel,
)
from tests.plugins.metrics.metric_inputs import CRASH, IODIDE, RUTILE, SALT, inputs, references, samples

METRICS = {spec.name: spec for spec in crystalbench_metrics()}
LEVELS = ("composition", "spacegroup", "structure")
CSCL_SALT = Protostructure(221, [("Na", "a"), ("Cl", "b")])
ANATASE = Protostructure(141, [("Ti", "a"), ("O", "e")])


def value(name: str, given: ScoreInput) -> float:
    return METRICS[name].compute(given).value


def test_a_sample_is_new_in_the_coarsest_way_that_holds() -> None:
    other = Protostructure(225, [("Na", "c"), ("Cl", "a"), ("Cl", "b")])  # NaCl in group 225, too
    found = inputs([SALT, CSCL_SALT, IODIDE, ANATASE, other, CRASH], train=[SALT, RUTILE])
    hits = {level: new_in(level, found).details["hits"] for level in LEVELS}
    assert hits == {"composition": 1, "spacegroup": 2, "structure": 1}  # the iodide; two in other groups; the other


def test_composition_is_reduced_and_knows_its_elements() -> None:
    assert composition(SALT.label) == composition(CSCL_SALT.label) != composition(IODIDE.label)
    assert composition(RUTILE.label) == composition(ANATASE.label)


@given(samples.filter(bool), references)
def test_the_three_ways_to_be_new_add_up_to_novelty(items: list[Converted], train: list[Protostructure]) -> None:
    found = inputs(items, train=train)
    parts = sum(new_in(level, found).details["hits"] for level in LEVELS)  # type: ignore[misc]
    assert parts == novelty.compute(found).details["hits"]


@given(samples.filter(bool), references)
def test_a_coarser_level_has_no_more_that_is_new_or_distinct(
    items: list[Converted], train: list[Protostructure]
) -> None:
    found = inputs(items, train=train)
    assert new_prototypes(found).value <= novelty.compute(found).value
    whole = uniqueness.compute(found).value
    assert value("composition_uniqueness", found) <= whole
    assert value("prototype_uniqueness", found) <= whole
    assert valid_unique_novel(found).value <= min(whole, novelty.compute(found).value)


def test_valid_unique_and_novel_is_a_share_of_all_samples() -> None:
    result = valid_unique_novel(inputs([SALT, IODIDE, IODIDE, RUTILE, CRASH], train=[SALT]))
    assert result.value == 2 / 5
    assert result.details["novel"] == 3
    assert result.details["duplicates"] == 1
    with pytest.raises(NotComputable, match="no samples"):
        valid_unique_novel(inputs([], train=[SALT]))


def test_compositions_agree_with_those_of_the_protostructures() -> None:
    made = [SALT, CSCL_SALT, IODIDE, RUTILE, ANATASE]
    for one in made:
        for other in made:
            assert (composition(one.label) == composition(other.label)) == (one.formula == other.formula)


def test_only_vun_and_uniqueness_depend_on_the_number_of_samples() -> None:
    assert {name for name, spec in METRICS.items() if spec.size_dependent} == {
        "vun", "composition_uniqueness", "prototype_uniqueness"
    }  # fmt: skip
    assert METRICS["composition_novelty"].direction is Direction.NONE
