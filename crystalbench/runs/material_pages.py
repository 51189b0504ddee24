"""What reports show of the materials of a run: the best of each generator's first replica, and their distances."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from crystalbench.datasets import Dataset
from crystalbench.materials.judged import Judged
from crystalbench.runs.beside import Beside, agreement, scatter
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
    found: dict[str, tuple[Page, ...]] = {}
    for name in firsts:
        potentials = [
            Beside(name=potential.spec.name, title=potential.spec.title, basis=plan.basis(potential), judged=rows)
            for potential in plan.potentials
            if (rows := judged(potential, name))
        ]
        if potentials:
            first, *others = potentials
            found[name] = _page(first, known), *(_page(other, known, first) for other in others)
    return found


def _page(by: Beside, known: frozenset[str] | None, first: Beside | None = None) -> Page:
    """Return the best materials of a potential, and how far it agrees with the first one."""
    groups = {"relaxed": list(by.judged.values())}
    if known is not None:
        groups["novel"] = [one for one in by.judged.values() if one.material.label not in known]
    once = _once(by)
    listing = ranking(in_order(once.judged), known, most=BEST, notes=(f"Energies: {by.basis}.",))
    page = Page(title=by.title, listings=(listing,), charts=distance_chart(groups))
    if first is None or not (common := once.judged.keys() & first.judged.keys()):
        return page
    one, two = (replace(each, judged={row: each.judged[row] for row in sorted(common)}) for each in (first, once))
    return replace(page, listings=(listing, agreement(one, two)), scatters=scatter(one, two))


def _once(by: Beside) -> Beside:
    """Return each material once, as its first sample."""
    first: dict[tuple[str, str], int] = {}
    for row, one in sorted(by.judged.items()):
        first.setdefault((one.material.label, one.material.digest), row)
    return replace(by, judged={row: by.judged[row] for row in first.values()})
