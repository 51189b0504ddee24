"""The table of one run: columns from metrics, rows from samples and outcomes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from crystalbench.interfaces import Subset
from crystalbench.runs.plan import MetricPlan, Plan
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.results import Cell, Column, Failure, Outcome, Row, RowKind


def column_of(metric: MetricPlan) -> Column:
    """The column that shows one metric."""
    spec, encoder = metric.spec, metric.encoder
    parameters = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return Column(
        key=metric.key,
        version=" ".join(
            (
                spec.version,
                *([f"({parameters})"] if parameters else []),
                *([f"encoder {encoder.identity}"] if encoder else []),
            )
        ),
        title=spec.title,
        latex=spec.latex,
        unit=spec.unit,
        direction=spec.direction,
        target_from=metric.target_from,
        digits=spec.digits,
        group="novel" if spec.subset is Subset.NOVEL else "",
        description=spec.description,
        show_interval=spec.show_interval,
        size_dependent=spec.size_dependent,
    )


def row_of(
    *,
    generator: str,
    title: str,
    kind: RowKind,
    key: str,
    n: int,
    replicas: Sequence[ReplicaSamples | Failure],
    outcomes: Mapping[str, Sequence[Outcome]],
) -> Row:
    """The row of one generator; ``n`` samples were asked of each replica."""
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
        reasons={str(reason): count for reason, count in sorted(reasons.items())},
        notes=tuple(dict.fromkeys(note for samples in drawn for note in samples.notes)),
        cells={name: Cell(outcomes=tuple(cell)) for name, cell in outcomes.items()},
    )


def run_settings(plan: Plan) -> dict[str, str]:
    """What the numbers of a run depend on, as text."""
    identity = plan.config.conversion.identity()
    settings = {
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
    for metric in plan.metrics:
        if metric.parameters:
            settings[metric.key] = ", ".join(f"{key} {value}" for key, value in metric.parameters.items())
    return settings
