"""Measure how far potentials are from DFT on materials whose energies are known::

    python -m crystalbench_plugins.hulls.build_calibration SHARED_DATA_DIR POTENTIAL [--wbm N] [--mp20 N] [--relaxed N]
                                                           [--references own]

``SHARED_DATA_DIR`` holds ``wbm_dft_10k/``, ``wbm_protostructures/`` and ``mp_20_val_test/``. The records of a potential
replace those that it had in ``data/calibration.json`` with the same elemental references. What is known of a material
is its formation energy of the scheme of the bundled hull; it counts as stable if that lies on or below the hull of the
other compositions.
"""

import argparse
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from pymatgen.core import Structure

from crystalbench import EnergyScheme, Hull, Potential, PotentialSpec, Protostructure, RawStructure
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.materials.calibration import Calibration
from crystalbench.materials.elements import RELAXED, References, element_structures
from crystalbench.materials.formation import formation_energy
from crystalbench.materials.realise import Unrealised, UnrealisedReason
from crystalbench.materials.relax import relax
from crystalbench.materials.search import search
from crystalbench.plugins import Plugins
from crystalbench_plugins.hulls.bundled import BUNDLED, CALIBRATION
from crystalbench_plugins.hulls.compositions import key

SEED = 0
MAX_ATOMS = 20
BATCH = 8

Known = tuple[RawStructure, float]
"""A DFT structure and its formation energy, eV/atom."""


def of_wbm(source: Path, count: int) -> list[Known]:
    """WBM's DFT structures, with the corrected energy of the one material of their composition.

    The table of structures has the energies of an older scheme and no identifiers; where a composition occurs once in
    the whole of WBM it is the identifier.
    """
    table = pd.read_parquet(source / "wbm_protostructures" / "wbm_protostructures.parquet")
    keys = [key(text) for text in table["formula"]]
    times = Counter(keys)
    energies = zip(keys, table["e_form_per_atom_mp2020_corrected"], strict=True)
    once = {composition: energy for composition, energy in energies if times[composition] == 1}
    cifs = pd.read_csv(source / "wbm_dft_10k" / "wbm_val_10000.csv.gz")["cif"]
    found: list[Known] = []
    for row in np.random.default_rng(SEED).permutation(len(cifs)):
        stated = re.search(r"_chemical_formula_sum\s+'?([^'\n]+)'?", cifs[row])
        if stated and (energy := once.get(key(stated[1]))) is not None:
            found += _known(cifs[row], energy)
        if len(found) == count:
            break
    return found


def of_mp20(source: Path, count: int) -> list[Known]:
    frame = pd.read_feather(source / "mp_20_val_test" / "mp_20_test.feather")
    found: list[Known] = []
    for row in np.random.default_rng(SEED).permutation(len(frame)):
        found += _known(frame["cif"][row], frame["formation_energy_per_atom"][row])
        if len(found) == count:
            break
    return found


def _known(cif: str, energy: float) -> list[Known]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Issues encountered while parsing CIF")
        crystal = Structure.from_str(cif, fmt="cif", primitive=True)
    if len(crystal) > MAX_ATOMS or len(crystal.elements) < 2:
        return []
    return [(RawStructure.of(crystal.lattice.matrix, crystal.frac_coords, crystal.atomic_numbers), float(energy))]


def own_energies(potential: Potential, elements: Iterable[int]) -> dict[int, float]:
    """Return the energies of elements (eV/atom) that a potential has relaxed itself, of those that it could."""
    found: dict[int, float] = {}
    for z in sorted(elements):
        if (candidate := element_structures().get(z)) is not None:
            energy = search(candidate, RELAXED, _never, potential, 0).energy
            found |= {z: energy} if energy is not None else {}
            print(f"{ELEMENTS[z - 1]} {energy}", file=sys.stderr, flush=True)
    return found


def _never(protostructure: Protostructure, seed: int) -> Unrealised:
    return Unrealised(UnrealisedReason.NOT_FOUND)  # there is one try, which begins with the structure of the table


def calibrate(
    spec: PotentialSpec, known: Sequence[Known], materials: str, hull: Hull, relaxed: bool, references: References
) -> Calibration:
    """Return the record of one potential on one set."""
    parameters = {p.name: p.default for p in spec.parameters}
    potential = spec.load(parameters)
    energies, scheme = hull.references, spec.energy_scheme
    if references is References.OWN:
        elements = {z for structure, _ in known for z in structure.numbers.tolist()}
        energies, scheme = own_energies(potential, elements & spec.elements), EnergyScheme.OTHER
    within = spec.elements & hull.references.keys() & energies.keys()
    fitting = [(s, e) for s, e in known if set(s.numbers.tolist()) <= within]
    errors, sides = [], []
    for start in range(0, len(fitting), BATCH):
        batch = fitting[start : start + BATCH]
        structures = [structure for structure, _ in batch]
        if relaxed:
            done = relax(structures, potential, elements=spec.elements)
            pairs = [(r.structure, r.energy * len(r.structure.numbers)) if r.failure is None else None for r in done]
        else:
            seen = potential.evaluate(structures)
            pairs = [(s, r.energy) for s, r in zip(structures, seen, strict=True)]
        for (structure, true), pair in zip(batch, pairs, strict=True):
            if pair is None:
                continue
            own = formation_energy(pair[0], pair[1], scheme=scheme, references=energies)
            numbers, counts = np.unique(structure.numbers, return_counts=True)
            composition = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
            height = hull.without(composition).decomposition(composition).energy
            errors.append(own - true)
            sides.append((true <= height, own <= height))
        print(f"{spec.name} {materials} {len(errors)} of {len(known)}", file=sys.stderr, flush=True)
    stable, called = np.array(sides).T
    values = np.array(errors)
    return Calibration(
        potential=" ".join([spec.name, *(str(value) for value in parameters.values() if value)]),
        identity=spec.identity(parameters),
        references=references,
        materials=materials,
        relaxed=relaxed,
        asked=len(known),
        n=len(values),
        mae=_rounded(np.abs(values).mean()),
        bias=_rounded(values.mean()),
        quantiles=tuple(_rounded(q) for q in np.percentile(values, [5, 25, 50, 75, 95])),  # type: ignore[arg-type]
        stable=_rounded(stable.mean()),
        called_stable=_rounded(called.mean()),
        both=_rounded((stable & called).mean()),
    )


def _rounded(value: float) -> float:
    return round(float(value), 4)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("potential")
    parser.add_argument("--wbm", type=int, default=200, help="materials of WBM in their DFT structures; 0: leave it")
    parser.add_argument("--mp20", type=int, default=200, help="materials of MP-20's test split, likewise")
    parser.add_argument("--relaxed", type=int, default=40, help="materials of WBM that are relaxed first, likewise")
    parser.add_argument("--references", type=References, default=References.HULL, help="hull, or own")
    given = parser.parse_args(arguments)
    spec = Plugins.load().potentials[given.potential]
    hull = next(bundled for bundled in BUNDLED if bundled.default).load()
    wbm, mp20 = "WBM, not in its training", "MP-20 test, most of them in its training"
    for materials, known, count, relaxed in (
        (wbm, of_wbm, given.wbm, False),
        (mp20, of_mp20, given.mp20, False),
        (wbm, of_wbm, given.relaxed, True),
    ):
        if count:
            record = calibrate(spec, known(given.source, count), materials, hull, relaxed, given.references)
            print(record, flush=True)
            keep(record)
    return 0


def keep(record: Calibration) -> None:
    """Put a record in the place of the one of the same potential, references, materials and treatment."""
    rows = json.loads(CALIBRATION.read_text(encoding="utf-8")) if CALIBRATION.exists() else []
    places = ("potential", "references", "materials", "relaxed")
    made = asdict(record)
    rows = [row for row in rows if [row[p] for p in places] != [made[p] for p in places]] + [made]
    rows.sort(key=lambda row: [row[p] for p in places])
    CALIBRATION.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
