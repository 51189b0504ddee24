"""Which rows of two runs are the same samples converted otherwise, and what each share says of each sample."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from crystalbench.crystals.samples import SampleSet
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.datasets import Dataset
from crystalbench.errors import NotComputable
from crystalbench.interfaces import MetricSpec, Need, ScoreInput, Subset
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig, check_parameters
from crystalbench.runs.folder import MANIFEST, RunFolder
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.pairs import Pairs, RowPairs

Answers: TypeAlias = Mapping[str, Sequence[bool | None]]
"""Yes or no for each sample by the key of a column, None where a share leaves a sample out."""

OF_ONE_SAMPLE = frozenset({Need.TRAIN, Need.REFERENCE})
"""What a metric may need of which the value of a single sample is asked."""


def row_pairs(first: Path, second: Path, rows: Mapping[str, str], plugins: Plugins) -> RowPairs:
    """Return, for each row that has the same samples in both runs, the shares of its samples that are paired.

    The same samples are those of one file, or of one seed, of which both runs asked for as many; rows of several
    replicas are compared as they are. Shares are asked of each sample alone: who uses them must see that they add up.

    Parameters
    ----------
    first, second
        Folders of runs; tables without one have no samples, so nothing is paired.
    rows
        Generators of the second run by those of the first.

    Raises
    ------
    CrystalbenchError
        A file of a run is damaged.
    """
    if not all((folder / MANIFEST).exists() for folder in (first, second)):
        return {}
    one, other = (_Run(RunFolder(folder), plugins) for folder in (first, second))
    alike = {name: partner for name, partner in rows.items() if one.inputs(name) == other.inputs(partner) is not None}
    keys = [key for key in one.metrics if key in other.metrics]
    return {name: _paired(one.values(name, keys), other.values(partner, keys)) for name, partner in alike.items()}


def _paired(first: Answers, second: Answers) -> dict[str, Pairs]:
    found = {}
    for key, values in first.items():
        sides = list(zip(values, second.get(key, ()), strict=False))
        if len(sides) < len(values) or any((x is None) != (y is None) for x, y in sides):
            continue  # what one of them leaves out has no partner
        both = sum(bool(x and y) for x, y in sides)
        one, two = sum(bool(x) for x, _ in sides), sum(bool(y) for _, y in sides)
        n = sum(x is not None for x, _ in sides)
        if n:
            found[key] = Pairs(both=both, first=one - both, second=two - both, neither=n - one - two + both)
    return found


class _Run:
    """A finished run: its samples, and those of its metrics that are shares of samples."""

    def __init__(self, folder: RunFolder, plugins: Plugins) -> None:
        manifest = folder.manifest()
        self._folder = folder
        self._config = RunConfig.from_mapping(manifest["config"])
        self._table: LetterTable = self._config.conversion.table
        name = manifest["dataset"]["name"]
        self._dataset = Dataset(plugins.datasets[name], self._table, manifest["dataset"]["identity"])
        self._generators: dict[str, dict[str, Any]] = {row["name"]: row for row in manifest["generators"]}
        self.metrics: dict[str, MetricSpec] = {
            written["key"]: spec
            for written in manifest["metrics"]
            if (spec := plugins.metrics.get(written["name"])) is not None
            and spec.version == written["version"]
            and (spec.unit, spec.subset) == ("%", Subset.ALL)
            and spec.needs <= OF_ONE_SAMPLE
            and not (Need.TRAIN in spec.needs and self._dataset.spec.no_train)
            and (Need.REFERENCE not in spec.needs or self._dataset.spec.reference in self._dataset.spec.splits)
            and not spec.size_dependent
        }

    def inputs(self, name: str) -> list[object] | None:
        """What determines the samples of a row of one replica as they came, and their number; None for no such row."""
        row = self._generators.get(name)
        if row is None or len(row["replicas"]) != 1 or "samples" not in row["replicas"][0]:
            return None
        (replica,) = row["replicas"]
        return [replica["inputs"], replica["n"], self._config.of(name).generated]

    def values(self, name: str, keys: Sequence[str]) -> Answers:
        """Return what each share says of each sample, but for what is no yes or no."""
        samples = self._folder.read_replica(name, self._generators[name]["replicas"][0], self._table)
        found = {key: [self._value(self.metrics[key], samples, place) for place in range(samples.n)] for key in keys}
        return {
            key: [None if value is None else bool(value) for value in values]
            for key, values in found.items()
            if all(value in (None, 0.0, 1.0) for value in values)
        }

    def _value(self, spec: MetricSpec, samples: ReplicaSamples, place: int) -> float | None:
        given = ScoreInput(
            samples=SampleSet((samples.drawn.items[place],)),
            parameters=check_parameters(f"metric.{spec.name}", self._config.metric.get(spec.name, {}), spec.parameters),
            seed=self._config.seed,
            dataset=self._dataset if spec.needs & {Need.TRAIN, Need.REFERENCE} else None,
        )
        try:
            return spec.compute(given).value
        except NotComputable:
            return None
