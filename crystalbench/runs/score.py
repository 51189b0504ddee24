"""Compute cells. Each is isolated: what fails fills its own cell with a `Failure` and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from time import perf_counter

from crystalbench.crystals.geometry import Geometry
from crystalbench.crystals.samples import SampleSet
from crystalbench.datasets import Dataset
from crystalbench.errors import NotComputable, PluginError
from crystalbench.executors import ONE_PROCESS, Executors
from crystalbench.interfaces import MetricSpec, Need, ScoreInput, Subset
from crystalbench.isolation import isolated
from crystalbench.runs.cache import Cache, content_key
from crystalbench.runs.chunks import geometries_to_json
from crystalbench.runs.code_identity import code_identity
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.runs.encoder_plan import EncoderPlan
from crystalbench.runs.energy_book import EnergyBook
from crystalbench.runs.plan import MetricPlan
from crystalbench.runs.run_energies import ReplicaEnergies
from crystalbench.runs.stream import ReplicaSamples, Step
from crystalbench.tables.results import JSON, Failure, MetricResult, Missing, Outcome
from crystalbench.tables.results_json import outcome_from_json, outcome_to_json
from crystalbench.versions import packages


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Scores the replicas of one run against one dataset. Without a cache every cell is computed."""

    dataset: Dataset
    dataset_identity: str
    novel: int
    seed: int
    encoders: Mapping[str, CachedEncoder] = field(default_factory=dict)
    energies: EnergyBook | None = None
    cache: Cache | None = None
    finished: Step = field(default=lambda *_: None)

    def score(self, metric: MetricPlan, replica: ReplicaSamples | Failure) -> Outcome:
        """Compute one cell, or take it from the cache. A failure is never cached."""
        if isinstance(replica, Failure):
            return replica
        if metric.missing:
            return Missing(metric.missing)  # not cached: the encoder may be installed tomorrow
        start = perf_counter()
        key = self._key(metric, replica)
        cache = None if metric.potential else self.cache  # a run keeps what its energies rest on: each is judged anew
        kept = cache.get("scores", key, outcome_from_json) if cache is not None else None
        outcome: Outcome
        if kept is not None:
            outcome = kept
        else:
            outcome = isolated("score", metric.spec.name, partial(self._compute, metric, replica))
            if cache is not None and not isinstance(outcome, Failure):
                cache.put("scores", key, outcome_to_json(outcome))
        self.finished("score", f"{metric.key}:{replica.name}", perf_counter() - start, kept is not None)
        return outcome

    def _compute(self, metric: MetricPlan, replica: ReplicaSamples) -> Outcome:
        """Call the metric, with one thread for linear algebra.

        Metrics are made of many small matrices, which threads wait for one another over: the interval of a Fréchet
        distance (256 dimensions) took 29 times the CPU time with two threads on two busy cores, 21 s for 0.7 s.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(limits=1, user_api="blas"):
            return self._computed(metric, replica)

    def _computed(self, metric: MetricPlan, replica: ReplicaSamples) -> Outcome:
        spec = metric.spec
        try:
            if Need.TIMING in spec.needs and replica.timing is None:
                raise NotComputable("their making was not timed: only a model that samples here has a speed")
            self._check_splits(spec)
            result = spec.compute(
                ScoreInput(
                    samples=self._novel(replica) if spec.subset is Subset.NOVEL else replica.asked,
                    parameters=metric.parameters,
                    seed=self.seed,
                    dataset=self.dataset if _needs_dataset(spec) else None,
                    timing=replica.timing if Need.TIMING in spec.needs else None,
                    encoder=self._encoder(metric),
                    run_energies=self._energies(metric, replica),
                    run_geometries=self._geometries(spec, replica),
                )
            )
        except NotComputable as reason:
            return Missing(str(reason))
        if not isinstance(result, MetricResult):
            raise TypeError(f"a metric returns a MetricResult, not {result!r}")
        return result

    def _check_splits(self, spec: MetricSpec) -> None:
        dataset = self.dataset.spec
        if _needs_train(spec) and dataset.no_train:
            raise NotComputable(dataset.no_train)
        if Need.REFERENCE in spec.needs and dataset.reference not in dataset.splits:
            raise NotComputable(f"dataset {dataset.name} has no split to compare distributions with")

    def _dataset_key(self) -> list[JSON]:
        return [self.dataset_identity, str(self.dataset.table), self.dataset.spec.reference]

    def _encoder(self, metric: MetricPlan) -> CachedEncoder | None:
        return self.encoders[metric.encoder.spec.name] if metric.encoder else None

    def _energies(self, metric: MetricPlan, replica: ReplicaSamples) -> ReplicaEnergies | None:
        if metric.potential is None or self.energies is None:
            return None
        if metric.spec.subset is not Subset.ALL:
            raise PluginError(f"metric {metric.spec.name}: what needs energies is given all samples: subset=Subset.ALL")
        return self.energies.of(metric.potential, replica)

    def _geometries(self, spec: MetricSpec, replica: ReplicaSamples) -> tuple[Geometry | None, ...] | None:
        if Need.GEOMETRY not in spec.needs:
            return None
        if spec.subset is not Subset.ALL:
            raise PluginError(f"metric {spec.name}: what needs geometries is given all samples: subset=Subset.ALL")
        return replica.geometries or (None,) * len(replica.asked)

    def _novel(self, replica: ReplicaSamples) -> SampleSet:
        novel = replica.novel(self.dataset)
        return SampleSet(novel.items[: self.novel]) if self.novel else novel

    def _key(self, metric: MetricPlan, replica: ReplicaSamples) -> str:
        spec = metric.spec
        timing = replica.timing if Need.TIMING in spec.needs else None
        encoder = self._encoder(metric)
        return content_key(
            metric=spec.name,
            version=spec.version,
            code=code_identity(spec.compute),
            packages=dict(packages()),
            parameters=dict(metric.parameters),
            samples=replica.digest,
            subset=str(spec.subset),
            novel=self.novel if spec.subset is Subset.NOVEL else 0,
            dataset=self._dataset_key() if _needs_dataset(spec) else None,
            timing=asdict(timing) if timing else None,
            encoder=encoder.key if encoder else None,
            seed=self.seed,
            geometries=geometries_to_json(replica.geometries) if Need.GEOMETRY in spec.needs else None,
        )


def cached_encoders(
    encoders: Iterable[EncoderPlan], dataset: Dataset, cache: Cache | None = None, executors: Executors = ONE_PROCESS
) -> dict[str, CachedEncoder]:
    """Return the encoders of a run by name; without a cache every embedding is computed."""
    return {
        e.spec.name: CachedEncoder(e.spec, e.parameters, e.identity, cache, dataset.table, executors) for e in encoders
    }


def _needs_train(spec: MetricSpec) -> bool:
    return Need.TRAIN in spec.needs or spec.subset is Subset.NOVEL


def _needs_dataset(spec: MetricSpec) -> bool:
    return Need.REFERENCE in spec.needs or _needs_train(spec)
