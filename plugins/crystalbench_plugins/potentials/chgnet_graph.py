"""Structures as CHGNet's network takes them: bonds, and pairs of bonds that meet, of many structures in one graph.

Arrays, where chgnet's own `CrystalGraphConverter` makes an object for each bond of a pymatgen structure: the same
graph (a peer test compares what comes of it) in a fifth of its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from crystalbench import RawStructure

BOND_CUTOFF, ANGLE_CUTOFF = 6.0, 3.0  # Å; of the released models, and of chgnet's converter by default

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Bonds:
    """Directed bonds of one structure, each with its reverse.

    Attributes
    ----------
    centres, neighbours
        (m,) atoms.
    images
        (m, 3) cell of the neighbour.
    undirected
        (m,) number of the undirected bond; a bond and its reverse share it.
    representative
        (m / 2,) one directed bond of each undirected one.
    angles
        (k, 5) atom, undirected and directed number of one bond from it, undirected and directed number of another.
    """

    centres: Ints
    neighbours: Ints
    images: Ints
    undirected: Ints
    representative: Ints
    angles: Ints


def bonds(structure: RawStructure, cutoff: float = BOND_CUTOFF, angle_cutoff: float = ANGLE_CUTOFF) -> Bonds:
    """Return all bonds within the cutoff (Å), and the pairs of those within ``angle_cutoff`` that share an atom."""
    lattice, home = structure.lattice, np.floor(structure.frac_coords)
    inside = structure.frac_coords - home
    reach = np.ceil(cutoff * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    axes = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    images = np.stack(axes, axis=-1).reshape(-1, 3)
    half = images[(images @ [1 << 20, 1 << 10, 1]) >= 0]  # of an image and its opposite, one
    cells = half @ lattice
    points = inside @ lattice
    # (n, n, images) distances of an atom in the home cell and another in each image
    vectors = points[None, :, None] + cells[None, None] - points[:, None, None]
    squares = np.einsum("ijkx,ijkx->ijk", vectors, vectors)
    i, j, k = np.nonzero(squares < cutoff**2)
    kept = half[k].any(axis=1) | (i < j)  # in the home cell itself every pair once, and no atom with itself
    i, j, k = i[kept], j[kept], k[kept]
    short = squares[i, j, k] < angle_cutoff**2
    n = len(i)
    centres, neighbours = np.concatenate([i, j]), np.concatenate([j, i])
    moved = (half[k] + home[i] - home[j]).astype(np.int64)
    undirected = np.tile(np.arange(n), 2)
    angles = _angles(centres, undirected, np.flatnonzero(np.tile(short, 2)))
    return Bonds(centres, neighbours, np.concatenate([moved, -moved]), undirected, np.arange(n), angles)


def _angles(centres: Ints, undirected: Ints, short: Ints) -> Ints:
    """All ordered pairs of different short bonds from one atom."""
    short = short[np.argsort(centres[short], kind="stable")]
    counts = np.bincount(centres[short])
    starts = np.cumsum(counts) - counts
    per_bond = counts[centres[short]]  # each short bond meets so many, itself among them
    first = np.repeat(np.arange(len(short)), per_bond)
    within = np.arange(len(first)) - np.repeat(np.cumsum(per_bond) - per_bond, per_bond)
    second = starts[centres[short[first]]] + within
    kept = first != second
    one, other = short[first[kept]], short[second[kept]]
    return np.stack([centres[one], undirected[one], one, undirected[other], other], axis=1)


def joined(parts: Sequence[Bonds], atoms: Sequence[int]) -> tuple[Bonds, Ints]:
    """Return the bonds of several structures as those of one, and the structure (m,) of each directed bond."""
    atom = np.cumsum([0, *atoms[:-1]])
    directed = np.cumsum([0, *(len(part.centres) for part in parts[:-1])])
    pair = directed // 2
    whole = Bonds(
        np.concatenate([p.centres + a for p, a in zip(parts, atom, strict=True)]),
        np.concatenate([p.neighbours + a for p, a in zip(parts, atom, strict=True)]),
        np.concatenate([p.images for p in parts]),
        np.concatenate([p.undirected + u for p, u in zip(parts, pair, strict=True)]),
        np.concatenate([p.representative + d for p, d in zip(parts, directed, strict=True)]),
        np.concatenate(
            [p.angles + np.array([a, u, d, u, d]) for p, a, u, d in zip(parts, atom, pair, directed, strict=True)]
        ),
    )
    return whole, np.repeat(np.arange(len(parts)), [len(part.centres) for part in parts])
