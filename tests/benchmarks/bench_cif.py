"""Our CIF reader against pymatgen's, and gemmi's, in one run on the same texts.

    python tests/benchmarks/bench_cif.py [N] [FOLDER]     (1000, made here)

Reads N texts with each: the CIF files of a folder, or those that pymatgen writes here of simple crystals, the half of
them as whole cells and the other half as asymmetric units with operations. Times are for text to arrays of the whole
cell, without files; gemmi's reading is its grammar, sites and images, and holds nothing against anything.
"""

import sys
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from time import perf_counter, process_time

import gemmi
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from crystalbench import RawStructure
from crystalbench_baselines import _cif


def made(n: int) -> list[str]:
    """Return N texts of rock salts, perovskites and wurtzites with other elements and lengths."""
    texts: list[str] = []
    for k, (cation, anion) in enumerate(product(("Li", "Na", "Mg", "Ca", "Zn", "Ti"), ("O", "S", "F", "N"))):
        a = 4 + k / 20
        crystals = [
            Structure.from_spacegroup("Fm-3m", Lattice.cubic(a), [cation, anion], [[0] * 3, [0.5] * 3]),
            Structure.from_spacegroup(
                "Pm-3m", Lattice.cubic(a), ["K", cation, anion], [[0] * 3, [0.5] * 3, [0.5, 0.5, 0]]
            ),
            Structure.from_spacegroup(
                "P6_3mc", Lattice.hexagonal(a, 1.6 * a), [cation, anion], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.375]]
            ),
        ]
        for crystal in crystals:
            texts += [str(CifWriter(crystal)), str(CifWriter(crystal, symprec=0.01))]
    return (texts * (n // len(texts) + 1))[:n]


def ours(text: str) -> int:
    found = _cif.structure(text)
    return len(found.numbers) if isinstance(found, RawStructure) else 0


def pymatgens(text: str) -> int:
    try:
        return len(Structure.from_str(text, "cif"))
    except ValueError:
        return 0


def gemmis(text: str) -> int:
    try:
        block = gemmi.cif.read_string(text).sole_block()
        return len(gemmi.make_small_structure_from_block(block).get_all_unit_cell_sites())
    except (ValueError, RuntimeError):
        return 0


def timed(read: Callable[[str], int], texts: list[str]) -> tuple[list[int], float, float]:
    """Return the numbers of atoms, and wall and CPU milliseconds for one text."""
    read(texts[0])
    wall, cpu = perf_counter(), process_time()
    found = [read(text) for text in texts]
    scale = 1000 / len(texts)
    return found, (perf_counter() - wall) * scale, (process_time() - cpu) * scale


def main(n: int, folder: str) -> None:
    texts = [path.read_text() for path in sorted(Path(folder).glob("*.cif"))[:n]] if folder else made(n)
    results = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, read in (("ours", ours), ("pymatgen", pymatgens), ("gemmi", gemmis)):
            results[name] = found, wall, cpu = timed(read, texts)
            print(f"{name:9} {wall:7.3f} ms a text (CPU {cpu:7.3f}), {found.count(0)} of {len(texts)} not read")
    own = results["ours"]
    for name, (found, wall, cpu) in results.items():
        if name != "ours":
            differ = sum(a != b for a, b in zip(own[0], found, strict=True))
            print(f"{name} / ours: {wall / own[1]:.1f} in wall time, {cpu / own[2]:.1f} in CPU time; {differ} differ")


if __name__ == "__main__":
    count, given = [*sys.argv[1:], *("1000", "")[len(sys.argv) - 1 :]]
    main(int(count), given)
