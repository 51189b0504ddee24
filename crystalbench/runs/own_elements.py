"""The elements that a potential has relaxed itself: found through the cache, kept in the folder of what they judge.

elements/POTENTIAL.jsonl    what became of each element that was asked for: its energy, its relaxed structure
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.errors import NotComputable, ReadError
from crystalbench.executors import Executors
from crystalbench.materials.candidate import Candidate, Material
from crystalbench.materials.elements import Reference, element_structures, reference_of
from crystalbench.materials.judged import Judge
from crystalbench.materials.pace import expected_of_element
from crystalbench.runs.cache import Cache, read_regular
from crystalbench.runs.energy_plan import EnergyPlan, PotentialPlan
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.materials import Materials, SearchedMaterials

SEED = 0
"""Nothing about an element is drawn at random."""


@dataclass(kw_only=True)
class OwnElements:
    """Energies of the elements by the potential that ``materials`` come from, each found once."""

    materials: Materials
    found: dict[int, Material] = field(default_factory=dict, init=False)

    def find(self, elements: Collection[int], /) -> dict[int, Reference]:
        structures = element_structures()
        wanted = [z for z in sorted(elements) if z in structures and z not in self.found]
        if wanted:
            relaxed = self.materials.find([structures[z] for z in wanted])
            self.found |= dict(zip(wanted, relaxed, strict=True))
        return {z: reference_of(z, self.found.get(z)) for z in elements}


@dataclass(frozen=True, slots=True)
class KeptElements:
    """The elements that a folder has kept, by label and digest of the structures that they began with."""

    kept: Mapping[tuple[str, str], Material]

    def find(self, candidates: Sequence[Candidate], /) -> list[Material]:
        """Return what became of each; raises `NotComputable` for one that is not there."""
        if absent := [one.label for one in candidates if (one.label, one.digest) not in self.kept]:
            raise NotComputable(f"the folder has kept no energy of the elements {', '.join(absent)}")
        return [self.kept[one.label, one.digest] for one in candidates]


def search_of_elements(
    plan: EnergyPlan,
    potential: PotentialPlan,
    cache: Cache,
    executors: Executors,
    log: Callable[[str], None] | None = None,
) -> SearchedMaterials:
    """Return what relaxes the structures of elements with a potential, unless the cache has them."""
    return SearchedMaterials(
        plan=plan.of_elements(),
        potential=potential,
        seed=SEED,
        cache=cache,
        executors=executors,
        log=log,
        what="elements",
        work=expected_of_element,
    )


def element_files(judges: Iterable[tuple[PotentialPlan, Judge]]) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the files of the elements that judges have asked for; none for those of a hull."""
    for potential, judge in judges:
        if isinstance(judge.references, OwnElements):
            found = sorted(judge.references.found.items())
            yield (
                elements_name(potential),
                "".join(json.dumps({"element": ELEMENTS[z - 1], **one.to_json()}) + "\n" for z, one in found),
            )


def elements_name(potential: PotentialPlan) -> str:
    """File of the elements by one potential, relative to a run or a discovery."""
    return f"elements/{potential.shown}.jsonl"


def kept_elements(folder: RunFolder, potential: PotentialPlan) -> KeptElements:
    """Read the elements of a folder; none where there is no file. Raises `ReadError` for a damaged line."""
    name = elements_name(potential)
    if not (folder.path / name).exists():
        return KeptElements({})
    kept: dict[tuple[str, str], Material] = {}
    for number, line in enumerate(read_regular(folder.path / name).decode("utf-8").splitlines(), 1):
        try:
            data = json.loads(line)
            del data["element"]
            material = Material.from_json(data)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ReadError(f"{folder.path / name}: line {number} is no element: {error}") from error
        kept[material.label, material.digest] = material
    return KeptElements(kept)
