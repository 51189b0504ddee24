"""500 materials of MP-20's validation split as they are, and with every atom displaced: for `crystalbench sweep`.

    python results/figures/displaced.py mp_20_val.feather FOLDER

writes ``mp20.json`` and ``displaced.json``, as pymatgen writes structures. Needs pymatgen and pyarrow.
"""

import json
import sys
from pathlib import Path

import numpy as np

N, SIGMA, SEED = 500, 0.02, 0  # materials; Å along each axis


def write(table: Path, folder: Path) -> None:
    import pandas as pd
    from pymatgen.core import Structure

    random = np.random.default_rng(SEED)
    texts = pd.read_feather(table)["cif"].sample(N, random_state=SEED)
    given, displaced = [], []
    for structure in (Structure.from_str(text, fmt="cif") for text in texts):
        places = structure.cart_coords + random.normal(0, SIGMA, (len(structure), 3))
        moved = Structure(structure.lattice, structure.species, places, coords_are_cartesian=True)
        given.append(structure.as_dict())
        displaced.append(moved.as_dict())
    for name, structures in {"mp20": given, "displaced": displaced}.items():
        (folder / f"{name}.json").write_text(json.dumps(structures), encoding="utf-8")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:3]))
