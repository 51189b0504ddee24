"""Random free coordinates in a random cell, from the project's own tables of Wyckoff positions.

One try draws cells until one takes all orbits. In a cell, orbits are placed one after the other, those with the fewest
free coordinates first; each takes the first of some random places that is far enough from all that is placed. Distances
are measured from the first site of the new orbit only: the others are its images under the group. Where no cell takes
all orbits, the best one grows until nothing is too close, up to a limit.

The volume is the sum of the elements' volumes (`crystalbench.materials.sizes`) times a random factor, which spans what
it is in real materials.
"""

from collections.abc import Iterable
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
from crystalbench.materials.sizes import element_sizes

Array = NDArray[np.float64]

VOLUME_FACTORS = 0.883, 1.255
"""True volume over the sum of the elements' volumes: 5th and 95th percentile of materials outside the fit
(``element_sizes.json``)."""

LENGTHS = 3.0
"""Lengths that symmetry leaves free differ by up to this factor from equal ones, log-uniformly: c/a from 1/9 to 9."""

COSINE = 0.4
"""Angles that symmetry leaves free are from 66 to 114 degrees."""

CELLS = 60
"""Cells in one try, at most."""

PLACES = 16
"""Random places of an orbit in one cell."""

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
    best = _Cell(np.eye(3), [], 0.0)
    for _ in range(CELLS):
        lattice = random_lattice(group, expected * random.uniform(*VOLUME_FACTORS), random)
        best = _filled(orbits, lattice, wanted, best.clearance, random) or best
        if best.clearance >= wanted:
            break
    growth = max(1.0, MIN_CLEARANCE * (1 + 1e-9) / max(best.clearance, 1e-9))
    if growth**3 > MAX_GROWTH:
        detail = f"in the best of {CELLS} cells two atoms are {best.clearance:.2g} times the sum of their radii apart"
        return Unrealised(UnrealisedReason.TOO_CLOSE, detail)
    return RawStructure.of(best.lattice * growth, np.concatenate(best.sites) % 1.0, numbers)


def random_lattice(spacegroup: int, volume: float, random: np.random.Generator) -> Array:
    """Return a lattice (3, 3) of a group's conventional cell, vectors as rows in Å, with a volume in Å^3."""
    metric = np.zeros((3, 3))
    for form in metrics(spacegroup):  # the diagonal ones come first
        i, j = np.argwhere(form)[0]
        if i == j:
            weight = LENGTHS ** random.uniform(-2, 2)  # of a square of a length
        else:
            weight = random.uniform(-COSINE, COSINE) * np.sqrt(metric[i, i] * metric[j, j])
        metric += weight * form
    lattice = np.linalg.cholesky(metric)
    scaled: Array = lattice * (volume / np.linalg.det(lattice)) ** (1 / 3)
    return scaled


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
            version="1",
            title="Random orbits",
            description="Free coordinates and cell at random, volume from the elements' volumes in real materials.",
            propose=propose,
            parameters=(clearance,),
            default=True,
        )
    ]
