"""Distinct prototypes of the novel samples that the training split lacks (paper, Tables 2 and 5)."""

from collections.abc import Iterable

from crystalbench import (
    Direction,
    Given,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    ScoreInput,
    Subset,
    hookimpl,
)


def compute(inputs: ScoreInput) -> MetricResult:
    """Return the number of distinct prototypes that are not in training, among ``n`` novel samples.

    The count grows with ``n``: the paper has 10,000 novel samples (1,000 for Carbon-24). It has no interval:
    resampling sees fewer kinds than the samples do, so a bootstrap would lie below the value.
    """
    samples = inputs.samples
    if not len(samples):
        raise NotComputable("there are no novel samples")
    known = inputs.train.prototype_set
    prototypes = [sample.prototype for sample in samples.valid]
    distinct = set(prototypes)
    return MetricResult(
        value=len(distinct - known),
        n=len(samples),
        details={
            "denominator": "novel samples",
            "distinct_prototypes": len(distinct),
            "samples_with_new_prototype": sum(prototype not in known for prototype in prototypes),
        },
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="prototype_novelty",
            version="1",
            order=120,
            title="New prototypes",
            latex=r"\# new prototypes",
            description="Distinct prototypes among the novel samples that are not in the training split; "
            "a count that grows with the number of novel samples.",
            unit="",
            digits=0,
            direction=Direction.HIGHER,
            size_dependent=True,
            measures=frozenset({Given.PROTOTYPES}),
            subset=Subset.NOVEL,
            needs=frozenset({Need.TRAIN}),
            compute=compute,
        ),
    )
