"""Compute `coordinates.json.gz`: operations and site coordinates of the 230 space groups.

Run as ``python -m crystalbench.crystals.data.build_coordinate_tables`` (seconds; needs numpy, spglib and pyxtal).

Both come from `build_wyckoff_tables.read_group`, which sees to it that spglib's operations and pyxtal's positions are
in one setting, the one in which the letters of ``wyckoff.json.gz`` are assigned. They are in a file of their own
because the identity of the letters (`crystalbench.crystals.wyckoff.TABLE_VERSION`) does not depend on them.
"""

import gzip
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from crystalbench.crystals.data.build_wyckoff_tables import UNIT, IntArray, read_group

OUTPUT = Path(__file__).with_name("coordinates.json.gz")


def _row(matrix: IntArray, shift: IntArray) -> list[int]:
    """The map ``x -> matrix x + shift / UNIT`` as the twelve integers of its 3 x 4 matrix, row by row."""
    joined: list[int] = np.column_stack([matrix, shift % UNIT]).reshape(-1).tolist()
    return joined


def entry(number: int) -> dict[str, object]:
    """Return one group's part of the table."""
    group = read_group(number)
    return {
        "operations": [_row(*pair) for pair in zip(group.rotations, group.translations, strict=True)],
        "sites": {position.letter: _row(position.matrix, position.shift) for position in group.positions},
    }


def main() -> None:
    """Write the table next to this script; the same input gives the same bytes."""
    provenance = {
        "script": "crystalbench/crystals/data/build_coordinate_tables.py",
        "made_with": {name: version(name) for name in ("numpy", "spglib", "pyxtal")},
        "licence": "MIT",
        "content": (
            "maps x -> M x + s of conventional coordinates in the standard setting, each as the rows of the 3 x 4 "
            f"matrix (M, s), s in units of 1/{UNIT}; operations: one per coset of the conventional cell's lattice; "
            "sites: from three parameters to the first site of each Wyckoff position"
        ),
    }
    groups = {str(number): entry(number) for number in range(1, 231)}
    text = json.dumps({"format": 1, "provenance": provenance, "groups": groups}, separators=(",", ":"))
    OUTPUT.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
