"""Novel samples per minute of generation (paper, Table 1 "Nov./min.")."""

from collections.abc import Iterable

from crystalbench import (
    ColumnSet,
    Direction,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    ScoreInput,
    hookimpl,
)
from crystalbench.tables.results import NOVEL
from crystalbench_plugins.metrics._proportion import wilson
from crystalbench_plugins.metrics.novelty import count_novel


def compute(inputs: ScoreInput) -> MetricResult:
    """Return novel samples / (seconds of generation / 60); ``n`` is the number of samples the clock covers.

    Duplicates count each, as in the paper. The clock is that of the wall, as there, and a busy machine slows it down
    (25 for 323): the settings of the table say threads, load and CPU time, the details the rate per minute of CPU time.
    One replica has no interval: that of the share of novel samples (in the details) leaves out the clock's own spread,
    which is the larger.

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
    cpu = None if not timing.cpu_seconds else novel * 60 / timing.cpu_seconds
    return MetricResult(
        value=novel * per_minute,
        n=len(samples),
        details={
            "denominator": "minutes of generation",
            "novel": novel,
            "novel_interval": [low * len(samples), high * len(samples)],
            "seconds": timing.seconds,
            "cpu_seconds": timing.cpu_seconds,
            "novel_per_cpu_minute": cpu,
            "load": timing.load,
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
            version="3",
            order=60,
            within=ColumnSet.PAPER,
            group=NOVEL,
            title="Novel/min",
            latex="Nov./min.",
            description="Samples that are valid and not in the training split, per minute of generation on the clock "
            "of the wall; comparable only on one idle machine: the settings give threads, load and CPU time.",
            unit="1/min",
            digits=0,
            direction=Direction.HIGHER,
            needs=frozenset({Need.TRAIN, Need.TIMING}),
            cite=("ekstrom2025wyckoffdiff",),
            compute=compute,
        ),
    )
