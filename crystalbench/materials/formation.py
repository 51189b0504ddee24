"""From the energy that a potential gives to a formation energy in the scheme of a hull."""

import warnings
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crystalbench.crystals.samples import RawStructure
from crystalbench.errors import ConfigError
from crystalbench.materials.potential import EnergyScheme


def formation_energy(
    structure: RawStructure, energy: float, *, scheme: EnergyScheme, references: Mapping[int, float]
) -> float:
    """Return the formation energy of a structure in eV/atom.

    Parameters
    ----------
    structure : RawStructure
        Relaxed; corrections of oxygen and sulphur depend on the distances between their atoms.
    energy : float
        Of the whole cell, eV, in ``scheme``.
    scheme : EnergyScheme
        MP_UNCORRECTED energies are corrected first, so that what is returned is always MP2020-corrected, except for
        OTHER, whose energies stay what they are and mean something only with references of the potential's own.
    references : Mapping
        Energy of each element in eV/atom by atomic number.

    Raises
    ------
    KeyError
        If an element has no reference; `Hull.gap` says so beforehand.
    ConfigError
        If pymatgen is needed and absent.
    """
    if scheme is EnergyScheme.MP_UNCORRECTED:
        energy += mp2020_correction(structure)
    atoms = Counter(structure.numbers.tolist())
    return (energy - sum(number * references[z] for z, number in atoms.items())) / len(structure.numbers)


def mp2020_correction(structure: RawStructure) -> float:
    """Return what MP2020 adds to the PBE(+U) energy of a cell, eV (Wang et al., Sci. Rep. 11, 15496, 2021).

    Anions are corrected by element, oxygen and sulphur by the kind of their bonds, transition metals in oxides and
    fluorides for the U that the Materials Project calculates them with, which a potential that was trained on its
    energies has learned.

    The rule for which atoms are anions is the one that the published tables were made with (``no_check``): an element
    is one if its guessed oxidation state is negative at all. Later versions of pymatgen ask for -1 or less.
    """
    compatibility, entry_type, structure_type = _pymatgen()
    crystal = structure_type(structure.lattice, structure.numbers, structure.frac_coords)
    anion = max(crystal.elements, key=lambda element: element.X).symbol
    settings = compatibility.u_settings.get(anion, {})
    hubbards = {element.symbol: settings[element.symbol] for element in crystal.elements if element.symbol in settings}
    run = {"run_type": "GGA+U" if hubbards else "GGA", "hubbards": hubbards}
    with warnings.catch_warnings():
        # It says where no oxidation states can be guessed; the most electronegative element is the anion then. The
        # electronegativity of a noble gas is NaN, which it says as well.
        warnings.simplefilter("ignore", UserWarning)
        adjustments = compatibility.get_adjustments(entry_type(crystal, 0.0, parameters=run))
    return float(sum(adjustment.value for adjustment in adjustments))


@lru_cache(maxsize=1)
def _pymatgen() -> tuple[Any, Any, Any]:
    try:
        from pymatgen.core import Structure
        from pymatgen.entries.compatibility import MaterialsProject2020Compatibility
        from pymatgen.entries.computed_entries import ComputedStructureEntry
    except ImportError as error:
        raise ConfigError(
            "the energies of this potential need the corrections of the Materials Project, which pymatgen computes; "
            "install it: pip install 'crystalbench[discover]'"
        ) from error
    # The names of pseudopotentials are checked by default; a potential has none.
    compatibility = MaterialsProject2020Compatibility(check_potcar=False, strict_anions="no_check")
    return compatibility, ComputedStructureEntry, Structure
