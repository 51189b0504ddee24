"""Novel samples per minute of generation (paper, Table 1 "Nov./min.")."""

from collections.abc import Iterable

from crystalbench import Direction, MetricResult, MetricSpec, Need, NotComputable, ScoreInput, hookimpl
from crystalbench_plugins.metrics._proportion import wilson
from crystalbench_plugins.metrics.novelty import count_novel


def compute(inputs: ScoreInput) -> MetricResult:
    """Return novel samples / (seconds of generation / 60); ``n`` is the number of samples the clock covers.

    Duplicates count each, as in the paper. The interval is that of the share of novel samples (Wilson); the
    clock is taken as exact.

    Raises
    ------
    NotComputable
        If there are no samples, or the clock shows no time.
    """
    samples, timing = inputs.samples, inputs.timing
    if not len(samples):
        raise NotComputable("there are no samples")
    if timing is None or not timing.seconds > 0:
        raise NotComputable("the clock shows no time for these samples")
    novel, per_minute = count_novel(samples, inputs.train), 60 / timing.seconds
    low, high = wilson(novel, len(samples))
    return MetricResult(
        value=novel * per_minute,
        n=len(samples),
        interval=(low * len(samples) * per_minute, high * len(samples) * per_minute),
        details={
            "denominator": "minutes of generation",
            "novel": novel,
            "seconds": timing.seconds,
            "covers": timing.covers,
            "device": timing.device,
            "threads": timing.threads,
        },
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="novel_per_minute",
            version="1",
            order=140,
            title="Novel/min",
            latex="Nov./min.",
            description="Samples that are valid and not in the training split, per minute of generation; "
            "comparable only on one machine.",
            unit="1/min",
            digits=0,
            direction=Direction.HIGHER,
            needs=frozenset({Need.TRAIN, Need.TIMING}),
            compute=compute,
        ),
    )
