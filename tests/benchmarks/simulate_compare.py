"""How often `crystalbench compare` calls two halves of one sample different.

Pairs of samples are drawn without replacement from the test split of a bundled dataset, scored by the installed metrics
with an encoder that counts (no trained weights), and compared; every alarm is a false one.
"""

import sys
from collections import Counter
from dataclasses import replace

import numpy as np

from crystalbench import Cell, Dataset, MetricResult, RowKind, SampleSet, ScoreInput
from crystalbench.plugins import Plugins
from crystalbench.runs.plan import MetricPlan
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.table import column_of, row_of
from crystalbench.tables.differences import ALPHA, compare
from crystalbench.tables.results import Table
from crystalbench.testing import example_encoder

METRICS = ("p1_share", "triclinic_monoclinic_share", "smact_validity_all", "uniqueness", "spacegroup_jsd", "energy",
           "fwd_corrected", "kernel_distance")  # fmt: skip


def main(pairs: int = 200, n: int = 500) -> None:
    plugins = Plugins.load()
    dataset = Dataset(plugins.datasets["wbm-rebuilt"])
    test = dataset.split("test")
    plans = [MetricPlan(spec=plugins.metrics[name], parameters=_defaults(plugins, name)) for name in METRICS]
    columns = tuple(column_of(plan, 0) for plan in plans)
    alone, corrected, any_cell = Counter[str](), Counter[str](), 0
    for pair in range(pairs):
        rows = np.random.default_rng(pair).permutation(len(test.labels))[: 2 * n]
        tables = []
        for half in (rows[:n], rows[n:]):
            samples = SampleSet.of(test.protostructure(int(i)) for i in half)
            cells = {plan.key: Cell(outcomes=(_score(plan, samples, dataset, pair),)) for plan in plans}
            row = row_of(
                generator="half", title="half", kind=RowKind.MEASURED, key=f"{half[0]}", n=n, novel=0, dataset=dataset,
                replicas=[ReplicaSamples(name="half", drawn=samples, n=n)], outcomes={}, given={},
            )  # fmt: skip
            tables.append(Table(title="", columns=columns, rows=(replace(row, cells=cells),)))
        (comparison,) = compare(*tables)
        for cell in comparison.differences:
            corrected[cell.column.key] += cell.different
            outside = cell.interval is not None and not cell.interval[0] <= 0 <= cell.interval[1]
            alone[cell.column.key] += outside
        any_cell += any(cell.different for cell in comparison.differences)
        if pair % 20 == 19:
            print(f"{pair + 1} pairs, any cell different in {any_cell}", file=sys.stderr)
    print(f"{pairs} pairs of {n} test materials; 95 % intervals that miss zero, and cells called different at {ALPHA}")
    for column in columns:
        print(f"{column.key:28} {alone[column.key] / pairs:6.1%} {corrected[column.key] / pairs:6.1%}")
    print(f"{'any cell':28} {'':6} {any_cell / pairs:6.1%}")


def _defaults(plugins: Plugins, name: str) -> dict[str, object]:
    return {parameter.name: parameter.default for parameter in plugins.metrics[name].parameters}


def _score(plan: MetricPlan, samples: SampleSet, dataset: Dataset, seed: int) -> MetricResult:
    encoder = example_encoder()
    given = ScoreInput(samples=samples, parameters=plan.parameters, seed=seed, dataset=dataset, encoder=encoder)
    return plan.spec.compute(given)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
