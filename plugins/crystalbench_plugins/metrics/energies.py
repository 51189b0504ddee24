"""Formation energies that the encoder predicts (paper, section 4.3, Fig. 2, appendix C): quantiles, histograms."""

from collections.abc import Iterable
from functools import partial

from crystalbench import ColumnSet, Direction, MetricResult, MetricSpec, Need, ScoreInput, Subset, hookimpl
from crystalbench.tables.distribution import Distribution
from crystalbench_plugins.metrics._embedded import embed
from crystalbench_plugins.metrics._median import median_interval

LOW, WIDTH, BINS = -6.0, 0.1, 100  # -6 to 4 eV/atom


def compute(given: ScoreInput, name: str) -> MetricResult:
    """Return the median energy of the samples, eV/atom; details: quantiles and histograms, reference rows beside."""
    embedded = embed(given, least=1)
    samples, training = embedded.samples.energies, embedded.reference.energies
    found = [
        Distribution.of(title, values, LOW, WIDTH, BINS) for title, values in ((name, samples), ("training", training))
    ]
    return MetricResult(
        value=found[0].quantiles[1],
        n=len(samples),
        interval=median_interval(samples),
        details={
            "denominator": "valid samples",
            "asked": embedded.asked,
            "reference_rows": len(training),
            "distributions": [item.to_json() for item in found],
        },
        notes=embedded.notes,
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    columns = (
        ("energy", 130, "generated", Subset.ALL, "samples"),
        ("novel_energy", 150, "novel", Subset.NOVEL, "novel samples"),
    )
    return [
        MetricSpec(
            name=column,
            version="2",
            order=order,
            within=ColumnSet.ALL,
            title="Median energy",
            latex="$E_{50}$",
            description=(
                f"Median formation energy of the {what} as the encoder predicts it, to be held against the training "
                "set's. Denominator: valid samples."
            ),
            unit="eV/atom",
            digits=3,
            # Neither low nor equal to the training set's is good in itself: the distributions are to be looked at.
            direction=Direction.NONE,
            subset=subset,
            needs=frozenset({Need.REFERENCE, Need.ENCODER}),
            tolerance=1e-3,
            valid_only=True,
            cite=("ekstrom2025wyckoffdiff",),
            compute=partial(compute, name=name),
        )
        for column, order, name, subset, what in columns
    ]
