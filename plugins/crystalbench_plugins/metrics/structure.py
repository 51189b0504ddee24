"""What samples measure that came with coordinates: CDVAE's structural validity, cells, nearest atoms, densities.

No protostructure knows any of it: these columns are apart from all others, and a row of labels has none of them.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from crystalbench import (
    Direction,
    Geometry,
    Invalid,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    ScoreInput,
    hookimpl,
)
from crystalbench.tables.distribution import Distribution
from crystalbench_plugins.metrics._median import median_interval
from crystalbench_plugins.metrics._proportion import share

GROUP = "structure"
NEAREST, SMALLEST = 0.5, 0.1
"""Å and Å^3: CDVAE's rule (github.com/txie-93/cdvae, scripts/eval_utils.py, ``structure_validity``)."""
SHORTEST, LONGEST, SHARPEST, BLUNTEST = 0.5, 1000.0, 10.0, 170.0
"""Å and degrees: CrystaLLM's rule (github.com/lantunes/CrystaLLM, ``is_sensible``)."""


def structurally_valid(one: Geometry) -> bool:
    """CDVAE's rule: two different atoms of the cell are nowhere closer than 0.5 Å, and the cell has 0.1 Å^3 or more.

    An atom and its own images are no pair there, so one crystal can pass in one cell and fail in a larger one.
    """
    return (one.pair is None or one.pair >= NEAREST) and one.volume >= SMALLEST


def sane(one: Geometry) -> bool:
    """CrystaLLM's rule: lengths of 0.5 to 1000 Å and angles of 10 to 170 degrees in the cell as it came."""
    return all(SHORTEST <= x <= LONGEST for x in one.lengths) and all(SHARPEST <= x <= BLUNTEST for x in one.angles)


def measured(given: ScoreInput) -> list[Geometry]:
    """Return the geometries of the samples that have one.

    Raises
    ------
    NotComputable
        Samples are labels: what they would measure nobody knows, and to count them as bad would be wrong.
    """
    pairs = list(zip(given.samples, given.geometries, strict=True))
    labels = sum(one is None and not isinstance(item, Invalid) for item, one in pairs)
    found = [one for _, one in pairs if one is not None]
    if labels:
        which = f"{labels:,} of its {len(pairs):,} samples" if found else "its samples"
        raise NotComputable(f"{which} came without coordinates")
    if not found:
        raise NotComputable("none of its samples has atoms in a cell that can be measured")
    return found


def of_all(given: ScoreInput, good: Callable[[Geometry], bool]) -> MetricResult:
    """Return samples that are good / all samples; what cannot be measured at all (no numbers, no cell) is not good."""
    found = measured(given)
    n = len(given.samples)
    return share(sum(map(good, found)), n, of="samples", details={"without a geometry": n - len(found)})


def median(given: ScoreInput, value: Callable[[Geometry], float], low: float, width: float, bins: int) -> MetricResult:
    """Return the median of the samples that can be measured; the details have quantiles and a histogram."""
    values = np.array([value(one) for one in measured(given)])
    found = Distribution.of("samples with a geometry", values, low, width, bins)
    return MetricResult(
        value=found.quantiles[1],
        n=len(values),
        interval=median_interval(values),
        details={
            "denominator": "samples with a geometry",
            "asked": len(given.samples),
            "distributions": [found.to_json()],
        },
    )


def _distance(one: Geometry) -> float:
    return one.distance


def _density(one: Geometry) -> float:
    return one.density


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    shares = (
        (
            "structural_validity",
            "Structural validity",
            "Struct.",
            structurally_valid,
            "CDVAE's rule: no two atoms closer than 0.5 Å (an atom's own images do not count), 0.1 Å^3 or more.",
            ("xie2022crystal",),
        ),
        (
            "sane_cell",
            "Sane cell",
            "Cell",
            sane,
            "Lengths of 0.5 to 1000 Å and angles of 10 to 170° in the cell as it came: CrystaLLM's rule.",
            ("antunes2024crystal",),
        ),
    )
    medians = (
        (
            "nearest_atoms",
            "Nearest atoms",
            r"$d_\mathrm{min}$",
            "Å",
            partial(median, value=_distance, low=0.0, width=0.1, bins=60),
            "Median over samples of the smallest distance between two atoms, periodic images of all included.",
        ),
        (
            "mass_density",
            "Mass density",
            r"$\rho$",
            "g/cm^3",
            partial(median, value=_density, low=0.0, width=0.5, bins=60),
            "Median density of the samples.",
        ),
    )
    return [
        *(
            MetricSpec(
                name=name,
                version="1",
                order=700 + place,
                title=title,
                latex=latex,
                description=f"{about} Denominator: all samples; of samples with coordinates only.",
                unit="%",
                direction=Direction.HIGHER,
                needs=frozenset({Need.GEOMETRY}),
                group=GROUP,
                default=False,
                cite=cite,
                compute=partial(of_all, good=rule),
            )
            for place, (name, title, latex, rule, about, cite) in enumerate(shares)
        ),
        *(
            MetricSpec(
                name=name,
                version="1",
                order=710 + place,
                title=title,
                latex=latex,
                description=f"{about} Denominator: samples with coordinates that can be measured.",
                unit=unit,
                digits=2,
                # Real crystals have all kinds: the distribution is to be looked at.
                direction=Direction.NONE,
                needs=frozenset({Need.GEOMETRY}),
                group=GROUP,
                default=False,
                tolerance=1e-6,
                compute=compute,
            )
            for place, (name, title, latex, unit, compute, about) in enumerate(medians)
        ),
    ]
