"""Symmetry operations in CIF files: read them, find those of a named group, fill the cell with them."""

import functools
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crystalbench import InvalidReason

SAME_POSITION = 0.01
"""Å. Images of one listed site that are closer are one atom on a special position. Coordinates of four
decimals move an image by at most 0.006 Å in a cell of 30 Å; no two atoms are that close."""

METRIC_TOLERANCE = 0.02
"""Relative change of the metric tensor up to which an operation counts as one of the lattice's own."""

MAX_OPERATIONS = 192
"""Of the largest groups, Fm-3m and its kin."""


class CifError(ValueError):
    """A text that is no CIF file, or one that contradicts itself."""

    def __init__(self, message: str, reason: InvalidReason = InvalidReason.UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Operations:
    """x -> ``rotations`` x + ``translations`` on columns of fractional coordinates; (m, 3, 3) and (m, 3)."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rotations)


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites in a cell.

    Attributes
    ----------
    frac_coords, numbers
        (n, 3) fractional coordinates and (n,) atomic numbers.
    multiplicities
        (n,) images of each site in the cell as the file states them, or None.
    misfit
        How badly the operations that were applied fit: lattice first, then stated multiplicities.
    """

    frac_coords: NDArray[np.float64]
    numbers: NDArray[np.int64]
    multiplicities: NDArray[np.int64] | None = None
    misfit: tuple[bool, int] = (False, 0)


_TERM = re.compile(r"([+-]?)(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:/([0-9]+))?)?\*?([xyz]?)")


def operations(listed: list[str]) -> Operations:
    """Parse operations such as ``-x+1/2, y, -z``.

    Raises
    ------
    CifError
        If one is not understood, does not keep volumes, or there are over `MAX_OPERATIONS`.
    """
    if len(listed) > MAX_OPERATIONS:
        raise CifError(f"{len(listed)} symmetry operations, the limit is {MAX_OPERATIONS}")
    parsed = [_operation(text) for text in listed]
    rotations = np.array([[row[:3] for row in rows] for rows in parsed])
    if (np.abs(np.abs(np.linalg.det(rotations)) - 1) > 1e-6).any():
        raise CifError("a symmetry operation that changes volumes")
    return Operations(rotations, np.array([[row[3] for row in rows] for rows in parsed]))


def _operation(text: str) -> list[list[float]]:
    rows = text.lower().replace(" ", "").split(",")
    if len(rows) != 3:
        raise CifError(f"{text[:40]!r} is no symmetry operation")
    return [_row(row, text) for row in rows]


def _row(row: str, text: str) -> list[float]:
    values = [0.0] * 4
    place = 0
    while place < len(row):
        match = _TERM.match(row, place)
        if not match or not (match[2] or match[4]) or (place and not match[1]) or len(match[0]) > 20:
            raise CifError(f"{text[:40]!r} is no symmetry operation")
        if match[3] and not int(match[3]):
            raise CifError(f"{text[:40]!r} divides by zero")
        size = Fraction(match[2] or 1) / int(match[3] or 1)
        values["xyz".index(match[4]) if match[4] else 3] += float(-size if match[1] == "-" else size)
        place = match.end()
    return values


def settings(name: str, number: str, hall: str) -> list[Operations]:
    """Return the operations of the named group in each of its settings that may be meant, the usual one first.

    A Hall symbol is exact. A Hermann-Mauguin symbol such as ``Fd-3m`` leaves the origin open, and a number leaves the
    axes open too; the settings come in the order of Hall numbers, whose first is the one that spglib,
    and so pymatgen's CIF writer, refines to. No name and no number: group 1, as everywhere.

    Raises
    ------
    CifError
        If there is no such group, or symbol and number name two different ones.
    """
    groups = _groups()
    if hall and _plain(hall) in groups.by_hall:
        return [_database(groups.by_hall[_plain(hall)])]
    by_number = []
    if number:
        by_number = groups.by_number.get(number.strip(), [])
        if not by_number:
            raise CifError(f"there is no space group number {number[:20]!r}")
    if not name:
        return [_database(one) for one in by_number or [1]]
    symbol, _, choice = name.partition(":")
    by_name = groups.by_symbol.get(_plain(symbol), [])
    chosen = [one for one in by_name if groups.choice[one].lower() == choice.strip().lower()]
    found = chosen if choice and chosen else by_name
    if not found:
        raise CifError(f"there is no space group {name[:20]!r}")
    if by_number and not set(found) & set(by_number):
        raise CifError(
            f"space group {name[:20]!r} has not the number {number[:20]}", InvalidReason.INCONSISTENT_SYMMETRY
        )
    return [_database(one) for one in found]


@dataclass(frozen=True, slots=True)
class _Groups:
    """Hall numbers, 1 to 530, by the names of their groups."""

    by_symbol: dict[str, list[int]]
    by_number: dict[str, list[int]]
    by_hall: dict[str, int]
    choice: dict[int, str]


def _plain(symbol: str) -> str:
    return re.sub(r"[\s_]", "", symbol).lower()


def _ask_spglib(function: str, hall_numbers: Iterable[int]) -> list[Any]:
    import spglib

    with warnings.catch_warnings():
        # spglib 2.7 and 2.8 announce on every call that a failure will raise in future.
        warnings.filterwarnings("ignore", "Set OLD_ERROR_HANDLING", DeprecationWarning)
        return [getattr(spglib, function)(one) for one in hall_numbers]


@functools.cache
def _groups() -> _Groups:
    groups = _Groups({}, {}, {}, {})
    for one, found in enumerate(_ask_spglib("get_spacegroup_type", range(1, 531)), 1):
        names = {found.international_short, found.international_full, *found.international.split("=")}
        for name in {_plain(name) for name in names}:
            groups.by_symbol.setdefault(name, []).append(one)
        groups.by_number.setdefault(str(found.number), []).append(one)
        groups.by_hall.setdefault(_plain(found.hall_symbol), one)
        groups.choice[one] = found.choice
    return groups


@functools.lru_cache(maxsize=64)
def _database(hall_number: int) -> Operations:
    (found,) = _ask_spglib("get_symmetry_from_database", [hall_number])
    return Operations(found["rotations"].astype(np.float64), found["translations"])


def expand(sites: Sites, given: Operations, lattice: NDArray[np.float64]) -> Sites:
    """Fill the cell.

    A list that already holds all images of its sites is a whole cell and stays as it is. Otherwise each site
    is replaced by its images; sites that meet are kept, to be found overlapping.
    """
    if len(given) == 1:
        return sites
    misfit = not _fits(given, lattice)
    orbits = [_orbit(coords, given, lattice) for coords in sites.frac_coords]
    if _is_whole(sites, orbits, lattice):
        return Sites(sites.frac_coords, sites.numbers, sites.multiplicities, (misfit, 0))
    sizes = np.array([len(orbit) for orbit in orbits])
    wrong = 0 if sites.multiplicities is None else int((sizes != sites.multiplicities).sum())
    return Sites(np.concatenate(orbits), np.repeat(sites.numbers, sizes), None, (misfit, wrong))


def _fits(given: Operations, lattice: NDArray[np.float64]) -> bool:
    metric = lattice @ lattice.T
    changed = np.einsum("mki,kl,mlj->mij", given.rotations, metric, given.rotations)
    scale = np.sqrt(np.outer(metric.diagonal(), metric.diagonal()))
    return bool((np.abs(changed - metric) / scale).max() < METRIC_TOLERANCE)


def _orbit(coords: NDArray[np.float64], given: Operations, lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the different images of one site, itself first."""
    images = given.rotations @ coords + given.translations
    images = np.concatenate([coords[None], images])
    near = _near(images[:, None] - images[None, :], lattice)
    kept: list[int] = []
    for i in range(len(images)):
        if not near[i, kept].any():
            kept.append(i)
    return images[kept]


def _near(difference: NDArray[np.float64], lattice: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):  # NaN coordinates are near nothing, and are refused later
        vectors = (difference - np.rint(difference)) @ lattice
    near: NDArray[np.bool_] = (vectors**2).sum(axis=-1) < SAME_POSITION**2
    return near


def _is_whole(sites: Sites, orbits: list[NDArray[np.float64]], lattice: NDArray[np.float64]) -> bool:
    if sum(len(orbit) for orbit in orbits) == len(sites.numbers):
        return True
    for number, orbit in zip(sites.numbers, orbits, strict=True):
        alike = sites.frac_coords[sites.numbers == number]
        if len(alike) < len(orbit):
            return False
        if not _near(orbit[:, None] - alike[None, :], lattice).any(axis=1).all():
            return False
    return True
