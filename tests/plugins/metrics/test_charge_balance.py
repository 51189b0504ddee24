"""Charge balance by sums of charges equals trying every combination of oxidation states."""

from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench_plugins.metrics._charge_balance import Elements, Rule, Species, Verdict, judge

ELECTRONEGATIVITIES = (None, 0.8, 1.6, 1.6001, 2.5, 3.4)  # few values: ties and gaps are common

Ion = tuple[Species, int]


def enumerated(ions: list[Ion], rule: Rule) -> bool:
    """Whether some combination of one state per element is neutral and passes the rule's Pauling test."""
    ions = sorted(ions, key=lambda ion: ion[0].number)
    amounts = [amount for _, amount in ions]
    return any(
        sum(n * q for n, q in zip(amounts, charges, strict=True)) == 0
        and passes(charges, [species.electronegativity for species, _ in ions], rule)
        for charges in product(*(species.states for species, _ in ions))
    )


def passes(charges: tuple[int, ...], electronegativities: list[float | None], rule: Rule) -> bool:
    """The Pauling test, pair by pair."""
    for (q1, x1), (q2, x2) in combinations(zip(charges, electronegativities, strict=True), 2):
        if x1 is None or x2 is None:
            return rule is Rule.CDVAE and q1 * q2 < 0
        if q1 * q2 < 0 and (x1 - x2) * q1 >= 0:
            return False
    return True


@st.composite
def ions(draw: st.DrawFn, min_electronegativity: float | None = None) -> list[Ion]:
    """Between 2 and 5 elements that are not all metals, with arbitrary states (also 0 and none at all)."""
    numbers = draw(st.lists(st.integers(1, 103), min_size=2, max_size=5, unique=True))
    known = [x for x in ELECTRONEGATIVITIES if min_electronegativity is None or x is not None]
    return [
        (
            Species(
                number,
                tuple(draw(st.lists(st.integers(-4, 6), max_size=5, unique=True))),
                draw(st.sampled_from(known)),
                metal=False,
            ),
            draw(st.integers(1, 12)),
        )
        for number in numbers
    ]


def verdict(ions: list[Ion], rule: Rule) -> Verdict:
    elements = Elements({f"E{species.number}": species for species, _ in ions})
    return judge({f"E{species.number}": amount for species, amount in ions}, elements, rule)


@pytest.mark.parametrize("rule", Rule)
@given(ions())
def test_equals_enumeration(rule: Rule, ions: list[Ion]) -> None:
    assert (verdict(ions, rule) is Verdict.BALANCED) == enumerated(ions, rule)


@given(ions(min_electronegativity=0.8))
def test_rules_agree_where_every_electronegativity_is_known(ions: list[Ion]) -> None:
    assert verdict(ions, Rule.CDVAE) is verdict(ions, Rule.SMACT)


@pytest.mark.parametrize("rule", Rule)
@given(ions(), st.integers(2, 9), st.randoms(use_true_random=False))
def test_order_and_scale_of_the_formula_do_not_matter(rule: Rule, ions: list[Ion], scale: int, random: Random) -> None:
    other = [(species, amount * scale) for species, amount in ions]
    random.shuffle(other)
    assert verdict(other, rule) is verdict(ions, rule)


def species(number: int, *states: int, x: float | None, metal: bool = False) -> Species:
    return Species(number, states, x, metal)


SODIUM = species(11, 1, x=0.93, metal=True)
IRON = species(26, 2, 3, x=1.83, metal=True)
OXYGEN = species(8, -2, x=3.44)
PROMETHIUM = species(61, 2, 3, x=None)  # not among smact's metals
HELIUM = species(2, x=None)
LITHIUM = species(3, 1, x=0.98, metal=True)
TABLE = Elements({"Li": LITHIUM, "Na": SODIUM, "Fe": IRON, "O": OXYGEN, "Pm": PROMETHIUM, "He": HELIUM})


def test_one_element_is_valid_even_if_unknown() -> None:
    for element in ("O", "He", "Og"):
        assert judge({element: 4}, TABLE, Rule.CDVAE) is Verdict.ELEMENT


def test_metals_alone_are_an_alloy() -> None:
    assert judge({"Na": 1, "Fe": 7}, TABLE, Rule.SMACT) is Verdict.ALLOY


def test_elements_beyond_the_tables_make_a_compound_invalid() -> None:
    unknown = judge({"Og": 1, "O": 1}, TABLE, Rule.CDVAE)
    assert unknown is Verdict.UNKNOWN
    assert not unknown.valid


@pytest.mark.parametrize(
    ("composition", "expected"),
    [
        ({"Na": 2, "O": 1}, Verdict.BALANCED),
        ({"Na": 1, "O": 1}, Verdict.UNBALANCED),
        ({"Fe": 2, "O": 3}, Verdict.BALANCED),
        ({"Fe": 3, "O": 4}, Verdict.UNBALANCED),  # magnetite needs two states of one element at once
        ({"He": 1, "O": 1}, Verdict.UNBALANCED),  # no oxidation state is known
    ],
)
def test_verdicts_by_hand(composition: dict[str, int], expected: Verdict) -> None:
    assert judge(composition, TABLE, Rule.CDVAE) is judge(composition, TABLE, Rule.SMACT) is expected


def test_missing_electronegativity_passes_cdvaes_rule_and_fails_smacts() -> None:
    assert judge({"Pm": 2, "O": 3}, TABLE, Rule.CDVAE) is Verdict.BALANCED
    assert judge({"Pm": 2, "O": 3}, TABLE, Rule.SMACT) is Verdict.UNBALANCED


def test_cdvaes_rule_depends_on_atomic_numbers_where_an_electronegativity_is_missing() -> None:
    """O-Pm is the first pair without a value in O-Na-Pm; two cations, Li-Pm, in Li-O-Pm."""
    assert judge({"Na": 1, "Pm": 1, "O": 2}, TABLE, Rule.CDVAE) is Verdict.BALANCED
    assert judge({"Li": 1, "Pm": 1, "O": 2}, TABLE, Rule.CDVAE) is Verdict.UNBALANCED


def test_equal_electronegativities_cannot_be_cation_and_anion() -> None:
    tied = Elements({"X": species(5, -2, 2, x=2.0), "Y": species(6, -2, 2, x=2.0)})
    assert judge({"X": 1, "Y": 1}, tied, Rule.SMACT) is Verdict.UNBALANCED


def test_thirteen_elements_are_no_trouble() -> None:
    """Enumeration would try 12 ** 13 combinations."""
    states = tuple(q for q in range(-6, 7) if q)
    many = {f"E{k}": Species(k, states, 1 + k / 10, metal=False) for k in range(1, 14)}
    assert judge(dict.fromkeys(many, 7), Elements(many), Rule.CDVAE) is Verdict.BALANCED
