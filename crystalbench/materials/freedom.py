"""What a crystal can change without losing its space group: free strains and free displacements."""

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.samples import RawStructure

Floats = NDArray[np.float64]

_EXACT = 1e-4  # Å; what spglib has made exact is so to 1e-7, and no tolerance may find more than it did


@dataclass(frozen=True, slots=True, eq=False)
class Freedom:
    """A primitive cell with the directions in which it may change.

    A point q (k,) stands for the crystal with the lattice ``lattice @ F``, ``F = 1 + sum q_i strains_i``, and the
    positions ``(points + sum q_j shifts_j) @ F``. The directions are fixed by the operations, which as integer matrices
    are the same for every such lattice: so the space group is kept exactly, with no projection at a step.

    Attributes
    ----------
    start
        The primitive cell.
    strains
        (a, 3, 3) orthonormal symmetric matrices that commute with the point group.
    shifts
        (b, n, 3) orthonormal displacements in Å that the space group maps onto themselves, less the common ones.
    """

    start: RawStructure
    strains: Floats
    shifts: Floats

    @classmethod
    def of(cls, structure: RawStructure, symprec: float) -> Self | None:
        """Find the space group and make it exact; None where spglib finds none.

        Parameters
        ----------
        structure
            One that has passed `crystalbench.crystals.screen.screen`.
        symprec
            Å.
        """
        import spglib

        cell = (structure.lattice, structure.frac_coords % 1.0, structure.numbers)
        with warnings.catch_warnings():
            # spglib 2.7 and 2.8 announce on every call that a failure will raise in future; now it returns None.
            warnings.simplefilter("ignore", DeprecationWarning)
            primitive = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=symprec)
            found = primitive and spglib.get_symmetry(primitive, symprec=_EXACT)
        if not primitive or not found:
            return None
        start = RawStructure.of(*primitive)
        permutations = _permutations(start, found["rotations"], found["translations"])
        return cls(
            start,
            _invariant_strains(start.lattice, found["rotations"]),
            _invariant_shifts(start.lattice, found["rotations"], permutations),
        )

    @property
    def size(self) -> int:
        return len(self.strains) + len(self.shifts)

    def _parts(self, point: Floats) -> tuple[Floats, Floats]:
        """Deformation (3, 3) and displacements (n, 3)."""
        split = len(self.strains)
        deformation = np.eye(3) + np.tensordot(point[:split], self.strains, 1)
        return deformation, np.tensordot(point[split:], self.shifts, 1)

    def at(self, point: Floats) -> RawStructure:
        """Return the crystal at a point (k,)."""
        deformation, moved = self._parts(point)
        fractional = self.start.frac_coords + moved @ np.linalg.inv(self.start.lattice)
        return RawStructure(self.start.lattice @ deformation, fractional, self.start.numbers)

    def gradient(self, point: Floats, forces: Floats, stress: Floats) -> Floats:
        """Return the derivative (k,) of the energy at a point, in eV, from forces in eV/Å and stress in eV/Å³.

        With the rows of positions x F, ``dE/dx = -f F^T``; a small strain e after F is ``dF = F e``, so that
        ``dE/dF = V F^-1 s`` for symmetric F.
        """
        deformation, _ = self._parts(point)
        volume = abs(np.linalg.det(self.start.lattice @ deformation))
        by_strain = volume * np.linalg.solve(deformation, stress)
        by_shift = -forces @ deformation
        return np.concatenate(
            [np.tensordot(self.strains, by_strain, 2), np.tensordot(self.shifts, by_shift, 2)], dtype=np.float64
        )

    def symmetrised(self, forces: Floats, stress: Floats) -> tuple[Floats, Floats]:
        """Return forces (n, 3) and stress (3, 3) without what the space group forbids."""
        return (
            np.tensordot(np.tensordot(self.shifts, forces, 2), self.shifts, 1),
            np.tensordot(np.tensordot(self.strains, stress, 2), self.strains, 1),
        )


def _permutations(start: RawStructure, rotations: NDArray[np.int64], translations: Floats) -> NDArray[np.int64]:
    """For each operation the atom (n,) that each atom is mapped onto: the nearest one of its element."""
    images = start.frac_coords @ rotations.transpose(0, 2, 1) + translations[:, None]  # (g, n, 3)
    difference = images[:, :, None] - start.frac_coords  # (g, n, n, 3)
    difference -= np.rint(difference)
    squares = ((difference @ start.lattice) ** 2).sum(axis=-1)
    squares[:, start.numbers[:, None] != start.numbers] = np.inf
    return np.asarray(squares.argmin(axis=-1))


def _cartesian(lattice: Floats, rotations: NDArray[np.int64]) -> Floats:
    """Rotations (g, 3, 3) of columns of Cartesian coordinates."""
    return np.asarray(lattice.T @ rotations @ np.linalg.inv(lattice.T))


def _invariant_strains(lattice: Floats, rotations: NDArray[np.int64]) -> Floats:
    turns = _cartesian(lattice, rotations)
    root = np.sqrt(0.5)
    symmetric = np.zeros((6, 3, 3))
    for row, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        symmetric[row, i, j] = symmetric[row, j, i] = 1.0 if i == j else root
    turned = np.einsum("gij,ajk,glk->ail", turns, symmetric, turns) / len(turns)
    return np.tensordot(_range(np.tensordot(symmetric, turned, ([1, 2], [1, 2]))), symmetric, 1)


def _invariant_shifts(lattice: Floats, rotations: NDArray[np.int64], permutations: NDArray[np.int64]) -> Floats:
    n = permutations.shape[1]
    mean = np.zeros((n, 3, n, 3))
    for turn, image in zip(_cartesian(lattice, rotations), permutations, strict=True):
        mean[image, :, np.arange(n), :] += turn / len(rotations)
    mean -= mean.mean(axis=2, keepdims=True)  # a translation of all atoms changes nothing
    return _range(mean.reshape(3 * n, 3 * n)).reshape(-1, n, 3)


def _range(projector: Floats) -> Floats:
    """Rows that span what a symmetric projector keeps; its eigenvalues are 0 and 1."""
    values, vectors = np.linalg.eigh((projector + projector.T) / 2)
    return np.asarray(vectors[:, values > 0.5].T)
