"""Why samples are far from the reference: their distance without some of them, and as seen by less of an encoder.

FWD sees everything at once: on MP-20 one sample in ten without symmetry costs 32, one in ten of random orbits or with
exchanged elements less than its interval is wide (4). So the distance is taken apart twice:

- without the samples in space group 1, and then without those whose prototype the reference lacks; reference rows
  are treated alike, and those whose prototype no other reference row has would be such ones if they were samples;
- by composition alone and by symmetry alone: the embedding as a linear function of element shares, or of space group
  and kinds of orbits, learned on the reference rows by ridge regression. What such an encoder cannot tell it does not
  see. The two do not add up to the whole: what lies in neither is which elements stand in which positions.

All are extrapolated to infinitely many samples, as FWD∞ is, and in its unit.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import Protostructure
from crystalbench.crystals import wyckoff
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._frechet import extrapolated

LEAST = 100  # samples that must be left
RIDGE = 1e-3  # of the mean square of a feature
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Distances of parts of the samples, and of all of them as two lesser encoders see them.

    Attributes
    ----------
    in_group_1, new_prototype
        Number of samples in space group 1; and of the others, with a prototype that the reference lacks.
    without_group_1, without_both
        Distance of the other samples; None where nothing is left out, or too little left.
    composition, symmetry
        Distance of all samples by an encoder that knows only this.
    """

    in_group_1: int
    new_prototype: int
    without_group_1: float | None
    without_both: float | None
    composition: float
    symmetry: float

    def to_json(self) -> dict[str, JSON]:
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def note(self) -> str:
        """What a reader of the table is told."""
        return "; ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        yield f"by composition alone {_told(self.composition)}, by symmetry alone {_told(self.symmetry)}"
        if self.without_group_1 is not None:
            yield f"without the {self.in_group_1:,} samples in space group 1 {_told(self.without_group_1)}"
        if self.without_both is not None:
            also = " also" if self.in_group_1 else ""
            lacks = f"{self.new_prototype:,} with a prototype that the reference lacks"
            yield f"without{also} the {lacks} {_told(self.without_both)}"


def _told(distance: float) -> str:
    """A distance of 0 but for rounding is 0: an encoder that sees only composition has it where all is carbon."""
    return f"{round(distance, 6) + 0.0:.3g}"


def split(
    samples: Sequence[Protostructure],
    rows: NDArray[np.floating],
    reference: Sequence[Protostructure],
    reference_rows: NDArray[np.floating],
    known: Counter[str],
    seed: int,
) -> Split:
    """Take the distance of samples from the reference apart.

    Parameters
    ----------
    samples, rows
        n samples and their embeddings (n, d).
    reference, reference_rows
        m rows of the reference split and their embeddings (m, d).
    known
        Rows of each prototype in the whole reference split.
    """
    flat, flat_too = (np.array([item.spacegroup == 1 for item in items]) for items in (samples, reference))
    new = np.array([item.prototype not in known for item in samples]) & ~flat
    lone = np.array([known[item.prototype] < 2 for item in reference])

    def without(left_out: NDArray[np.bool_], left_out_too: NDArray[np.bool_]) -> float | None:
        kept, others = rows[~left_out], reference_rows[~left_out_too]
        return extrapolated(kept, others, seed) if min(len(kept), len(others)) >= LEAST else None

    def seen(features: Callable[[Protostructure], Array]) -> float:
        x, y = (np.stack([features(item) for item in items]) for items in (samples, reference))
        weights = _ridge(y, np.asarray(reference_rows, np.float64))
        return extrapolated(x @ weights, y @ weights, seed)

    return Split(
        in_group_1=int(flat.sum()),
        new_prototype=int(new.sum()),
        without_group_1=without(flat, flat_too) if flat.any() else None,
        without_both=without(flat | new, flat_too | lone) if new.any() else None,
        composition=seen(composition),
        symmetry=seen(symmetry),
    )


def composition(item: Protostructure) -> Array:
    """Return (120,) share of the atoms of each of 118 elements, one, and the number of elements."""
    features = np.zeros(len(ELEMENTS) + 2)
    total = sum(item.composition.values())
    for element, count in item.composition.items():
        features[ELEMENTS.index(element)] = count / total
    features[-2:] = 1.0, len(item.elements)
    return features


def symmetry(item: Protostructure) -> Array:
    """Return (235,) the space group as one of 230, one, and how many orbits have 0, 1, 2 and 3 free coordinates."""
    features = np.zeros(235)
    features[item.spacegroup - 1] = 1.0
    features[230] = 1.0
    for orbit in item.orbits:
        features[231 + wyckoff.position(item.spacegroup, orbit.letter).dof] += 1
    return features


def _ridge(features: Array, values: Array) -> Array:
    """Return weights (k, d) that give values (m, d) from features (m, k) with the least square error and size."""
    square = features.T @ features
    size = RIDGE * np.trace(square) / len(square)
    weights: Array = np.linalg.solve(square + size * np.eye(len(square)), features.T @ values)
    return weights
