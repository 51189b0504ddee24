"""The energies of all replicas of a run, and the files of its folder that hold them.

elements/POTENTIAL.jsonl            the elements, where references are the potential's own (`own_elements`)
materials/NAME.R.POTENTIAL.jsonl    every material of replica R: tries, energy, relaxed structure
scores/NAME.R.csv                   every sample of replica R: novel, duplicate, energies, reason (`SCORE_FIELDS`)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crystalbench.datasets import Dataset
from crystalbench.isolation import required
from crystalbench.materials.elements import ElementEnergies, HullElements, References
from crystalbench.materials.judged import Judge
from crystalbench.runs.cache import Cache, read_regular
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan
from crystalbench.runs.folder import RunFolder, csv_text, samples_name
from crystalbench.runs.materials import Materials, SearchedMaterials
from crystalbench.runs.own_elements import OwnElements, element_files, search_of_elements
from crystalbench.runs.plan import Plan
from crystalbench.runs.run_energies import (
    SCORE_FIELDS,
    ReplicaEnergies,
    RowMaterials,
    SearchedRows,
    StoredRows,
    materials_text,
    score_rows,
    stored_rows,
)
from crystalbench.runs.stream import Convert, ReplicaSamples, Stream


@dataclass(kw_only=True)
class EnergyBook:
    """What metrics are given their energies from.

    Attributes
    ----------
    rows
        Where the materials of a replica come from.
    elements
        Where those of the elements come from, with references of the potential's own.
    """

    plan: EnergyPlan
    seed: int
    rows: Callable[[PotentialPlan, ReplicaSamples], RowMaterials]
    elements: Callable[[PotentialPlan], Materials]
    _judges: dict[str, Judge] = field(default_factory=dict, init=False)
    _replicas: dict[tuple[str, str], ReplicaEnergies] = field(default_factory=dict, init=False)

    def of(self, potential: PotentialPlan, replica: ReplicaSamples) -> ReplicaEnergies:
        """Return the energies of a replica by one potential; what was judged once is kept."""
        key = replica.name, potential.shown
        if key not in self._replicas:
            self._replicas[key] = ReplicaEnergies(
                samples=replica.asked,
                materials=self.rows(potential, replica),
                judge=self.judge(potential),
                seed=self.seed,
                at_most=self.plan.config.at_most,
            )
        return self._replicas[key]

    def judge(self, potential: PotentialPlan) -> Judge:
        """Return what judges the energies of a potential."""
        if potential.shown not in self._judges:
            self._judges[potential.shown] = judge_of(self.plan, potential, self.elements)
        return self._judges[potential.shown]

    @property
    def element_files(self) -> Iterator[tuple[str, str]]:
        """Names and texts of the files of the elements that materials were judged by."""
        asked = ((one, self._judges[one.shown]) for one in self.plan.potentials if one.shown in self._judges)
        return element_files(asked)

    def energies(self, replica: str) -> dict[str, ReplicaEnergies]:
        """Return the energies of a replica that metrics asked for, by the shown name of the potential."""
        return {shown: one for (name, shown), one in self._replicas.items() if name == replica}


def judge_of(plan: EnergyPlan, potential: PotentialPlan, elements: Callable[[PotentialPlan], Materials]) -> Judge:
    """Load the hull; unless ``elements`` are to be the potential's own, its references are those of materials, too."""
    hull = required("load", f"hull {plan.hull.spec.name}", lambda: plan.hull.spec.load(plan.hull.parameters))
    if plan.config.references is References.OWN:
        references: ElementEnergies = OwnElements(materials=elements(potential))
    else:
        references = HullElements(hull.references)
    return Judge(hull=hull, references=references, scheme=potential.spec.energy_scheme)


def energy_book(
    plan: Plan, dataset: Dataset, convert: Convert, cache: Cache, log: Callable[[str], None]
) -> EnergyBook | None:
    """Return where the metrics of a run get energies from; None where no metric needs them."""
    energies = plan.energies
    if energies is None:
        return None
    streams = {
        stream.name: stream
        for generator in plan.generators
        for replica in generator.replicas
        for stream in [Stream(generator, replica, dataset, cache, convert, lambda *_: None)]
    }

    def rows(potential: PotentialPlan, replica: ReplicaSamples) -> SearchedRows:
        materials = SearchedMaterials(
            plan=energies,
            potential=potential,
            seed=plan.config.seed,
            cache=cache,
            executors=plan.config.executors,
            log=log,
        )
        return SearchedRows(
            samples=replica.asked,
            own=streams[replica.name].coordinates,
            materials=materials,
            references=book.judge(potential).references,
        )

    def elements(potential: PotentialPlan) -> SearchedMaterials:
        return search_of_elements(energies, potential, cache, plan.config.executors, log)

    book = EnergyBook(plan=energies, seed=plan.config.seed, rows=rows, elements=elements)
    return book


def energy_files(
    generator: str, index: int, replica: ReplicaSamples, book: EnergyBook, dataset: Dataset
) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the files of one replica that hold energies; none where nothing was judged."""
    energies = book.energies(replica.name)
    if not energies:
        return
    for shown, one in energies.items():
        yield materials_name(generator, index, shown), materials_text(one.all)
    known = dataset.train.label_set if "train" in dataset.spec.splits else None
    yield scores_name(generator, index), csv_text(SCORE_FIELDS, score_rows(replica.asked, known, energies))


def materials_name(generator: str, replica: int, potential: str) -> str:
    """File of the materials of one replica by one potential, relative to the run."""
    stem = samples_name(generator, replica).removeprefix("samples/").removesuffix(".csv")
    return f"materials/{stem}.{potential}.jsonl"


def scores_name(generator: str, replica: int) -> str:
    """File of the scores of each sample of one replica, relative to the run."""
    return samples_name(generator, replica).replace("samples/", "scores/", 1)


def stored(folder: RunFolder, generator: str, index: int, potential: str, replica: ReplicaSamples) -> StoredRows:
    """Read the materials that a run has kept of one replica; none where there is no file."""
    name = materials_name(generator, index, potential)
    if not (folder.path / name).exists():
        return StoredRows({})
    return stored_rows(read_regular(folder.path / name).decode("utf-8"), name, replica.asked)
