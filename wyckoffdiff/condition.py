"""Conditions on what is sampled: space groups, allowed and required elements, positions that are given.

**What law is sampled.** The diffusion draws each x_0 from the model's p(x_0 | x_t) in every step; a condition on
single variables (allowed elements, given positions) restricts that distribution to the allowed values and
renormalises it, variable by variable, in every step. The samples obey the condition with certainty, and their law is
that of this restricted chain: *not* the unconditional law given the condition, which nobody can draw from directly.
The noise itself is not restricted, so an excluded element may stand on a position at a time t > 0.

Space groups are drawn from the training frequencies restricted to the ones given. Required elements are met by
rejection: samples without them are drawn again, space group included, so their law is exactly that of the (otherwise
conditioned) chain given that all of them occur, up to the stated number of attempts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench.errors import ConfigError, unknown_name
from wyckoffdiff.encoding import ATOMIC_NUMBERS, Record
from wyckoffdiff.layout import layout

_AMOUNT = re.compile(r"([1-9][0-9]*)?([A-Z][a-z]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What every sample must be.

    Attributes
    ----------
    spacegroups
        Allowed space-group numbers; empty allows all.
    elements
        Allowed atomic numbers; empty allows all.
    required
        Atomic numbers that must all occur.
    given
        ((position in letter order, ((atomic number, orbits), ...)), ...): these positions hold exactly this, and
        one without atoms stays empty; all others are completed. Needs exactly one space group.
    """

    spacegroups: tuple[int, ...] = ()
    elements: tuple[int, ...] = ()
    required: tuple[int, ...] = ()
    given: tuple[tuple[int, tuple[tuple[int, int], ...]], ...] = ()

    @classmethod
    def parse(cls, *, spacegroups: str = "", elements: str = "", required: str = "", given: str = "") -> "Condition":
        """Read a condition as a user writes it.

        Parameters
        ----------
        spacegroups
            ``"225"``, ``"221,225"`` or ``"195-230"``.
        elements, required
            ``"Li,Fe,P,O"``.
        given
            ``"a=Ca b=Ti e="``: Ca on position a, Ti on b, e empty; ``"i=2O+N"``: two orbits of O and one of N on i.

        Raises
        ------
        ConfigError
            Naming the setting, the value and what would be right.
        """
        groups = _spacegroups(spacegroups)
        condition = cls(
            spacegroups=groups,
            elements=_elements("elements", elements),
            required=_elements("required", required),
            given=_given(given, groups),
        )
        condition._check()
        return condition

    def _check(self) -> None:
        placed = {z for _, atoms in self.given for z, _ in atoms}
        if self.elements and (excluded := (set(self.required) | placed) - set(self.elements)):
            symbols = ", ".join(s for s, z in ATOMIC_NUMBERS.items() if z in excluded)
            raise ConfigError(f"{symbols}: required or given, but not among the allowed elements; add it to elements")

    def accepts(self, record: Record) -> bool:
        """Whether all required elements occur."""
        return set(self.required) <= {z for _, z, _ in record.entries}

    def check_range(self, n_elements: int, max_orbits: int) -> None:
        """Raise `ConfigError` if a model with these N_a and P cannot meet the condition."""
        for z in {*self.elements, *self.required, *(z for _, atoms in self.given for z, _ in atoms)}:
            if z > n_elements:
                symbol = next(s for s, number in ATOMIC_NUMBERS.items() if number == z)
                raise ConfigError(f"{symbol}: the model knows the elements up to atomic number {n_elements}")
        for _, atoms in self.given:
            for _, orbits in atoms:
                if orbits > max_orbits:
                    raise ConfigError(
                        f"given {orbits} orbits of one element on a position: the model has P={max_orbits}"
                    )

    def known(self, spacegroup: int, n_elements: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the x_0 that are certain: z0 (n0,) and zinf (ninf, N_a), int64, -1 where open."""
        shape = layout(spacegroup)
        z0 = np.full(len(shape.constrained), -1, dtype=np.int64)
        zinf = np.full((len(shape.unconstrained), n_elements), -1, dtype=np.int64)
        zinf[:, ~self.allowed(n_elements)[1:]] = 0
        for position, atoms in self.given:
            if shape.dof[position]:
                zinf[shape.slot[position]] = 0
                for z, orbits in atoms:
                    zinf[shape.slot[position], z - 1] = orbits
            else:
                z0[shape.slot[position]] = atoms[0][0] if atoms else 0
        return z0, zinf

    def allowed(self, n_elements: int) -> NDArray[np.bool_]:
        """Return which values a constrained position may have: (N_a + 1,) bool; 0, empty, always."""
        allowed = np.full(n_elements + 1, not self.elements)
        allowed[[0, *self.elements]] = True
        return allowed

    def spacegroup_weights(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the probability of each space group (231,) from its training counts (Eq. 4).

        Raises
        ------
        ConfigError
            If none of the allowed groups was ever trained on.
        """
        weights = counts.astype(np.float64)
        if self.spacegroups:
            weights[[g for g in range(len(counts)) if g not in self.spacegroups]] = 0
        if not weights.sum() > 0:
            named = ", ".join(map(str, self.spacegroups))
            raise ConfigError(f"spacegroups {named}: none of them occurs in the training set of this model")
        weights /= weights.sum()
        return weights


def _spacegroups(text: str) -> tuple[int, ...]:
    groups: set[int] = set()
    for part in _parts(text):
        if not (match := re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", part)):
            raise ConfigError(f"spacegroups: {part!r} is no number from 1 to 230 or range such as 195-230")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= 230:
            raise ConfigError(f"spacegroups: {part!r} is not within 1 to 230")
        groups.update(range(first, last + 1))
    return tuple(sorted(groups))


def _elements(setting: str, text: str) -> tuple[int, ...]:
    for symbol in _parts(text):
        if symbol not in ATOMIC_NUMBERS:
            raise ConfigError(f"{setting}: {unknown_name('element', symbol, ATOMIC_NUMBERS)}")
    return tuple(sorted({ATOMIC_NUMBERS[symbol] for symbol in _parts(text)}))


def _given(text: str, groups: tuple[int, ...]) -> tuple[tuple[int, tuple[tuple[int, int], ...]], ...]:
    if text.strip() and len(groups) != 1:
        raise ConfigError(f"given={text!r} needs exactly one space group, as letters mean nothing without it")
    positions: dict[int, tuple[tuple[int, int], ...]] = {}
    for part in text.split():
        letter, equals, atoms = part.partition("=")
        shape = layout(groups[0])
        if not equals or len(letter) != 1 or letter not in shape.letters:
            raise ConfigError(
                f"given: {part!r} is not letter=atoms, such as a=Ca, i=2O+N or e= (empty); space group {groups[0]} "
                f"has the letters {shape.letters[0]} to {shape.letters[-1]}"
            )
        position = shape.letters.index(letter)
        if position in positions:
            raise ConfigError(f"given: position {letter} twice; write all its atoms once, as in {letter}=2O+N")
        positions[position] = _atoms(part, atoms)
        if not shape.dof[position] and sum(orbits for _, orbits in positions[position]) > 1:
            raise ConfigError(f"given: {part!r}, but position {letter} has no free coordinate and holds one orbit only")
    return tuple(sorted(positions.items()))


def _atoms(part: str, text: str) -> tuple[tuple[int, int], ...]:
    counts: dict[int, int] = {}
    for amount in text.split("+") if text else ():
        match = _AMOUNT.fullmatch(amount)
        if match is None or match[2] not in ATOMIC_NUMBERS:
            raise ConfigError(f"given: {amount!r} in {part!r} is not an element or a number and an element, as in 2O")
        z = ATOMIC_NUMBERS[match[2]]
        counts[z] = counts.get(z, 0) + int(match[1] or 1)
    return tuple(sorted(counts.items()))


def _parts(text: str) -> Iterable[str]:
    return [part for part in re.split(r"[,\s]+", text) if part]
