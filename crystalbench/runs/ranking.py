"""Ranked materials as a table: what `crystalbench discover` leaves, and what the report of a run shows of the best."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import RawStructure
from crystalbench.materials.judged import Judged
from crystalbench.tables.distribution import Distribution
from crystalbench.tables.listing import Chart, Drawn, Entry, Heading, Listing

Extra = tuple[Heading, Callable[[int], Entry]]
"""A column besides those of `ranking`: the value of a row."""

LOW, WIDTH, BINS = -0.5, 0.05, 50
"""eV/atom: the histogram of distances from the hull ends at 2, its last bin holds all beyond."""


def in_order(judged: Mapping[int, Judged]) -> dict[int, Judged]:
    """Return the smallest distance from the hull first, those without one last."""

    def key(row: int) -> tuple[bool, float, int]:
        distance = judged[row].distance
        return distance is None, 0.0 if distance is None else distance, row

    return {row: judged[row] for row in sorted(judged, key=key)}


def ranking(
    judged: Mapping[int, Judged],
    known: frozenset[str] | None,
    *,
    most: int,
    notes: tuple[str, ...],
    beside: Sequence[Extra] = (),
    more: Sequence[Extra] = (),
) -> Listing:
    """Return materials in their order, the first one with rank 1; energies in eV/atom.

    Parameters
    ----------
    known
        Labels of the training split; None where there is none.
    most
        Rows that text shows.
    beside, more
        Further columns, behind the distance from the hull and behind the formation energy.
    """
    return Listing(
        title="Materials by distance from the hull",
        headings=(*BEFORE, *(head for head, _ in beside), FORMATION, *(head for head, _ in more), *AFTER),
        rows=tuple(
            (
                *(rank, row, label := one.material.label, Protostructure.from_canonical(label).formula),
                *(rounded(one.distance), *(of(row) for _, of in beside)),
                *(rounded(one.formation), *(of(row) for _, of in more)),
                *_way(one, known),
            )
            for rank, (row, one) in enumerate(judged.items(), 1)
        ),
        notes=(*notes, *_cut(list(judged.values()))),
        most=most,
        crystals=tuple(drawn(one.material.structure) for one in judged.values()),
    )


BEFORE = (
    Heading(key="rank", title="rank"),
    Heading(key="index", title="sample", default=False),
    Heading(key="protostructure", title="protostructure"),
    Heading(key="formula", title="formula", default=False),
    Heading(key="e_above_hull", title="E above hull", unit="eV/atom"),
)
FORMATION = Heading(key="formation_energy", title="formation energy", unit="eV/atom")
AFTER = (
    Heading(key="energy", title="energy", unit="eV/atom", default=False),
    Heading(key="decomposes_into", title="decomposes into"),
    Heading(key="tries", title="tries"),
    Heading(key="best_try", title="lowest try", default=False),
    Heading(key="agreed", title="energies agree"),
    Heading(key="after_relaxation", title="after relaxation"),
    Heading(key="relaxed_0.01", title="after relaxation, 0.01 Å", default=False),
    Heading(key="relaxed_0.1", title="after relaxation, 0.1 Å", default=False),
    Heading(key="symmetry_kept", title="symmetry kept", default=False),
    Heading(key="own_geometry", title="from the sample's own geometry", default=False),
    Heading(key="novel", title="novel", default=False),
    Heading(key="relaxed_novel", title="novel after relaxation", default=False),
    Heading(key="cpu_seconds", title="CPU time", unit="s", digits=2, default=False),
    Heading(key="reason", title="reason"),
    Heading(key="detail", title="detail", default=False),
)


def _way(one: Judged, known: frozenset[str] | None) -> tuple[Entry, ...]:
    """How the material came about."""
    material = one.material
    relaxed = material.energy is not None
    return (
        rounded(material.energy), one.products, len(material.tries), material.best or None, _agreed(one),
        after(one), material.relaxed, material.loose, material.kept if relaxed else None,
        material.tries[material.best - 1].own if material.best else None,
        None if known is None else material.label not in known,
        None if known is None or not material.relaxed else material.relaxed not in known,
        round(material.seconds, 2), *one.told,
    )  # fmt: skip


def _cut(judged: Sequence[Judged]) -> tuple[str, ...]:
    """What must be known of materials whose search the time limit has ended."""
    cut = sum(one.material.cut and one.material.energy is not None for one in judged)
    note = (
        f"Of {cut:,} of {len(judged):,} materials (reason timeout) the search ended at the time limit "
        "(energies.timeout): each has the lowest energy that was found until then, on this machine, and is tried again "
        "by the next run."
    )
    return (note,) if cut else ()


def _agreed(one: Judged) -> bool | None:
    """Whether two energies agree; None where the sample's own geometry was the only try: there was nothing to agree."""
    tries = one.material.tries
    return None if len(tries) == 1 and tries[0].own else one.material.agreed


def after(one: Judged) -> str:
    """Return the protostructure after relaxation, "the same" for the one that it began as; "" without an energy."""
    material = one.material
    if material.energy is None:
        return ""
    return "the same" if material.kept else material.relaxed or "no protostructure"


def rounded(energy: float | None) -> float | None:
    """Return an energy to 1 µeV: another machine's rounding of a linear program is not shown."""
    return None if energy is None else round(energy, 6) + 0.0  # no -0.0


def drawn(structure: RawStructure | None) -> Drawn | None:
    """Return what a picture shows of a structure, rounded to what it can."""
    if structure is None:
        return None
    return Drawn(
        cell=tuple(round(x, 3) for x in structure.lattice.ravel().tolist()),
        numbers=tuple(structure.numbers.tolist()),
        coordinates=tuple(round(x, 4) for x in structure.frac_coords.ravel().tolist()),
    )


def distance_chart(groups: Mapping[str, Sequence[Judged]]) -> tuple[Chart, ...]:
    """Return the histogram of distances from the hull of groups of materials; none where nothing has one."""
    values = {
        name: [rounded(one.distance) for one in group if one.distance is not None] for name, group in groups.items()
    }
    series = [Distribution.of(name, np.array(found), LOW, WIDTH, BINS) for name, found in values.items() if found]
    return (Chart(title="Energy above hull", unit="eV/atom", series=tuple(series)),) if series else ()
