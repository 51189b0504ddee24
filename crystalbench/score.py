"""Compute cells. Each is isolated: what fails fills its own cell with a `Failure` and nothing else."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

from crystalbench.cache import Cache, content_key, file_digest
from crystalbench.environment import packages
from crystalbench.errors import NotComputable
from crystalbench.interfaces import Dataset, MetricSpec, Need, ScoreInput, Subset
from crystalbench.plan import MetricPlan
from crystalbench.results import Failure, MetricResult, Missing, Outcome
from crystalbench.results_json import outcome_from_json, outcome_to_json
from crystalbench.samples import Invalid, SampleSet
from crystalbench.stream import ReplicaSamples, Step


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Scores the replicas of one run against one dataset."""

    dataset: Dataset
    dataset_identity: str
    novel: int
    seed: int
    cache: Cache | None = None
    finished: Step = field(default=lambda *_: None)

    def score(self, metric: MetricPlan, replica: "Scored") -> Outcome:
        """Compute one cell, or take it from the cache. A failure is never cached."""
        start = perf_counter()
        key = self._key(metric, replica) if self.cache else ""
        if self.cache and (document := self.cache.get("scores", key)):
            self.finished("score", f"{metric.spec.name}:{replica.name}", perf_counter() - start, True)
            return outcome_from_json(document)
        outcome = self._compute(metric, replica)
        if self.cache and not isinstance(outcome, Failure):
            self.cache.put("scores", key, outcome_to_json(outcome))
        self.finished("score", f"{metric.spec.name}:{replica.name}", perf_counter() - start, False)
        return outcome

    def _compute(self, metric: MetricPlan, replica: "Scored") -> Outcome:
        spec = metric.spec
        try:
            if Need.TIMING in spec.needs and replica.samples.timing is None:
                raise NotComputable("nobody timed the making of these samples")
            if _needs_reference(spec) and "train" not in self.dataset.spec.splits:
                raise NotComputable(f"dataset {self.dataset.name} has no train split")
            result = spec.compute(
                ScoreInput(
                    samples=self._novel(replica) if spec.subset is Subset.NOVEL else replica.samples.asked,
                    parameters=metric.parameters,
                    seed=self.seed,
                    dataset=self.dataset if _needs_reference(spec) else None,
                    timing=replica.samples.timing if Need.TIMING in spec.needs else None,
                )
            )
            if not isinstance(result, MetricResult):
                raise TypeError(f"a metric returns a MetricResult, not {result!r}")
        except NotComputable as reason:
            return Missing(str(reason))
        except Exception as error:  # noqa: BLE001 - a metric is third-party code; its cell shows what went wrong
            return Failure("score", spec.name, f"{type(error).__name__}: {error}")
        return result

    def _novel(self, replica: "Scored") -> SampleSet:
        novel = replica.novel(self.dataset)
        return SampleSet(novel.items[: self.novel]) if self.novel else novel

    def _key(self, metric: MetricPlan, replica: "Scored") -> str:
        spec = metric.spec
        timing = replica.samples.timing if Need.TIMING in spec.needs else None
        return content_key(
            metric=spec.name,
            version=spec.version,
            code=_code_digest(spec.compute),
            parameters=dict(metric.parameters),
            samples=replica.digest,
            subset=str(spec.subset),
            novel=self.novel if spec.subset is Subset.NOVEL else 0,
            dataset=[self.dataset_identity, str(self.dataset.table)] if _needs_reference(spec) else None,
            seconds=timing.seconds if timing else None,
            seed=self.seed,
        )


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One replica's samples with what several metrics share."""

    name: str
    samples: ReplicaSamples
    _novel: dict[str, SampleSet] = field(default_factory=dict, init=False)

    @cached_property
    def digest(self) -> str:
        rows: list[Any] = [[i.reason, i.detail] if isinstance(i, Invalid) else i.label for i in self.samples.drawn]
        return content_key(rows=rows, n=self.samples.n)

    def novel(self, dataset: Dataset) -> SampleSet:
        """Return all drawn protostructures that are not in the training split, in order."""
        if dataset.name not in self._novel:
            known = dataset.train.label_set
            self._novel[dataset.name] = SampleSet.of(p for p in self.samples.drawn.valid if p.label not in known)
        return self._novel[dataset.name]


def score_all(
    scorer: Scorer,
    metrics: tuple[MetricPlan, ...],
    replicas: Mapping[str, tuple[Scored | Failure, ...]],
    progress: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, tuple[Outcome, ...]]]:
    """Return generator -> metric -> one outcome per replica."""
    cells: dict[str, dict[str, tuple[Outcome, ...]]] = {}
    for generator, streams in replicas.items():
        cells[generator] = {}
        for metric in metrics:
            cells[generator][metric.spec.name] = tuple(
                stream if isinstance(stream, Failure) else scorer.score(metric, stream) for stream in streams
            )
            progress()
    return cells


def _needs_reference(spec: MetricSpec) -> bool:
    return Need.REFERENCE in spec.needs or spec.subset is Subset.NOVEL


@lru_cache
def _code_digest(function: Callable[..., Any]) -> str:
    """Digest of the package that defines a metric, so that editing a plugin never meets its own stale score."""
    try:
        file = Path(inspect.getsourcefile(function) or "").resolve(strict=True)
    except (TypeError, OSError):  # a callable object, or code typed into an interpreter
        return ""
    package = file.parents[function.__module__.count(".") - 1] if "." in function.__module__ else file
    sources = sorted(package.rglob("*.py")) if package.is_dir() else [package]
    return content_key(sources=[file_digest(source) for source in sources], packages=packages())
