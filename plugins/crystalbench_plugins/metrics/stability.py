"""Stability against the known phases: stable, metastable, S.U.N. and the distance from the convex hull.

A sample is relaxed with an interatomic potential, and its formation energy is held against the hull of the known
phases (paper, section 5). What has no energy, and what the hull cannot judge, is not stable: it stays in the
denominator and is counted by its reason. Unique and novel are judged by protostructure, as everywhere here, and a
material that relaxed into another protostructure is not the novel one any more. For samples that come with coordinates
``same = "structure"`` takes those for different whose relaxed structures differ, though they have one protostructure.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import NormalDist

import numpy as np

from crystalbench import (
    ColumnSet,
    Direction,
    Invalid,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    Parameter,
    ScoreInput,
    hookimpl,
)
from crystalbench.materials.judged import Judged
from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._proportion import two_stage
from crystalbench_plugins.metrics._same_structure import Same, distinct, matcher_name

NEAR = 0.1
"""eV/atom above the hull: what is usually called metastable (Sun et al., Sci. Adv. 2, e1600225, 2016)."""

SAME = Parameter(
    name="same",
    default=str(Same.PROTOSTRUCTURE),
    choices=tuple(map(str, Same)),
    help="What makes two samples one: their protostructure, or that pymatgen's StructureMatcher matches their relaxed "
    "structures (for samples with coordinates; novel is by protostructure in either case).",
)

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def valid_rows(given: ScoreInput) -> list[int]:
    """Rows of all samples that have a protostructure."""
    return [row for row, item in enumerate(given.samples) if not isinstance(item, Invalid)]


def new_rows(given: ScoreInput) -> list[int]:
    """Rows of the first sample of each protostructure that is not in the training split."""
    known, first = given.train.label_set, dict[str, int]()
    for row, item in enumerate(given.samples):
        if not isinstance(item, Invalid) and item.label not in known:
            first.setdefault(item.label, row)
    return list(first.values())


def novel_rows(given: ScoreInput) -> list[int]:
    """Rows of all samples whose protostructure is not in the training split."""
    known = given.train.label_set
    return [row for row in valid_rows(given) if given.samples.items[row].label not in known]  # type: ignore[union-attr]


def compute(
    given: ScoreInput, rows: Callable[[ScoreInput], list[int]], group: str, limit: float, kept: bool
) -> MetricResult:
    """Return the share of all samples that are in a group and at most ``limit`` eV/atom above the hull.

    Where ``kept`` is set, only a material that relaxed within its protostructure counts.
    """
    n = len(given.samples)
    if n == 0:
        raise NotComputable("there are no samples")
    matched = kept and given.parameters["same"] == Same.STRUCTURE
    wanted, group = (novel_rows(given), "novel") if matched else (rows(given), group)
    drawn = given.energies.sampled(wanted)
    judged = given.energies.judged(drawn)
    low = [one for one in judged if _counts(one, kept) and one.distance is not None and one.distance <= limit]
    hits = distinct([one.material for one in low]) if matched else len(low)
    funnel: dict[str, JSON] = {"asked": n, group: len(wanted), **_funnel(judged, kept)}
    told = _told(n, len(wanted), group, judged, kept)
    if matched:
        funnel["of them different structures"] = hits
        told += f"; {len(low):,} count, of them {hits:,} different by {matcher_name()}"
    return MetricResult(
        value=len(wanted) / n * hits / len(judged) if judged else 0.0,
        n=n,
        interval=two_stage(hits, len(judged), len(wanted), n),
        details={"denominator": "samples", "hits": hits, "funnel": funnel, "reasons": _reasons(judged, kept)},
        notes=(told,) if wanted else (),
    )


def distances(given: ScoreInput) -> MetricResult:
    """Return the mean distance from the hull of the valid samples, eV/atom, with quantiles in the details."""
    drawn = given.energies.sampled(valid_rows(given))
    judged = given.energies.judged(drawn)
    found = np.sort([one.distance for one in judged if one.distance is not None])  # the order of samples is no matter
    if len(found) < 2:
        raise NotComputable("fewer than two samples have a distance from the hull")
    half = NormalDist().inv_cdf(0.975) * float(found.std(ddof=1)) / len(found) ** 0.5
    mean = float(found.mean())
    quantiles = {f"{q:.0%}": float(value) for q, value in zip(QUANTILES, np.quantile(found, QUANTILES), strict=True)}
    told = (
        f"{len(found):,} of {len(judged):,} relaxed samples have a distance from the hull: half of them at most "
        f"{quantiles['50%']:.3f}, 90 % at most {quantiles['90%']:.3f}{_cut(judged)}"
    )
    return MetricResult(
        value=mean,
        n=len(found),
        interval=(mean - half, mean + half),
        details={
            "denominator": "samples with a distance from the hull",
            "quantiles": dict(quantiles),
            "reasons": _reasons(judged, kept=False),
        },
        notes=(told,),
    )


def _counts(one: Judged, kept: bool) -> bool:
    return one.material.kept or not kept


def _funnel(judged: Sequence[Judged], kept: bool) -> dict[str, JSON]:
    """Counts of a funnel, each a part of the one before."""
    relaxed = [one for one in judged if one.material.energy is not None]
    same = [one for one in relaxed if _counts(one, kept)]
    near = [one.distance for one in same if one.distance is not None]
    counts: dict[str, JSON] = {"relaxed": len(judged), "with an energy": len(relaxed)}
    if kept:
        counts["with their protostructure kept"] = len(same)
    return counts | {
        "judged by the hull": len(near),
        f"within {NEAR:g} eV/atom": sum(x <= NEAR for x in near),
        "on or below the hull": sum(x <= 0 for x in near),
    }


def _reasons(judged: Sequence[Judged], kept: bool) -> dict[str, JSON]:
    reasons = Counter(str(one.reason) for one in judged if one.reason is not None)
    if kept and (lost := sum(one.reason is None and not one.material.kept for one in judged)):
        reasons["lost_symmetry"] = lost
    return dict(sorted(reasons.items()))


def _told(n: int, wanted: int, group: str, judged: Sequence[Judged], kept: bool) -> str:
    funnel = _funnel(judged, kept)
    part = "all were relaxed" if len(judged) == wanted else f"{len(judged):,} of these, drawn at random, were relaxed"
    counts = ", ".join(f"{count:,} {name}" for name, count in list(funnel.items())[1:])
    return f"of {n:,} samples {wanted:,} are {group}; {part}: {counts}{_cut(judged)}"


def _cut(judged: Sequence[Judged]) -> str:
    """What must be known of materials whose search the time limit has ended."""
    cut = sum(one.material.cut and one.material.energy is not None for one in judged)
    return f"; of {cut:,} the search ended at the time limit, with the lowest energy until then" if cut else ""


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    columns = (
        ("stable", 200, "Stable", "$S$", valid_rows, "valid", 0.0, False, "on or below the convex hull"),
        (
            "metastable",
            210,
            "Metastable",
            "$M$",
            valid_rows,
            "valid",
            NEAR,
            False,
            f"at most {NEAR:g} eV/atom above it",
        ),
        ("sun", 220, "S.U.N.", "S.U.N.", new_rows, "unique and novel", 0.0, True, "stable, unique and novel"),
        ("msun", 230, "M.S.U.N.", "M.S.U.N.", new_rows, "unique and novel", NEAR, True, "metastable, unique and novel"),
    )
    shares = [
        MetricSpec(
            name=name,
            version="3",
            order=order,
            title=title,
            latex=latex,
            description=f"Samples that are {about}, after relaxation. Denominator: all samples.",
            unit="%",
            digits=1,
            direction=Direction.HIGHER,
            show_interval=True,
            size_dependent=kept,
            needs=frozenset({Need.ENERGY, *([Need.TRAIN] if kept else [])}),
            tolerance=1e-9,
            default=False,
            parameters=(SAME,) if kept else (),
            cite=("zeni2025generative",),
            compute=partial(compute, rows=rows, group=group, limit=limit, kept=kept),
        )
        for name, order, title, latex, rows, group, limit, kept, about in columns
    ]
    return [
        *shares,
        MetricSpec(
            name="e_above_hull",
            version="2",
            order=240,
            within=ColumnSet.DEFAULT,
            title="Energy above hull",
            latex=r"$E_\mathrm{hull}$",
            description="Mean distance of the valid samples from the convex hull after relaxation.",
            unit="eV/atom",
            digits=3,
            direction=Direction.LOWER,
            show_interval=True,
            valid_only=True,
            needs=frozenset({Need.ENERGY}),
            tolerance=1e-6,
            default=False,
            compute=distances,
        ),
    ]
