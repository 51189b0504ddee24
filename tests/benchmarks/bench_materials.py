"""Materials made from labels alone, held against reality. Needs the shared data and ``crystalbench[discover]``.

    python tests/benchmarks/bench_materials.py known [N]     (100)
    python tests/benchmarks/bench_materials.py paper
    python tests/benchmarks/bench_materials.py funnel DISCOVERY…
    python tests/benchmarks/bench_materials.py references [N] [POTENTIAL]     (100, chgnet)

``known`` takes N materials of MP-20 (validation and test) with at most 8 atoms in the primitive cell, at random, makes
each from its label, and asks whether it is the known one: an energy no higher than that of the known structure, relaxed
with the same potential, plus 0.01 eV/atom, and pymatgen's `StructureMatcher` against the structure of the table. The
tries are those of the paper's rule alone, too, which ends earlier: what it would have found is read from them.
``paper`` makes those of Table 6 of the WyckoffDiff paper, whose energies are DFT's. ``funnel`` puts folders of
`crystalbench discover` side by side: shares with Wilson's interval, the median with a bootstrap's. ``references``
relaxes the structures of ``known`` and counts their formation energies from the elements of the hull and from the
potential's own; stable is what lies on or below the hull of the other compositions. Everything is kept in the cache: a
run that was interrupted goes on.
"""

import csv
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.elements import NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import RawStructure
from crystalbench.executors import Executors
from crystalbench.materials.candidate import Candidate
from crystalbench.materials.elements import References
from crystalbench.materials.search import SearchSettings
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.energy_book import judge_of
from crystalbench.runs.energy_config import EnergyConfig
from crystalbench.runs.energy_plan import PotentialPlan, plan_energies
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.own_elements import search_of_elements
from crystalbench_plugins.metrics._proportion import wilson

BLOCK = 10
SAME = 0.01  # eV/atom
ATOMS = 8

TABLE_6 = {  # label: formation energy, energy above hull, eV/atom (DFT)
    "AB6C_hR24_166_a_h_b:Cs-F-Sn": (-2.6103, -0.0322),
    "A2B6CD_cF40_225_c_e_a_b:Cs-F-Ni-Rb": (-2.6043, -0.0194),
    "AB6C_hR24_148_a_f_b:Ba-F-W": (-3.2550, -0.0097),
    "A6BC_cF32_225_e_a_b:F-Li-Ru": (-2.4313, -0.0076),
    "A6B3C_mC20_12_ij_ai_d:F-Rb-V": (-3.1621, -0.0068),
    "A5B2C_tP8_123_bj_e_a:F-K-Zn": (-2.6064, -0.0038),
    "A6BC_cF32_225_e_a_b:F-K-Ta": (-3.6294, -0.0027),
    "A6BC_mC16_12_ij_a_d:F-Ti-Zn": (-3.3484, -0.0019),
    "ABC2_hP8_194_a_c_f:Na-Nb-O": (-2.5369, -0.0009),
    "A6BCD2_cF40_225_e_a_b_c:F-Ga-Na-Rb": (-3.0972, -0.0003),
    "ABC4_tI24_141_a_b_h:As-Nd-O": (-2.8137, -0.0003),
    "A3B_hR24_167_e_b:F-Ga": (-2.9513, -0.0002),
    "A2BC7D2_hR36_155_c_a_bf_c:Al-Ba-O-Sb": (-2.7786, -3.07e-5),
    "AB_cF8_225_a_b:Ca-O": (-3.3142, 6.16e-5),
    "ABC_hP6_194_c_d_a:F-La-Se": (-3.1550, 6.20e-5),
    "AB4C_oC24_63_c_fg_c:Ca-O-S": (-2.6801, 8.25e-5),
    "A2BC_hR12_166_c_a_b:Ca-I-P": (-1.4222, 0.0001),
}


def main() -> None:
    if sys.argv[1:2] == ["funnel"]:
        return funnel([Path(name) for name in sys.argv[2:]])
    config = EnergyConfig(potentials=tuple(sys.argv[3:4]))
    plan = plan_energies(config, {"potential": {}, "hull": {}, "realiser": {}}, Plugins.load())
    potential = plan.potentials[0]
    search = SearchedMaterials(
        plan=plan, potential=potential, seed=0, cache=Cache(), executors=Executors(workers=1), log=print
    )

    def elements(potential: PotentialPlan) -> SearchedMaterials:
        return search_of_elements(plan, potential, search.cache, search.executors, print)

    n = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else 100
    if sys.argv[1:2] == ["references"]:
        for whose in References:
            by = replace(plan, config=replace(config, references=whose))
            references(search, judge_of(by, potential, elements), whose, n)
        return None
    judge = judge_of(plan, potential, elements)
    print(plan.basis(potential))
    if sys.argv[1:2] == ["paper"]:
        paper(search, judge)
    else:
        known(search, judge, n)
    return None


def references(search: SearchedMaterials, judge: Any, whose: References, n: int) -> None:
    """Known structures relaxed, their formation energies and sides of the hull against those of the table."""
    rows = chosen(n, search.potential.spec.elements)
    materials = search.find([Candidate(label=label, own=structure) for label, structure, _ in rows])
    errors, sides = [], []
    judge.references.find({z for _, structure, _ in rows for z in structure.numbers.tolist()})
    for material, (_, structure, energy) in zip(materials, rows, strict=True):
        if (found := judge.judge(material).formation) is None:
            continue
        numbers, counts = np.unique(structure.numbers, return_counts=True)
        composition = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
        height = judge.hull.without(composition).decomposition(composition).energy
        errors.append(found - energy)
        sides.append((energy <= height, found <= height))
    off, (stable, called) = np.array(errors), np.array(sides).T
    print(
        f"{search.potential.spec.name}, references {whose}: {len(off)} of {len(rows)}, MAE {np.abs(off).mean():.4f}, "
        f"bias {off.mean():+.4f}, median {np.median(np.abs(off)):.4f} eV/atom; stable by the table {stable.sum()}, by "
        f"the potential {called.sum()}, by both {(stable & called).sum()}, agreement {(stable == called).mean():.2f}"
    )


def funnel(folders: list[Path]) -> None:
    print("| discovery | relaxed | kept | within 0.1 | 95 % | on or below | 95 % | median E hull | 95 % | CPU s each |")
    print("|---|---:|---:|---:|---|---:|---|---:|---|---:|")
    for folder in folders:
        with (folder / "materials.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        kept = [row for row in rows if row["symmetry_kept"] == "True"]
        far = np.array([float(row["e_above_hull"]) for row in kept if row["e_above_hull"]])
        draws = np.median(np.random.default_rng(0).choice(far, (10_000, len(far))), axis=1)
        cells = [f"{sum(row['energy'] != '' for row in rows)} of {len(rows)}", str(len(kept))]
        for limit in (0.1, 0.0):
            hits = int(np.sum(far <= limit))
            low, high = wilson(hits, len(rows))
            cells += [str(hits), f"{low:.0%} to {high:.0%}"]
        low, high = np.quantile(draws, (0.025, 0.975))
        seconds = np.mean([float(row["cpu_seconds"]) for row in rows])
        cells += [f"{np.median(far):.3f}", f"{low:.3f} to {high:.3f}", f"{seconds:.1f}"]
        print(f"| {folder.name} | {' | '.join(cells)} |")


def paper(search: SearchedMaterials, judge: Any) -> None:
    print("| protostructure | E form, paper | here | E hull, paper | here | tries | agree | kept | CPU s |")
    print("|---|---:|---:|---:|---:|---:|---|---|---:|")
    for label, (formation, distance) in TABLE_6.items():
        canonical = Protostructure.parse(label).label
        material = search.find([Candidate(label=canonical)])[0]
        one = judge.judge(material)
        here = [f"{x:.3f}" if x is not None else str(one.reason) for x in (one.formation, one.distance)]
        print(
            f"| `{canonical}` | {formation:.3f} | {here[0]} | {distance:.4f} | {here[1]} | {len(material.tries)} | "
            f"{material.agreed} | {material.kept} | {material.seconds:.1f} |",
            flush=True,
        )


def known(search: SearchedMaterials, judge: Any, n: int) -> None:
    rows = chosen(n, search.potential.spec.elements)
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        made = search.find([Candidate(label=label) for label, _, _ in block])
        own = search.find([Candidate(label=label, own=structure) for label, structure, _ in block])
        for (label, structure, energy), new, old in zip(block, made, own, strict=True):
            found.append(compared(label, structure, energy, new, old, judge))
            print(found[-1], flush=True)
    summary(found)


def chosen(n: int, elements: frozenset[int]) -> list[tuple[str, RawStructure, float]]:
    """Labels, structures and formation energies (eV/atom) of n materials, at random, each label once."""
    import pandas
    from pymatgen.core import Structure

    shared = Path(os.environ.get("CRYSTALBENCH_SHARED", Path(__file__).parents[3] / "shared"))
    folder = shared / "data" / "mp_20_val_test"
    table = pandas.concat([pandas.read_feather(folder / f"mp_20_{part}.feather") for part in ("val", "test")])
    rows: dict[str, tuple[str, RawStructure, float]] = {}
    for row in np.random.default_rng(0).permutation(len(table)).tolist():
        if len(rows) == n:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            crystal = Structure.from_str(table["cif"].iloc[row], fmt="cif").get_primitive_structure()
        structure = RawStructure.of(crystal.lattice.matrix, crystal.frac_coords, crystal.atomic_numbers)
        label = convert(structure, ConversionSettings())
        if not isinstance(label, Protostructure) or label.n_sites_primitive > ATOMS:
            continue
        if {NUMBERS[name] for name in label.elements} <= elements:
            rows.setdefault(label.label, (label.label, structure, float(table["formation_energy_per_atom"].iloc[row])))
    return list(rows.values())


def compared(label: str, structure: RawStructure, energy: float, new: Any, old: Any, judge: Any) -> dict[str, Any]:
    """How the material made from the label alone compares with the known one."""
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

    def crystal(raw: RawStructure) -> Any:
        return Structure(raw.lattice, raw.numbers.tolist(), raw.frac_coords)

    one, other = judge.judge(new), judge.judge(old)
    good = [t.energy is not None and old.energy is not None and t.energy <= old.energy + SAME for t in new.tries]
    rule = paper_rule([t.energy for t in new.tries])
    matches = new.structure is not None and StructureMatcher().fit(crystal(new.structure), crystal(structure))
    return {
        "label": label, "tries": len(new.tries), "agreed": new.agreed,
        "found at": good.index(True) + 1 if any(good) else 0, "paper's tries": rule,
        "found by the paper's rule": any(good[:rule]),
        "matches": bool(matches), "above known": None if None in (new.energy, old.energy) else new.energy - old.energy,
        "kept": new.kept, "error": None if one.formation is None else one.formation - energy,
        "error of known": None if other.formation is None else other.formation - energy,
        "free": Protostructure.from_canonical(label).degrees_of_freedom, "cpu": new.seconds, "reason": new.reason,
    }  # fmt: skip


def paper_rule(energies: list[float | None]) -> int:
    """After how many tries the two lowest energies agree; all of them if they never do."""
    for k in range(2, len(energies) + 1):
        low = sorted(energy for energy in energies[:k] if energy is not None)[:2]
        if len(low) == 2 and low[1] - low[0] <= SearchSettings().agreement:
            return k
    return len(energies)


def summary(found: list[dict[str, Any]]) -> None:
    print("| free coordinates | materials | found | same | both | tries | found by the paper's rule | tries |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for title, least, most in (("none", 0, 0), ("1 or 2", 1, 2), ("3 or more", 3, 999), ("all", 0, 999)):
        rows = [row for row in found if least <= row["free"] <= most]
        both = sum(row["found at"] > 0 and row["matches"] for row in rows)
        counts = (len(rows), sum(row["found at"] > 0 for row in rows), sum(row["matches"] for row in rows), both)
        rule = sum(row["found by the paper's rule"] for row in rows)
        tries, paper_tries = (np.mean([row[name] for row in rows]) for name in ("tries", "paper's tries"))
        print(f"| {title} | {' | '.join(map(str, counts))} | {tries:.1f} | {rule} | {paper_tries:.1f} |")
    first = np.array([row["found at"] for row in found])
    print("found within tries:", ", ".join(f"{k}: {np.sum((first > 0) & (first <= k))}" for k in (1, 2, 3, 4, 6, 10)))
    for name in ("agreed", "kept", "reason"):
        print(f"{name}: {sum(bool(row[name]) for row in found)}", end="; ")
    below = sum(row["above known"] is not None and row["above known"] < -SAME for row in found)
    print(f"below the known one by more than {SAME} eV/atom: {below}; CPU s {np.mean([r['cpu'] for r in found]):.2f}")
    for name in ("error", "error of known"):
        errors = np.abs([row[name] for row in found if row[name] is not None])
        print(f"formation energy, {name}: MAE {errors.mean():.3f}, median {np.median(errors):.3f} eV/atom")


if __name__ == "__main__":
    main()
