"""Compute `cell_shapes.json`: how the lengths of a cell follow from the layers and columns of its atoms.

Run as ``python -m crystalbench.materials.data.build_cell_shapes FOLDER`` (four minutes; needs pandas, pyarrow and
pymatgen). ``FOLDER`` holds ``mp_20_val.feather`` and ``mp_20_test.feather``, the held-out splits of MP-20 as CDVAE's
repository has them.

For each kind of lattice (crystal family and centring) the logarithms of the three lengths of the conventional cell are
taken as ``layers * log n + columns * log m`` but for a common constant, with n the layers of atoms across an axis and m
the columns along it (`crystalbench.materials.shapes.layers_and_columns`); where a and b are equal, a constant is added
for c. What is left is taken as Student's t, the same in all directions, and fitted by expectation maximisation, so that
few odd materials decide nothing. Of a triclinic cell nothing is known: its free orbits are all general.
"""

import json
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pymatgen.core import Structure

from crystalbench.crystals import symmetry, wyckoff
from crystalbench.crystals.samples import Invalid, RawStructure
from crystalbench.crystals.symmetry import Backend
from crystalbench.materials.shapes import FREEDOM, layers_and_columns

OUTPUT = Path(__file__).with_name("cell_shapes.json")
SYMPREC, EXACT = 0.1, 0.01
"""Å: of the labels of samples, and of a cell that has been made exact."""

ROUNDS = 60
"""Of expectation and maximisation; the numbers no longer change in their fourth digit."""

Array: TypeAlias = NDArray[np.float64]


def measured(file: Path) -> dict[str, tuple[Array, Array]]:
    """Return for each kind of lattice what is explained (n, k) and by what (n, k, 3)."""
    rows: dict[str, list[tuple[Array, Array]]] = {}
    for text in pd.read_feather(file, columns=["cif"])["cif"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            crystal = Structure.from_str(text, fmt="cif")
        raw = RawStructure.of(crystal.lattice.matrix, crystal.frac_coords, crystal.atomic_numbers)
        first = symmetry.search(raw, Backend.SPGLIB, SYMPREC, 5.0)
        found = first if isinstance(first, Invalid) else symmetry.search(first.conventional, Backend.SPGLIB, EXACT, -1)
        if isinstance(first, Invalid) or isinstance(found, Invalid) or found.spacegroup != first.spacegroup:
            continue
        lattice = wyckoff.pearson_prefix(found.spacegroup)
        if lattice[0] != "c":
            letters = orbits(found.spacegroup, found.letters, first.conventional.numbers.tolist())
            logs = np.log(np.linalg.norm(first.conventional.lattice, axis=1))
            layers, columns = np.log(layers_and_columns(found.spacegroup, letters))
            rows.setdefault(lattice, []).append(directions(lattice, logs, layers, columns))
    return {lattice: (np.stack([y for y, _ in r]), np.stack([x for _, x in r])) for lattice, r in rows.items()}


def orbits(spacegroup: int, letters: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return a letter for each orbit from a letter for each atom of the conventional cell."""
    counts = Counter(zip(letters, numbers, strict=True))
    return [
        letter
        for (letter, _), count in sorted(counts.items())
        for _ in range(count // wyckoff.position(spacegroup, letter).multiplicity)
    ]


def directions(lattice: str, logs: Array, layers: Array, columns: Array) -> tuple[Array, Array]:
    """Return lengths (k,) in the directions that are free, of unit length, and what explains them (k, 3)."""
    if lattice[0] in "th":
        explains = np.array([[1.0, layers[2] - layers[0], columns[2] - columns[0]]])
        return np.array([logs[2] - logs[0]]) / np.sqrt(2), explains / np.sqrt(2)
    none = np.zeros(3)
    if lattice[0] == "a":
        return logs - logs.mean(), np.stack([none, none, none], axis=1)
    return logs - logs.mean(), np.stack([none, layers - layers.mean(), columns - columns.mean()], axis=1)


def fitted(y: Array, x: Array) -> tuple[Array, float]:
    """Return the weights (3,) and the scale of Student's t."""
    free, weights, scale = min(y.shape[1], 2), np.ones(len(y)), 1.0
    for _ in range(ROUNDS):
        left, right = np.einsum("n,nij,nik->jk", weights, x, x), np.einsum("n,nij,ni->j", weights, x, y)
        found = np.linalg.lstsq(left, right, rcond=1e-10)[0]
        squares = ((y - x @ found) ** 2).sum(axis=1)
        scale = float(np.sqrt((weights * squares).sum() / (len(y) * free)))
        weights = (FREEDOM + free) / (FREEDOM + squares / scale**2)
    return found, scale


def scatter(y: Array) -> float:
    """Return the root mean square of the logarithm of the ratio of two lengths."""
    return float(np.sqrt(2 * (y**2).sum(axis=1).mean() / min(y.shape[1], 2)))


def main(folder: Path) -> None:
    """Write the table next to this script; the same input gives the same bytes."""
    val, test = measured(folder / "mp_20_val.feather"), measured(folder / "mp_20_test.feather")
    rows = []
    for lattice in sorted(val):
        (y, x), (other, explains) = val[lattice], test[lattice]
        outside = other - explains @ fitted(y, x)[0]
        (c, layers, columns), scale = fitted(np.concatenate([y, other]), np.concatenate([x, explains]))
        row = {"c": c, "layers": layers, "columns": columns, "spread": scale}
        row |= {"scatter": scatter(outside), "scatter_of_equal_lengths": scatter(other)}
        numbers = {name: round(float(value) + 0.0, 3) for name, value in row.items()}
        rows.append(f"{json.dumps(lattice)}: {json.dumps(numbers | {'materials': len(y) + len(other)})}")
    provenance = {
        "script": "crystalbench/materials/data/build_cell_shapes.py",
        "made_with": {name: version(name) for name in ("numpy", "pymatgen", "spglib")},
        "fitted_to": (
            "MP-20's validation and test splits (Materials Project, CC BY 4.0, as in CDVAE's repository, MIT), cubic "
            "materials aside"
        ),
        "spread": f"scale of Student's t with {FREEDOM:g} degrees of freedom, of the logarithm of a length",
        "scatter": (
            "root mean square of the logarithm of the ratio of two lengths, fitted to the validation split, on the "
            "test split; and the same where all lengths are expected to be equal"
        ),
    }
    head = json.dumps(provenance, indent=1, ensure_ascii=False)
    table = ",\n".join(rows)
    OUTPUT.write_text(f'{{"provenance": {head},\n"lattices": {{\n{table}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
