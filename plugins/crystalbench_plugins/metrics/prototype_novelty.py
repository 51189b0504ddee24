"""Distinct prototypes of the novel samples that the training split lacks (paper, Tables 2 and 5)."""

from collections import Counter
from collections.abc import Iterable, Iterator

from crystalbench import (
    ColumnSet,
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
from crystalbench_plugins.metrics._rarefaction import FIXED, kinds_interval, rarefied, spread


def compute(inputs: ScoreInput) -> MetricResult:
    """Return the number of distinct prototypes that are not in training, among ``n`` novel samples.

    The count grows with ``n``: the paper has 10,000 novel samples (1,000 for Carbon-24). So it is also given among
    1,000 of them, where there are more. It falls as the training split grows: its floor, how many as many held-out
    materials have, is in the notes. The interval is that of the expected count among ``n`` samples
    (`kinds_interval`): resampling sees fewer kinds than the samples do, so a bootstrap would lie below the value.
    """
    samples = inputs.samples
    if not len(samples):
        raise NotComputable("there are no novel samples")
    known = inputs.train.prototype_set
    prototypes = [sample.prototype for sample in samples.valid]
    distinct = set(prototypes)
    new = list(Counter(prototype for prototype in prototypes if prototype not in known).values())
    n = len(samples)
    fixed = rarefied(new, n, FIXED) if n > FIXED else None
    floor = _floor(inputs, n)
    return MetricResult(
        value=len(new),
        n=n,
        interval=kinds_interval(new),
        details={
            "denominator": "novel samples",
            "distinct_prototypes": len(distinct),
            "samples_with_new_prototype": sum(new),
            f"among_{FIXED}": fixed,
            "floor": floor[0] if floor else None,
            "floor_rows": floor[1] if floor else None,
        },
        notes=tuple(_notes(new, n, fixed, floor, inputs.seed)),
    )


def _floor(inputs: ScoreInput, n: int) -> tuple[float, int] | None:
    """Return the mean number of new prototypes among ``n`` novel held-out rows, or all of them, and their number."""
    held_out = inputs.dataset.held_out if inputs.dataset is not None else None
    if held_out is None:
        return None
    train = inputs.train
    pairs = zip(held_out.labels, held_out.prototypes, strict=True)
    novel = [prototype for label, prototype in pairs if label not in train.label_set]
    if not novel:
        return None
    rows = min(n, len(novel))
    new = Counter(prototype for prototype in novel if prototype not in train.prototype_set)
    return rarefied(list(new.values()), len(novel), rows), rows


def _notes(new: list[int], n: int, fixed: float | None, floor: tuple[float, int] | None, seed: int) -> Iterator[str]:
    if fixed is not None:
        low, high = spread(new, n, FIXED, seed)
        yield f"among {FIXED:,} of these samples {fixed:.0f} (95 % of subsamples: {low:.0f} to {high:.0f})"
    if floor is not None:
        yield f"{floor[1]:,} novel held-out materials have {floor[0]:.3g}"


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="prototype_novelty",
            version="3",
            order=70,
            within=ColumnSet.PAPER,
            title="New prototypes",
            latex="New prot.",
            description="Distinct prototypes among the novel samples that are not in the training split; "
            "a count that grows with the number of novel samples.",
            unit="",
            digits=0,
            direction=Direction.NONE,  # random orbits have most, and a network that learned little has more
            size_dependent=True,
            measures=frozenset({Given.PROTOTYPES}),
            subset=Subset.NOVEL,
            needs=frozenset({Need.TRAIN}),
            cite=("ekstrom2025wyckoffdiff",),
            compute=compute,
        ),
    )
