"""Tables of formation energies reduced to one point a composition."""

from collections.abc import Iterable
from itertools import combinations
from math import gcd, inf
from typing import TypeAlias

from crystalbench.materials.formulas import parse_formula

Key: TypeAlias = tuple[tuple[int, int], ...]
"""A composition in lowest terms: atomic numbers and numbers of atoms, sorted."""


def key(formula: str) -> Key:
    """Return the composition of a formula; raises `ValueError` where it is none."""
    numbers = parse_formula(formula)
    divisor = gcd(*numbers.values())
    return tuple(sorted((z, n // divisor) for z, n in numbers.items()))


def lowest(keys: Iterable[Key], energies: Iterable[float]) -> dict[Key, float]:
    """Return the lowest energy of each composition, without elements: their references are the zero."""
    found: dict[Key, float] = {}
    for composition, energy in zip(keys, energies, strict=True):
        if len(composition) > 1:
            found[composition] = min(float(energy), found.get(composition, inf))
    return found


def uncovered(known: Iterable[Key], kept: Iterable[Key]) -> list[tuple[int, ...]]:
    """Return systems with known compounds that, without being told, a hull would call uncharted."""
    with_vertex = {frozenset(z for z, _ in composition) for composition in kept}
    systems = {frozenset(z for z, _ in composition) for composition in known}

    def covered(system: frozenset[int]) -> bool:
        parts = (c for size in range(2, len(system) + 1) for c in combinations(sorted(system), size))
        return any(frozenset(part) in with_vertex for part in parts)

    return sorted(tuple(sorted(system)) for system in systems if not covered(system))
