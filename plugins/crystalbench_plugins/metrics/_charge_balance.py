"""Whether a composition can be charge-neutral with all cations less electronegative than all anions.

Enumerating one oxidation state per element, as smact does, is exponential: a formula of 13 elements took
435 s. But the Pauling test only says that some electronegativity separates all cations from all anions. So
for each separation ask which total charges +q the elements below it can reach, which -q those above it can,
and whether the two sets meet. A set of charges is one Python integer with bit q set for charge q; adding an
element is one shift and one "or" per oxidation state. The work grows linearly with the number of elements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """How an element without a Pauling electronegativity (Pm, Rn, Lr and most noble gases) is judged.

    Attributes
    ----------
    CDVAE
        As CDVAE's evaluation does with the smact 2.2.1 that it pins. Pairs of elements are tested in the
        order of atomic number until one fails; a cation and an anion that cannot be compared end the test
        as passed, two cations or two anions of which one has no electronegativity end it as failed.
    SMACT
        As smact 4: never balanced.
    """

    CDVAE = "cdvae"
    SMACT = "smact"


class Verdict(StrEnum):
    """Why a composition is valid (the first three) or not."""

    ELEMENT = "single_element"
    ALLOY = "alloy"  # metals only
    BALANCED = "balanced"
    UNBALANCED = "unbalanced"
    UNKNOWN = "unknown_element"  # smact has no data beyond element 103

    @property
    def valid(self) -> bool:
        return self is not Verdict.UNBALANCED and self is not Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class Species:
    """What is known of an element.

    Attributes
    ----------
    number
        Atomic number.
    states
        Oxidation states; empty where none is known, and then no compound is balanced.
    electronegativity
        Pauling scale, or None.
    metal
        Whether smact lists it among the metals.
    """

    number: int
    states: tuple[int, ...]
    electronegativity: float | None
    metal: bool


class Elements:
    """Species by symbol, and what `judge` looks up most (a look-up in a set is 10 times faster than a loop)."""

    def __init__(self, species: Mapping[str, Species]) -> None:
        self.species = dict(species)
        self.metals = frozenset(symbol for symbol, item in species.items() if item.metal)
        self.electronegativity = {
            symbol: item.electronegativity for symbol, item in species.items() if item.electronegativity is not None
        }
        self.cations = {symbol: [q for q in item.states if q >= 0] for symbol, item in species.items()}
        self.anions = {symbol: [-q for q in item.states if q <= 0] for symbol, item in species.items()}


def judge(composition: Mapping[str, int], elements: Elements, rule: Rule) -> Verdict:
    """Return the verdict on one composition; it depends on the ratios of the amounts only.

    Parameters
    ----------
    composition
        Positive amount of each element; at least one element. Reduced amounts are quicker.
    elements
        An element that it lacks makes a compound invalid (CDVAE and smact raise).
    """
    if len(composition) == 1:
        return Verdict.ELEMENT
    if elements.metals.issuperset(composition):
        return Verdict.ALLOY
    if not composition.keys() <= elements.species.keys():
        return Verdict.UNKNOWN
    if composition.keys() <= elements.electronegativity.keys():
        balanced = _separable(composition, elements)
    else:
        balanced = rule is Rule.CDVAE and _incomparable(composition, elements)
    return Verdict.BALANCED if balanced else Verdict.UNBALANCED


def _separable(composition: Mapping[str, int], elements: Elements) -> bool:
    """Whether a neutral choice of states has every cation less electronegative than every anion."""
    scale = elements.electronegativity
    order = sorted(composition, key=scale.__getitem__)
    positive = [1]  # bit q of positive[k]: the first k elements can sum to +q without any anion
    for symbol in order:
        positive.append(_add(positive[-1], composition[symbol], elements.cations[symbol]))
    negative = 1  # bit q: the elements from k on can sum to -q without any cation
    for k in range(len(order), -1, -1):
        splits_tie = 0 < k < len(order) and scale[order[k - 1]] == scale[order[k]]
        if negative & positive[k] and not splits_tie:
            return True
        if not k or not negative:
            break
        negative = _add(negative, composition[order[k - 1]], elements.anions[order[k - 1]])
    return False


def _incomparable(composition: Mapping[str, int], elements: Elements) -> bool:
    """Whether a neutral choice of states passes the test of `Rule.CDVAE`; some electronegativity is missing.

    The scan (0, 1), (0, 2), ... meets a missing value in its first row: elements after it may have any state.
    """
    order = sorted(composition, key=lambda symbol: elements.species[symbol].number)
    scale = [elements.electronegativity.get(symbol) for symbol in order]
    missing = scale.index(None)
    last = missing or 1  # the scan ends at the pair (0, last)
    for sign in (1, -1):  # of the first element
        charges = []
        for i, symbol in enumerate(order):
            states = elements.species[symbol].states
            if i == 0:
                allowed = [state for state in states if sign * state > 0]
            elif i == last:
                allowed = [state for state in states if sign * state < 0]
            elif i < last and not _stronger(scale[i], scale[0], sign):
                allowed = [state for state in states if sign * state >= 0]
            else:
                allowed = list(states)
            charges.append(allowed)
        if _reaches_zero([composition[symbol] for symbol in order], charges):
            return True
    return False


def _stronger(value: float | None, first: float | None, sign: int) -> bool:
    """Whether an element may have the charge opposite to the first one's, which has this sign."""
    return value is not None and first is not None and sign * first < sign * value


def _reaches_zero(amounts: Sequence[int], charges: Sequence[Sequence[int]]) -> bool:
    """Whether one charge from each list can be chosen so that, times the amounts, they sum to zero."""
    if not all(charges):
        return False
    lowest = [min(options) for options in charges]
    sums = 1  # bit q: the sum of the lowest charges plus q can be reached
    for amount, options, low in zip(amounts, charges, lowest, strict=True):
        sums = _add(sums, amount, [charge - low for charge in options])
    zero = -sum(amount * low for amount, low in zip(amounts, lowest, strict=True))
    return zero >= 0 and bool(sums >> zero & 1)


def _add(sums: int, amount: int, charges: Sequence[int]) -> int:
    """Return the sums reachable by adding ``amount`` times one of the charges (none negative) to one of the sums."""
    result = 0
    for charge in charges:
        result |= sums << amount * charge
    return result
