"""Share of distinct protostructures, among all samples and among the novel ones (paper, Table 1 "Uniq.")."""

from collections.abc import Iterable

from crystalbench import Direction, MetricResult, MetricSpec, SampleSet, ScoreInput, Subset, hookimpl
from crystalbench_plugins.metrics._proportion import share


def _uniqueness(samples: SampleSet, of: str) -> MetricResult:
    """Return distinct protostructures / ``len(samples)``, invalid samples included in the denominator.

    The value falls as the number of samples grows: compare equal numbers only. The indicators "first of its
    kind" are not independent, but the Wilson interval covered the expected uniqueness at that number of
    samples in 93 to 100 % of simulations (300 and 3,000 draws; uniform, Zipf and two-part distributions):
    about right where duplicates are rare, too wide where they are the rule.
    """
    distinct = len(set(samples.labels))
    return share(
        distinct,
        len(samples),
        of=of,
        details={"duplicates": len(samples.valid) - distinct, "invalid": len(samples) - len(samples.valid)},
    )


def compute(inputs: ScoreInput) -> MetricResult:
    """Return distinct protostructures / all samples."""
    return _uniqueness(inputs.samples, "samples")


def compute_novel(inputs: ScoreInput) -> MetricResult:
    """Return distinct novel protostructures / novel samples; duplicates among them are kept as they came."""
    return _uniqueness(inputs.samples, "novel samples")


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="uniqueness",
            version="1",
            order=30,
            title="Uniqueness",
            latex="Uniq.",
            description="Distinct protostructures per sample; depends on the number of samples.",
            unit="%",
            direction=Direction.HIGHER,
            size_dependent=True,
            compute=compute,
        ),
        MetricSpec(
            name="novel_uniqueness",
            version="1",
            order=110,
            title="Uniqueness",
            latex="Uniq.",
            description="Distinct protostructures per novel sample; depends on the number of novel samples.",
            unit="%",
            direction=Direction.HIGHER,
            size_dependent=True,
            subset=Subset.NOVEL,
            compute=compute_novel,
        ),
    )
