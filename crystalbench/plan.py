"""Resolve a configuration into a plan: what will be computed, from what, under which cache keys.

Planning is pure and quick: it looks names up, checks parameters and needs, and hashes the sample files. It loads no
model, no dataset and no structure.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from crystalbench.cache import content_key, file_digest
from crystalbench.code_identity import code_identity
from crystalbench.config import GeneratorConfig, RunConfig, check_parameters
from crystalbench.environment import packages
from crystalbench.errors import ConfigError, PluginError
from crystalbench.interfaces import (
    DatasetSpec,
    GeneratorSpec,
    MetricSpec,
    Parameters,
    ReaderSpec,
    ReporterSpec,
)
from crystalbench.isolation import isolated, required
from crystalbench.plugins import Plugins
from crystalbench.results import JSON, Failure, RowKind

FILE_CHUNK = 500


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
    key: str

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
    """Everything a run needs; ``config`` names every dataset, metric and report that the user left to the defaults.

    Runs with one key have the same settings, dataset and sample files.
    """

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
    identity = required("identity", f"dataset {dataset.name}", dataset.identity)
    metrics = plan_metrics(config, plugins)
    reporters = plan_reporters(config, plugins)
    names = config.generators
    if "train" in dataset.splits:
        copies = (spec.name for spec in plugins.generators.values() if spec.training_copy)
        names = (*(name for name in copies if name not in names), *names)
    config = replace(
        config,
        generators=names,
        dataset=dataset.name,
        metrics=tuple(metric.spec.name for metric in metrics),
        metric={metric.spec.name: metric.parameters for metric in metrics if metric.parameters},
        reports=tuple(reporter.name for reporter in reporters),
    )
    generators = tuple(plan_generator(name, config, plugins, identity) for name in names)
    settings = {key: value for key, value in config.to_mapping().items() if key not in ("reports", "published")}
    return Plan(
        config=config,
        dataset=dataset,
        dataset_identity=identity,
        generators=generators,
        metrics=metrics,
        reporters=reporters,
        key=content_key(settings=settings, dataset=identity, rows=[generator.key for generator in generators]),
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
            raise ConfigError(f"metric {name!r} has settings, but this run does not compute it; add it to metrics")
    plans = []
    for name in names:
        spec = plugins.metrics[name]
        parameters = check_parameters(f"metric.{name}", config.metric.get(name, {}), spec.parameters)
        plans.append(MetricPlan(spec=spec, parameters=parameters))
    return tuple(plans)


def plan_reporters(config: RunConfig, plugins: Plugins) -> tuple[ReporterSpec, ...]:
    """Return the reporters of a run; two that would write one file raise `PluginError`."""
    reporters = tuple(plugins.reporters[name] for name in config.reports or sorted(plugins.reporters))
    for i, reporter in enumerate(reporters):
        if reporter.suffix in {other.suffix for other in reporters[:i]}:
            raise PluginError(f"reporter {reporter.name!r}: another reporter of this run writes table{reporter.suffix}")
    return reporters


def plan_generator(name: str, config: RunConfig, plugins: Plugins, dataset_identity: str) -> GeneratorPlan:
    """Return one row of a run: where its samples come from and under which keys."""
    settings = config.generator.get(name, GeneratorConfig(name=name))
    spec = plugins.generators.get(name)
    if spec is None and not settings.samples:
        plugins.generators[name]  # raises with the nearest name
    sources, kind = _sources(settings, spec)
    reader = _reader(settings, spec, sources, plugins) if sources else None
    declared = reader.parameters if reader else spec.parameters if spec else ()
    parameters = check_parameters(f"generator.{name}", settings.parameters, declared)
    conversion: JSON = dict(config.conversion.identity())
    stream: dict[str, JSON] = {"parameters": dict(parameters)}
    if reader:
        stream |= {"reader": reader.name, "version": reader.version, "code": code_identity(reader.read)}
        stream |= {"packages": packages(), "chunk_size": FILE_CHUNK}
        parts: list[dict[str, JSON]] = [{"file": file_digest(source)} for source in sources]
    elif spec is not None and spec.start is not None:
        stream |= {"generator": name, "version": spec.version, "code": code_identity(spec.start)}
        stream |= {"dataset": dataset_identity, "table": str(config.conversion.table), "chunk_size": spec.chunk_size}
        files = required("files", f"generator {name}", lambda: tuple(spec.files(parameters, config.dataset)))
        if files:
            stream["files"] = [file_digest(file) for file in files]
        parts = [{"seed": config.seed + i} for i in range(settings.replicas)]
    replicas = tuple(
        ReplicaPlan(
            index=i,
            seed=config.seed if reader else config.seed + i,
            source=sources[i] if reader else None,
            key=content_key(**stream, **part),
            conversion_key=content_key(conversion=conversion),
            raw=reader is None,
        )
        for i, part in enumerate(parts)
    )
    row: list[JSON] = [config.n, config.novel, config.draw_limit, settings.generated, conversion]
    return GeneratorPlan(
        name=name,
        title=settings.title or (spec.title if spec else name),
        kind=kind,
        spec=spec,
        reader=reader,
        parameters=parameters,
        replicas=replicas,
        generated=_generated(settings, config.n),
        key=content_key(kind=str(kind), row=row, replicas=[dict(stream) | part for part in parts]),
    )


def _sources(settings: GeneratorConfig, spec: GeneratorSpec | None) -> tuple[tuple[Path, ...], RowKind]:
    """Sample files of a generator (none: it is live), and what its row is."""
    name = settings.name
    sources = tuple(Path(sample).expanduser().absolute() for sample in settings.samples)
    if spec is not None and spec.reference:
        if sources:
            raise ConfigError(f"{name!r} is a built-in reference generator; give your samples another name")
        return (), RowKind.TRAINING if spec.training_copy else RowKind.REFERENCE
    for source in sources:
        if not (source.is_file() or source.is_dir()):
            raise ConfigError(f"{source}: no such file or folder (samples of {name!r})")
    if sources or spec is None or spec.start is not None:
        return sources, RowKind.MEASURED
    if spec.example is None:
        raise ConfigError(f"generator {name!r} is known by its files only: give them with --samples {name}=FILE")
    example = required("example", f"generator {name}", spec.example)
    if not example.is_file():
        raise PluginError(f"generator {name}: its example file {example} is not there; install its plugin again")
    return (example,), RowKind.EXAMPLE


def _generated(settings: GeneratorConfig, n: int) -> int:
    """Number of samples that the model made; a part of a file cannot tell which of them are missing."""
    if settings.generated and not settings.samples:
        raise ConfigError(f"generator.{settings.name}: generated counts what was made for sample files; there are none")
    if settings.generated > n:
        raise ConfigError(
            f"generator.{settings.name}: generated={settings.generated}, but only n={n} samples are asked for; "
            f"use -n {settings.generated}"
        )
    return settings.generated


def _reader(
    settings: GeneratorConfig, spec: GeneratorSpec | None, sources: tuple[Path, ...], plugins: Plugins
) -> ReaderSpec:
    if settings.reader:
        return plugins.readers[settings.reader]
    own = plugins.readers[spec.reader] if spec is not None and spec.reader else None
    if own is not None and _detects(own, sources[0]) is True:
        return own
    try:
        return detect_reader(sources[0], plugins)
    except ConfigError:
        if own is not None:
            return own  # it knows best what is wrong with the file
        raise


def detect_reader(source: Path, plugins: Plugins) -> ReaderSpec:
    """Return the one reader that understands ``source``; raises `ConfigError` for none or several."""
    answers = {reader.name: _detects(reader, source) for reader in plugins.readers.values()}
    matches = [plugins.readers[name] for name, answer in answers.items() if answer is True]
    if len(matches) == 1:
        return matches[0]
    names = ", ".join(sorted(r.name for r in matches or plugins.readers.values()))
    problem = f"several readers understand it ({names})" if matches else f"no reader understands it (known: {names})"
    failed = "".join(f"; {f.plugin} failed: {f.error}" for f in answers.values() if isinstance(f, Failure))
    raise ConfigError(f"{source}: {problem}{failed}; name one with --reader NAME=READER")


def _detects(reader: ReaderSpec, source: Path) -> bool | Failure:
    return isolated("detect", f"reader {reader.name}", lambda: bool(reader.detect(source)))
