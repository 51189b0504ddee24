"""Compute `element_sizes.json`: covalent radii, and the volume of an atom in compounds, of the elements.

Run as ``python -m crystalbench.materials.data.build_element_sizes FOLDER`` (seconds; needs ase, pandas, pyarrow and
scipy). ``FOLDER`` holds ``mp_20_val.feather`` and ``mp_20_test.feather``, the held-out splits of MP-20 as CDVAE's
repository has them.

Radii are those of Cordero et al. (2008, doi 10.1039/b801115j), as ase holds them. Volumes are fitted: the volume of a
cell is taken as the sum of one volume for each atom, and the sum of the relative errors of all materials is made least
(by reweighted non-negative least squares). The error is stated for materials outside the fit: volumes fitted to the
validation split, held against the test split. The shipped volumes are fitted to both.
"""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from ase.data import covalent_radii
from numpy.typing import NDArray
from scipy.optimize import nnls

from crystalbench.crystals.elements import ELEMENTS, NUMBERS

OUTPUT = Path(__file__).with_name("element_sizes.json")
ROUNDS = 50
"""Reweightings; the volumes no longer change in their fourth digit."""

FLOOR = 0.01
"""Relative errors below this weigh alike."""

LAST_RADIUS = 96
"""Cm: Cordero et al. have no heavier element, and ase holds 0.2 Å in their place."""

Array: TypeAlias = NDArray[np.float64]
_COUNT = re.compile(r"([A-Z][a-z]?)([0-9]*)")


def cells(file: Path) -> tuple[Array, Array]:
    """Return atoms per cell and element (n, 119) and volumes (n,) in Å^3."""
    texts = pd.read_feather(file, columns=["cif"])["cif"]
    atoms = np.zeros((len(texts), len(ELEMENTS) + 1))
    for row, formula in enumerate(texts.str.extract(r"_chemical_formula_sum\s+'?([^'\n]+)")[0]):
        for symbol, count in _COUNT.findall(formula):
            atoms[row, NUMBERS[symbol]] += int(count or 1)
    return atoms, texts.str.extract(r"_cell_volume\s+(\S+)")[0].to_numpy(np.float64)


def fitted(atoms: Array, volumes: Array) -> Array:
    """Return the volume of an atom of each element (119,), Å^3; 0 for elements that are in no cell."""
    shares, known = atoms / volumes[:, None], atoms.any(axis=0)
    found, weights = np.zeros(atoms.shape[1]), np.ones(len(volumes))
    for _ in range(ROUNDS):
        roots = np.sqrt(weights)
        found[known], _residual = nnls(shares[:, known] * roots[:, None], roots)
        weights = 1 / np.maximum(np.abs(shares @ found - 1), FLOOR)
    return found


def main(folder: Path) -> None:
    """Write the table next to this script; the same input gives the same bytes."""
    val, test = cells(folder / "mp_20_val.feather"), cells(folder / "mp_20_test.feather")
    of_val = fitted(*val)
    seen = ~test[0][:, of_val == 0].any(axis=1)  # one material has Kr, which no material of the validation split has
    off = (test[0] @ of_val / test[1])[seen] - 1
    both = np.concatenate([val[0], test[0]]), np.concatenate([val[1], test[1]])
    volumes, materials = fitted(*both), (both[0] > 0).sum(axis=0)
    low, high = np.quantile(1 / (1 + off), [0.05, 0.95])
    provenance = {
        "script": "crystalbench/materials/data/build_element_sizes.py",
        "made_with": {name: version(name) for name in ("ase", "numpy", "scipy")},
        "radii": "Å; covalent, Cordero et al. 2008, doi 10.1039/b801115j",
        "volumes": (
            "Å^3 an atom; fitted to the 18,093 materials of MP-20's validation and test splits (Materials Project, "
            "CC BY 4.0, as in CDVAE's repository, MIT)"
        ),
        "materials": "of the fit that have the element",
        "relative_error": {
            "of": "volumes fitted to the validation split, on the test split",
            "mean": round(float(np.abs(off).mean()), 4),
            "median": round(float(np.median(np.abs(off))), 4),
            "true_over_sum_5_and_95_percent": [round(float(low), 3), round(float(high), 3)],
        },
    }
    elements = {
        symbol: {
            "radius": round(float(covalent_radii[z]), 2) if z <= LAST_RADIUS else None,
            "volume": round(float(volumes[z]), 2) if materials[z] else None,
            "materials": int(materials[z]),
        }
        for z, symbol in enumerate(ELEMENTS, 1)
    }
    rows = ",\n".join(f"{json.dumps(symbol)}: {json.dumps(sizes)}" for symbol, sizes in elements.items())
    head = json.dumps(provenance, indent=1, ensure_ascii=False)
    OUTPUT.write_text(f'{{"provenance": {head},\n"elements": {{\n{rows}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
