"""Recompute every cell of a finished run from its samples and compare it with what the run wrote."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crystalbench.cache import Cache, file_digest
from crystalbench.config import RunConfig
from crystalbench.convert import Converter
from crystalbench.errors import ConfigError, CrystalbenchError
from crystalbench.folder import RunFolder
from crystalbench.interfaces import Dataset, Timing
from crystalbench.plan import (
    GeneratorPlan,
    MetricPlan,
    ReplicaPlan,
    plan_dataset,
    plan_generator,
    plan_metrics,
)
from crystalbench.plugins import Plugins
from crystalbench.results import MetricResult, Outcome
from crystalbench.results_json import outcome_from_json
from crystalbench.samples import Converted, Invalid, Sample, SampleSet
from crystalbench.score import Scored, Scorer
from crystalbench.stream import ReplicaSamples, Stream, draw_replica

RELATIVE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: ``problem`` is empty where it holds."""

    what: str
    problem: str = ""


def verify(folder: RunFolder, plugins: Plugins, *, redraw: bool = False) -> Iterator[Check]:
    """Yield one check per file, per cell and, with ``redraw``, per stream of samples.

    Cells are recomputed without the cache, from the samples in the folder and the dataset. With ``redraw`` the
    samples themselves are made again, from the sample files (where they are still there, unchanged) or from the
    generator and its seed, and compared row by row.
    """
    manifest = folder.manifest()
    if manifest["status"] != "finished":
        yield Check("run", "was interrupted; finish it with: crystalbench run --resume " + str(folder.path))
        return
    yield from _check_files(folder, manifest)
    config = RunConfig.from_mapping(manifest["config"])
    spec = plan_dataset(config, plugins)
    identity = spec.identity()
    yield Check(
        f"dataset {spec.name}",
        "" if identity == manifest["dataset"]["identity"] else f"has changed since the run: now sha256 {identity[:12]}",
    )
    conversion = dict(config.conversion.identity())
    if conversion != manifest["conversion"]:
        yield Check("conversion", f"now {conversion}, in the run {manifest['conversion']}; labels may differ")
    dataset = Dataset(spec, config.conversion.table)
    scorer = Scorer(dataset=dataset, dataset_identity=identity, novel=config.novel, seed=config.seed)
    metrics = plan_metrics(config, plugins)
    known = {metric.spec.name for metric in metrics}
    for name in (m["name"] for m in manifest["metrics"] if m["name"] not in known):
        yield Check(f"metric {name}", "is not installed")
    scores = json.loads((folder.path / "scores.json").read_text(encoding="utf-8"))["scores"]
    for generator in manifest["generators"]:
        for index, replica in enumerate(generator["replicas"]):
            if "failure" in replica:
                yield Check(f"{generator['name']}/{index}", "failed in the run: " + replica["failure"]["error"])
                continue
            yield from _check_cells(folder, scorer, metrics, generator["name"], index, replica, scores)
            if redraw:
                yield _redraw(folder, plugins, config, dataset, generator, index)


def _check_files(folder: RunFolder, manifest: dict[str, Any]) -> Iterator[Check]:
    for name, digest in manifest["files"].items():
        path = folder.path / name
        problem = "is missing" if not path.is_file() else "has been changed" if file_digest(path) != digest else ""
        yield Check(name, problem)


def _check_cells(
    folder: RunFolder,
    scorer: Scorer,
    metrics: tuple[MetricPlan, ...],
    generator: str,
    index: int,
    replica: dict[str, Any],
    scores: dict[str, Any],
) -> Iterator[Check]:
    try:
        drawn = folder.read_samples(replica["samples"], scorer.dataset.table)
    except (OSError, KeyError, ValueError) as error:
        yield Check(replica["samples"], f"cannot be read: {error}")
        return
    timing = Timing(**replica["timing"]) if replica["timing"] else None
    stream = Scored(name=f"{generator}/{index}", samples=ReplicaSamples(drawn=drawn, n=replica["n"], timing=timing))
    yield Check(f"{stream.name} samples", "" if stream.digest == replica["digest"] else "are not those of the run")
    for metric in metrics:
        name = metric.spec.name
        written = outcome_from_json(scores[generator][name][index])
        yield Check(f"{stream.name} {name}", _difference(written, scorer.score(metric, stream)))


def _difference(written: Outcome, again: Outcome) -> str:
    if not isinstance(written, MetricResult) or not isinstance(again, MetricResult):
        return "" if written == again else f"the run has {written}, now {again}"
    pairs = zip(_numbers(written), _numbers(again), strict=False)
    if written.n == again.n and all(math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12) for a, b in pairs):
        return ""
    return f"the run has {written.value} (n={written.n}), now {again.value} (n={again.n})"


def _numbers(result: MetricResult) -> tuple[float, ...]:
    return (result.value, *(result.interval or ()))


def _redraw(
    folder: RunFolder,
    plugins: Plugins,
    config: RunConfig,
    dataset: Dataset,
    generator: dict[str, Any],
    index: int,
) -> Check:
    name, written = generator["name"], generator["replicas"][index]
    what = f"{name}/{index} drawn again"
    try:
        plan = plan_generator(name, config=config, plugins=plugins, dataset_identity=dataset.spec.identity())
    except (ConfigError, OSError) as error:
        return Check(what, f"cannot be: {error}")
    replica = plan.replicas[index]
    if replica.key != written["key"]:
        return Check(what, "cannot be: the file, the dataset or the generator has changed since the run")
    try:
        again = _draw_without_cache(plan, replica, config, dataset)
    except CrystalbenchError as error:
        return Check(what, f"failed: {error}")
    before = folder.read_samples(written["samples"], dataset.table)
    if len(before) != len(again):
        return Check(what, f"{len(again)} samples, {len(before)} in the run")
    rows = [i for i, (a, b) in enumerate(zip(before, again, strict=True)) if _kind(a) != _kind(b)]
    return Check(what, f"{len(rows)} of {len(again)} samples differ, first row {rows[0]}" if rows else "")


def _draw_without_cache(plan: GeneratorPlan, replica: ReplicaPlan, config: RunConfig, dataset: Dataset) -> SampleSet:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as nothing, Converter(config.conversion, config.workers) as converter:
        convert: Callable[[list[Sample]], list[Converted]] = converter.convert
        stream = Stream(plan, replica, dataset, Cache(Path(nothing)), convert, lambda *_: None)
        return draw_replica(stream, n=config.n, novel=config.novel, limit=config.draw_limit).drawn


def _kind(item: Converted) -> str:
    """What must come out the same: the label or the reason, not the wording of its detail."""
    return str(item.reason) if isinstance(item, Invalid) else item.label
