"""Resolve a configuration into a plan: what will be computed, from what, under which cache keys.

Planning is pure and quick: it looks names up, checks parameters and needs, and hashes the sample files. It loads no
model, no dataset and no structure.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from crystalbench.cache import content_key, file_digest
from crystalbench.config import GeneratorConfig, RunConfig, check_parameters
from crystalbench.errors import ConfigError
from crystalbench.interfaces import (
    DatasetSpec,
    GeneratorSpec,
    MetricSpec,
    Parameters,
    ReaderSpec,
    ReporterSpec,
)
from crystalbench.plugins import Plugins
from crystalbench.results import JSON, RowKind

FILE_CHUNK = 500
TRAINING_COPY = "train"  # the generator of this name gives every table the training set's own row


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """One stream of samples: a file, or a seed of a live generator. ``key`` determines every sample in it."""

    index: int
    seed: int
    source: Path | None
    key: str
    conversion_key: str
    raw: bool = False  # worth keeping what was drawn as well as what it converted to

    def chunk_key(self, chunk: int) -> str:
        return content_key(stream=self.key, chunk=chunk)

    def converted_key(self, chunk: int) -> str:
        return content_key(stream=self.key, chunk=chunk, conversion=self.conversion_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorPlan:
    """One row of the table."""

    name: str
    title: str
    kind: RowKind
    spec: GeneratorSpec | None
    reader: ReaderSpec | None
    parameters: Parameters
    replicas: tuple[ReplicaPlan, ...]
    generated: int

    @property
    def chunk_size(self) -> int:
        return FILE_CHUNK if self.reader or self.spec is None else self.spec.chunk_size

    @property
    def plugin(self) -> str:
        """Name of the record that gives the samples, for error messages."""
        return self.reader.name if self.reader else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """One column of the table."""

    spec: MetricSpec
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run needs. Equal keys mean equal numbers."""

    config: RunConfig
    dataset: DatasetSpec
    dataset_identity: str
    generators: tuple[GeneratorPlan, ...]
    metrics: tuple[MetricPlan, ...]
    reporters: tuple[ReporterSpec, ...]
    key: str


def make_plan(config: RunConfig, plugins: Plugins) -> Plan:
    """Resolve ``config``; raises `ConfigError` for what the user must change, `DatasetError` for absent data."""
    dataset = plan_dataset(config, plugins)
    identity = dataset.identity()
    names = config.generators
    if TRAINING_COPY in plugins.generators and TRAINING_COPY not in names and "train" in dataset.splits:
        names = (TRAINING_COPY, *names)
    resolve = partial(plan_generator, config=config, plugins=plugins, dataset_identity=identity)
    generators = tuple(resolve(name) for name in names)
    metrics = plan_metrics(config, plugins)
    reporters = tuple(plugins.reporters[name] for name in config.reports or sorted(plugins.reporters))
    key = content_key(
        streams=[[g.name, [r.key for r in g.replicas], g.generated] for g in generators],
        dataset=[dataset.name, identity],
        conversion=dict(config.conversion.identity()),
        metrics=[[m.spec.name, m.spec.version, dict(m.parameters)] for m in metrics],
        n=config.n, novel=config.novel, limit=config.draw_limit, seed=config.seed,
    )  # fmt: skip
    return Plan(
        config=config,
        dataset=dataset,
        dataset_identity=identity,
        generators=generators,
        metrics=metrics,
        reporters=reporters,
        key=key,
    )


def plan_dataset(config: RunConfig, plugins: Plugins) -> DatasetSpec:
    """Return the dataset of a run."""
    if config.dataset:
        return plugins.datasets[config.dataset]
    defaults = [spec for spec in plugins.datasets.values() if spec.default]
    if len(defaults) != 1:
        raise ConfigError(f"name a dataset with --dataset; known: {', '.join(sorted(plugins.datasets)) or 'none'}")
    return defaults[0]


def plan_metrics(config: RunConfig, plugins: Plugins) -> tuple[MetricPlan, ...]:
    """Return the metrics of a run with their parameters checked."""
    ordered = sorted(plugins.metrics.values(), key=lambda spec: (spec.order, spec.name))
    names = config.metrics or tuple(spec.name for spec in ordered if spec.default)
    for name in config.metric:
        plugins.metrics[name]
        if name not in names:
            raise ConfigError(
                f"settings are given for metric {name!r}, which this run does not compute; add it to metrics"
            )
    specs = (plugins.metrics[name] for name in names)
    return tuple(
        MetricPlan(
            spec=s,
            parameters=check_parameters(f"metric.{s.name}", config.metric.get(s.name, {}), s.parameters),
        )
        for s in specs
    )


def plan_generator(name: str, *, config: RunConfig, plugins: Plugins, dataset_identity: str) -> GeneratorPlan:
    """Return one row of a run: where its samples come from and under which keys."""
    settings = config.generator.get(name, GeneratorConfig(name=name))
    spec = plugins.generators.get(name)
    if spec is None and not settings.samples:
        plugins.generators[name]  # raises with the nearest name
    sources: tuple[Path, ...] = tuple(Path(s).expanduser() for s in settings.samples)
    kind = RowKind.MEASURED
    if not sources and spec is not None and spec.start is None:
        if spec.example is None:
            raise ConfigError(f"generator {name!r} is known by its files only: give them with --samples {name}=FILE")
        sources, kind = (spec.example(),), RowKind.EXAMPLE
    if spec is not None and spec.reference and not sources:
        kind = RowKind.REFERENCE
    reader = _reader(name, settings, spec, sources, plugins) if sources else None
    declared = reader.parameters if reader else spec.parameters if spec else ()
    parameters = check_parameters(f"generator.{name}", settings.parameters, declared)
    conversion_key = content_key(conversion=dict(config.conversion.identity()))
    if reader:
        version: dict[str, JSON] = {
            "reader": reader.name,
            "version": reader.version,
            "parameters": dict(parameters),
        }
        replicas = tuple(
            ReplicaPlan(
                index=i, seed=config.seed, source=source, conversion_key=conversion_key,
                key=content_key(**version, file=file_digest(source), chunk_size=FILE_CHUNK),
            )
            for i, source in enumerate(sources)
        )  # fmt: skip
    else:
        assert spec is not None
        replicas = tuple(
            ReplicaPlan(
                index=i, seed=config.seed + i, source=None, conversion_key=conversion_key, raw=True,
                key=content_key(
                    generator=name, version=spec.version, parameters=dict(parameters), seed=config.seed + i,
                    dataset=dataset_identity, chunk_size=spec.chunk_size,
                ),
            )
            for i in range(settings.replicas)
        )  # fmt: skip
    title = settings.title or (spec.title if spec else name)
    return GeneratorPlan(
        name=name, title=title, kind=kind, spec=spec, reader=reader, parameters=parameters, replicas=replicas,
        generated=settings.generated,
    )  # fmt: skip


def _reader(
    name: str,
    settings: GeneratorConfig,
    spec: GeneratorSpec | None,
    sources: tuple[Path, ...],
    plugins: Plugins,
) -> ReaderSpec:
    for source in sources:
        if not source.exists():
            raise ConfigError(f"{source}: no such file or folder (samples of {name!r})")
    if settings.reader:
        return plugins.readers[settings.reader]
    own = plugins.readers[spec.reader] if spec is not None and spec.reader else None
    if own is not None and own.detect(sources[0]):
        return own
    try:
        return detect_reader(sources[0], plugins)
    except ConfigError:
        if own is not None:
            return own  # it knows best what is wrong with the file
        raise


def detect_reader(source: Path, plugins: Plugins) -> ReaderSpec:
    """Return the one reader that understands ``source``; raises `ConfigError` for none or several."""
    matches = [reader for reader in plugins.readers.values() if reader.detect(source)]
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(sorted(r.name for r in matches or plugins.readers.values()))
    problem = f"several readers understand it ({names})" if matches else f"no reader understands it (known: {names})"
    raise ConfigError(f"{source}: {problem}; name one with --reader NAME=READER")
