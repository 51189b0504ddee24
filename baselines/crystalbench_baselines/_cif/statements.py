"""What a file says about its crystal beside the sites, and whether a crystal that was read agrees.

Compared are the elements and their ratio with ``_chemical_formula_sum``, the number of formula units with
``_cell_formula_units_Z``, where those do not tell the density, and the volume with the lengths and angles. A formula
is written in two ways: as that of one unit (``'Na Cl'``, Z 4), as the dictionary has it, or as that of the cell
(``'Na4 Cl4'``, Z 4), as pymatgen and ASE do.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from math import gcd

from crystalbench import InvalidReason
from crystalbench.crystals.elements import ELEMENTS
from crystalbench_baselines._cif.grammar import Block, CifError, contradiction, number
from crystalbench_baselines._elements import NUMBERS

_ITEM = re.compile(
    r"\s*(?:([A-Z][a-z]?|[A-Z]{2}(?=[0-9.\s]|$))([0-9]*\.?[0-9]*)(?=[A-Z\s]|$)|([0-9]*[+-][0-9]*)(?=\s|$))"
)
_FRACTION_TOLERANCE = 0.02
"""Relative: a formula with fractions (``'Al0.33 O0.5'``) is rounded."""

_MAX_ATOMS = 1e6
"""In a formula: more is a misprint."""

_DENSITY_TOLERANCE = 0.15
_VOLUME_TOLERANCE = 0.05
"""Relative: rounded lengths and angles give less than a thousandth, and one mistyped digit of a length more."""

_DALTON = 1.66053907
"""g/cm³ for one dalton per Å³."""


@dataclass(frozen=True, slots=True)
class Stated:
    """The formula (atoms by atomic number), formula units per cell, density (g/cm³), volume (Å³), where stated."""

    formula: dict[int, float] = field(default_factory=dict)
    units: int | None = None
    density: float | None = None
    volume: float | None = None

    @classmethod
    def of(cls, block: Block) -> "Stated":
        """Read them; one that is not understood, or given twice, says nothing."""
        units = _positive(block, "_cell_formula_units_z")
        return cls(
            formula_of(block.optional("_chemical_formula_sum")),
            round(units) if units and abs(units - round(units)) < 1e-6 else None,
            _positive(block, "_exptl_crystal_density_diffrn"),
            _positive(block, "_cell_volume"),
        )

    def disagreement(self, content: Counter[int], volume: float) -> CifError | None:
        """Return what is wrong with a cell that holds these atoms, if anything."""
        return (
            self._about_formula(content)
            or self._about_units(content)
            or (None if self.formula and self.units else self._about_density(content, volume))
            or self._about_volume(volume)
        )

    def is_the_cells(self, content: Counter[int]) -> bool:
        """Whether the formula is that of the cell, of which Z is the largest common divisor, as pymatgen writes it."""
        atoms = self.formula.values()
        whole = bool(self.formula) and all(n == round(n) for n in atoms)
        return whole and gcd(*map(round, atoms)) == self.units and bool(_times(content, self.formula, count=1))

    def confirms(self, content: Counter[int]) -> bool:
        """Whether these atoms are the content of the cell beyond doubt."""
        return bool(self.formula and self.units and not self._about_formula(content) and not self._about_units(content))

    def _about_formula(self, content: Counter[int]) -> CifError | None:
        if not self.formula or _times(content, self.formula):
            return None
        named = _formula(self.formula)
        for left_out in ({1}, {1, NUMBERS["O"]}, self.formula.keys() - content.keys()):
            rest = {z: n for z, n in self.formula.items() if z not in left_out}
            read = Counter({z: n for z, n in content.items() if z not in left_out})
            units = _times(read, rest)
            if units and all(content[z] <= units * self.formula.get(z, 0) + 1e-6 for z in left_out):
                lost = {z: units * self.formula[z] - content[z] for z in left_out & self.formula.keys()}
                text = f"the formula {named!r} has {_formula(lost)} that the listed sites {_formula(content)!r} lack"
                return CifError(text, InvalidReason.MISSING_ATOMS)
        if self.formula.keys() == content.keys() and _times(content, self.formula, whole=False):
            return contradiction(f"the formula {named!r} is more than the cell holds, {_formula(content)!r}")
        return contradiction(f"the sites give {_formula(content)!r}, the formula is {named!r}")

    def _about_units(self, content: Counter[int]) -> CifError | None:
        if not self.units:
            return None
        if self.formula and _times(content, self.formula, count=self.units):
            return None
        as_cell = not self.formula or _times(content, self.formula, count=1)
        if as_cell and gcd(*content.values()) % self.units == 0:
            return None
        of = f" of {_formula(self.formula)!r}" if self.formula else ""
        return contradiction(f"the cell holds {_formula(content)!r}, which is not Z = {self.units} formula units{of}")

    def _about_density(self, content: Counter[int], volume: float) -> CifError | None:
        if not self.density:
            return None
        import gemmi

        mass = sum(gemmi.Element(z).weight * n for z, n in content.items())
        found = mass / volume * _DALTON
        if abs(found / self.density - 1) < _DENSITY_TOLERANCE:
            return None
        return contradiction(f"the cell holds {_formula(content)!r}, {found:.3g} g/cm³; stated are {self.density:g}")

    def _about_volume(self, volume: float) -> CifError | None:
        if not self.volume or abs(volume / self.volume - 1) < _VOLUME_TOLERANCE:
            return None
        return contradiction(f"the lengths and angles of the cell give {volume:.4g} Å³; stated are {self.volume:g}")


def _times(content: Counter[int], formula: dict[int, float], whole: bool = True, count: int | None = None) -> float:
    """Return how many formula units the content is, or 0 if it is none."""
    if not formula or content.keys() != formula.keys():
        return 0
    fractions = any(n != round(n) for n in formula.values())
    units = content.total() / sum(formula.values()) if count is None else count
    if whole and not fractions and abs(units - round(units)) > 1e-6:
        return 0
    tolerance = _FRACTION_TOLERANCE if fractions else 1e-6
    agrees = all(abs(content[z] - units * n) <= tolerance * max(content[z], 1) for z, n in formula.items())
    return units if agrees else 0


def _positive(block: Block, tag: str) -> float | None:
    try:
        value = number(block.value(tag), tag)[0]
    except CifError:
        return None
    return value if 0 < value < 1e6 else None


def formula_of(text: str) -> dict[int, float]:
    """Return the atoms of a formula such as ``'C6 H12 O6'``, ``NaCl`` or ``'H4 N 1+'``; nothing if it is none."""
    found: dict[int, float] = {}
    place, text = 0, text.strip()[:1000]
    while place < len(text):
        match = _ITEM.match(text, place)
        if not match:
            return {}
        place = match.end()
        if match[1]:
            symbol = NUMBERS.get(match[1].capitalize())
            if symbol is None or match[2] == ".":
                return {}
            found[symbol] = found.get(symbol, 0) + float(match[2] or 1)
    if sum(found.values()) > _MAX_ATOMS:
        return {}
    return {z: n for z, n in found.items() if n > 0}


def _formula(amounts: Counter[int] | dict[int, float]) -> str:
    ordered = sorted((ELEMENTS[z - 1], n) for z, n in amounts.items() if n)
    return " ".join(f"{symbol}{n:g}" if n != 1 else symbol for symbol, n in ordered)[:80]
