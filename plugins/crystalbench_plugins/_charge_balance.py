"""Whether a composition can be charge-neutral with all cations less electronegative than all anions.

Enumerating one oxidation state per element, as smact does, is exponential: a formula of 13 elements took
435 s. But the Pauling test only says that some electronegativity separates all cations from all anions. So
for each separation ask which total charges +q the elements below it can reach, which -q those above it can,
and whether the two sets meet. A set of charges is one Python integer with bit q set for charge q; adding an
element is one shift and one "or" per oxidation state. The work grows linearly with the number of elements.
"""

from collections.abc import Iterable, Mapping, Sequence
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
        return self in (Verdict.ELEMENT, Verdict.ALLOY, Verdict.BALANCED)


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


def judge(composition: Mapping[str, int], table: Mapping[str, Species], rule: Rule) -> Verdict:
    """Return the verdict on one composition; it depends on the ratios of the amounts only.

    Parameters
    ----------
    composition
        Positive amount of each element; at least one element. Reduced amounts are quicker.
    table
        Species by symbol. An element that it lacks makes a compound invalid (CDVAE and smact raise).
    """
    if len(composition) == 1:
        return Verdict.ELEMENT
    if not all(element in table for element in composition):
        return Verdict.UNKNOWN
    ions = [(table[element], amount) for element, amount in composition.items()]
    if all(species.metal for species, _ in ions):
        return Verdict.ALLOY
    if all(species.electronegativity is not None for species, _ in ions):
        balanced = _separable(ions)
    else:
        balanced = rule is Rule.CDVAE and _incomparable(ions)
    return Verdict.BALANCED if balanced else Verdict.UNBALANCED


_Ions = Sequence[tuple[Species, int]]


def _separable(ions: _Ions) -> bool:
    """Whether a neutral choice of states has every cation less electronegative than every anion."""
    order = sorted(ions, key=_electronegativity)
    cations = [1]  # bit q of cations[k]: the first k elements can sum to +q without any anion
    for species, amount in order:
        cations.append(_add(cations[-1], [amount * state for state in species.states if state >= 0]))
    anions = 1  # bit q: the elements from k on can sum to -q without any cation
    for k in range(len(order), -1, -1):
        splits_tie = 0 < k < len(order) and _electronegativity(order[k - 1]) == _electronegativity(order[k])
        if not splits_tie and cations[k] & anions:
            return True
        if k:
            species, amount = order[k - 1]
            anions = _add(anions, [-amount * state for state in species.states if state <= 0])
    return False


def _incomparable(ions: _Ions) -> bool:
    """Whether a neutral choice of states passes the test of `Rule.CDVAE`; some electronegativity is missing.

    The scan (0, 1), (0, 2), ... meets a missing value in its first row: elements after it may have any state.
    """
    order = sorted(ions, key=lambda ion: ion[0].number)
    missing = next(i for i, (species, _) in enumerate(order) if species.electronegativity is None)
    last = missing or 1  # the scan ends at the pair (0, last)
    for sign in (1, -1):  # of the first element
        charges = []
        for i, (species, amount) in enumerate(order):
            states: Iterable[int] = species.states
            if i == 0:
                states = [state for state in states if sign * state > 0]
            elif i == last:
                states = [state for state in states if sign * state < 0]
            elif i < last and sign * _electronegativity(order[0]) >= sign * _electronegativity(order[i]):
                states = [state for state in states if sign * state >= 0]
            charges.append([amount * state for state in states])
        if _reaches_zero(charges):
            return True
    return False


def _reaches_zero(charges: Sequence[Sequence[int]]) -> bool:
    """Whether one charge from each list can be chosen so that they sum to zero."""
    if not all(charges):
        return False
    lowest = [min(options) for options in charges]
    sums = 1  # bit q: the sum of the lowest charges plus q can be reached
    for options, low in zip(charges, lowest, strict=True):
        sums = _add(sums, [charge - low for charge in options])
    zero = -sum(lowest)
    return zero >= 0 and bool(sums >> zero & 1)


def _add(sums: int, charges: Sequence[int]) -> int:
    """Return the sums reachable by adding one of the charges (none negative) to one of the sums."""
    result = 0
    for charge in charges:
        result |= sums << charge
    return result


def _electronegativity(ion: tuple[Species, int]) -> float:
    value = ion[0].electronegativity
    if value is None:
        raise ValueError(f"element {ion[0].number} has no electronegativity")
    return value
