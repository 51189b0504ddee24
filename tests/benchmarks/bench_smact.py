"""Charge balance by sums of charges against smact's enumeration, in one run on the same real compositions.

    python tests/benchmarks/bench_smact.py [N] [DATASET] [SPLIT]     (10000 mp20-eval all)

Judges N distinct reduced compositions of a bundled dataset with both rules. smact is given ready-made `Composition`
objects and warm tables. With its `smact14` states it fails every compound that holds an element without
electronegativity, where rule `cdvae` mostly passes them: only such disagreements are expected (they are listed).
"""

import sys
from collections.abc import Callable
from math import gcd
from random import Random
from time import perf_counter, process_time

from pymatgen.core import Composition
from smact.screening import smact_validity

from crystalbench import Protostructure, SampleSet, ScoreInput
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.datasets.bundled import crystalbench_datasets
from crystalbench_plugins.metrics._charge_balance import Rule, Verdict, judge
from crystalbench_plugins.metrics.smact_validity import compute_all, table


def sample(n: int, dataset: str, split: str) -> list[Protostructure]:
    """Return ``n`` random protostructures (fewer if the split has fewer) with distinct reduced compositions."""
    spec = {item.name: item for item in crystalbench_datasets()}[dataset]
    labels = list(spec.load(split, Table.AFFINE).labels)
    Random(0).shuffle(labels)
    chosen: dict[frozenset[tuple[str, int]], Protostructure] = {}
    for label in labels:
        if len(chosen) == n:
            break
        structure = Protostructure.from_canonical(label)
        chosen.setdefault(frozenset(reduced(structure).items()), structure)
    return list(chosen.values())


def reduced(structure: Protostructure) -> dict[str, int]:
    composition = structure.composition
    divisor = gcd(*composition.values())
    return {element: amount // divisor for element, amount in composition.items()}


def best_of_three(function: Callable[[], list[bool]]) -> tuple[list[bool], float, float]:
    """Return the result, wall and CPU seconds of the fastest of three calls."""
    runs = []
    for _ in range(3):
        wall, cpu = perf_counter(), process_time()
        result = function()
        runs.append((perf_counter() - wall, process_time() - cpu))
    return result, *min(runs)


def compare(structures: list[Protostructure], rule: Rule, states: str, named: str | None) -> None:
    """Judge all compositions with our rule and with smact's states ``named`` (None: its default)."""
    compositions = [reduced(structure) for structure in structures]
    given = [Composition(composition) for composition in compositions]
    start = perf_counter()
    table.cache_clear()
    elements = table(states)
    print(f"\nrule {rule}, oxidation states {states} (our table: {perf_counter() - start:.2f} s, once)")
    smact_validity("NaCl", oxidation_states_set=named)  # its tables
    ours, our_wall, our_cpu = best_of_three(lambda: [judge(c, elements, rule).valid for c in compositions])
    theirs, wall, cpu = best_of_three(lambda: [smact_validity(c, oxidation_states_set=named) for c in given])
    print(f"  sums of charges  wall {our_wall:7.3f} s  CPU {our_cpu:7.3f} s  valid {sum(ours) / len(ours):.4f}")
    print(f"  smact            wall {wall:7.3f} s  CPU {cpu:7.3f} s  valid {sum(theirs) / len(theirs):.4f}")
    print(f"  ratio of wall times {wall / our_wall:.0f}, of CPU times {cpu / our_cpu:.0f}")
    differ = [c for c, a, b in zip(compositions, ours, theirs, strict=True) if a != b]
    unexplained = [c for c in differ if c.keys() <= elements.electronegativity.keys()]
    print(f"  {len(differ)} verdicts differ, {len(unexplained)} of them with all electronegativities known")
    for composition in differ[:5]:
        print("   ", composition)
    parameters = {"rule": str(rule), "oxidation_states": states}
    inputs = ScoreInput(samples=SampleSet.of(structures), parameters=parameters, seed=0)
    start = perf_counter()
    compute_all(inputs)
    print(f"  the whole metric on these {len(structures)} protostructures: {perf_counter() - start:.3f} s")


def main(n: int, dataset: str, split: str) -> None:
    structures = sample(n, dataset, split)
    verdicts = [judge(reduced(item), table("smact14"), Rule.CDVAE) for item in structures]
    compounds = sum(verdict not in (Verdict.ELEMENT, Verdict.ALLOY) for verdict in verdicts)
    print(f"{len(structures)} distinct compositions of {dataset}/{split}, {compounds} to be balanced")
    compare(structures, Rule.CDVAE, "smact14", "smact14")
    compare(structures, Rule.SMACT, "icsd24_consensus3", None)


if __name__ == "__main__":
    count, name, part = [*sys.argv[1:], *("10000", "mp20-eval", "all")[len(sys.argv) - 1 :]]
    main(int(count), name, part)
