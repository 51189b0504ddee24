"""Generators whose order in every metric is known: a metric that ranks them otherwise is wrong.

============ ====================================== ================= ============================ ================
generator    novelty                                prototype novelty uniqueness                   FWD
============ ====================================== ================= ============================ ================
train        0                                      0                 as often as the training set about its floor
test         1 where splits share no protostructure low               as the test split            about its floor
element-swap high                                   0                 near 1                       over ten times
random       near 1                                 high              near 1                       over ten times
============ ====================================== ================= ============================ ================

None of them knows chemistry beyond how often an element occurs: ``element-swap`` and ``random`` are floors for a
model to beat. Chunk ``k`` depends on the split, the seed and ``k`` alone. All but ``test`` rest on the split that
distributions are compared with: the training split where the dataset has one.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from crystalbench import (
    DatasetError,
    DatasetSpec,
    Draw,
    GeneratorSpec,
    Given,
    Protostructure,
    SamplerInput,
    Scale,
    Split,
    hookimpl,
)
from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table

CHUNK = 250


class _Reference(ABC):
    """A sampler over one split of the run's dataset: the one that distributions are compared with."""

    def __init__(self, given: SamplerInput) -> None:
        self.seed = given.seed
        self.table = given.dataset.table
        split = self.split(given.dataset.spec)
        self.rows: Split = given.dataset.split(split)
        if not len(self.rows):
            raise DatasetError(f"split {split!r} of dataset {given.dataset.name!r} is empty")
        self.prepare()

    def split(self, dataset: DatasetSpec) -> str:
        """Return the name of the split."""
        return dataset.reference

    @abstractmethod
    def prepare(self) -> None:
        """Count what `items` needs."""

    def draw(self, chunk: int) -> Draw | None:
        items = self.items(chunk)
        return Draw(tuple(items)) if items else None  # untimed: looking rows up says nothing of any generator's speed

    @abstractmethod
    def items(self, chunk: int) -> list[Protostructure]:
        """Return the samples of a chunk; none once the stream has ended."""

    def random(self, number: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([self.seed, number]))

    def row(self, number: int) -> Protostructure:
        return Protostructure.from_canonical(self.rows.labels[number], self.table)


class TrainingCopy(_Reference):
    """Rows of the reference split, shuffled; once all are used, all of them again in another order."""

    def prepare(self) -> None:
        self._order = lru_cache(maxsize=2)(lambda epoch: self.random(epoch).permutation(len(self.rows)))

    def items(self, chunk: int) -> list[Protostructure]:
        places = (divmod(place, len(self.rows)) for place in range(chunk * CHUNK, (chunk + 1) * CHUNK))
        return [self.row(self._order(epoch)[place]) for epoch, place in places]


class HeldOut(_Reference):
    """Rows of the held-out split, shuffled; the stream ends with them."""

    def split(self, dataset: DatasetSpec) -> str:
        if not dataset.held_out:
            raise DatasetError(f"dataset {dataset.name!r} has no held-out split")
        return dataset.held_out

    def prepare(self) -> None:
        self._order = self.random(0).permutation(len(self.rows))

    def items(self, chunk: int) -> list[Protostructure]:
        return [self.row(place) for place in self._order[chunk * CHUNK : (chunk + 1) * CHUNK]]


@dataclass(frozen=True, eq=False)
class Marginal:
    """How often each of some values occurs.

    Attributes
    ----------
    values
        Sorted, so that the order of the counted rows does not matter.
    counts
        (n,) int64, all positive.
    """

    values: tuple[str, ...]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, counts: Counter[str]) -> "Marginal":
        values = tuple(sorted(counts))
        return cls(values, np.array([counts[value] for value in values], dtype=np.int64))

    @cached_property
    def _cumulative(self) -> NDArray[np.int64]:
        return np.cumsum(self.counts)

    def draw(self, random: np.random.Generator, allowed: NDArray[np.bool_] | None = None) -> int:
        """Draw the place of one value in proportion to its count, among the ``allowed`` (n,) ones."""
        cumulative = self._cumulative if allowed is None else np.cumsum(self.counts * allowed)
        # integers: a value of count 0 is never drawn, which rounding could not promise
        return int(np.searchsorted(cumulative, random.integers(cumulative[-1]), side="right"))

    def draw_distinct(self, n: int, random: np.random.Generator) -> list[str]:
        """Draw ``n`` different values, each in proportion to the counts of those left."""
        left = np.ones(len(self.values), dtype=np.bool_)
        drawn: list[str] = []
        for _ in range(n):
            place = self.draw(random, left)
            left[place] = False
            drawn.append(self.values[place])
        return drawn


def element_marginal(split: Split) -> Marginal:
    """Count in how many rows each element occurs."""
    chemsys = Counter(label.partition(":")[2] for label in split.labels)
    counts: Counter[str] = Counter()
    for system, n in chemsys.items():
        for element in system.split("-"):
            counts[element] += n
    return Marginal.of(counts)


class ElementSwap(_Reference):
    """A training row with its elements replaced by different ones at the training frequencies.

    The prototype stays; a row of as many elements as occur in the training set keeps them in another order.
    """

    def prepare(self) -> None:
        self.elements = element_marginal(self.rows)

    def items(self, chunk: int) -> list[Protostructure]:
        random = self.random(chunk)
        return [self._swapped(row, random) for row in random.integers(len(self.rows), size=CHUNK).tolist()]

    def _swapped(self, row: int, random: np.random.Generator) -> Protostructure:
        given = self.row(row)
        drawn = self.elements.draw_distinct(len(given.elements), random)
        new = dict(zip(given.elements, drawn, strict=True))
        orbits = [(new[orbit.element], orbit.letter) for orbit in given.orbits]
        return Protostructure(given.spacegroup, orbits, self.table)


@dataclass(frozen=True, eq=False, slots=True)
class GroupMarginals:
    """What the training rows of one space group have in common.

    Attributes
    ----------
    sizes
        Orbits and elements per row, as ``"4 3"``.
    letters
        Wyckoff letters of the orbits.
    multiplicity, reusable
        (letters,) sites in the conventional cell, and whether more than one orbit fits.
    max_atoms
        Atoms in the largest conventional cell.
    """

    sizes: Marginal
    letters: Marginal
    multiplicity: NDArray[np.int64]
    reusable: NDArray[np.bool_]
    max_atoms: int

    @classmethod
    def of(cls, spacegroup: int, sizes: Counter[str], letters: Counter[str], max_atoms: int) -> "GroupMarginals":
        used = Marginal.of(letters)
        positions = [wyckoff.position(spacegroup, letter) for letter in used.values]
        return cls(
            Marginal.of(sizes),
            used,
            np.array([position.multiplicity for position in positions]),
            np.array([position.dof > 0 for position in positions]),
            max_atoms,
        )


def group_marginals(split: Split, table: Table) -> tuple[Marginal, dict[str, GroupMarginals]]:
    """Count space groups and, in each, orbits and elements per row, letters and the largest conventional cell.

    Rows that differ only in their elements are counted together, so this costs a parse per AFLOW label (6,561 in
    WBM), not per row.
    """
    representative: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for label in split.labels:
        aflow = label.partition(":")[0]
        counts[aflow] += 1
        representative.setdefault(aflow, label)
    groups: Counter[str] = Counter()
    sizes: dict[str, Counter[str]] = {}
    letters: dict[str, Counter[str]] = {}
    largest: Counter[str] = Counter()
    for aflow, n in counts.items():
        known = Protostructure.from_canonical(representative[aflow], table)
        group = str(known.spacegroup)
        groups[group] += n
        sizes.setdefault(group, Counter())[f"{len(known.orbits)} {len(known.elements)}"] += n
        for orbit in known.orbits:
            letters.setdefault(group, Counter())[orbit.letter] += n
        largest[group] = max(largest[group], known.n_atoms)
    marginals = {group: GroupMarginals.of(int(group), sizes[group], letters[group], largest[group]) for group in groups}
    return Marginal.of(groups), marginals


class RandomOrbits(_Reference):
    """A space group at its training frequency, and in it orbits one by one, their letters and elements at random.

    The numbers of orbits and of elements and the letters follow the frequencies in that group, the elements those in
    the whole training set; which orbits have which element is left to chance. A letter that cannot be used (a
    position without free coordinates that is taken, or more atoms than the largest training cell of the group) is
    left out of the draw; where no letter is left the structure has fewer orbits. So every sample is a legal
    protostructure and none is rejected. Of 10,000 from WBM, 101 are no crystals: their orbits always have a higher
    symmetry (`crystalbench.crystals.higher_symmetry`), and the run counts them as invalid.
    """

    def prepare(self) -> None:
        self.elements = element_marginal(self.rows)
        self.groups, self.marginals = group_marginals(self.rows, self.table)

    def items(self, chunk: int) -> list[Protostructure]:
        random = self.random(chunk)
        return [self._random(random) for _ in range(CHUNK)]

    def _random(self, random: np.random.Generator) -> Protostructure:
        group = self.groups.values[self.groups.draw(random)]
        marginals = self.marginals[group]
        n_orbits, n_elements = map(int, marginals.sizes.values[marginals.sizes.draw(random)].split())
        letters = self._letters(marginals, n_orbits, random)
        elements = self.elements.draw_distinct(min(n_elements, len(letters)), random)
        # each element once, then any of them
        given = elements + [elements[k] for k in random.integers(len(elements), size=len(letters) - len(elements))]
        places = random.permutation(len(letters)).tolist()
        orbits = [(given[place], letter) for place, letter in zip(places, letters, strict=True)]
        return Protostructure(int(group), orbits, self.table)

    def _letters(self, group: GroupMarginals, n_orbits: int, random: np.random.Generator) -> list[str]:
        free = np.ones(len(group.letters.values), dtype=np.bool_)
        room = group.max_atoms
        drawn: list[str] = []
        for _ in range(n_orbits):
            allowed = free & (group.multiplicity <= room)
            if not allowed.any():
                break
            place = group.letters.draw(random, allowed)
            free[place] = group.reusable[place]
            room -= group.multiplicity[place]
            drawn.append(group.letters.values[place])
        return drawn


SCALE: Mapping[type[_Reference], Scale] = {
    TrainingCopy: Scale.REFERENCE,
    HeldOut: Scale.HELD_OUT,
    RandomOrbits: Scale.CHANCE,
}


GIVEN: Mapping[type[_Reference], Mapping[Given, str]] = {
    ElementSwap: dict.fromkeys(Given, "those of reference rows"),
    RandomOrbits: dict.fromkeys((Given.SPACEGROUPS, Given.SITES), "drawn at the frequencies of the reference rows"),
}


@hookimpl
def crystalbench_generators() -> Iterable[GeneratorSpec]:
    described = (
        ("train", "Training copy", TrainingCopy, "rows of the training split, shuffled: novelty 0"),
        ("test", "Held-out test set", HeldOut, "rows of the test split, shuffled: what a perfect model would give"),
        ("element-swap", "Element swap", ElementSwap, "training prototypes with other elements"),
        ("random", "Random orbits", RandomOrbits, "orbits and elements at random, at the training frequencies"),
    )
    return [
        GeneratorSpec(
            name=name,
            version="2",
            title=title,
            description=description,
            start=start,
            chunk_size=CHUNK,
            reference=True,
            scale=SCALE.get(start),
            given=GIVEN.get(start, {}),
        )
        for name, title, start, description in described
    ]
