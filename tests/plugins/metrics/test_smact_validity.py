"""SMACT validity: denominators, parameters and smact's tables."""

import pytest
from hypothesis import given, settings

from crystalbench import Direction, NotComputable, Protostructure, Subset
from crystalbench.crystals.samples import Converted
from crystalbench_plugins.metrics.smact_validity import (
    PARAMETERS,
    compute_all,
    compute_novel,
    crystalbench_metrics,
    table,
)
from tests.plugins.metrics.metric_inputs import BRASS, CRASH, IODIDE, RUTILE, SALT, SILICON, inputs, samples, spec

DEFAULTS = {parameter.name: str(parameter.default) for parameter in PARAMETERS}
TABLES = next(parameter.choices for parameter in PARAMETERS if parameter.name == "oxidation_states")
IMPOSSIBLE = Protostructure(225, [("Na", "a"), ("F", "c")])  # NaF2; fluorine is -1 only
OGANESSON = Protostructure(225, [("Og", "a"), ("O", "b")])


def test_all_samples_are_the_denominator() -> None:
    result = compute_all(inputs([SALT, RUTILE, BRASS, SILICON, IMPOSSIBLE, CRASH], **DEFAULTS))
    assert result.value == 4 / 6
    assert result.n == 6
    assert result.details["invalid"] == 1
    assert result.details["verdicts"] == {
        "single_element": 1,
        "alloy": 1,
        "balanced": 2,
        "unbalanced": 1,
        "unknown_element": 0,
    }


def test_element_beyond_103_is_counted_as_invalid() -> None:
    result = compute_novel(inputs([SALT, OGANESSON], **DEFAULTS))
    assert result.value == 1 / 2
    assert result.details["verdicts"]["unknown_element"] == 1  # type: ignore[index, call-overload]


def test_duplicates_count_each() -> None:
    assert compute_novel(inputs([SALT, SALT, SALT, IMPOSSIBLE], **DEFAULTS)).value == 3 / 4


def test_formula_units_per_cell_do_not_matter() -> None:
    bigger = Protostructure(1, [("Na", "a"), ("Cl", "a")])
    assert compute_novel(inputs([SALT, bigger], **DEFAULTS)).value == 1


def test_result_states_rule_and_tables() -> None:
    details = compute_novel(inputs([SALT], **DEFAULTS)).details
    assert (details["rule"], details["oxidation_states"]) == ("cdvae", "smact14")
    assert str(details["smact"]).startswith("4.")


def test_rules_differ_on_promethium() -> None:
    oxide = Protostructure(225, [("Pm", "a"), ("O", "b")])  # PmO; no electronegativity
    assert compute_novel(inputs([oxide], **DEFAULTS)).value == 1
    assert compute_novel(inputs([oxide], **{**DEFAULTS, "rule": "smact"})).value == 0


@given(samples.filter(bool))
@settings(max_examples=30)
def test_order_does_not_matter(items: list[Converted]) -> None:
    assert compute_all(inputs(items, **DEFAULTS)) == compute_all(inputs(items[::-1], **DEFAULTS))


@given(samples.filter(bool))
@settings(max_examples=30)
def test_verdicts_and_invalid_samples_add_up_to_n(items: list[Converted]) -> None:
    details = compute_all(inputs(items, **DEFAULTS)).details
    verdicts = details["verdicts"]
    assert isinstance(verdicts, dict)
    assert sum(verdicts.values()) + details["invalid"] == len(items)


def test_more_valid_is_not_called_better() -> None:
    for name, subset in (("smact_validity", Subset.NOVEL), ("smact_validity_all", Subset.ALL)):
        metric = spec(crystalbench_metrics, name)
        assert metric.direction is Direction.TARGET
        assert metric.subset is subset


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_elements_1_to_103(name: str) -> None:
    species = table(name).species
    assert [item.number for item in species.values()] == list(range(1, 104))
    assert species["O"].electronegativity == 3.44
    assert -2 in species["O"].states
    assert 1 in species["Na"].states
    assert species["He"].states == ()
    assert species["Fe"].metal
    assert not species["Pm"].metal  # smact's list of metals lacks it
    assert species["Pm"].electronegativity is None


def test_tables_differ() -> None:
    assert len({tuple(item.states for item in table(name).species.values()) for name in TABLES}) == len(TABLES)


def test_no_samples_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no novel samples"):
        compute_novel(inputs([], **DEFAULTS))
    with pytest.raises(NotComputable, match="no samples"):
        compute_all(inputs([], **DEFAULTS))


def test_potassium_iodide_is_balanced() -> None:
    for name in TABLES:
        assert compute_all(inputs([IODIDE], rule="smact", oxidation_states=str(name))).value == 1
