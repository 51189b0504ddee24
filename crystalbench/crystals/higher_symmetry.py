"""Protostructures that cannot exist: whatever their free coordinates and lattice, the symmetry is higher than stated.

``AB_cF16_225_ab_c`` is one: its three orbits have no free coordinate, and together they are the CsCl structure, whose
group is 221. A crystal with these orbits in *its* group 225 does not exist.

The symmetry of a protostructure is what *all* crystals have that it describes: the group H of the isometries that map
the orbits of each element onto themselves, for generic free coordinates and a generic lattice of the crystal family.
H contains the stated group G; the protostructure is possible where H is G. What only some lattice or some coordinates
have (a tetragonal cell with c = a, an x of 1/4) is no symmetry of it.

H is found exactly:

* coordinates are integers modulo 24 times a prime, and free coordinates are random ones: positions that coincide
  modulo the lattice do so in integers, not within a tolerance;
* the linear part of an isometry that every lattice of the family has is one of at most 48 matrices
  (`crystalbench.crystals.coordinates.holohedry`);
* an isometry ``(P, t)`` maps a point p of the smallest class of atoms to a point of that class, which may be taken to
  be the first one of an orbit, r_j, since G moves it there. So ``t = r_j - P p``: for each P as many candidates as the
  class has orbits, and each is in G or a proof of higher symmetry.

What holds for generic coordinates holds for all, so nothing is missed. A coincidence of the random coordinates could
pass for a symmetry; therefore three independent draws must agree.
"""

import functools

import numpy as np

from crystalbench.crystals import symmetry
from crystalbench.crystals.coordinates import UNIT, IntArray, holohedry, metrics, operations, orbit
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.prototype import Parts
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure
from crystalbench.crystals.symmetry import Backend

PRIME = 87_359
SCALE = UNIT * PRIME
"""Coordinates are multiples of 1/SCALE; three of them fit into one integer of 63 bits."""

DRAWS = 3
"""Draws of the free coordinates that must agree on a higher symmetry."""

MOST_NAMED = 500
"""Atoms in the cell; the true protostructure of more is not looked for. No row of the bundled datasets has over 160."""

ATTEMPTS = 5  # spglib 2.8.0 found no symmetry in 1 of 4,600 realised crystals, and found it in the next one
SYMPREC = 1e-3  # Å; realised crystals have some 10 Å between atoms

_PACK = np.array([1, SCALE, SCALE * SCALE], dtype=np.int64)


def checked(protostructure: Protostructure) -> Converted:
    """Return a protostructure that somebody states, or why no crystal has it.

    The true protostructure is in the detail, and only there. With it in the sample's place a generator's fault would be
    mended in silence, and its space groups would be counted as others than it chose.
    """
    if is_possible(protostructure):
        return protostructure
    true = true_protostructure(protostructure) if protostructure.n_atoms <= MOST_NAMED else None
    really = f"; it is really {true}" if true else ""
    detail = f"{protostructure} has a higher symmetry whatever its coordinates and lattice{really}"
    return Invalid(InvalidReason.HIGHER_SYMMETRY, detail)


def is_possible(protostructure: Protostructure) -> bool:
    """Return whether some crystal of the stated space group has these orbits; elements matter only as colours."""
    parts: dict[str, str] = {}
    for site in protostructure.orbits:
        parts[site.element] = parts.get(site.element, "") + site.letter
    return not has_higher_symmetry(protostructure.spacegroup, tuple(sorted(parts.values())))


@functools.lru_cache(maxsize=1 << 16)
def has_higher_symmetry(spacegroup: int, parts: Parts) -> bool:
    """Return whether all crystals with these orbits have more symmetry than the space group.

    Parameters
    ----------
    spacegroup
        Space-group number.
    parts
        Letters of the orbits of each element; the order of the elements has no meaning.
    """
    return all(_finds_higher(spacegroup, parts, np.random.default_rng(draw)) for draw in range(DRAWS))


def _finds_higher(spacegroup: int, parts: Parts, random: np.random.Generator) -> bool:
    """Look for an isometry beyond the group, at one draw of the free coordinates."""
    classes = [
        [orbit(spacegroup, letter).at(random.integers(SCALE, size=3), PRIME) for letter in part] for part in parts
    ]
    classes.sort(key=lambda orbits: sum(map(len, orbits)))
    firsts = [np.array([sites[0] for sites in orbits]) for orbits in classes]  # (orbits, 3) of each class
    codes = [np.sort(np.concatenate(orbits) @ _PACK) for orbits in classes]
    everything = [np.concatenate(orbits) for orbits in classes]
    matrices, shifts = _candidates(spacegroup, firsts[0])
    # One site of each class sorts most of them out, one of each orbit nearly all of the others.
    for points, known in zip([*(f[-1:] for f in firsts), *firsts, *everything], codes * 3, strict=True):
        kept = _lands(matrices, shifts, points, known)
        matrices, shifts = matrices[kept], shifts[kept]
        if not len(matrices):
            return False
    return True


def _candidates(spacegroup: int, firsts: IntArray) -> tuple[IntArray, IntArray]:
    """Return isometries (n, 3, 3), (n, 3) outside the group that take the first of some points to one of them."""
    linear = holohedry(spacegroup)
    shifts = (firsts[:, None, :] - linear @ firsts[0]) % SCALE  # (points, matrices, 3)
    outside = np.ones(shifts.shape[:2], dtype=np.bool_)
    group = operations(spacegroup)
    # Only the first point can be taken to itself by the group: the others are in orbits of their own.
    same = (linear[:, None] == group.matrices).all(axis=(2, 3))
    same &= (shifts[0][:, None] == group.shifts * PRIME).all(axis=2)
    outside[0] = ~same.any(axis=1)
    point, matrix = np.nonzero(outside)
    return linear[matrix], shifts[point, matrix]


def _lands(matrices: IntArray, shifts: IntArray, points: IntArray, known: IntArray) -> IntArray:
    """Return for each of n isometries whether it takes all points (m, 3) to sites with the sorted codes ``known``."""
    images = (np.einsum("nij,mj->nmi", matrices, points) + shifts[:, None]) % SCALE @ _PACK
    places = np.minimum(np.searchsorted(known, images), len(known) - 1)
    landed: IntArray = (known[places] == images).all(axis=1)
    return landed


def realised(protostructure: Protostructure, seed: int) -> RawStructure:
    """Return a crystal with these orbits: random free coordinates, a random lattice of the crystal family.

    The lattice is no more than 40 % from its family's roundest, and has 1,000 Å^3 per atom: nothing is near anything.
    """
    random = np.random.default_rng(seed)
    spacegroup = protostructure.spacegroup
    points: list[IntArray] = []
    numbers: list[int] = []
    for site in protostructure.orbits:
        sites = orbit(spacegroup, site.letter).at(random.integers(SCALE, size=3), PRIME)
        points.append(sites)
        numbers += [ELEMENTS.index(site.element) + 1] * len(sites)
    forms = metrics(spacegroup)
    diagonal = forms[:, range(3), range(3)].any(axis=1)
    weights = np.where(diagonal, random.uniform(0.7, 1.4, len(forms)), random.uniform(0.05, 0.3, len(forms)))
    lattice = np.linalg.cholesky(np.tensordot(weights, forms, 1))
    lattice *= (1000 * len(numbers) / np.linalg.det(lattice)) ** (1 / 3)
    return RawStructure.of(lattice, np.concatenate(points) / SCALE, numbers)


def true_protostructure(protostructure: Protostructure) -> Protostructure | None:
    """Return what a crystal of these orbits really is, by spglib on realised ones, or None where that is not clear."""
    for seed in range(ATTEMPTS):
        structure = realised(protostructure, seed)
        found = symmetry.protostructure(structure, Backend.SPGLIB, SYMPREC, -1.0, protostructure.table)
        if not isinstance(found, Invalid) and is_possible(found):
            return found
    return None
