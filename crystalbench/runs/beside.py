"""Materials by further potentials, beside those of the first one, which ranks: columns, and how far two agree."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from crystalbench.materials.judged import Judged
from crystalbench.runs.ranking import Extra, after, rounded
from crystalbench.tables.listing import Entry, Heading, Listing, Scatter

NEAR = 0.1
"""eV/atom above the hull: what is usually called metastable."""

MEANING = (
    "Spread: the largest E above hull of the potentials minus the smallest; at least one is wrong by half of it. Each "
    "has realised and relaxed on its own, so the minima that were found are part of it. That potentials agree is no "
    "proof, for they can be wrong together, having learnt from like data; that they disagree is a warning."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One potential's materials of the candidates of a discovery.

    Attributes
    ----------
    name, title
        Of the potential.
    basis
        The sentence that stands under its energies.
    judged
        By row.
    """

    name: str
    title: str
    basis: str
    judged: Mapping[int, Judged]

    def below(self, limit: float) -> frozenset[int]:
        """Rows that kept their protostructure and are at most so far above the hull (eV/atom), as in the funnel."""
        return frozenset(
            row
            for row, one in self.judged.items()
            if one.material.kept and one.distance is not None and one.distance <= limit
        )


def columns(first: Beside, others: Sequence[Beside]) -> Iterator[Extra]:
    """Yield the columns of further potentials, and the spread of all."""
    if not others:
        return
    for other in others:
        yield from _columns(other)

    def spread(row: int) -> float | None:
        found = [one.judged[row].distance for one in (first, *others)]
        there = [distance for distance in found if distance is not None]
        return rounded(max(there) - min(there)) if len(there) == len(found) else None

    yield Heading(key="e_above_hull_spread", title="spread", unit="eV/atom"), spread


def _columns(other: Beside) -> Iterator[Extra]:
    judged = other.judged

    def heading(key: str, title: str, unit: str = "", default: bool = False) -> Heading:
        return Heading(key=f"{key}_{other.name}", title=f"{title}, {other.title}", unit=unit, default=default)

    def agreed(row: int) -> Entry:
        return judged[row].material.agreed

    failed = any(one.told[0] for one in judged.values())
    distance = Heading(key=f"e_above_hull_{other.name}", title=f"by {other.title}", unit="eV/atom")
    yield distance, lambda row: rounded(judged[row].distance)
    yield heading("formation_energy", "formation energy", "eV/atom"), lambda row: rounded(judged[row].formation)
    yield heading("tries", "tries"), lambda row: len(judged[row].material.tries)
    yield heading("agreed", "energies agree"), agreed
    yield heading("after_relaxation", "after relaxation"), lambda row: after(judged[row])
    yield heading("cpu_seconds", "CPU time", "s"), lambda row: round(judged[row].material.seconds, 2)
    yield heading("reason", "reason", default=failed), lambda row: judged[row].told[0]
    yield heading("detail", "detail"), lambda row: judged[row].told[1]


def agreement(first: Beside, other: Beside) -> Listing:
    """Return how many materials are low by two potentials, by one and by none, and how far the two are apart."""
    limits = (NEAR, 0.0)
    one, two = ([by.below(limit) for limit in limits] for by in (first, other))
    both = [a & b for a, b in zip(one, two, strict=True)]
    groups: dict[str, list[frozenset[int]]] = {
        f"by {first.title}": one,
        f"by {other.title}": two,
        "by both": both,
        f"by {first.title} alone": [a - b for a, b in zip(one, both, strict=True)],
        f"by {other.title} alone": [b - a for b, a in zip(two, both, strict=True)],
        "by neither": [frozenset(first.judged) - a - b for a, b in zip(one, two, strict=True)],
    }
    return Listing(
        title=f"{first.title} and {other.title}, {len(first.judged):,} materials",
        headings=(
            Heading(key="materials", title="materials"),
            Heading(key="near", title=f"within {NEAR:g} eV/atom of the hull"),
            Heading(key="stable", title="on or below the hull"),
        ),
        rows=tuple((name, *(len(rows) for rows in found)) for name, found in groups.items()),
        notes=(_apart(first, other), *_without(first), *_without(other), MEANING),
    )


def scatter(first: Beside, other: Beside) -> tuple[Scatter, ...]:
    """Return E above hull of one against the other; none where no material has both."""
    points = tuple((rounded(x) or 0.0, rounded(y) or 0.0) for x, y in pairs(first, other))
    made = Scatter(
        title="Energy above hull by two potentials", across=f"{first.title} (eV/atom)",
        upward=f"{other.title} (eV/atom)", limit=NEAR, points=points,
    )  # fmt: skip
    return (made,) if points else ()


def pairs(first: Beside, other: Beside) -> list[tuple[float, float]]:
    """Return the distances from the hull (eV/atom) of the materials that have both."""
    found = [(first.judged[row].distance, other.judged[row].distance) for row in sorted(first.judged)]
    return [(x, y) for x, y in found if x is not None and y is not None]


def _apart(first: Beside, other: Beside) -> str:
    found = np.array(pairs(first, other)).reshape(-1, 2)
    told = f"{len(found):,} of {len(first.judged):,} materials have a distance from the hull by both"
    if not len(found):
        return f"{told}."
    difference = found[:, 1] - found[:, 0]
    told += (
        f"; mean absolute difference {np.abs(difference).mean():.3f} eV/atom, its median "
        f"{np.median(np.abs(difference)):.3f}; {other.title} minus {first.title} {difference.mean():+.3f} in the mean"
    )
    if len(found) > 2 and (np.ptp(found, axis=0) > 0).all():
        from scipy.stats import spearmanr

        told += f"; Spearman's rank correlation {spearmanr(found[:, 0], found[:, 1]).statistic:.2f}"
    return f"{told}."


def _without(by: Beside) -> tuple[str, ...]:
    reasons = Counter(str(one.reason) for one in by.judged.values() if one.distance is None)
    counts = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    return (f"Without a distance by {by.title}: {counts}.",) if counts else ()
