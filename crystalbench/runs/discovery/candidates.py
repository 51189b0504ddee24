"""The funnel before anything is computed: which samples are candidates, and why the others are none."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from crystalbench.crystals.elements import NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, SampleSet
from crystalbench.encoded import RunEncoder
from crystalbench.errors import ConfigError
from crystalbench.materials.candidate import Reason
from crystalbench.materials.hull import Hull
from crystalbench.materials.selection import excluded
from crystalbench.runs.discovery.settings import DiscoverySettings, Order


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a sample is no candidate, or no material."""

    reason: Reason
    detail: str = ""


@dataclass(kw_only=True)
class Chosen:
    """Samples sorted into candidates and dropped ones.

    Attributes
    ----------
    rows
        Of the candidates, in the order in which they are taken.
    dropped
        By row: every other sample.
    steps
        Names of the steps of the funnel, with what is left after each.
    copies
        How many samples have the protostructure of a candidate, by row.
    predicted
        What the encoder says of a candidate, by row: formation energy, and distance from the hull where it is known.
    """

    rows: list[int]
    dropped: dict[int, Dropped] = field(default_factory=dict)
    steps: list[tuple[str, int]] = field(default_factory=list)
    copies: Counter[int] = field(default_factory=Counter)
    predicted: dict[int, tuple[float, float | None]] = field(default_factory=dict)

    def keep(self, step: str, fault: Callable[[int], Dropped | None]) -> None:
        """Drop the candidates that have a fault, and write the step down."""
        faults = {row: found for row in self.rows if (found := fault(row)) is not None}
        self.dropped |= faults
        self.rows = [row for row in self.rows if row not in faults]
        self.steps.append((step, len(self.rows)))


def choose(
    samples: SampleSet,
    settings: DiscoverySettings,
    known: frozenset[str],
    elements: frozenset[int],
    max_atoms: int,
    encoder: RunEncoder | None,
    hull: Hull,
) -> Chosen:
    """Return the candidates.

    Parameters
    ----------
    known
        Labels of the training split; a sample of one of them is none unless ``settings.known``.
    elements, max_atoms
        What the potential knows, and the largest primitive cell.
    encoder
        Predicts the formation energies by which candidates are ordered.
    """
    chosen = Chosen(rows=list(range(len(samples))), steps=[("samples", len(samples))])
    items = samples.items
    chosen.keep("with a protostructure", lambda row: _invalid(items[row]))
    made: dict[int, Protostructure] = {
        row: item for row in chosen.rows if isinstance(item := items[row], Protostructure)
    }
    blocks = ", ".join(settings.blocks)
    noble = "" if settings.noble_gases else "no noble gas and "

    def elements_of(row: int) -> Dropped | None:
        out = excluded(made[row].elements, settings.blocks, settings.noble_gases)
        return Dropped(Reason.EXCLUDED_ELEMENT, ", ".join(out)) if out else None

    chosen.keep(f"with {noble}only elements of the blocks {blocks}", elements_of)
    if not settings.known:
        chosen.keep("novel", lambda row: Dropped(Reason.KNOWN) if made[row].label in known else None)
    first: dict[str, int] = {}
    for row in chosen.rows:
        chosen.copies[first.setdefault(made[row].label, row)] += 1
    chosen.keep(
        "unique",
        lambda row: (
            Dropped(Reason.DUPLICATE, f"of sample {first[made[row].label]}") if first[made[row].label] != row else None
        ),
    )

    def unfit(row: int) -> Dropped | None:
        unknown = [name for name in made[row].elements if NUMBERS[name] not in elements]
        if unknown:
            return Dropped(Reason.UNKNOWN_ELEMENT, ", ".join(unknown))
        if (atoms := made[row].n_sites_primitive) > max_atoms:
            return Dropped(Reason.TOO_MANY_ATOMS, f"{atoms} in the primitive cell, the limit is {max_atoms}")
        return None

    chosen.keep(f"known to the potential, at most {max_atoms} atoms", unfit)
    _order(chosen, made, settings.order, encoder, hull)
    taken = frozenset(chosen.rows[: settings.top])
    chosen.keep(f"taken, by {settings.order}", lambda row: None if row in taken else Dropped(Reason.NOT_TAKEN))
    return chosen


def _invalid(item: object) -> Dropped | None:
    return Dropped(Reason.INVALID, str(item.reason)) if isinstance(item, Invalid) else None


def _order(
    chosen: Chosen, made: Mapping[int, Protostructure], order: Order, encoder: RunEncoder | None, hull: Hull
) -> None:
    """Put the candidates into the order in which they are taken; those without a prediction stand last."""
    if order is Order.SAMPLE or not chosen.rows:
        return
    if encoder is None:
        raise ConfigError(f"--order {order} needs an encoder that predicts energies; use --order sample")
    energies = encoder.encode([made[row].label for row in chosen.rows]).energies.tolist()
    for row, energy in zip(chosen.rows, energies, strict=True):
        if np.isfinite(energy):
            distance = predicted_distance(made[row], energy, hull) if order is Order.HULL else None
            chosen.predicted[row] = (energy, distance)

    def rank(row: int) -> tuple[bool, float, int]:
        energy, distance = chosen.predicted.get(row, (np.inf, None))
        value = distance if order is Order.HULL else energy
        return value is None, np.inf if value is None else value, row

    chosen.rows.sort(key=rank)


def predicted_distance(protostructure: Protostructure, energy: float, hull: Hull) -> float | None:
    """Return the distance from the hull (eV/atom) of a predicted formation energy; None where it says nothing."""
    composition = {NUMBERS[name]: number for name, number in protostructure.composition.items()}
    if hull.gap(composition) is not None:
        return None
    return hull.distance(composition, energy)


def in_order(rows: Sequence[int], distances: Mapping[int, float]) -> list[int]:
    """Return rows with the smallest distance first, those without one last, else as they came."""
    return sorted(rows, key=lambda row: (row not in distances, distances.get(row, 0.0)))
