"""The table of one run: columns from metrics, rows from samples and outcomes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from crystalbench.datasets import Dataset
from crystalbench.interfaces import GeneratorSpec, Need, Subset
from crystalbench.runs.chunks import total_timing
from crystalbench.runs.energy_plan import EnergyPlan
from crystalbench.runs.plan import MetricPlan, Plan
from crystalbench.runs.scale import Replicas, beyond_chance
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.wanted import heading
from crystalbench.tables.merge import with_published
from crystalbench.tables.results import Cell, Column, Failure, MetricResult, Outcome, Row, RowKind, Table
from crystalbench.tables.selection import ranked, sort


def column_of(metric: MetricPlan, novel: int, energies: EnergyPlan | None = None) -> Column:
    """The column that shows one metric of a run that searched for so many ``novel`` samples (0: for none)."""
    spec, encoder = metric.spec, metric.encoder
    of_novel = spec.subset is Subset.NOVEL
    parameters = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return Column(
        key=metric.key,
        version=" ".join(
            (
                spec.version,
                *([f"({parameters})"] if parameters else []),
                *([f"encoder {encoder.identity}"] if encoder else []),
                *([f"energies {energies.identity(metric.potential)}"] if energies and metric.potential else []),
                *([f"of {novel:,} novel samples"] if novel and of_novel else []),
            )
        ),
        basis=energies.basis(metric.potential) if energies and metric.potential else "",
        title=spec.title,
        latex=spec.latex,
        unit=spec.unit,
        direction=spec.direction,
        target_from=metric.target_from,
        digits=spec.digits,
        group=heading(spec),
        description=spec.description,
        show_interval=spec.show_interval,
        size_dependent=spec.size_dependent,
        valid_only=spec.valid_only or spec.subset is Subset.NOVEL,
        within=spec.within,
    )


def given_notes(generator: GeneratorSpec | None, metrics: Sequence[MetricPlan]) -> dict[str, str]:
    """Return the footnote of each column that measures what the generator is given."""
    if generator is None:
        return {}
    return {
        metric.key: f"no achievement: {' and '.join(sorted(known))} are given to {generator.title}, "
        + " and ".join(dict.fromkeys(generator.given[item] for item in sorted(known)))
        for metric in metrics
        if (known := metric.spec.measures & generator.given.keys())
    }


def row_of(
    *,
    generator: str,
    title: str,
    kind: RowKind,
    key: str,
    n: int,
    novel: int,
    dataset: Dataset,
    replicas: Sequence[ReplicaSamples | Failure],
    outcomes: Mapping[str, Sequence[Outcome]],
    given: Mapping[str, str],
) -> Row:
    """The row of one generator.

    Of each replica ``n`` samples were asked, and ``novel`` novel ones (0: no search); ``given`` is what `given_notes`
    says.
    """
    found = [
        len(samples.novel(dataset))
        for samples in replicas
        if isinstance(samples, ReplicaSamples) and "train" in dataset.spec.splits
    ]
    drawn = [replica for replica in replicas if isinstance(replica, ReplicaSamples)]
    reasons = sum((samples.asked.reasons for samples in drawn), Counter())
    return Row(
        generator=generator,
        key=key,
        title=title,
        kind=kind,
        replicas=len(replicas),
        asked=n * len(replicas),
        drawn=sum(samples.n for samples in drawn),
        valid=sum(len(samples.asked.valid) for samples in drawn),
        searched=sum(len(samples.drawn) for samples in drawn) if novel else 0,
        novel=sum(found) if found else None,
        used=sum(min(count, novel or count) for count in found) if found else None,
        reasons={str(reason): count for reason, count in sorted(reasons.items())},
        notes=tuple(dict.fromkeys(note for samples in drawn for note in samples.notes)),
        cells={name: _cell(cell, given.get(name, "")) for name, cell in outcomes.items()},
    )


def _cell(outcomes: Sequence[Outcome], given: str) -> Cell:
    if not given:
        return Cell(outcomes=tuple(outcomes))
    noted = (replace(item, notes=(*item.notes, given)) if isinstance(item, MetricResult) else item for item in outcomes)
    return Cell(outcomes=tuple(noted), given=True)


def run_settings(plan: Plan, replicas: Replicas) -> dict[str, str]:
    """What the numbers of a run depend on, as text."""
    identity = plan.config.conversion.identity()
    settings = {"suite": plan.config.suite} if plan.config.suite else {}
    settings |= {
        "dataset": plan.dataset.name,
        "dataset version": f"{plan.dataset.version} (sha256 {plan.dataset_identity[:12]})",
        "compared with": f"its split {plan.dataset.reference}",
        "dataset chosen": plan.comparison.reason,
        "conversion": ", ".join(f"{key} {value}" for key, value in identity.items()),
        "samples": f"{plan.config.n:,} per replica, seed {plan.config.seed}",
    }
    if plan.config.novel:
        limit = plan.config.draw_limit
        settings["novel"] = f"drawn until {plan.config.novel:,} are novel, at most {limit:,} draws"
    if plan.encoders:
        settings["encoder"] = "; ".join(encoder.describe() for encoder in plan.encoders)
    if plan.energies:
        chosen = plan.energies.config.to_mapping() | {
            "potentials": " ".join(potential.spec.name for potential in plan.energies.potentials),
            "hull": plan.energies.hull.spec.name,
            "realiser": plan.energies.realiser.spec.name,
        }
        settings["energies"] = ", ".join(f"{key} {value}" for key, value in chosen.items())
    for metric in plan.metrics:
        if metric.parameters:
            settings[metric.key] = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    if any(Need.TIMING in metric.spec.needs for metric in plan.metrics) and (times := _times(plan, replicas)):
        settings["clock"] = "; ".join(times)
    return settings


def _times(plan: Plan, replicas: Replicas) -> list[str]:
    """What the clock of each timed row says, over all its replicas: a rate per minute means little without it."""
    times = []
    for generator in plan.generators:
        drawn = [one.timing for one in replicas[generator.name] if isinstance(one, ReplicaSamples)]
        if timing := total_timing(drawn):
            cpu = "not measured" if timing.cpu_seconds is None else f"{timing.cpu_seconds:.3g} s"
            load = "" if timing.load is None else f", load average of the machine {timing.load:.1f}"
            threads = f"{timing.threads} thread{'s' if timing.threads > 1 else ''} on {timing.device}"
            times.append(f"{generator.title} {timing.seconds:.3g} s, CPU time {cpu}, {threads}{load}")
    return times


def run_table(
    plan: Plan,
    dataset: Dataset,
    replicas: Replicas,
    outcomes: Mapping[str, Mapping[str, tuple[Outcome, ...]]],
    given: Mapping[str, Mapping[str, str]],
) -> Table:
    """The whole table: what the run computed and, where it was asked for, what papers printed."""
    config = plan.config
    table = Table(
        title=f"{plan.dataset.title}, {config.n:,} samples",
        columns=tuple(column_of(metric, config.novel, plan.energies) for metric in plan.metrics),
        rows=tuple(
            row_of(
                generator=g.name, title=g.title, kind=g.kind, key=g.key, n=config.n, novel=config.novel,
                dataset=dataset, replicas=replicas[g.name], outcomes=outcomes[g.name], given=given[g.name],
            )
            for g in plan.generators
        ),
        settings=run_settings(plan, replicas),
        notes=tuple(beyond_chance(plan, replicas, outcomes)),
    )  # fmt: skip
    table = with_published(table) if config.published else table
    table = ranked(table, config.columns)
    return sort(table, config.sort) if config.sort else table
