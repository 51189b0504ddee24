"""Fill the cell: the images of listed sites, and the special positions that rounded coordinates mean.

A site that is written 0.33 0.67 0.25 and means 1/3 2/3 1/4 has images 0.03 Å apart, which are one atom. An operation
counts as one that leaves a site in place if rounding alone explains how far it moves it: coordinates with d decimals
are wrong by up to `ULPS` units of the last of them. Where a file states how many images a site has, the operations that
move it least are taken, as many as that number asks for. Either way the operations of a site form a group, and the site
is moved to where they leave it exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench_baselines._cif.operations import Group

SAME_POSITION = 0.01
"""Å. Images of one site that are closer are one atom, whatever decimals say: no two atoms are that close."""

SAME_IN_LIST = 0.05
"""Å. A listed atom that is this near to an image of another one is that image."""

NO_BOND = 0.5
"""Å. Images of one site that are farther apart are two atoms, whatever decimals say."""

ULPS = 0.7
"""Of the last decimal: 2/3 is written 0.67 or cut to 0.66."""

MIN_DECIMALS = 2
"""0.5 is not 0.5 ± 0.05: short numbers are exact, as a rule."""

MAX_IMAGES = 200_000
"""Sites times operations."""


@dataclass(frozen=True, slots=True)
class Orbits:
    """Listed sites with their images.

    Attributes
    ----------
    frac_coords
        (n, 3), the images of the first site, of the second, and so on.
    sizes
        (s,), how many images each listed site has.
    """

    frac_coords: NDArray[np.float64]
    sizes: NDArray[np.int64]


def orbits(
    frac_coords: NDArray[np.float64],
    decimals: NDArray[np.int64],
    multiplicities: NDArray[np.int64] | None,
    group: Group,
    lattice: NDArray[np.float64],
) -> Orbits:
    """Return the images of (s, 3) sites, each once, itself first; sites that meet stay two.

    Parameters
    ----------
    decimals
        (s, 3), how many the coordinates are written with.
    multiplicities
        (s,), the images that the file says each site has, if it does.
    """
    if len(group) == 1:
        return Orbits(frac_coords, np.ones(len(frac_coords), dtype=np.int64))
    doubt = ULPS * 10.0 ** -np.maximum(decimals, MIN_DECIMALS)
    images = np.einsum("mij,sj->smi", group.rotations, frac_coords) + group.translations
    moved = images - frac_coords[:, None]
    moved -= np.rint(moved)
    distance = np.linalg.norm(moved @ lattice, axis=-1)
    slack = np.einsum("mij,sj->smi", np.abs(group.rotations - np.eye(3)), doubt) + 1e-9
    still = (distance < SAME_POSITION) | ((np.abs(moved) <= slack).all(axis=-1) & (distance < NO_BOND))
    still[:, 0] = True
    found = []
    for s in range(len(frac_coords)):
        wanted = _as_stated(distance[s], group, None if multiplicities is None else int(multiplicities[s]))
        fixing = _generated(np.flatnonzero(still[s]) if wanted is None else wanted, group)
        if len(fixing) > 1 and not (distance[s][fixing] < NO_BOND).all():
            fixing = _generated(np.flatnonzero(distance[s] < SAME_POSITION), group)
        if len(fixing) == 1:
            found.append(images[s])
            continue
        place = frac_coords[s] + moved[s][fixing].mean(axis=0)
        kept = _cosets(fixing, group)
        found.append(group.rotations[kept] @ place + group.translations[kept])
    return Orbits(np.concatenate(found), np.array([len(orbit) for orbit in found]))


def _as_stated(distance: NDArray[np.float64], group: Group, multiplicity: int | None) -> NDArray[np.int64] | None:
    """Return the operations that a site with so many images stays at, if there are such."""
    if multiplicity is None or multiplicity < 1 or len(group) % multiplicity:
        return None
    count = len(group) // multiplicity
    order = np.argsort(distance, kind="stable")
    if not distance[order[count - 1]] < NO_BOND or (count < len(order) and distance[order[count]] < SAME_POSITION):
        return None
    nearest = order[:count]
    return nearest if len(_generated(nearest, group)) == count else None


def _generated(operations: NDArray[np.int64], group: Group) -> NDArray[np.int64]:
    """Return the subgroup that operations generate."""
    while len(more := np.unique(group.products[np.ix_(operations, operations)])) > len(operations):
        operations = more
    return operations if len(operations) else np.array([0])


def _cosets(subgroup: NDArray[np.int64], group: Group) -> list[int]:
    """Return one operation of each left coset, the identity first."""
    kept: list[int] = []
    covered = np.zeros(len(group), dtype=bool)
    for operation in range(len(group)):
        if not covered[operation]:
            kept.append(operation)
            covered[group.products[operation, subgroup]] = True
    return kept


def is_whole(
    frac_coords: NDArray[np.float64], numbers: NDArray[np.int64], found: Orbits, lattice: NDArray[np.float64]
) -> bool:
    """Whether a list of sites holds all their images already."""
    if len(found.frac_coords) == len(frac_coords):
        return True
    if len(frac_coords) < found.sizes.max():
        return False
    from scipy.spatial import KDTree

    elements = np.repeat(numbers, found.sizes)
    for element in np.unique(numbers):
        # Thousands of atoms on one place would make each query visit all of them.
        alike = np.unique(_wrapped(frac_coords[numbers == element]).round(6) % 1.0, axis=0)
        tree = KDTree(alike, boxsize=np.ones(3))
        for piece in _pieces(found.frac_coords[elements == element]):
            images = _wrapped(piece)
            nearest = alike[tree.query(images)[1]]
            vectors = (images - nearest - np.rint(images - nearest)) @ lattice
            if ((vectors**2).sum(axis=-1) > SAME_IN_LIST**2).any():
                return False
    return True


def _pieces(images: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
    """Yield few images, then more: in a list that lacks some, one of the first is missing, as a rule."""
    at, count = 0, 64
    while at < len(images):
        yield images[at : at + count]
        at, count = at + count, 2 * count


def _wrapped(frac_coords: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(frac_coords % 1.0 % 1.0, dtype=np.float64)  # -1e-17 % 1 is 1
