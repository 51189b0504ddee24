"""Wyckoff positions of the 230 space groups, and the equivalent ways of lettering them.

A Wyckoff *letter* depends on where the origin is put and how the axes are chosen. Two descriptions of one
crystal differ by an element of the affine normaliser of its space group, and each such element permutes the
letters. The permutations of a group are closed under composition; comparing crystals means comparing modulo
them (`crystalbench.crystals.protostructure` does).

All tables describe the standard setting (unique axis b, hexagonal axes, origin choice 2) in the conventional
cell. They are computed by `crystalbench.crystals.data.build_wyckoff_tables` and read on first use.
"""

import functools
import gzip
import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TypedDict, cast

from crystalbench.errors import ProtostructureError

TABLE_VERSION = "1-5cec05979a55"
"""Identity of the shipped table, part of cache keys: format, then the start of a SHA-256 (`table_digest`)."""

_FAMILIES = ((2, "a"), (15, "m"), (74, "o"), (142, "t"), (194, "h"), (230, "c"))
_LATTICE_DOF = {"a": 6, "m": 4, "o": 3, "t": 2, "h": 2, "c": 1}
_LATTICE_POINTS = {"P": 1, "A": 2, "C": 2, "I": 2, "R": 3, "F": 4}


class Table(StrEnum):
    """Which letter permutations count as equivalent.

    Attributes
    ----------
    AFFINE
        The whole affine normaliser. Exact: one crystal has one label. The default for equality.
    PYMATGEN
        As in pymatgen (2025 and later): the affine normaliser, but only its Euclidean part for a generic
        lattice in groups 2, 3, 10, 11, 12, 13 and 14, where one crystal can then have two labels. For textual
        parity.
    AVIARY
        As in aviary 1.1.1: as above, and the Euclidean part in group 15 too (4 of the 8 maps).
    """

    AFFINE = "affine"
    PYMATGEN = "pymatgen"
    AVIARY = "aviary-1.1.1"


FINEST_FIRST = (Table.AVIARY, Table.PYMATGEN, Table.AFFINE)
"""Each table merges all that the one before it merges: a label can be made coarser, never finer."""


@dataclass(frozen=True, slots=True)
class WyckoffPosition:
    """One Wyckoff position of a space group.

    Attributes
    ----------
    letter : str
        ``a`` to ``z``, then ``A`` (the general position of group 47).
    multiplicity : int
        Number of sites in the conventional cell.
    dof : int
        Free coordinates, 0 to 3. A position without any can be occupied only once.
    site_symmetry : str
        Oriented site-symmetry symbol, for example ``"m.2m"``.
    """

    letter: str
    multiplicity: int
    dof: int
    site_symmetry: str


class _Entry(TypedDict, total=False):
    symbol: str
    positions: list[tuple[str, int, int, str]]
    affine: list[str]
    euclidean: list[str]


@functools.cache
def _groups() -> dict[str, _Entry]:
    packed = files("crystalbench.crystals.data").joinpath("wyckoff.json.gz").read_bytes()
    return cast("dict[str, _Entry]", json.loads(gzip.decompress(packed))["groups"])


def table_digest() -> str:
    """Return the identity of the table as shipped; `TABLE_VERSION` is its copy (a test compares them)."""
    return f"1-{hashlib.sha256(json.dumps(_groups(), sort_keys=True).encode()).hexdigest()[:12]}"


def _entry(spacegroup: int) -> _Entry:
    if isinstance(spacegroup, bool) or not isinstance(spacegroup, int) or not 1 <= spacegroup <= 230:
        raise ProtostructureError(f"space group {spacegroup!r} does not exist; expected an integer from 1 to 230")
    return _groups()[str(spacegroup)]


@functools.cache
def symbol(spacegroup: int) -> str:
    """Return the short Hermann-Mauguin symbol, for example ``"Fm-3m"`` for 225."""
    return _entry(spacegroup)["symbol"]


@functools.cache
def positions(spacegroup: int) -> tuple[WyckoffPosition, ...]:
    """Return the Wyckoff positions in the order ``a, b, ..., z, A``; the last one is the general position.

    Raises
    ------
    ProtostructureError
        If there is no such space group (also a `ValueError`).
    """
    return tuple(WyckoffPosition(*row) for row in _entry(spacegroup)["positions"])


@functools.cache
def by_letter(spacegroup: int) -> dict[str, WyckoffPosition]:
    """Return the positions by letter, in the order of `positions`. Shared: do not change it."""
    return {position.letter: position for position in positions(spacegroup)}


def position(spacegroup: int, letter: str) -> WyckoffPosition:
    """Return one Wyckoff position.

    Raises
    ------
    ProtostructureError
        If there is no such space group, or it has no such letter.
    """
    try:
        return by_letter(spacegroup)[letter]
    except (KeyError, TypeError):
        known = letters(spacegroup)
        raise ProtostructureError(
            f"space group {spacegroup} ({symbol(spacegroup)}) has no Wyckoff letter {letter!r}; "
            f"its letters are {known[0]} to {known[-1]}"
        ) from None


@functools.cache
def letters(spacegroup: int) -> str:
    """Return the letters of a space group as one string, ``"abc..."``."""
    return "".join(position.letter for position in positions(spacegroup))


@functools.cache
def letterings(spacegroup: int, table: Table = Table.AFFINE) -> tuple[str, ...]:
    """Return the equivalent letterings, each as the image of `letters` (position by position).

    The compact form of `permutations`: ``letterings(225) == ("abcdefghijkl", "bacdefgihjkl")``.
    """
    entry, table = _entry(spacegroup), Table(table)  # a plain "affine" equals Table.AFFINE but is another object
    exact = table is Table.AFFINE or (table is Table.PYMATGEN and spacegroup == 15)
    images = entry["affine"] if exact else entry.get("euclidean", entry["affine"])
    return tuple(images)


def permutations(spacegroup: int, table: Table = Table.AFFINE) -> tuple[dict[str, str], ...]:
    """Return the letter permutations induced by the normaliser, the identity first; they form a group.

    Parameters
    ----------
    spacegroup : int
        Space-group number, 1 to 230.
    table : Table
        Which normaliser; see `Table`.
    """
    source = letters(spacegroup)
    return tuple(dict(zip(source, image, strict=True)) for image in letterings(spacegroup, table))


@functools.cache
def pearson_prefix(spacegroup: int) -> str:
    """Return crystal family and centring as in a Pearson symbol, for example ``"oC"``, ``"hR"``, ``"cF"``.

    Base-centred lattices are spelt C, also in groups 38 to 41 whose symbols begin with A (as AFLOW, and
    pymatgen with spglib, do; moyo writes S).
    """
    centring = symbol(spacegroup)[0]
    family = next(letter for last, letter in _FAMILIES if spacegroup <= last)
    return family + ("C" if centring == "A" else centring)


@functools.cache
def lattice_points(spacegroup: int) -> int:
    """Return the number of lattice points in the conventional cell: 1, 2 (A, C, I), 3 (R) or 4 (F)."""
    return _LATTICE_POINTS[symbol(spacegroup)[0]]


def lattice_dof(spacegroup: int) -> int:
    """Return the number of free lattice parameters: 6 triclinic, 4 monoclinic, 3, 2, 2, 1 cubic."""
    return _LATTICE_DOF[pearson_prefix(spacegroup)[0]]
