"""What reports show of the materials of a run: the best of each generator's first replica, and their distances."""

from collections.abc import Callable, Mapping

from crystalbench.datasets import Dataset
from crystalbench.materials.judged import Judged
from crystalbench.runs.energy_book import EnergyBook, stored
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.ranking import distance_chart, in_order, ranking
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.listing import Page

BEST = 20
"""Materials that a report shows of each generator; the folder has all."""

Firsts = Mapping[str, ReplicaSamples]
"""The first replica of each generator that could be drawn."""


def pages_of(book: EnergyBook | None, firsts: Firsts, dataset: Dataset) -> dict[str, tuple[Page, ...]]:
    """Return the pages of each generator, one for each potential, of what metrics have asked for."""

    def judged(potential: PotentialPlan, name: str) -> Mapping[int, Judged]:
        found = {} if book is None else book.energies(firsts[name].name)
        return found[potential.shown].all if potential.shown in found else {}

    return {} if book is None else _pages(book.plan, firsts, dataset, judged)


def stored_pages(
    folder: RunFolder, book: EnergyBook | None, firsts: Firsts, dataset: Dataset
) -> dict[str, tuple[Page, ...]]:
    """Return the same from the materials in the folder of a run; ``book`` judges them."""

    def judged(potential: PotentialPlan, name: str) -> Mapping[int, Judged]:
        if book is None:
            return {}
        judge, kept = book.judge(potential), stored(folder, name, 0, potential.shown, firsts[name])
        return {row: judge.judge(material) for row, material in kept.by_row.items()}

    return {} if book is None else _pages(book.plan, firsts, dataset, judged)


def _pages(
    plan: EnergyPlan,
    firsts: Firsts,
    dataset: Dataset,
    judged: Callable[[PotentialPlan, str], Mapping[int, Judged]],
) -> dict[str, tuple[Page, ...]]:
    known = dataset.train.label_set if "train" in dataset.spec.splits else None
    found = {
        name: tuple(
            _page(rows, known, potential.spec.title, plan.basis(potential))
            for potential in plan.potentials
            if (rows := judged(potential, name))
        )
        for name in firsts
    }
    return {name: pages for name, pages in found.items() if pages}


def _page(rows: Mapping[int, Judged], known: frozenset[str] | None, potential: str, basis: str) -> Page:
    once: dict[tuple[str, str], int] = {}
    for row, one in sorted(rows.items()):
        once.setdefault((one.material.label, one.material.digest), row)
    best = in_order({row: rows[row] for row in once.values()})
    groups = {"relaxed": list(rows.values())}
    if known is not None:
        groups["novel"] = [one for one in rows.values() if one.material.label not in known]
    listing = ranking(best, known, most=BEST, notes=(f"Energies: {basis}.",))
    return Page(title=potential, listings=(listing,), charts=distance_chart(groups))
