"""New prototypes: a count of kinds, not of samples."""

from dataclasses import replace

import pytest
from hypothesis import given

from crystalbench import Dataset, NotComputable, Protostructure, Split, Subset
from crystalbench_plugins.metrics.prototype_novelty import compute, crystalbench_metrics
from tests.plugins.metrics.metric_inputs import BRASS, IODIDE, RUTILE, SALT, SILICON, inputs, references, spec


def test_known_prototype_with_new_elements_is_no_new_prototype() -> None:
    assert compute(inputs([IODIDE], train=[SALT])).value == 0


def test_each_new_prototype_counts_once() -> None:
    other_rutile = Protostructure(136, [("Sn", "a"), ("O", "f")])
    result = compute(inputs([RUTILE, other_rutile, RUTILE, IODIDE, BRASS], train=[SALT]))
    assert result.value == 2  # rutile and CsCl
    assert result.n == 5
    assert result.details["distinct_prototypes"] == 3
    assert result.details["samples_with_new_prototype"] == 4


def test_the_floor_is_what_as_many_held_out_materials_have() -> None:
    """Of four held-out rows three are novel, two of a new prototype: one sample of three has 2/3, as a mean."""
    splits = {"train": [SALT], "test": [SALT, IODIDE, RUTILE, SILICON]}
    made = {
        name: Split(tuple(p.label for p in rows), tuple(p.prototype for p in rows)) for name, rows in splits.items()
    }
    alone = inputs([BRASS], train=[SALT])
    assert alone.dataset is not None
    spec = replace(alone.dataset.spec, splits=("train", "test"), load=lambda name, table: made[name])
    result = compute(replace(alone, dataset=Dataset(spec)))
    assert result.details["floor"] == pytest.approx(2 / 3)
    assert "1 novel held-out materials have 0.667" in result.notes
    assert compute(alone).details["floor"] is None


def test_more_than_a_thousand_samples_are_also_given_at_a_thousand() -> None:
    result = compute(inputs([RUTILE] * 1999 + [BRASS], train=[SALT]))
    assert result.value == 2
    assert result.details["among_1000"] == pytest.approx(1.5)
    assert any(note.startswith("among 1,000 of these samples") and "1 to 2" in note for note in result.notes)


def test_a_thousand_samples_are_not_given_at_a_thousand_again() -> None:
    result = compute(inputs([RUTILE] * 999 + [BRASS], train=[SALT]))
    assert result.details["among_1000"] is None
    assert not any("of these samples" in note for note in result.notes)


def test_exchanging_elements_keeps_the_prototype() -> None:
    anti_rutile = Protostructure(136, [("O", "a"), ("Ti", "f")])
    assert compute(inputs([anti_rutile], train=[RUTILE])).value == 0


@given(references, references)
def test_count_is_bounded_by_samples_and_prototypes(items: list[Protostructure], train: list[Protostructure]) -> None:
    result = compute(inputs(items, train=train))
    assert result.value <= result.details["distinct_prototypes"] <= result.n
    assert result.value <= result.details["samples_with_new_prototype"]
    assert result.value == len({i.prototype for i in items} - {row.prototype for row in train})


@given(references, references)
def test_order_and_duplicates_do_not_change_the_count(items: list[Protostructure], train: list[Protostructure]) -> None:
    value = compute(inputs(items, train=train)).value
    assert compute(inputs(items[::-1] * 2, train=train)).value == value


def test_more_reference_rows_never_give_more_new_prototypes() -> None:
    items = [RUTILE, BRASS, SILICON]
    values = [compute(inputs(items, train=[SALT, *items[:k]])).value for k in range(4)]
    assert values == [3, 2, 1, 0]


def test_metric_is_given_the_novel_samples() -> None:
    assert spec(crystalbench_metrics, "prototype_novelty").subset is Subset.NOVEL


def test_no_novel_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no novel samples"):
        compute(inputs([], train=[SALT]))
