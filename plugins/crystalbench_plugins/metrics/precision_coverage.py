"""Precision, density and coverage: whether a distance comes from odd samples or from missing ones.

Each reference row carries a ball that reaches to its k-th nearest neighbour among the reference rows. Precision
(Kynkäänniemi et al. 2019, arXiv:1904.06991): share of samples inside a ball. Density and coverage (Naeem et al. 2020,
arXiv:2002.09797): balls that a sample is in, over k; share of reference rows with a sample in their ball.

There is no recall (of the first paper: reference rows inside the balls of *samples*): it sees nothing here, since odd
samples have large balls. Of 2,000 WBM samples it was 95.9 % for held-out rows, 96.2 % for element swap and 96.6 % for
random orbits (65.0, 65.1 and 64.8 % with k = 1). Coverage asks the same the other way round: 97.1, 77.6 and 65.6 %.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from crystalbench import Direction, MetricResult, MetricSpec, Need, Parameter, ScoreInput, hookimpl
from crystalbench.tables.results import JSON
from crystalbench_plugins.metrics._embedded import embed
from crystalbench_plugins.metrics._proportion import wilson

FIXED = 1000  # samples of which values are given beside those of all
MOST_SETS = 10
CHUNK = 1000  # rows whose distances to all others are held at once: 80 MB for 10,000 others
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How two sets of n samples and m reference rows overlap.

    Attributes
    ----------
    precise, covered
        Number of samples inside a reference ball, of reference balls with a sample.
    density
        Mean number of reference balls that a sample is in, over k; 1 for sets from one distribution.
    """

    n: int
    m: int
    precise: int
    covered: int
    density: float


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows (n, d) that can be the key of a cache."""

    rows: NDArray[np.float32]

    def __hash__(self) -> int:
        return hash(hashlib.sha256(self.rows.tobytes()).digest())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rows) and np.array_equal(self.rows, other.rows)


@lru_cache(maxsize=2 + MOST_SETS)  # three metrics ask one after the other
def overlap(samples: _Rows, reference: _Rows, k: int) -> Overlap:
    """Count what is in whose ball; ``k`` neighbours, the row itself not among them."""
    x, y = (np.asarray(part.rows, np.float64) for part in (samples, reference))
    reach = radii(y, k)
    precise, hits = 0, 0
    covered = np.zeros(len(y), np.bool_)
    for start in range(0, len(x), CHUNK):
        apart = squared_distances(x[start : start + CHUNK], y)
        inside = apart <= reach
        precise += int(inside.any(axis=1).sum())
        hits += int(inside.sum())
        covered |= inside.any(axis=0)
    return Overlap(len(x), len(y), precise, int(covered.sum()), hits / (k * len(x)))


def radii(rows: Array, k: int) -> Array:
    """Return the squared distance (n,) of each row to its k-th nearest other row."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        apart = squared_distances(rows[start : start + CHUNK], rows)
        chunk = np.arange(len(apart))
        apart[chunk, start + chunk] = -1.0  # the row itself, before rows that equal it
        found[start : start + CHUNK] = np.partition(apart, k, axis=1)[:, k]
    return found


def squared_distances(x: Array, y: Array) -> Array:
    """Return squared distances (n, m); those that are rounding, of equal rows, are zero."""
    square_x, square_y = (x**2).sum(axis=1)[:, None], (y**2).sum(axis=1)[None, :]
    apart: Array = square_x + square_y - 2 * (x @ y.T)
    apart[apart < 1e-12 * (square_x + square_y)] = 0.0
    return apart


def compute(given: ScoreInput, part: str) -> MetricResult:
    """Return one of the three as a share with its Wilson interval; density has none.

    All three depend on the number of rows: balls shrink as there are more. Where there are more than 1,000, the note
    and the details give the mean over disjoint sets of 1,000 too, and its spread over them.
    """
    k = int(given.parameters["k"])
    embedded = embed(given, k + 2)
    samples, reference = embedded.samples.embeddings, embedded.reference.embeddings
    found = overlap(_Rows(samples), _Rows(reference), k)
    fixed = list(_at_fixed(samples, reference, k, part, given.seed))
    apart: list[JSON] = [*fixed]
    notes = (*embedded.notes, *_fixed_note(fixed, part))
    if part == "density":
        of_samples: dict[str, JSON] = {"denominator": "valid samples", f"at_{FIXED}": apart}
        return MetricResult(value=found.density, n=found.n, details=of_samples, notes=notes)
    hits, n, of = {
        "precision": (found.precise, found.n, "valid samples"),
        "coverage": (found.covered, found.m, "reference rows"),
    }[part]
    return MetricResult(
        value=hits / n,
        n=n,
        interval=wilson(hits, n),
        details={"denominator": of, "hits": hits, f"at_{FIXED}": apart},
        notes=notes,
    )


def _at_fixed(
    samples: NDArray[np.float32], reference: NDArray[np.float32], k: int, part: str, seed: int
) -> Iterator[float]:
    """Yield the value of disjoint random sets of `FIXED` samples and reference rows; none where there are no more."""
    if min(len(samples), len(reference)) <= FIXED:
        return
    order = np.random.default_rng(seed).permutation(len(samples))
    for start in range(0, min(len(samples), len(reference), FIXED * MOST_SETS) - FIXED + 1, FIXED):
        rows = slice(start, start + FIXED)
        found = overlap(_Rows(samples[order[rows]]), _Rows(reference[rows]), k)
        yield {"precision": found.precise / FIXED, "coverage": found.covered / FIXED, "density": found.density}[part]


def _fixed_note(fixed: list[float], part: str) -> Iterator[str]:
    if fixed:
        mean, deviation = fmean(fixed), stdev(fixed) if len(fixed) > 1 else 0.0
        shown = f"{mean:.2f} ± {deviation:.2f}" if part == "density" else f"{mean:.1%} ± {deviation:.1%}"
        yield f"of {FIXED:,} samples and as many reference rows {shown} over {len(fixed)} disjoint sets"


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    k = Parameter(name="k", default=5, help="Neighbours that a ball reaches to.")
    columns = (
        ("precision", 320, "Share of samples no farther from a reference row than its k-th neighbour.", "%"),
        ("density", 322, "Reference rows that a sample is that near to, over k; 1 for the reference distribution.", ""),
        ("coverage", 323, "Share of reference rows with a sample nearer than their k-th neighbour.", "%"),
    )
    return [
        MetricSpec(
            name=name,
            version="3",
            order=order,
            title=name.capitalize(),
            latex=name.capitalize(),
            description=f"{about} Nearness is that of embeddings; as many random reference rows as valid samples.",
            unit=unit,
            digits=2 if name == "density" else 1,
            direction=Direction.NONE if name == "density" else Direction.HIGHER,
            needs=frozenset({Need.REFERENCE, Need.ENCODER}),
            parameters=(k,),
            tolerance=1e-3,
            valid_only=True,
            size_dependent=True,
            default=False,  # three columns that take a distance apart: for those who want to know why
            cite=("kynkaanniemi2019improved" if name == "precision" else "naeem2020reliable",),
            compute=_part(name),
        )
        for name, order, about, unit in columns
    ]


def _part(name: str) -> Callable[[ScoreInput], MetricResult]:
    return partial(compute, part=name)
