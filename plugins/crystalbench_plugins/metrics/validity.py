"""Share of samples that are protostructures at all."""

from collections.abc import Iterable

from crystalbench import ColumnSet, Direction, MetricResult, MetricSpec, ScoreInput, hookimpl
from crystalbench_plugins.metrics._proportion import share


def compute(inputs: ScoreInput) -> MetricResult:
    """Return samples with a protostructure / all samples; the details count the others by reason."""
    samples = inputs.samples
    reasons = {str(reason): count for reason, count in sorted(samples.reasons.items())}
    return share(len(samples.valid), len(samples), of="samples", details={"reasons": dict(reasons)})


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="validity",
            version="1",
            order=100,
            within=ColumnSet.ALL,
            title="Validity",
            latex="Valid",
            description="Share of all samples that could be converted to a protostructure.",
            unit="%",
            direction=Direction.HIGHER,
            compute=compute,
        ),
    )
