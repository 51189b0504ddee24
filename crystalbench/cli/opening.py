"""What a run says first: what it will do, of how much, and where the results go."""

from collections.abc import Iterator
from pathlib import Path

from crystalbench.runs.plan import GeneratorPlan, Plan
from crystalbench.tables.results import RowKind


def opening(plan: Plan, folder: Path) -> Iterator[str]:
    """Yield a few lines; what the samples are compared with is said by the run itself."""
    until = f", and on until {plan.config.novel:,} are novel" if plan.config.novel else ""
    yield f"{plan.config.n:,} samples of each of {', '.join(map(_shown, plan.generators))}{until}"
    yield from (f"warning: {warning}" for warning in plan.warnings)
    columns = [metric for metric in plan.metrics if not metric.missing]
    yield f"{len(columns)} metrics; results go to {folder}"


def _shown(generator: GeneratorPlan) -> str:
    example = " (a small example file)" if generator.kind is RowKind.EXAMPLE else ""
    replicas = f" ({len(generator.replicas)} replicas)" if len(generator.replicas) > 1 else ""
    return f"{generator.title}{example}{replicas}"
