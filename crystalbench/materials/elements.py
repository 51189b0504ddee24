"""The energies of the elements, which formation energies are counted from: those of a hull, or of a potential itself.

The structures of the elements are made by `crystalbench.materials.data.build_element_structures`, which states sources
and checks. A potential relaxes each as it relaxes a sample that came with coordinates.
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Protocol

from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.samples import RawStructure
from crystalbench.materials.candidate import Candidate, Material
from crystalbench.materials.search import OwnGeometry, SearchSettings

RELAXED = SearchSettings(tries=1, least=1, own=OwnGeometry.ENOUGH)
"""How the energy of an element is searched for: its structure is relaxed, and nothing else is tried."""


class References(StrEnum):
    """Whose energies of the elements formation energies are counted from."""

    HULL = "hull"  # of DFT, as those of the hull's phases
    OWN = "own"  # of the potential itself


@dataclass(frozen=True, slots=True)
class Reference:
    """The energy of an element, eV/atom, or why there is none."""

    energy: float | None
    why: str = ""


class ElementEnergies(Protocol):
    """Where the energies of the elements come from."""

    def find(self, elements: Collection[int], /) -> Mapping[int, Reference]:
        """Return the energy of each of these atomic numbers; may take the time to compute them."""
        ...


@dataclass(frozen=True, slots=True)
class HullElements:
    """The energies that a hull brings, eV/atom by atomic number."""

    energies: Mapping[int, float]

    def find(self, elements: Collection[int], /) -> dict[int, Reference]:
        return {z: Reference(self.energies.get(z)) for z in elements}


@functools.cache
def element_structures() -> Mapping[int, Candidate]:
    """Return the structure of lowest energy of each element, by atomic number. Shared: do not change it."""
    rows = json.loads(_text())["elements"]
    return {
        NUMBERS[symbol]: Candidate(
            label=row["label"],
            own=RawStructure.of(row["lattice"], row["frac_coords"], [NUMBERS[symbol]] * len(row["frac_coords"])),
        )
        for symbol, row in rows.items()
    }


@functools.cache
def structures_digest() -> str:
    """SHA-256 of the table of structures."""
    return hashlib.sha256(_text().encode()).hexdigest()


def reference_of(element: int, material: Material | None) -> Reference:
    """Return the energy of an element from what became of its structure; None where it has none."""
    if material is None:
        return Reference(None, f"no structure of {ELEMENTS[element - 1]} is in the table of elements")
    return Reference(material.energy, "" if material.energy is not None else f"{material.reason}: {material.detail}")


def _text() -> str:
    return files("crystalbench.materials.data").joinpath("element_structures.json").read_text(encoding="utf-8")
