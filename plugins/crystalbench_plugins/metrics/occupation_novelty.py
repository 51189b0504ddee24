"""What is new about new prototypes: their occupation, or only which orbits have the same element.

A prototype says which orbits have the same element, an occupation only which positions hold how many orbits. So a new
prototype is one of two kinds: a new colouring of an occupation that training knows, or a new occupation. Some of the
first kind are less new still: where two of their elements are one, a known prototype comes out (an ordered variant).
"""

from collections.abc import Iterable

from crystalbench import (
    ColumnSet,
    Direction,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    Protostructure,
    ScoreInput,
    Subset,
    hookimpl,
)
from crystalbench.crystals.prototype import occupation, with_a_pair_merged


def compute(given: ScoreInput) -> MetricResult:
    """Return the number of distinct occupations that are not in training, among ``n`` novel samples.

    Details: how many distinct prototypes are new, and how many of these colour a known occupation anew.
    """
    known = given.train.occupation_set
    samples = _novel(given)
    occupations = [sample.occupation for sample in samples]
    new = _new_prototypes(given)
    return MetricResult(
        value=len(set(occupations) - known),
        n=len(samples),
        details={
            "denominator": "novel samples",
            "distinct_occupations": len(set(occupations)),
            "samples_with_new_occupation": sum(item not in known for item in occupations),
            "new_prototypes": len(new),
            "new_prototypes_of_known_occupation": sum(occupation(prototype) in known for prototype in new),
        },
    )


def compute_merged(given: ScoreInput) -> MetricResult:
    """Return how many distinct new prototypes are in training once two of their elements are taken for one."""
    assert given.dataset is not None
    known, table = given.train.prototype_set, given.dataset.table
    n = len(_novel(given))
    new = _new_prototypes(given)
    return MetricResult(
        value=sum(not known.isdisjoint(with_a_pair_merged(prototype, table)) for prototype in new),
        n=n,
        details={"denominator": "novel samples", "new_prototypes": len(new)},
    )


def _novel(given: ScoreInput) -> tuple[Protostructure, ...]:
    if not len(given.samples):
        raise NotComputable("there are no novel samples")
    return given.samples.valid


def _new_prototypes(given: ScoreInput) -> frozenset[str]:
    return frozenset(sample.prototype for sample in given.samples.valid) - given.train.prototype_set


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="occupation_novelty",
            version="1",
            order=160,
            within=ColumnSet.ALL,
            title="New occupations",
            latex=r"\# new occupations",
            description="Distinct occupations (which positions hold how many orbits, whatever the elements) among the "
            "novel samples that are not in the training split; a count that grows with the number of novel samples.",
            digits=0,
            direction=Direction.NONE,  # random orbits have most
            size_dependent=True,
            subset=Subset.NOVEL,
            needs=frozenset({Need.TRAIN}),
            compute=compute,
        ),
        MetricSpec(
            name="merged_prototypes",
            version="1",
            order=165,
            within=ColumnSet.ALL,
            title="Merged prototypes",
            latex=r"\# merged prototypes",
            description="Distinct new prototypes among the novel samples that are in the training split once two of "
            "their elements are taken for one; a count that grows with the number of novel samples.",
            digits=0,
            direction=Direction.NONE,
            size_dependent=True,
            subset=Subset.NOVEL,
            needs=frozenset({Need.TRAIN}),
            default=False,  # a part of the new prototypes, for those who ask what is new about them
            compute=compute_merged,
        ),
    )
