"""Distance of a formation energy from the convex hull of the phases that are known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from math import gcd

import numpy as np
from numpy.typing import NDArray

from crystalbench.errors import CrystalbenchError

Composition = Mapping[int, int]
"""Number of atoms of each element by atomic number; any multiple means the same."""

_NEGLIGIBLE = 1e-9
"""Fractions of atoms below it are rounding of the linear program, whose own tolerance is 1e-7 at most."""


class Gap(StrEnum):
    """Why a distance from a hull says nothing. The values are stored in ledgers: never rename one."""

    NO_REFERENCE = "no_reference"  # an element without a reference energy
    THIN = "hull_too_thin"  # no compound is known in the chemical system: the distance is the formation energy


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """What has the lowest energy at a composition among the phases of a hull.

    Attributes
    ----------
    energy
        Height of the hull there: formation energy in eV/atom.
    products
        The phases that a material of this composition decomposes into, with the share of its atoms that goes into
        each (they sum to 1), the largest first.
    """

    energy: float
    products: tuple[tuple[Composition, float], ...]


@dataclass(frozen=True, eq=False)
class Hull:
    """Points on or above a convex hull, with the elemental references of the same scheme.

    An element in its reference phase has the formation energy 0 and need not be among the points.

    Attributes
    ----------
    compositions
        For each phase, the number of atoms of each element by atomic number.
    energies
        (n,) float64, formation energies in eV/atom.
    references
        Energy of each element in its reference phase, eV/atom, by atomic number.
    charted
        Sets of elements in which compounds are known of which none is among the points: they lie above the hull.
    """

    compositions: Sequence[Composition]
    energies: NDArray[np.float64]
    references: Mapping[int, float]
    charted: frozenset[frozenset[int]] = frozenset()

    def __post_init__(self) -> None:
        if self.energies.shape != (len(self.compositions),):
            raise ValueError(f"{len(self.compositions)} compositions have energies of shape {self.energies.shape}")
        if not np.isfinite(self.energies).all():
            raise ValueError("a formation energy is not finite")

    def __len__(self) -> int:
        return len(self.compositions)

    def gap(self, composition: Composition) -> Gap | None:
        """Return why a distance at this composition says nothing, or None."""
        elements = _elements(composition)
        if not elements <= self.references.keys():
            return Gap.NO_REFERENCE
        charted = any(len(known) > 1 for known in self._within(elements, self._systems))
        if len(elements) == 1 or charted or any(self._within(elements, self.charted)):
            return None
        return Gap.THIN

    def decomposition(self, composition: Composition) -> Decomposition:
        """Return the combination of phases with the lowest energy, by linear programming.

        It minimises :math:`\\sum_p x_p e_p` over shares :math:`x_p \\ge 0` of the atoms with
        :math:`\\sum_p x_p c_p = c`, where :math:`c` are atomic fractions: the grand problem of which a phase diagram
        is the picture. Equal to pymatgen's ``PhaseDiagram`` (tests/peers/test_hull_peers.py).

        Raises
        ------
        ValueError
            If an element has no reference; `gap` says so beforehand.
        """
        from scipy.optimize import linprog

        elements = sorted(_elements(composition))
        if unknown := [z for z in elements if z not in self.references]:
            raise ValueError(f"the hull has no reference energy of the elements {unknown} (atomic numbers)")
        rows = [row for known in self._within(frozenset(elements), self._systems) for row in self._systems[known]]
        phases = [*({z: 1} for z in elements), *(self.compositions[row] for row in rows)]
        heights = np.concatenate([np.zeros(len(elements)), self.energies[rows]])
        fractions = np.array([[phase.get(z, 0) for phase in phases] for z in elements], dtype=np.float64)
        fractions /= fractions.sum(axis=0)  # (elements, phases)
        wanted = np.array([composition[z] for z in elements], dtype=np.float64)
        found = linprog(heights, A_eq=fractions, b_eq=wanted / wanted.sum(), bounds=(0, None), method="highs-ds")
        if found.x is None:
            raise CrystalbenchError(f"the hull at {dict(composition)}: {found.message}")
        shares = sorted(zip(found.x.tolist(), phases, strict=True), key=lambda pair: -pair[0])
        return Decomposition(
            energy=float(heights @ found.x),
            products=tuple((reduced(phase), share) for share, phase in shares if share > _NEGLIGIBLE),
        )

    def distance(self, composition: Composition, formation_energy: float) -> float:
        """Return how far a formation energy (eV/atom) lies above the hull, eV/atom.

        Negative below it: such a material would be a new vertex. Where `gap` says THIN it is the energy against the
        elements. Raises `ValueError` if an element has no reference.
        """
        return formation_energy - self.decomposition(composition).energy

    def without(self, composition: Composition) -> "Hull":
        """Return the hull of the chemical system of a composition as it would be if no phase of it were known."""
        wanted = reduced(composition)
        systems = list(self._within(_elements(composition), self._systems))
        rows = [i for known in systems for i in self._systems[known] if reduced(self.compositions[i]) != wanted]
        return Hull([self.compositions[i] for i in rows], self.energies[rows], self.references, self.charted)

    @cached_property
    def _systems(self) -> Mapping[frozenset[int], list[int]]:
        """Rows of the phases by the set of their elements."""
        systems: dict[frozenset[int], list[int]] = {}
        for row, composition in enumerate(self.compositions):
            systems.setdefault(_elements(composition), []).append(row)
        return systems

    @staticmethod
    def _within(
        elements: frozenset[int], known: Mapping[frozenset[int], list[int]] | frozenset[frozenset[int]]
    ) -> Iterator[frozenset[int]]:
        """Yield the known sets that hold no other element, in an order that depends on nothing else."""
        if 1 << len(elements) > len(known):
            yield from sorted((system for system in known if system <= elements), key=sorted)
            return
        for size in range(1, len(elements) + 1):
            for chosen in combinations(sorted(elements), size):
                if (system := frozenset(chosen)) in known:
                    yield system


def _elements(composition: Composition) -> frozenset[int]:
    return frozenset(z for z, number in composition.items() if number)


def reduced(composition: Composition) -> Composition:
    """Return a composition by its smallest whole numbers, elements in the order of their atomic numbers."""
    divisor = gcd(*composition.values())
    return {z: number // divisor for z, number in sorted(composition.items()) if number}
