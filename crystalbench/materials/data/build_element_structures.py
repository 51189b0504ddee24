"""Make `element_structures.json`: the structure of lowest energy of each element, as the Materials Project knows it.

Run as ``python -m crystalbench.materials.data.build_element_structures FOLDER`` (seconds; needs spglib). ``FOLDER``
holds three tables of elements: ``MP-PBE-Element-Refs.json.gz`` and ``MatPES-PBE-Element-Refs.json.gz`` of matcalc, and
``2023-02-07-mp-elemental-reference-entries.json.gz`` of matbench-discovery.

The first has many structures of each element, in any order and without identifiers: the one of the lowest energy is
taken. An element that it lacks is taken from the second. Each structure is put into its primitive cell and made exactly
symmetric; that it has one protostructure before and after, at 0.01 and at 0.1 Å, is checked. The third has the entries
that the Materials Project counts formation energies from: where one has the same energy and number of atoms its
identifier is the source, else that of the second table where the protostructure is the same.
"""

import gzip
import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import spglib

from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import RawStructure
from crystalbench.materials.relax import IDENTITY_SYMPREC, LABEL_SYMPREC

OUTPUT = Path(__file__).with_name("element_structures.json")
SAME = 1e-4
"""eV/atom between two energies of one calculation; other calculations of an element are farther off."""

DIGITS = 6
"""Of coordinates and Å."""

Table = Mapping[str, Any]


def table(file: Path) -> Table:
    found: Table = json.loads(gzip.decompress(file.read_bytes()))
    return found


def raw(structure: Mapping[str, Any]) -> RawStructure:
    """Return a structure of pymatgen's JSON."""
    sites = structure["sites"]
    numbers = [NUMBERS[site["species"][0]["element"]] for site in sites]
    return RawStructure.of(structure["lattice"]["matrix"], [site["abc"] for site in sites], numbers)


def lowest(symbol: str, mp: Table, matpes: Table) -> tuple[RawStructure, float, str]:
    """Return structure, energy (eV/atom) and the table that they are of."""
    if symbol in mp:
        energies = mp[symbol]["energy_per_atom"]
        place = int(np.argmin(energies))
        return raw(mp[symbol]["structure"][place]), energies[place], "MP-PBE"
    return raw(matpes[symbol]["structure"]), matpes[symbol]["energy_per_atom"], "MatPES-PBE"


def labels(structure: RawStructure) -> set[str]:
    """Return the labels of a structure at both tolerances; raises `ValueError` if it has none."""
    found = [convert(structure, ConversionSettings(symprec=s)) for s in (IDENTITY_SYMPREC, LABEL_SYMPREC)]
    made = {one.label for one in found if isinstance(one, Protostructure)}
    if not made:
        raise ValueError(f"no protostructure: {found[0]}")
    return made


def symmetrised(structure: RawStructure) -> RawStructure:
    """Return the primitive cell, exactly symmetric but for its digits."""
    cell = (structure.lattice, structure.frac_coords, structure.numbers)
    lattice, coords, numbers = spglib.standardize_cell(cell, to_primitive=True, symprec=LABEL_SYMPREC)
    return RawStructure.of(np.round(lattice, DIGITS) + 0.0, np.round(coords, DIGITS) % 1.0, numbers)


def source(symbol: str, structure: RawStructure, energy: float, label: str, entries: Table, matpes: Table) -> str:
    """Return the identifier in the Materials Project; "" where neither table tells it."""
    entry = entries[symbol]
    atoms = sum(entry["composition"].values())
    if atoms == len(structure.numbers) and abs(entry["energy"] / atoms - energy) < SAME:
        return "-".join(entry["entry_id"].split("-")[:2])
    other = matpes.get(symbol)
    return str(other["matpes_id"]) if other and label in labels(raw(other["structure"])) else ""


def main(folder: Path) -> None:
    """Write the table next to this script; the same input gives the same bytes."""
    mp, matpes = (table(folder / f"{name}-Element-Refs.json.gz") for name in ("MP-PBE", "MatPES-PBE"))
    entries = table(folder / "2023-02-07-mp-elemental-reference-entries.json.gz")
    rows: dict[str, dict[str, Any]] = {}
    apart: dict[str, float] = {}
    not_first = 0
    for symbol in sorted(mp.keys() | matpes.keys(), key=ELEMENTS.index):
        found, energy, where = lowest(symbol, mp, matpes)
        structure = symmetrised(found)
        if len(made := labels(structure) | labels(found)) != 1:
            raise ValueError(f"{symbol}: has several protostructures, {', '.join(sorted(made))}")
        (label,) = made
        rows[symbol] = {
            "label": label,
            "energy": round(energy, 6),
            "table": where,
            "source": source(symbol, found, energy, label, entries, matpes),
            "lattice": structure.lattice.tolist(),
            "frac_coords": structure.frac_coords.tolist(),
        }
        if where == "MP-PBE":
            not_first += energy != mp[symbol]["energy_per_atom"][0]
            above = entries[symbol]["energy"] / sum(entries[symbol]["composition"].values()) - energy
            apart |= {symbol: round(above, 4)} if abs(above) >= SAME else {}
    provenance = {
        "script": "crystalbench/materials/data/build_element_structures.py",
        "made_with": {name: version(name) for name in ("numpy", "spglib")},
        "structures": (
            "of the Materials Project (CC BY 4.0), made symmetric and primitive; Å, fractions of the cell. From the "
            "tables of elements of matcalc (BSD-3-Clause): the lowest energy in MP-PBE, or the one of MatPES-PBE"
        ),
        "energy": "eV/atom, PBE(+U) without corrections as the table has it; says why a structure was taken, no more",
        "source": "identifier in the Materials Project; empty where neither table of identifiers tells it",
        "checked": {
            "elements": len(rows),
            "atoms": sum(len(row["frac_coords"]) for row in rows.values()),
            "lowest_is_not_the_first": not_first,
            "reference_of_the_materials_project_above": apart,
        },
    }
    head = json.dumps(provenance, indent=1, ensure_ascii=False)
    lines = ",\n".join(f"{json.dumps(symbol)}: {json.dumps(row)}" for symbol, row in rows.items())
    OUTPUT.write_text(f'{{"provenance": {head},\n"elements": {{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
