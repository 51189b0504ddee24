"""The shape of a crystal as it came: volume, density, nearest atoms, cell. Nothing of it is in a protostructure.

It is taken of every structure that has atoms and a cell, those that the screen refuses included: what is wrong with
them is what one wants to know.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.elements import ATOMIC_WEIGHTS
from crystalbench.crystals.samples import RawStructure
from crystalbench.crystals.screen import HEAVIEST_ELEMENT, MAX_COORDINATE, closest_among, reduced, shifts_within

VERSION = 2
"""Raised whenever a `Geometry` comes out another way. Part of cache keys."""

DALTON = 1.66053906660
"""g/cm^3 of one atomic mass unit in an Å^3 (CODATA 2018)."""

_LONGEST = 1e30  # Å; the sixth power of it is a double
_FLATTEST = 1e-9  # volume over the product of the lengths; the coordinates of a flatter cell say nothing in doubles
_IMAGES = np.array(sorted(itertools.product((-1, 0, 1), repeat=3), key=lambda t: sum(map(abs, t))), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """What one crystal measures.

    Attributes
    ----------
    atoms
        In the cell as it came.
    volume
        Of the cell, Å^3.
    density
        g/cm^3, with the standard atomic weights.
    pair
        Å, the smallest distance between two atoms of the cell, their periodic images included; None for one atom.
    image
        Å, the distance between an atom and the nearest of its own images: the shortest vector of the lattice.
    a, b, c, alpha, beta, gamma
        Lengths (Å) and angles (degrees) of the cell as it came, which another cell of the same crystal does not have.
    """

    atoms: int
    volume: float
    density: float
    pair: float | None
    image: float
    a: float
    b: float
    c: float
    alpha: float
    beta: float
    gamma: float

    @property
    def distance(self) -> float:
        """Å, between the nearest two atoms of the crystal, whatever cell it came in."""
        return self.image if self.pair is None else min(self.pair, self.image)

    @property
    def lengths(self) -> tuple[float, float, float]:
        return self.a, self.b, self.c

    @property
    def angles(self) -> tuple[float, float, float]:
        return self.alpha, self.beta, self.gamma

    def row(self) -> tuple[int | float | None, ...]:
        """All values in the order of `FIELDS`."""
        return astuple(self)

    @classmethod
    def of_row(cls, row: Sequence[object]) -> Self:
        """Inverse of `row`, from numbers or their texts; raises `ValueError` for what is no geometry."""
        if len(row) != len(FIELDS):
            raise ValueError(f"{len(row)} values; a geometry has {len(FIELDS)}: {', '.join(FIELDS)}")
        numbers = {
            name: None if name == "pair" and value in ("", None) else float(str(value))
            for name, value in zip(FIELDS, row, strict=True)
        }
        if not all(value is None or (math.isfinite(value) and value >= 0) for value in numbers.values()):
            raise ValueError(f"a length, angle or volume that is no positive number: {row}")
        return cls(**(numbers | {"atoms": int(str(row[0]))}))  # type: ignore[arg-type]


FIELDS = tuple(field.name for field in fields(Geometry))


def geometry(structure: RawStructure, *, max_atoms: int) -> Geometry | None:
    """Measure a crystal as it came.

    Returns
    -------
    Geometry or None
        None for what has no geometry: no atoms or more than ``max_atoms`` (the search is quadratic), an unknown
        element, a number that is not finite, a coordinate over `crystalbench.crystals.screen.MAX_COORDINATE`, a cell
        without volume or so long that its numbers say nothing.
    """
    n = len(structure.numbers)
    lattice = structure.lattice
    if not 0 < n <= max_atoms or not np.isfinite(lattice).all():
        return None
    if not (np.abs(structure.frac_coords) <= MAX_COORDINATE).all():  # nor NaN
        return None
    if structure.numbers.min() < 1 or structure.numbers.max() > HEAVIEST_ELEMENT:
        return None
    a, b, c = (math.hypot(*vector) for vector in lattice.tolist())
    volume = abs(float(np.linalg.det(lattice))) if max(a, b, c) <= _LONGEST else 0.0
    if volume <= _FLATTEST * a * b * c:
        return None
    pair, image = closest(lattice, structure.frac_coords)
    mass = sum(ATOMIC_WEIGHTS[number - 1] for number in structure.numbers.tolist())
    angles = (_angle(lattice[j], lattice[k]) for j, k in ((1, 2), (0, 2), (0, 1)))
    alpha, beta, gamma = angles
    return Geometry(
        atoms=n,
        volume=volume,
        density=mass / volume * DALTON,
        pair=pair,
        image=image,
        a=a,
        b=b,
        c=c,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
    )


def closest(lattice: NDArray[np.float64], frac_coords: NDArray[np.float64]) -> tuple[float | None, float]:
    """Return the smallest distances of two atoms (None for one), and of an atom and its own image, in Å.

    Parameters
    ----------
    lattice, frac_coords
        (3, 3) rows in Å, not singular, and (n, 3).
    """
    short = reduced(lattice)
    image = math.hypot(*short[0].tolist())
    if len(frac_coords) == 1:
        return None, image
    coords = frac_coords @ (lattice @ np.linalg.inv(short))
    wrapped = closest_among(coords, short, np.zeros((1, 3)), math.inf)
    if wrapped is None:  # the coordinates are too large for doubles
        return math.inf, image
    nearer = closest_among(
        coords, short, shifts_within(short, wrapped[0], most=1), wrapped[0]
    )  # it is reduced: 1 is all
    return (nearer or wrapped)[0], image


def nearest(difference: NDArray[np.float64], lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length in Å of the shortest image of fractional differences (..., 3).

    Parameters
    ----------
    difference
        In coordinates of ``lattice``; any real numbers.
    lattice
        (3, 3), Minkowski-reduced (`crystalbench.crystals.screen.reduced`): then the shortest image is among the 27
        around the wrapped difference.
    """
    wrapped = difference - np.rint(difference)
    vectors = (wrapped[..., None, :] + _IMAGES) @ lattice
    lengths: NDArray[np.float64] = np.sqrt(np.einsum("...k,...k->...", vectors, vectors).min(axis=-1))
    return lengths


def _angle(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The angle between two vectors in degrees, exact near 0 and 180, too."""
    return math.degrees(math.atan2(float(np.linalg.norm(np.cross(one, other))), float(one @ other)))
