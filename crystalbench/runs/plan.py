"""Resolve a configuration into a plan: what will be computed, from what, under which cache keys.

Planning is pure and quick: it looks names up, checks parameters and needs, and hashes the sample files. It loads no
model, no dataset and no structure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crystalbench.datasets import DatasetSpec
from crystalbench.errors import ConfigError, PluginError
from crystalbench.interfaces import GeneratorSpec, MetricSpec, Need, ReaderSpec, ReporterSpec
from crystalbench.isolation import required
from crystalbench.parameters import Parameters
from crystalbench.plugin_files import other_files
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import content_key, file_digest
from crystalbench.runs.code_identity import code_identity
from crystalbench.runs.compared import Comparison, check_novel, choose_dataset, with_scale
from crystalbench.runs.config import GeneratorConfig, RunConfig, check_parameters
from crystalbench.runs.encoder_plan import EncoderPlan, plan_encoders
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan, plan_energies
from crystalbench.runs.keys import check_drawing, row_key, run_key
from crystalbench.runs.sample_files import generated, reader_of, sample_files
from crystalbench.runs.unused import without_unused
from crystalbench.runs.wanted import wanted_metrics
from crystalbench.tables.results import ENCODED_WITH, JSON, ColumnSet, RowKind
from crystalbench.versions import packages

FILE_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """One stream of samples: a file, or a seed of a live generator. ``inputs`` determine every sample in it."""

    index: int
    seed: int
    source: Path | None
    parameters: Parameters
    inputs: Mapping[str, JSON]
    conversion_key: str
    raw: bool = False  # worth keeping what was drawn as well as what it converted to

    @property
    def key(self) -> str:
        """SHA-256 of the inputs."""
        return content_key(**self.inputs)

    @property
    def files(self) -> tuple[str, ...]:
        """SHA-256 of the files that are read: the sample file, or those of a live generator."""
        names = [self.inputs["file"]] if "file" in self.inputs else self.inputs.get("files", [])
        return tuple(map(str, names)) if isinstance(names, list) else ()

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
    parameters: Mapping[str, JSON]  # of all replicas: a list where each has its own value
    replicas: tuple[ReplicaPlan, ...]
    generated: int
    key: str

    @property
    def chunk_size(self) -> int:
        return FILE_CHUNK if self.reader or self.spec is None else self.spec.chunk_size

    def source(self, replica: ReplicaPlan) -> str | None:
        """The file of a replica, as manifests and messages name it; an example is its generator's wherever it lies."""
        if replica.source is None:
            return None
        return replica.source.name if self.kind is RowKind.EXAMPLE else str(replica.source)

    @property
    def plugin(self) -> str:
        """Name of the record that gives the samples, for error messages."""
        return self.reader.name if self.reader else self.spec.name if self.spec else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """One column of the table.

    Attributes
    ----------
    missing
        Why there is no encoder, where the metric needs one: the column stays empty.
    target_from
        Key of the column whose training value is the target, where it is another one.
    """

    spec: MetricSpec
    parameters: Parameters
    encoder: EncoderPlan | None = None
    potential: PotentialPlan | None = None
    missing: str = ""
    target_from: str = ""

    @property
    def key(self) -> str:
        """Key of the column: the metric, with its potential, or its encoder but for the one of the published values."""
        return _column_key(self.spec, self.encoder, self.potential)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a run needs; ``config`` names every dataset, metric and report that the user left to the defaults.

    ``warnings`` tell the user what of the configuration changes nothing.

    Runs with one key have the same settings, dataset and sample files.
    """

    config: RunConfig
    comparison: Comparison
    dataset_identity: str
    generators: tuple[GeneratorPlan, ...]
    metrics: tuple[MetricPlan, ...]
    encoders: tuple[EncoderPlan, ...]
    energies: EnergyPlan | None
    reporters: tuple[ReporterSpec, ...]
    key: str
    warnings: tuple[str, ...] = ()

    @property
    def dataset(self) -> DatasetSpec:
        return self.comparison.dataset

    @property
    def measured(self) -> int:
        """The number of atoms up to which the geometry of samples is taken; 0 where no metric asks for it."""
        return measured_atoms(self.config, self.metrics)


def make_plan(config: RunConfig, plugins: Plugins) -> Plan:
    """Resolve ``config``; raises `ConfigError` for what the user must change, `DatasetError` for absent data."""
    if config.plugins and (problem := other_files(config.plugins, plugins.files)):
        raise ConfigError(problem)
    comparison = choose_dataset(config, plugins)
    dataset = comparison.dataset
    check_novel(config, dataset)
    names = with_scale(config.generators, dataset, plugins)
    config, warnings = without_unused(config, names, plugins)
    identity = required("identity", f"dataset {dataset.name}", dataset.identity)
    encoders, missing = plan_encoders(config, plugins)
    energies = plan_run_energies(config, plugins)
    metrics = plan_metrics(config, plugins, encoders, missing, energies)
    used = {metric.encoder.spec.name for metric in metrics if metric.encoder}
    encoders = tuple(encoder for encoder in encoders if encoder.spec.name in used)
    reporters = plan_reporters(config, plugins)
    check_drawing(config, [name for metric in metrics for name in (metric.spec.name, metric.key)])
    config = replace(
        config,
        energies=energies.config if energies else config.energies,
        generators=names,
        columns=tuple(dict.fromkeys(config.columns)) or (ColumnSet.ALL if config.metrics else ColumnSet.DEFAULT,),
        dataset=dataset.name,
        plugins=plugins.files,
        metrics=tuple(dict.fromkeys(metric.spec.name for metric in metrics)),
        encoders=tuple(encoder.spec.name for encoder in encoders),
        encoder={encoder.spec.name: encoder.parameters for encoder in encoders if encoder.parameters},
        metric={metric.spec.name: metric.parameters for metric in metrics if metric.parameters},
        reports=tuple(reporter.name for reporter in reporters),
    )
    generators = tuple(plan_generator(name, config, plugins, identity) for name in names)
    return Plan(
        config=config,
        comparison=comparison,
        dataset_identity=identity,
        generators=generators,
        metrics=metrics,
        encoders=encoders,
        energies=energies,
        reporters=reporters,
        key=run_key(
            config,
            identity,
            [row.key for row in generators],
            [*(encoder.identity for encoder in encoders), *energy_identities(energies)],
        ),
        warnings=warnings,
    )


def plan_metrics(
    config: RunConfig,
    plugins: Plugins,
    encoders: Sequence[EncoderPlan] = (),
    missing: str = "",
    energies: EnergyPlan | None = None,
) -> tuple[MetricPlan, ...]:
    """Return the columns of a run with their parameters checked.

    A metric that needs an encoder has a column for each, one that needs energies a column for each potential.
    """
    plans: list[MetricPlan] = []
    for name in wanted_metrics(config, plugins):
        spec = plugins.metrics[name]
        parameters = check_parameters(f"metric.{name}", config.metric.get(name, {}), spec.parameters)
        target = plugins.metrics.get(spec.target_from)
        plans += [
            MetricPlan(
                spec=spec,
                parameters=parameters,
                encoder=encoder,
                potential=potential,
                missing=missing if Need.ENCODER in spec.needs and encoder is None else "",
                target_from=_column_key(target, encoder, potential) if target else spec.target_from,
            )
            for encoder in ((encoders or (None,)) if Need.ENCODER in spec.needs else (None,))
            for potential in (energies.potentials if energies and Need.ENERGY in spec.needs else (None,))
        ]
    keys = [plan.key for plan in plans]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ConfigError(f"two encoders would share the column {', '.join(sorted(twice))}; name one of them")
    return tuple(plans)


def measured_atoms(config: RunConfig, metrics: Sequence[MetricPlan]) -> int:
    """Return the number of atoms up to which these metrics want the geometry of samples; 0: of none."""
    needed = any(Need.GEOMETRY in metric.spec.needs for metric in metrics)
    return config.conversion.max_atoms if needed else 0


def plan_run_energies(
    config: RunConfig, plugins: Plugins, written: Mapping[str, str] | None = None
) -> EnergyPlan | None:
    """Return what the energies of a run are computed with; None where no metric of it needs them.

    ``written`` are the identities of the potentials of a finished run (`plan_energies`).
    """
    if not any(Need.ENERGY in plugins.metrics[name].needs for name in wanted_metrics(config, plugins)):
        return None
    parameters = {"potential": config.potential, "hull": config.hull, "realiser": config.realiser}
    return plan_energies(config.energies, parameters, plugins, written)


def energy_identities(energies: EnergyPlan | None) -> list[str]:
    """Identities of all that the energies of a run depend on, one for each potential."""
    return [energies.identity(potential) for potential in energies.potentials] if energies else []


def _column_key(spec: MetricSpec, encoder: EncoderPlan | None, potential: PotentialPlan | None = None) -> str:
    if potential is not None:
        return f"{spec.name}{ENCODED_WITH}{potential.shown}"
    if encoder is None or not encoder.shown or Need.ENCODER not in spec.needs:
        return spec.name
    return f"{spec.name}{ENCODED_WITH}{encoder.shown}"


def plan_reporters(config: RunConfig, plugins: Plugins) -> tuple[ReporterSpec, ...]:
    """Return the reporters of a run; two that would write one file raise `PluginError`."""
    written = [name for name in sorted(plugins.reporters) if not plugins.reporters[name].notebook]
    reporters = tuple(plugins.reporters[name] for name in config.reports or written)
    for i, reporter in enumerate(reporters):
        if reporter.suffix in {other.suffix for other in reporters[:i]}:
            raise PluginError(f"reporter {reporter.name!r}: another reporter of this run writes table{reporter.suffix}")
    return reporters


def plan_generator(name: str, config: RunConfig, plugins: Plugins, dataset_identity: str) -> GeneratorPlan:
    """Return one row of a run: where its samples come from and under which keys."""
    settings = config.of(name)
    spec = plugins.generators.get(settings.known_as)
    if spec is None and (settings.generator or not settings.samples):
        plugins.generators[settings.known_as]  # raises with the nearest name
    sources, kind = sample_files(settings, spec, plugins)
    reader = reader_of(settings, spec, sources, plugins) if sources else None
    declared = reader.parameters if reader else spec.parameters if spec else ()
    given = [check_parameters(f"generator.{name}", one, declared) for one in settings.of_replicas()]
    if reader:
        common: dict[str, JSON] = {"reader": reader.name, "version": reader.version, "code": code_identity(reader.read)}
        common |= {"packages": dict(packages()), "chunk_size": FILE_CHUNK}
        if len(given) > 1:
            raise ConfigError(
                f"generator.{name}: its samples are files; give one for each replica with --samples {name}=A,B"
            )
        given *= len(sources)
        parts: list[dict[str, JSON]] = [{"file": file_digest(source)} for source in sources]
    elif spec is not None and spec.start is not None:
        common = {"generator": spec.name, "version": spec.version, "code": code_identity(spec.start)}
        common |= {"dataset": dataset_identity, "table": str(config.conversion.table), "chunk_size": spec.chunk_size}
        parts = [{"seed": config.seed + i} for i in range(len(given))]
        for part, own in zip(parts, given, strict=True):
            if files := generator_files(spec, own, config.dataset):
                part["files"] = [file_digest(file) for file in files]
    replicas = tuple(
        ReplicaPlan(
            index=i,
            seed=config.seed if reader else config.seed + i,
            source=sources[i] if reader else None,
            parameters=parameters,
            inputs=common | part | {"parameters": dict(parameters)},
            conversion_key=content_key(conversion=dict(config.conversion.identity())),
            raw=reader is None,
        )
        for i, (parameters, part) in enumerate(zip(given, parts, strict=True))
    )
    return GeneratorPlan(
        name=name,
        title=row_title(settings, spec),
        kind=kind,
        spec=spec,
        reader=reader,
        parameters=_of_all(settings, replicas),
        replicas=replicas,
        generated=generated(settings, config.n),
        key=row_key(
            str(kind),
            [replica.inputs for replica in replicas],
            settings.generated,
            config,
            config.conversion.identity(),
        ),
    )


def generator_files(spec: GeneratorSpec, parameters: Parameters, dataset: str) -> tuple[Path, ...]:
    """Return the files that determine the samples of a live generator."""
    return required("files", f"generator {spec.name}", lambda: tuple(map(Path, spec.files(parameters, dataset))))


def row_title(settings: GeneratorConfig, spec: GeneratorSpec | None) -> str:
    """The title that is given, else that of the generator, with the row's own name where it has one."""
    if settings.title or spec is None:
        return settings.title or settings.name
    return spec.title if settings.known_as == settings.name else f"{spec.title} {settings.name}"


def _of_all(settings: GeneratorConfig, replicas: Sequence[ReplicaPlan]) -> dict[str, JSON]:
    """The parameters of a row, a list where it was given one: `parameters_of` undoes it."""
    parameters: dict[str, JSON] = dict(replicas[0].parameters)
    for key, value in settings.parameters.items():
        if isinstance(value, list | tuple):
            parameters[key] = [replica.parameters[key] for replica in replicas]
    return parameters


def parameters_of(row: Mapping[str, JSON], replica: int) -> dict[str, JSON]:
    """The parameters of one replica of a row; a list that is too short has none for it."""
    return {
        key: value if not isinstance(value, list) else value[replica] if replica < len(value) else None
        for key, value in row.items()
    }
