"""Share of samples that are not in the training split (paper, section 4.1, Table 1 "Nov.")."""

from collections.abc import Iterable

from crystalbench import ColumnSet, Direction, MetricResult, MetricSpec, Need, SampleSet, ScoreInput, Split, hookimpl
from crystalbench_plugins.metrics._proportion import share


def count_novel(samples: SampleSet, reference: Split) -> int:
    """Return how many samples have a protostructure that is not in the reference; duplicates count each."""
    known = reference.label_set
    return sum(label not in known for label in samples.labels)


def compute(inputs: ScoreInput) -> MetricResult:
    """Return novel samples / all samples. An invalid sample is neither novel nor in training."""
    samples = inputs.samples
    novel, valid = count_novel(samples, inputs.train), len(samples.valid)
    return share(
        novel,
        len(samples),
        of="samples",
        details={"in_training": valid - novel, "invalid": len(samples) - valid},
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="novelty",
            version="1",
            order=20,
            within=ColumnSet.PAPER,
            title="Novelty",
            latex="Nov.",
            description="Share of all samples that are valid and not in the training split.",
            unit="%",
            # The paper's Table 1 has an arrow up, but its text does not expect 100 % even of a perfect model,
            # and the best value there (99.4 %) belongs to the model with by far the worst FWD: none is best.
            direction=Direction.NONE,
            needs=frozenset({Need.TRAIN}),
            cite=("ekstrom2025wyckoffdiff",),
            compute=compute,
        ),
    )
