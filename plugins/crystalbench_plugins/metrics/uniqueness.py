"""Share of distinct protostructures, among all samples and among the novel ones (paper, Table 1 "Uniq.")."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from crystalbench import ColumnSet, Direction, MetricResult, MetricSpec, SampleSet, ScoreInput, Subset, hookimpl
from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._proportion import share
from crystalbench_plugins.metrics._rarefaction import FIXED, rarefied, spread


def _uniqueness(samples: SampleSet, of: str, seed: int) -> MetricResult:
    """Return distinct protostructures / ``len(samples)``, invalid samples included in the denominator.

    The value falls as the number of samples grows: compare equal numbers only. The indicators "first of its
    kind" are not independent, but the Wilson interval covered the expected uniqueness at that number of
    samples in 93 to 100 % of simulations (300 and 3,000 draws; uniform, Zipf and two-part distributions):
    about right where duplicates are rare, too wide where they are the rule. Where there are more than 1,000 samples,
    the note and the details give the share among 1,000 of them (rarefaction) with the spread over subsamples.
    """
    counts = list(Counter(samples.labels).values())
    distinct, n = len(counts), len(samples)
    result = share(
        distinct, n, of=of, details={"duplicates": len(samples.valid) - distinct, "invalid": n - len(samples.valid)}
    )
    if n <= FIXED:
        return result
    fixed = rarefied(counts, n, FIXED) / FIXED
    low, high = (end / FIXED for end in spread(counts, n, FIXED, seed))
    note = f"of {FIXED:,} of these samples {fixed:.1%} are distinct (95 % of subsamples: {low:.1%} to {high:.1%})"
    details: dict[str, JSON] = {**result.details, f"among_{FIXED}": fixed, f"among_{FIXED}_interval": [low, high]}
    return replace(result, details=details, notes=(note,))


def compute(inputs: ScoreInput) -> MetricResult:
    """Return distinct protostructures / all samples."""
    return _uniqueness(inputs.samples, "samples", inputs.seed)


def compute_novel(inputs: ScoreInput) -> MetricResult:
    """Return distinct novel protostructures / novel samples; duplicates among them are kept as they came."""
    return _uniqueness(inputs.samples, "novel samples", inputs.seed)


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="uniqueness",
            version="2",
            order=30,
            within=ColumnSet.PAPER,
            title="Uniqueness",
            latex="Uniq.",
            description="Distinct protostructures per sample; depends on the number of samples.",
            unit="%",
            direction=Direction.HIGHER,
            size_dependent=True,
            cite=("ekstrom2025wyckoffdiff",),
            compute=compute,
        ),
        MetricSpec(
            name="novel_uniqueness",
            version="2",
            order=50,
            within=ColumnSet.PAPER,
            title="Uniqueness",
            latex="Uniq.",
            description="Distinct protostructures per novel sample; depends on the number of novel samples.",
            unit="%",
            direction=Direction.HIGHER,
            size_dependent=True,
            subset=Subset.NOVEL,
            cite=("ekstrom2025wyckoffdiff",),
            compute=compute_novel,
        ),
    )
