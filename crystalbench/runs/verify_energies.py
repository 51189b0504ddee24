"""The energies of a run beside those that its materials give; with ``--redraw`` some are relaxed again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from crystalbench.crystals.samples import RawStructure
from crystalbench.datasets import Dataset
from crystalbench.executors import Executors
from crystalbench.isolation import isolated
from crystalbench.materials.candidate import Material
from crystalbench.materials.elements import element_structures
from crystalbench.runs.cache import Cache
from crystalbench.runs.checks import Check, Finding, check
from crystalbench.runs.energy_book import EnergyBook, energy_files, stored
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.materials import SearchedMaterials
from crystalbench.runs.own_elements import kept_elements, search_of_elements
from crystalbench.runs.run_energies import RowMaterials, SearchedRows
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.results import Failure

AGAIN = 3
"""Materials of each replica and potential that are relaxed again."""

SAME = 1e-3
"""eV/atom between two relaxations that began alike: single precision on another machine."""


def stored_book(folder: RunFolder, energies: EnergyPlan | None, seed: int) -> EnergyBook | None:
    """Return the energies of a finished run, from the materials in its folder."""
    if energies is None:
        return None

    def rows(potential: PotentialPlan, replica: ReplicaSamples) -> RowMaterials:
        generator, _, index = replica.name.rpartition("/")
        return stored(folder, generator, int(index), potential.shown, replica)

    return EnergyBook(plan=energies, seed=seed, rows=rows, elements=partial(kept_elements, folder))


def energy_checks(folder: RunFolder, replica: ReplicaSamples, book: EnergyBook, dataset: Dataset) -> Iterator[Check]:
    """Yield a check for each file of energies of a replica, after its metrics have been computed again."""
    generator, _, index = replica.name.rpartition("/")
    for name, text in energy_files(generator, int(index), replica, book, dataset):
        path = folder.path / name
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        yield check(name, "" if same else "is not what the materials of the run give")


def relaxed_again(
    replica: ReplicaSamples,
    book: EnergyBook,
    executors: Executors,
    own: Callable[[Sequence[int]], Mapping[int, RawStructure]],
) -> Iterator[Check]:
    """Relax a few materials of a replica again, drawn with the seed of the run."""
    for potential in book.plan.potentials:
        all_ = book.of(potential, replica).all
        judged = {row: one for row, one in all_.items() if one.material.tries and not one.material.repeated}
        if not judged:
            continue
        what = f"{replica.name} relaxed again with {potential.shown}"
        if absent := not_there(potential):
            yield Check(what, Finding.NOT_CHECKED, absent)
            continue
        drawn = np.random.default_rng(book.seed).permutation(list(judged))[:AGAIN].tolist()
        again = isolated("relax", potential.spec.name, partial(_again, book, potential, executors, replica, drawn, own))
        if isinstance(again, Failure):
            yield Check(what, Finding.DIFFERS, f"failed: {again.error}")
            continue
        pairs = [(judged[row].material, material) for row, material in zip(drawn, again, strict=True)]
        yield check(what, "; ".join(problem for before, now in pairs if (problem := difference(before, now))))


def elements_again(folder: RunFolder, plan: EnergyPlan, executors: Executors, seed: int) -> Iterator[Check]:
    """Relax a few elements again with each potential whose references are its own, drawn with the seed of the run."""
    for potential in plan.potentials:
        kept = [one for one in kept_elements(folder, potential).kept.values() if one.tries and not one.repeated]
        if not kept:
            continue
        what = f"elements relaxed again with {potential.shown}"
        if absent := not_there(potential):
            yield Check(what, Finding.NOT_CHECKED, absent)
            continue
        some = [kept[place] for place in np.random.default_rng(seed).permutation(len(kept))[:AGAIN]]
        structures = {(one.label, one.digest): one for one in element_structures().values()}
        with TemporaryDirectory() as nothing:
            search = search_of_elements(plan, potential, Cache(Path(nothing)), executors)
            wanted = [structures[one.label, one.digest] for one in some if (one.label, one.digest) in structures]
            again = isolated("relax", potential.spec.name, partial(search.find, wanted))
        if isinstance(again, Failure) or len(wanted) < len(some):
            failed = again.error if isinstance(again, Failure) else "one is of another structure than the table has"
            yield Check(what, Finding.DIFFERS, f"failed: {failed}")
            continue
        pairs = zip(some, again, strict=True)
        yield check(what, "; ".join(problem for before, now in pairs if (problem := difference(before, now))))


def not_there(potential: PotentialPlan) -> str:
    """Why nothing can be relaxed again with a potential that was planned from a manifest; "" where it can."""
    if missing := potential.spec.missing(potential.parameters):
        return missing
    same = potential.spec.identity(potential.parameters) == potential.identity
    return "" if same else f"potential {potential.spec.name} has other weights now"


def _again(
    book: EnergyBook,
    potential: PotentialPlan,
    executors: Executors,
    replica: ReplicaSamples,
    rows: Sequence[int],
    own: Callable[[Sequence[int]], Mapping[int, RawStructure]],
) -> list[Material]:
    with TemporaryDirectory() as nothing:
        search = SearchedMaterials(
            plan=book.plan, potential=potential, seed=book.seed, cache=Cache(Path(nothing)), executors=executors
        )
        return SearchedRows(samples=replica.asked, own=own, materials=search).of(rows)


def difference(before: Material, now: Material) -> str:
    """What must come out the same: the energy, the protostructure and the reason."""
    if (before.energy is None) != (now.energy is None) or before.reason is not now.reason:
        return f"{before.label}: {before.reason or before.energy}, now {now.reason or now.energy}"
    if before.energy is not None and now.energy is not None and abs(before.energy - now.energy) > SAME:
        return f"{before.label}: {before.energy:.4f} eV/atom, now {now.energy:.4f}"
    return ""
