"""Fréchet Wrenformer distance between samples and reference rows (paper, section 3.6, Table 1 "FWD").

N samples against N random reference rows: the plain value, as in the paper, and the same corrected for what it owes to
the number of samples. Both are the squared distance, in the unit of the embedding squared.
"""

from collections import Counter
from collections.abc import Iterable
from functools import partial

import numpy as np

from crystalbench import (
    ColumnSet,
    CommandSpec,
    Direction,
    Encoded,
    MetricResult,
    MetricSpec,
    Need,
    Protostructure,
    ScoreInput,
    Subset,
    hookimpl,
)
from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._embedded import Embedded, embed, encodable, encodable_labels, reference_rows
from crystalbench_plugins.metrics._frechet import Gaussian, chance, corrected, distance, fit
from crystalbench_plugins.metrics._sizes import against_size
from crystalbench_plugins.metrics._split import Split, split

LEAST = 4  # two halves of two rows

ABOUT = (
    "Squared Fréchet distance between the embeddings of the {what} and of as many random rows of the reference split. "
    "Denominator: valid samples."
)
FEW = "fewer samples than twice the {} dimensions of the embedding: the correction is rough"
NEGATIVE = "extrapolated below zero: no difference is seen; no distance is negative, so the interval is around zero"
CORRECTED = " Extrapolated to infinitely many: 2 FD(N) - mean FD(N/2), with a bootstrap interval."


def compute(given: ScoreInput) -> MetricResult:
    """Return the plug-in distance; details: the floor, what as many reference rows are from as many others."""
    embedded = embed(given)
    samples, reference = fit(embedded.samples.embeddings), fit(embedded.reference.embeddings)
    floor = _floor(given, embedded.reference)
    beside = _floor_note(floor, reference.n) if floor else _rank_note(samples, reference)
    return MetricResult(
        value=distance(samples, reference),
        n=samples.n,
        details={
            **_details(embedded),
            "rank": [samples.rank, reference.rank],
            "floor": floor[0] if floor else None,
            "floor_95": floor[1] if floor else None,
        },
        notes=(*embedded.notes, *beside),
    )


def compute_corrected(given: ScoreInput, taken_apart: bool = False) -> MetricResult:
    """Return the corrected distance with its 95 % interval; a little below zero where there is no difference.

    Where it is to be ``taken_apart``, the details have it against the number of samples; and where there is one, the
    note and the details say where it comes from.
    """
    embedded = embed(given, LEAST)
    samples, reference = embedded.samples.embeddings, embedded.reference.embeddings
    found = corrected(samples, reference, given.seed)
    few = min(len(samples), len(reference)) <= 2 * samples.shape[1]
    notes = [FEW.format(samples.shape[1])] if few else []
    notes += [NEGATIVE] if found.value < 0 else []
    apart = _apart(given, embedded) if taken_apart and found.interval[0] > 0 else None
    notes += [apart.note] if apart else []
    return MetricResult(
        value=found.value,
        n=len(samples),
        interval=found.interval,
        details={
            **_details(embedded),
            **({"sizes": against_size(samples, reference, given.seed)} if taken_apart else {}),
            **({"split": apart.to_json()} if apart else {}),
        },
        notes=(*embedded.notes, *notes),
    )


def _apart(given: ScoreInput, embedded: Embedded) -> Split:
    assert given.dataset is not None
    table = given.dataset.table
    labels = sorted(item.label for item in given.samples.valid), reference_rows(given, len(embedded.samples))
    samples, reference = (
        [Protostructure.from_canonical(label, table) for label in encodable_labels(given, some)] for some in labels
    )
    known = Counter(given.reference.prototypes)
    rows = embedded.samples.embeddings, embedded.reference.embeddings
    return split(samples, rows[0], reference, rows[1], known, given.seed)


def _floor(given: ScoreInput, reference: Encoded) -> tuple[float, float] | None:
    """Return mean and 95 % quantile of what reference rows are from as many others; None for too few of them."""
    n = len(reference)
    others = encodable(given, reference_rows(given, n, skip=n))
    if len(others) < n or n < LEAST:
        return None
    return chance(np.concatenate((reference.embeddings, others.embeddings)), given.seed)


def _floor_note(floor: tuple[float, float], n: int) -> tuple[str, ...]:
    return (f"{n:,} reference rows against as many others: {floor[0]:.3g}, under {floor[1]:.3g} in 95 % of draws",)


def _rank_note(samples: Gaussian, reference: Gaussian) -> tuple[str, ...]:
    """Say so where the rows span all the dimensions that so few rows can; where there is a floor, it says so."""
    n, d = min(samples.n, reference.n), len(samples.mean)
    if max(samples.rank, reference.rank) < n - 1 or n > d:
        return ()
    return (f"{n:,} samples are fewer than the embedding has dimensions ({d}): far above the value of many samples",)


def _details(embedded: Embedded) -> dict[str, JSON]:
    return {
        "denominator": "valid samples",
        "asked": embedded.asked,
        "reference_rows": len(embedded.reference),
        "dimensions": int(embedded.samples.embeddings.shape[1]),
    }


CITE = ("ekstrom2025wyckoffdiff", "heusel2017gans", "preuer2018frechet")


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    columns = (
        ("fwd", "FWD", 10, Subset.ALL, False),
        ("fwd_corrected", "FWD∞", 110, Subset.ALL, True),
        ("novel_fwd", "FWD", 40, Subset.NOVEL, False),
        ("novel_fwd_corrected", "FWD∞", 140, Subset.NOVEL, True),
    )
    return [
        MetricSpec(
            name=name,
            version="6" if correct else "2",
            order=order,
            within=ColumnSet.ALL if correct else ColumnSet.PAPER,
            title=title,
            latex="" if correct else title,
            description=ABOUT.format(what="novel samples" if subset is Subset.NOVEL else "samples")
            + (CORRECTED if correct else ""),
            digits=2,
            direction=Direction.LOWER,
            subset=subset,
            needs=frozenset({Need.REFERENCE, Need.ENCODER}),
            # Embeddings are float32 and depend on batches and threads to about 1e-6 of their size.
            tolerance=1e-3,
            show_interval=correct,
            valid_only=True,
            distance=correct and subset is Subset.ALL,
            size_dependent=not correct,
            cite=(*CITE, "chong2020effectively") if correct else CITE,
            compute=partial(compute_corrected, taken_apart=subset is Subset.ALL) if correct else compute,
        )
        for name, title, order, subset, correct in columns
    ]


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    about = "How FWD depends on the number of samples, as data and as a picture."
    return (CommandSpec(name="size-effect", help=about, command="crystalbench_plugins.metrics.size_effect:command"),)
