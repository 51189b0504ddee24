"""A material beside all that is known: formation energy, distance from the convex hull, what it decomposes into."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.errors import CrystalbenchError
from crystalbench.materials.candidate import Material, Reason
from crystalbench.materials.elements import ElementEnergies
from crystalbench.materials.formation import formation_energy
from crystalbench.materials.hull import Composition, Gap, Hull
from crystalbench.materials.potential import EnergyScheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A material and its energies.

    Attributes
    ----------
    formation
        Formation energy, eV/atom; None where there is no energy or no reference.
    distance
        Energy above the convex hull of the known phases, eV/atom, negative below it; None where it says nothing.
    products
        What it decomposes into, ``"0.67 Ca2P + 0.33 CaI2"`` (shares of the atoms).
    reason, detail
        Why there is no distance.
    """

    material: Material
    formation: float | None = None
    distance: float | None = None
    products: str = ""
    reason: Reason | None = None
    detail: str = ""

    @property
    def told(self) -> tuple[str, str]:
        """Reason and detail as tables show them: why there is no distance, or that the time limit cut the search."""
        if self.reason is None and self.material.cut:
            found = sum(one.energy is not None for one in self.material.tries)
            return str(Reason.TIMEOUT), f"the search ended at the time limit: the lowest of {found} found until then"
        return str(self.reason or ""), self.detail


class RunEnergies(Protocol):
    """The energies of a replica's samples, as metrics see them. A row is the place of a sample in `ScoreInput.samples`.

    What is asked for is relaxed, and that takes seconds a sample: a metric asks for the rows that it needs, and for no
    more of them than `sampled` returns.
    """

    def sampled(self, rows: Sequence[int], /) -> list[int]:
        """Return the rows to judge in the place of all of these: as many as the run allows, drawn at random.

        The order of the drawing is that of the run: metrics that need the same rows draw the same.
        """
        ...

    def judged(self, rows: Sequence[int], /) -> list[Judged]:
        """Return the material of each of these rows, which are valid samples, in their order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges materials by one hull and one set of elemental references.

    ``scheme`` is that of the potential. Elements need no correction in any, so what is counted from a potential's own
    is corrected as what is counted from the hull's: the phases of the hull are.
    """

    hull: Hull
    references: ElementEnergies
    scheme: EnergyScheme

    def judge(self, material: Material) -> Judged:
        """Return a material with its energies, or with the reason why it has none."""
        if material.energy is None or material.structure is None:
            return Judged(material=material, reason=material.reason, detail=material.detail)
        numbers = material.structure.numbers
        composition: Composition = Counter(numbers.tolist())
        found = self.references.find(sorted(composition))
        energies = {z: one.energy for z, one in found.items() if one.energy is not None}
        if absent := {ELEMENTS[z - 1]: one.why for z, one in found.items() if one.energy is None}:
            named = ", ".join(f"{symbol} ({why})" if why else symbol for symbol, why in absent.items())
            return Judged(material=material, reason=Reason.NO_REFERENCE, detail=f"no reference energy of {named}")
        try:
            formation = formation_energy(
                material.structure, material.energy * len(numbers), scheme=self.scheme, references=energies
            )
        except CrystalbenchError as error:
            return Judged(material=material, reason=Reason.NO_REFERENCE, detail=str(error))
        return self._placed(material, composition, formation)

    def given(self, material: Material, formation: float) -> Judged:
        """Return a material with a formation energy (eV/atom) of another origin, such as DFT, beside the hull."""
        named = Protostructure.from_canonical(material.label).composition
        return self._placed(material, {NUMBERS[name]: number for name, number in named.items()}, formation)

    def _placed(self, material: Material, composition: Composition, formation: float) -> Judged:
        gap = self.hull.gap(composition)
        if gap is Gap.NO_REFERENCE:
            detail = "the hull has no reference of an element"
            return Judged(material=material, formation=formation, reason=Reason.NO_REFERENCE, detail=detail)
        found = self.hull.decomposition(composition)
        products = " + ".join(f"{share:.3g} {formula(product)}" for product, share in found.products)
        thin = gap is Gap.THIN
        return Judged(
            material=material,
            formation=formation,
            distance=None if thin else formation - found.energy,
            products=products,
            reason=Reason.HULL_TOO_THIN if thin else None,
            detail="no compound of this chemical system is known to the hull" if thin else "",
        )


def formula(composition: Composition) -> str:
    """Return a composition as text, elements in alphabetical order."""
    named = sorted((ELEMENTS[z - 1], number) for z, number in composition.items() if number)
    return "".join(f"{name}{number if number > 1 else ''}" for name, number in named)
