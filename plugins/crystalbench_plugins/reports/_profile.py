"""What can be counted in labels: space groups, elements, numbers of elements and of atoms."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from crystalbench.crystals.wyckoff import lattice_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Counts over ``n`` materials.

    Attributes
    ----------
    spacegroups
        Materials by space-group number.
    elements
        Materials that contain an element, by its symbol: they add up to more than ``n``.
    n_elements, n_sites
        Materials by number of different elements, and by number of atoms in the primitive cell.
    """

    n: int
    spacegroups: Counter[int] = field(default_factory=Counter)
    elements: Counter[str] = field(default_factory=Counter)
    n_elements: Counter[int] = field(default_factory=Counter)
    n_sites: Counter[int] = field(default_factory=Counter)


def profile(labels: Iterable[str]) -> Profile:
    """Count what canonical labels say, without taking their orbits apart (1 µs a label)."""
    structures: Counter[tuple[int, int]] = Counter()
    elements: Counter[str] = Counter()
    n_elements: Counter[int] = Counter()
    for label in labels:
        aflow, _, names = label.partition(":")
        _, pearson, number, _ = aflow.split("_", 3)
        structures[int(number), int(pearson[2:])] += 1
        contained = names.split("-")
        elements.update(contained)
        n_elements[len(contained)] += 1
    spacegroups: Counter[int] = Counter()
    n_sites: Counter[int] = Counter()
    for (group, atoms), count in structures.items():
        spacegroups[group] += count
        n_sites[atoms // lattice_points(group)] += count
    return Profile(
        n=structures.total(), spacegroups=spacegroups, elements=elements, n_elements=n_elements, n_sites=n_sites
    )
