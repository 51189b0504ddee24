"""Whether what a run says that its samples measure is so: against the structures it kept, or those drawn again."""

import math

from crystalbench.crystals.geometry import Geometry, geometry
from crystalbench.runs.checks import Check, check
from crystalbench.runs.stream import ReplicaSamples

TOLERANCE = 1e-6
"""Relative: a skewed cell loses as much when it is reduced with another library for linear algebra."""


def geometry_check(samples: ReplicaSamples, max_atoms: int) -> Check:
    """Measure the structures that the run has kept; the first of a replica, the others are seen when drawn again."""
    wrong = [
        place
        for place, structure in samples.structures.items()
        if not _same(geometry(structure, max_atoms=max_atoms), _of(samples, place))
    ]
    return check(
        f"{samples.name} geometry", f"{len(wrong)} are not those of the structures, first {wrong[0]}" if wrong else ""
    )


def measured_otherwise(before: ReplicaSamples, again: ReplicaSamples) -> list[int]:
    """Return the places where two drawings of one replica measure something else."""
    return [i for i in range(before.n) if not _same(_of(before, i), _of(again, i))]


def _of(samples: ReplicaSamples, place: int) -> Geometry | None:
    return samples.geometries[place] if place < len(samples.geometries) else None


def _same(one: Geometry | None, other: Geometry | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one.row(), other.row(), strict=True)
    return all(a == b if a is None or b is None else math.isclose(a, b, rel_tol=TOLERANCE) for a, b in pairs)
