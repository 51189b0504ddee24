"""Build the convex hulls that come with crystalbench from the published tables they rest on::

    python -m crystalbench_plugins.hulls.build_bundled SHARED_DATA_DIR

``SHARED_DATA_DIR`` holds ``mp20_hull_points/``, ``mp_20_val_test/``, ``wbm_protostructures/`` and ``elemental_refs/``.
Only what can matter is kept: a point that lies above the hull of the others is left out. The same input gives the same
bytes. Afterwards random points that were left out are held against what was kept; one below it is an error.
"""

import gzip
import json
import sys
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import ConvexHull
from tqdm import tqdm

from crystalbench import Hull
from crystalbench.crystals.elements import NUMBERS
from crystalbench.runs.cache import file_digest
from crystalbench_plugins.hulls.bundled import FACTS, TABLE
from crystalbench_plugins.hulls.compositions import Key, key, lowest, uncovered
from crystalbench_plugins.hulls.packed import Phases, pack

TOLERANCE = 1e-6
"""eV/atom: the unit in which energies are stored."""
HELD_OUT, SEED = 1500, 0


def vertices(points: Mapping[Key, float]) -> dict[Key, float]:
    """Return the vertices of the hull, chemical system by chemical system.

    A point of a system never matters to the systems within it; a vertex there is one here. Only points below the
    elements come into question, and with those the lower hull has all vertices of the convex hull besides the elements.
    """
    systems: dict[frozenset[int], dict[Key, float]] = {}
    for composition, energy in points.items():
        if energy < -TOLERANCE:
            systems.setdefault(frozenset(z for z, _ in composition), {})[composition] = energy
    for system in tqdm(sorted(systems, key=lambda s: (len(s), sorted(s))), desc="systems", disable=None):
        own = list(systems[system].items())
        within = [
            phase
            for size in range(2, len(system))
            for part in combinations(sorted(system), size)
            for phase in systems.get(frozenset(part), {}).items()
        ]
        if len(own) + len(within) > 1:
            axes = sorted(system)[1:]
            sites = np.zeros((len(axes) + 1 + len(own) + len(within), len(system)))  # fractions, energy
            sites[1 : len(axes) + 1, :-1] = np.eye(len(axes))
            for row, (composition, energy) in enumerate([*own, *within], len(axes) + 1):
                numbers = dict(composition)
                sites[row] = [*(numbers.get(z, 0) / sum(numbers.values()) for z in axes), energy]
            kept = np.isin(np.arange(len(own)) + len(axes) + 1, ConvexHull(sites).vertices)
            systems[system] = dict(phase for phase, is_vertex in zip(own, kept, strict=True) if is_vertex)
    return {composition: energy for own in systems.values() for composition, energy in own.items()}


def as_hull(points: Mapping[Key, float], references: Mapping[int, float]) -> Hull:
    return Hull([dict(c) for c in points], np.fromiter(points.values(), float, len(points)), references)


def agreement(hull: Hull, rows: pd.DataFrame) -> dict[str, float]:
    """Hold distances of materials against those of the Materials Project.

    Returns
    -------
    dict
        Shares: agreed on stable or not, of unstable ones called stable, of stable ones called unstable, within 0.1
        eV/atom; of unstable ones the median, mean and 95th percentile of the error in eV/atom.
    """
    energies = rows["formation_energy_per_atom"]
    found = np.array([hull.distance(dict(k), e) for k, e in zip(rows["key"], energies, strict=True)])
    true = rows["e_above_hull"].to_numpy()
    stable, called = true <= TOLERANCE, found <= TOLERANCE
    # the source says 0 of a material that is a vertex, we how far it lies below the others
    errors = np.abs(np.maximum(found, 0) - true)
    return {
        "stable_agrees": float((called == stable).mean()),
        "unstable_called_stable": float(called[~stable].mean()),
        "stable_called_unstable": float((~called)[stable].mean()),
        "within_0.1": float((errors <= 0.1).mean()),
        "unstable_median_error": float(np.median(errors[~stable])),
        "unstable_mean_error": float(errors[~stable].mean()),
        "unstable_p95_error": float(np.percentile(errors[~stable], 95)),
    }


def measure(rows: pd.DataFrame, test: set[str], wbm: Mapping[Key, float], references: Mapping[int, float]) -> object:
    """Leave materials of MP-20's test split out and find them again, without WBM and with it."""
    candidates = rows[rows["material_id"].isin(test) & (rows["key"].map(len) > 1)]
    out = candidates.sample(HELD_OUT, random_state=SEED)
    rest = rows.drop(out.index)
    others = lowest(rest["key"], rest["height"])
    both = lowest([*others, *wbm], [*others.values(), *wbm.values()])
    return {
        "mp20": agreement(as_hull(others, references), out),
        "mp20-wbm": agreement(as_hull(both, references), out),
    }


def check(kept: Mapping[Key, float], points: Mapping[Key, float], references: Mapping[int, float]) -> None:
    """Raise `RuntimeError` if a point lies below the hull of what was kept."""
    hull = as_hull(kept, references)
    names = sorted(points)
    for row in np.random.default_rng(SEED).permutation(len(names))[:2000]:
        below = hull.distance(dict(names[row]), points[names[row]])
        if below < -TOLERANCE:
            raise RuntimeError(f"{names[row]} lies {-below:g} eV/atom below the hull of what was kept")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    source = Path(arguments[0])
    paths = {
        "mp": source / "mp20_hull_points" / "mp20_hull_points.parquet",
        "wbm": source / "wbm_protostructures" / "wbm_protostructures.parquet",
        "test": source / "mp_20_val_test" / "mp_20_test.feather",
        "elements": source / "elemental_refs" / "2023-02-07-mp-elemental-reference-entries.json.gz",
    }
    with gzip.open(paths["elements"]) as file:
        entries = json.load(file)
    references = {NUMBERS[s]: e["energy"] / sum(e["composition"].values()) for s, e in entries.items()}
    rows = pd.read_parquet(paths["mp"])
    rows["key"] = rows["formula"].map(key)
    rows["height"] = rows["formation_energy_per_atom"] - rows["e_above_hull"]
    table = pd.read_parquet(paths["wbm"])
    mp = lowest(rows["key"], rows["height"])
    wbm = lowest(table["formula"].map(key), table["e_form_per_atom_mp2020_corrected"])
    of_mp = vertices(mp)
    print(f"MP: {len(of_mp):,} vertices of {len(mp):,} compositions", flush=True)
    both = lowest([*of_mp, *wbm], [*of_mp.values(), *wbm.values()])
    joint = vertices(both)
    of_wbm = {c: e for c, e in joint.items() if of_mp.get(c) != e}
    check(of_mp, mp, references)
    check(joint, both, references)
    tabled = set(rows.loc[rows["e_above_hull"] <= TOLERANCE, "key"])
    phases = [
        Phases("mp", list(of_mp), np.array(list(of_mp.values())), uncovered(mp, of_mp)),
        Phases("wbm", list(of_wbm), np.array(list(of_wbm.values())), uncovered(both, joint)),
    ]
    pack(phases, references, TABLE)
    facts = {
        "sources": {path.name: file_digest(path) for path in paths.values()},
        "mp_rows": len(rows),
        "mp_compositions": len(mp),
        "mp_vertices": len(of_mp),
        "mp_heights": sum(composition not in tabled for composition in of_mp),
        "wbm_rows": len(table),
        "wbm_compositions": len(wbm),
        "wbm_vertices": len(of_wbm),
        "joint_vertices": len(joint),
        "elements": len(references),
        "held_out": HELD_OUT,
        "agreement": measure(rows, set(pd.read_feather(paths["test"])["material_id"]), wbm, references),
    }
    FACTS.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(f"{len(joint):,} vertices of {len(both):,}; {TABLE.stat().st_size:,} bytes, sha256 {file_digest(TABLE)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
