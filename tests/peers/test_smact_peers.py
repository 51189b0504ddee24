"""Charge balance equals smact's enumeration, on real compositions and on awkward ones."""

from itertools import combinations, product
from math import gcd
from pathlib import Path
from random import Random

import pandas
import pytest
import smact
from pymatgen.core import Composition
from smact.screening import smact_validity

from crystalbench_plugins.metrics._charge_balance import Rule, judge
from crystalbench_plugins.metrics.smact_validity import table

pytestmark = pytest.mark.peer

NAMED = {"smact14", "icsd16", "icsd24", "pymatgen_sp"}
AWKWARD = ("H", "He", "Li", "C", "N", "O", "F", "Na", "Si", "Cl", "Ge", "Xe", "Pm", "Tl", "At", "Rn", "Ra", "Lr")


def cdvae(composition: dict[str, int]) -> bool:
    """CDVAE's rule by enumeration: each combination of states, then each pair in order of atomic number.

    As its evaluation does with smact 2.2.1, whose test of a pair raises where an electronegativity is missing
    (taken as passed) unless both charges have one sign (failed).
    """
    if len(composition) == 1 or all(symbol in smact.metals for symbol in composition):
        return True
    elements = sorted(smact.element_dictionary(composition).values(), key=lambda element: element.number)
    amounts = [(composition[element.symbol],) for element in elements]
    return any(
        smact.neutral_ratios(charges, stoichs=amounts)
        and pauling_2_2_1(charges, [element.pauling_eneg for element in elements])
        for charges in product(*(element.oxidation_states_smact14 or () for element in elements))
    )


def pauling_2_2_1(charges: tuple[int, ...], electronegativities: list[float | None]) -> bool:
    for (q1, x1), (q2, x2) in combinations(zip(charges, electronegativities, strict=True), 2):
        opposite = min(q1, q2) < 0 < max(q1, q2)
        if x1 is None or x2 is None:
            return opposite
        if opposite and (x1 >= x2 if q1 > 0 else x2 >= x1):
            return False
    return True


@pytest.fixture(scope="module")
def compositions(shared: Path) -> list[dict[str, int]]:
    """Reduced: 2,000 of MP-20's validation split, and 2,000 of two to four awkward elements."""
    formulas = pandas.read_feather(shared / "mp_20_val_test" / "mp_20_val.feather")["pretty_formula"]
    random = Random(0)
    real = [Composition(text).get_el_amt_dict() for text in random.sample(sorted(set(formulas)), 2000)]
    made = [
        {symbol: random.randint(1, 6) for symbol in random.sample(AWKWARD, random.randint(2, 4))} for _ in range(2000)
    ]
    return [reduced({symbol: int(amount) for symbol, amount in item.items()}) for item in real + made]


def reduced(composition: dict[str, int]) -> dict[str, int]:
    divisor = gcd(*composition.values())
    return {symbol: amount // divisor for symbol, amount in composition.items()}


def test_rule_cdvae_equals_cdvaes_enumeration(compositions: list[dict[str, int]]) -> None:
    elements = table("smact14")
    verdicts = [judge(item, elements, Rule.CDVAE).valid for item in compositions]
    assert verdicts == [cdvae(item) for item in compositions]
    assert 0.1 < sum(verdicts) / len(verdicts) < 0.9


@pytest.mark.parametrize("states", [*sorted(NAMED), "icsd24_consensus3"])
def test_rule_smact_equals_smact_4(compositions: list[dict[str, int]], states: str) -> None:
    """`icsd24_consensus3` is what smact does when told nothing."""
    elements, named = table(states), states if states in NAMED else None
    verdicts = [judge(item, elements, Rule.SMACT).valid for item in compositions]
    assert verdicts == [smact_validity(Composition(item), oxidation_states_set=named) for item in compositions]
    assert 0.1 < sum(verdicts) / len(verdicts) < 0.9


def test_rules_differ_only_where_an_electronegativity_is_missing(compositions: list[dict[str, int]]) -> None:
    elements = table("smact14")
    differ = [c for c in compositions if len({judge(c, elements, rule).valid for rule in Rule}) == 2]
    assert differ
    assert all(not item.keys() <= elements.electronegativity.keys() for item in differ)
