"""How the space groups of the samples compare with those of the reference split (paper, section 4.1)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from crystalbench import (
    Direction,
    Given,
    MetricResult,
    MetricSpec,
    Need,
    NotComputable,
    SampleSet,
    ScoreInput,
    hookimpl,
)
from crystalbench_plugins.metrics._proportion import share

_LAST_MONOCLINIC = 15
_FLOOR_DRAWS = 200


def histogram(spacegroups: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return (230,) counts of space groups 1 to 230."""
    return np.bincount(spacegroups, minlength=231)[1:].astype(np.int64)


def jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Jensen-Shannon divergence in bits, 0 (equal) to 1 (disjoint), along the last axis.

    ``JSD = (KL(p, m) + KL(q, m)) / 2`` with ``m = (p + q) / 2`` and logarithms to base 2. This is the
    divergence; ``scipy.spatial.distance.jensenshannon`` returns its square root.

    Parameters
    ----------
    p, q
        (..., k) and (k,), probabilities; rows sum to 1.
    """
    middle = (p + q) / 2
    total = np.zeros(np.broadcast_shapes(p.shape, q.shape)[:-1])
    for side in (p, np.broadcast_to(q, middle.shape)):
        ratio = np.divide(side, middle, out=np.ones_like(middle), where=side > 0)  # 0 log 0 = 0
        total = total + (side * np.log2(ratio)).sum(axis=-1) / 2
    return np.clip(total, 0.0, 1.0)


def _spacegroups(samples: SampleSet) -> NDArray[np.int16]:
    return np.array([sample.spacegroup for sample in samples.valid], dtype=np.int16)


def _low_symmetry(samples: SampleSet, last: int) -> MetricResult:
    return share(
        int((_spacegroups(samples) <= last).sum()),
        len(samples.valid),
        of="valid samples",
        details={"invalid": len(samples) - len(samples.valid)},
    )


def compute_p1(inputs: ScoreInput) -> MetricResult:
    """Return samples in space group 1 / valid samples."""
    return _low_symmetry(inputs.samples, 1)


def compute_triclinic_monoclinic(inputs: ScoreInput) -> MetricResult:
    """Return samples in space groups 1 to 15 / valid samples."""
    return _low_symmetry(inputs.samples, _LAST_MONOCLINIC)


def compute_divergence(inputs: ScoreInput) -> MetricResult:
    """Return the Jensen-Shannon divergence (bits) of the space groups of valid samples and reference split.

    The estimate is biased upward, near zero by about (occupied groups - 1) / (8 n ln 2). A percentile
    bootstrap would double that bias instead of showing it, so there is no interval; the details give the
    floor instead: mean and 95th percentile of what ``n`` draws from the training histogram itself get.

    Raises
    ------
    NotComputable
        If there are no valid samples, or no reference rows.
    """
    samples = inputs.samples
    counts, training = histogram(_spacegroups(samples)), histogram(inputs.reference.spacegroups)
    n = int(counts.sum())
    if not n or not training.sum():
        raise NotComputable("there are no valid samples" if not n else "the reference split is empty")
    expected = training / training.sum()
    copies = np.random.default_rng(inputs.seed).multinomial(n, expected, size=_FLOOR_DRAWS)  # (draws, 230)
    floor = jensen_shannon(copies / n, expected)
    return MetricResult(
        value=float(jensen_shannon(counts / n, expected)),
        n=n,
        details={
            "denominator": "valid samples",
            "invalid": len(samples) - n,
            "floor_mean": float(floor.mean()),
            "floor_q95": float(np.quantile(floor, 0.95)),
            "groups": int((counts > 0).sum()),
            "training_groups": int((training > 0).sum()),
        },
    )


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    return (
        MetricSpec(
            name="p1_share",
            version="1",
            order=210,
            title="SG 1",
            latex="$P1$",
            description="Share of the valid samples in space group 1.",
            unit="%",
            direction=Direction.TARGET,
            valid_only=True,
            measures=frozenset({Given.SPACEGROUPS}),
            compute=compute_p1,
        ),
        MetricSpec(
            name="triclinic_monoclinic_share",
            version="1",
            order=220,
            title="SG 1-15",
            latex="SG 1--15",
            description="Share of the valid samples in space groups 1 to 15 (triclinic and monoclinic).",
            unit="%",
            direction=Direction.TARGET,
            valid_only=True,
            measures=frozenset({Given.SPACEGROUPS}),
            compute=compute_triclinic_monoclinic,
        ),
        MetricSpec(
            name="spacegroup_jsd",
            version="1",
            order=230,
            title="SG JSD",
            latex=r"$\mathrm{JSD}_\mathrm{SG}$",
            description="Jensen-Shannon divergence (base 2) of the space groups of the valid samples and of "
            "the reference split; 0 is equal, 1 disjoint; biased upward for few samples.",
            unit="bit",
            digits=3,
            direction=Direction.LOWER,
            valid_only=True,
            measures=frozenset({Given.SPACEGROUPS}),
            needs=frozenset({Need.REFERENCE}),
            compute=compute_divergence,
        ),
    )
