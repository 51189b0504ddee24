"""Inputs for VASP with the settings of the Materials Project, for the last step: density-functional energies.

pymatgen's `MPRelaxSet` and `MPStaticSet` decide everything: the same settings as the hull's energies. Pseudopotentials
are under VASP's licence and are not written; ``POTCAR.spec`` names them, and whoever has them makes the file from it
(``pmg potcar`` of pymatgen, or by hand).
"""

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.samples import RawStructure
from crystalbench.errors import ConfigError

RETURNED = ("id", "label", "formation_energy")
"""Columns of ``energies.csv``: whoever has run VASP fills the last, in eV/atom and corrected as the hull is."""


def write_vasp_inputs(structures: Mapping[str, tuple[str, RawStructure]], folder: Path) -> None:
    """Write a folder for each structure, with ``relax`` and ``static`` in it, and a table for what comes back.

    Parameters
    ----------
    structures
        Identifier -> label and structure in any cell, relaxed as well as may be. Identifiers become names of folders.
    folder
        Made if it is absent. ``relax`` starts from the structure; ``static`` is run on what comes out of ``relax``: its
        ``POSCAR`` is a placeholder until then.

    Raises
    ------
    ConfigError
        If pymatgen is absent, an identifier cannot name a folder, or there are no pseudopotentials of an element.
    """
    try:
        from pymatgen.core import Lattice, Structure
        from pymatgen.io.vasp.sets import MPRelaxSet, MPStaticSet
    except ImportError:
        raise ConfigError("inputs for VASP need pymatgen; pip install 'crystalbench[discover]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name, (label, raw) in structures.items():
        if not name or name.startswith(".") or Path(name).name != name:
            raise ConfigError(f"identifier {name!r} of {label} cannot name a folder")
        symbols = [ELEMENTS[z - 1] for z in raw.numbers.tolist()]
        cell = Structure(Lattice(raw.lattice), symbols, raw.frac_coords % 1.0).get_primitive_structure()
        for step, settings in (("relax", MPRelaxSet), ("static", MPStaticSet)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that POTCAR files are not installed here
                try:
                    settings(cell.get_sorted_structure()).write_input(folder / name / step, potcar_spec=True)
                except (KeyError, ValueError) as error:
                    raise ConfigError(f"{name} ({label}): {settings.__name__} of pymatgen: {error}") from None
    with (folder / "energies.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RETURNED)
        writer.writerows((name, label, "") for name, (label, _) in structures.items())
