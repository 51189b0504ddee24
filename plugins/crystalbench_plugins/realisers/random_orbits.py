"""Random free coordinates in a random cell, from the project's own tables of Wyckoff positions.

One try draws cells until a few take all orbits, and keeps the one in which atoms touch most of their neighbours. In a
cell, orbits are placed one after the other, those with the fewest free coordinates first; each takes the first of some
random places that is far enough from all that is placed. Distances are measured from the first site of the new orbit
only: the others are its images under the group. Where no cell takes all orbits, the best one grows until nothing is too
close, up to a limit.

The volume is the sum of the elements' volumes (`crystalbench.materials.sizes`) times a random factor, which spans what
it is in real materials. Lengths scatter about those that real materials with such layers and columns of atoms have
(`crystalbench.materials.shapes`), as they do there.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import (
    Parameter,
    Parameters,
    Protostructure,
    RawStructure,
    RealiserSpec,
    Unrealised,
    UnrealisedReason,
    hookimpl,
)
from crystalbench.crystals import wyckoff
from crystalbench.crystals.coordinates import UNIT, AffineMaps, metrics, orbit
from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.geometry import nearest
from crystalbench.crystals.screen import reduced
from crystalbench.materials.realise import MIN_CLEARANCE
from crystalbench.materials.shapes import FREEDOM, CellShape, cell_shape
from crystalbench.materials.sizes import element_sizes

Array = NDArray[np.float64]

VOLUME_FACTORS = 0.883, 1.255
"""True volume over the sum of the elements' volumes: 5th and 95th percentile of materials outside the fit
(``element_sizes.json``)."""

ODDEST = 6.0
"""The ratio of two lengths is at most by this factor off what is expected; in 2 of the 13,915 materials that shapes are
fitted to it is farther off."""

COSINE = 0.4
"""Angles that symmetry leaves free are from 66 to 114 degrees."""

CELLS = 60
"""Cells in one try, at most."""

CHOICE = 8
"""Cells that take all orbits among which the best packed is chosen, at most: how many is drawn for each try, 1 to this,
so that some tries stay what chance makes them."""

PLACES = 16
"""Random places of an orbit in one cell."""

_IMAGES = np.array(list(itertools.product(range(-2, 3), repeat=3)), dtype=np.float64)

MAX_GROWTH = 2.0
"""Of the volume, where no cell takes all orbits."""


@dataclass(frozen=True, slots=True)
class _Orbit:
    """The sites of an orbit as maps of its free coordinates, and the radius of its element in Å."""

    sites: AffineMaps
    dof: int
    radius: float


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """A lattice (3, 3) in Å, the sites (m, 3) of each orbit, and the smallest clearance."""

    lattice: Array
    sites: list[Array]
    clearance: float


def propose(protostructure: Protostructure, seed: int, parameters: Parameters) -> RawStructure | Unrealised:
    """Return a structure in the conventional cell of the standard setting, atoms in the order of the orbits."""
    wanted = float(parameters["clearance"])
    group, random, sizes = protostructure.spacegroup, np.random.default_rng(seed), element_sizes()
    positions = [wyckoff.position(group, site.letter) for site in protostructure.orbits]
    elements = [NUMBERS[site.element] for site in protostructure.orbits]
    numbers = np.repeat(elements, [position.multiplicity for position in positions])
    expected = float(sizes.volumes[numbers].sum())
    if np.isnan(expected):
        unknown = sorted({ELEMENTS[z - 1] for z in elements if np.isnan(sizes.volumes[z])})
        return Unrealised(UnrealisedReason.NO_SIZE, f"no volume is known of {', '.join(unknown)}")
    orbits = [
        _Orbit(orbit(group, position.letter), position.dof, float(sizes.radii[z]))
        for position, z in zip(positions, elements, strict=True)
    ]
    shape = cell_shape(group, tuple(position.letter for position in positions))
    best, passing = _Cell(np.eye(3), [], 0.0), list[_Cell]()
    free = len(metrics(group)) + sum(position.dof for position in positions)
    choice = int(random.integers(1, CHOICE + 1)) if free > 1 else 1
    for _ in range(CELLS):
        lattice = random_lattice(group, shape, expected * random.uniform(*VOLUME_FACTORS), random)
        over = float(np.nextafter(wanted, 0.0)) if passing else best.clearance
        cell = _filled(orbits, lattice, wanted, over, random)
        if cell is None:
            continue
        best = cell
        if cell.clearance >= wanted:
            passing.append(cell)
        if len(passing) == choice:
            break
    if len(passing) > 1:
        best = max(passing, key=lambda cell: contacts(cell.lattice, cell.sites, [one.radius for one in orbits]))
    growth = max(1.0, MIN_CLEARANCE * (1 + 1e-9) / max(best.clearance, 1e-9))
    if growth**3 > MAX_GROWTH:
        detail = f"in the best of {CELLS} cells two atoms are {best.clearance:.2g} times the sum of their radii apart"
        return Unrealised(UnrealisedReason.TOO_CLOSE, detail)
    return RawStructure.of(best.lattice * growth, np.concatenate(best.sites) % 1.0, numbers)


def random_lattice(spacegroup: int, shape: CellShape, volume: float, random: np.random.Generator) -> Array:
    """Return a lattice (3, 3) of a group's conventional cell, vectors as rows in Å, with a volume in Å^3."""
    spread, most = shape.spread / np.sqrt(random.chisquare(FREEDOM) / FREEDOM), np.log(ODDEST) / 2
    metric = np.zeros((3, 3))
    for form in metrics(spacegroup):  # the diagonal ones come first
        i, j = np.argwhere(form)[0]
        if i == j:
            off = float(np.clip(spread * random.standard_normal(), -most, most))
            weight = np.exp(2 * (shape.logs[i] + off)) / form[i, i]
        else:
            weight = random.uniform(-COSINE, COSINE) * np.sqrt(metric[i, i] * metric[j, j])
        metric += weight * form
    lattice = np.linalg.cholesky(metric)
    scaled: Array = lattice * (volume / np.linalg.det(lattice)) ** (1 / 3)
    return scaled


def contacts(lattice: Array, sites: Sequence[Array], radii: Sequence[float]) -> float:
    """Return how many others an atom touches, whatever the scale: the mean over the atoms of a cell.

    With q the distances of an atom from all others over the sums of their radii, it is
    ``(sum of q^-6)^2 / (sum of q^-12)``: 12 neighbours at one distance, and all others far away, are 12. It is
    proportional to the energy of the crystal that Lennard-Jones's potential would have at the best volume.

    Parameters
    ----------
    lattice
        (3, 3), vectors as rows in Å.
    sites
        Fractional coordinates (m, 3) of the sites of each orbit.
    radii
        Of the atoms of each orbit, Å.
    """
    short = reduced(lattice)
    places = np.concatenate(sites) @ (lattice @ np.linalg.inv(short))
    all_radii = np.repeat(np.asarray(radii), [len(one) for one in sites])
    sixth = twelfth = 0.0
    begin = 0
    for one, radius in zip(sites, radii, strict=True):  # all sites of an orbit see the same
        difference = places[begin] - places
        begin += len(one)
        vectors = (difference - np.rint(difference))[:, None] + _IMAGES  # (atoms, images, 3)
        squares = ((vectors @ short) ** 2).sum(axis=2)
        squares[squares < 1e-9] = np.inf  # the atom itself
        power = ((radius + all_radii) ** 2)[:, None] / squares
        power **= 3
        sixth += len(one) * float(power.sum())
        twelfth += len(one) * float((power**2).sum())
    return sixth**2 / twelfth / len(places)


def _filled(
    orbits: list[_Orbit], lattice: Array, wanted: float, over: float, random: np.random.Generator
) -> _Cell | None:
    """Place all orbits in a cell; None as soon as its clearance is no better than ``over``."""
    short = reduced(lattice)
    to_short = lattice @ np.linalg.inv(short)
    clearance = float(np.sqrt(short[0] @ short[0])) / (2 * max(one.radius for one in orbits))
    sites: list[Array] = [np.empty((0, 3))] * len(orbits)
    placed, radii = np.empty((0, 3)), np.empty(0)
    for k in sorted(range(len(orbits)), key=lambda k: (orbits[k].dof, -orbits[k].radius)):
        if clearance <= over:
            return None
        one = orbits[k]
        free = random.random((PLACES if one.dof else 1, 3))
        tried = np.einsum("mij,pj->pmi", one.sites.matrices, free) + one.sites.shifts / UNIT
        first = tried[:, :1] @ to_short
        own = nearest(first - tried[:, 1:] @ to_short, short) / (2 * one.radius)
        others = nearest(first - placed, short) / (one.radius + radii)
        room = np.concatenate([own, others], axis=1).min(axis=1, initial=np.inf)
        far = np.flatnonzero(room >= wanted)
        chosen = int(far[0]) if len(far) else int(room.argmax())
        clearance = min(clearance, float(room[chosen]))
        sites[k] = tried[chosen]
        placed = np.concatenate([placed, sites[k] @ to_short])
        radii = np.concatenate([radii, np.full(len(sites[k]), one.radius)])
    return _Cell(lattice, sites, clearance) if clearance > over else None


@hookimpl
def crystalbench_realisers() -> Iterable[RealiserSpec]:
    clearance = Parameter(
        name="clearance",
        default=0.8,
        help="Shortest distance that is looked for, over the sum of the two covalent radii.",
    )
    return [
        RealiserSpec(
            name="random-orbits",
            version="2",
            title="Random orbits",
            description="Free coordinates and cell at random, with volumes and shapes as real materials have them.",
            propose=propose,
            parameters=(clearance,),
            default=True,
        )
    ]
