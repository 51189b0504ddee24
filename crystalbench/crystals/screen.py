"""Checks on a structure before a symmetry library may see it.

spglib 2.8.0 ends the process on a NaN coordinate, a NaN lattice or an angle of 0, and two atoms on one site get a
perfectly good label. So whatever cannot be a crystal is refused here, with its reason.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure

HEAVIEST_ELEMENT = 118
"""Og. Generators' one-hot or bit encodings can name element 0 or 128."""

MIN_VOLUME_PER_ATOM = 1.0
"""Å^3. The densest of 38,246 crystals of MP-20, WBM and Carbon-24 (at 10 GPa) has 5.4, hydrogen at 500 GPa 1.4. CDVAE's
0.1, for the whole cell, refuses little that the distances do not: atoms 0.5 Å apart have 0.09 or more."""

MAX_VOLUME_PER_ATOM = 1e5
"""Å^3. Thinner than air (4e4 per molecule); the emptiest of the same 38,246 crystals has 202."""

MAX_COORDINATE = 1e7
"""Of a fractional coordinate: float32, as most generators write it, is off by half a cell there."""

MAX_LENGTH = 1000.0
"""Å, the limit in SymmCD's own evaluation. The longest vector of the same 38,246 cells has 47."""

_PAIRS_AT_ONCE = 100_000  # a few MB of difference vectors


def screen(structure: RawStructure, *, min_distance: float, max_atoms: int) -> Invalid | None:
    """Return why the structure is no crystal, or None.

    Parameters
    ----------
    structure
        As a generator gave it. A left-handed lattice is fine: it only lists the vectors in another order.
    min_distance
        Å. Two atoms, or an atom and its own periodic image, that are closer than this overlap.
    max_atoms
        The largest number of atoms in the cell.
    """
    n = len(structure.numbers)
    if n == 0:
        return Invalid(InvalidReason.EMPTY, "no atoms")
    if not np.isfinite(structure.lattice).all():
        return Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the lattice")
    if not np.isfinite(structure.frac_coords).all():
        return Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the coordinates")
    if (largest := float(np.abs(structure.frac_coords).max())) > MAX_COORDINATE:
        detail = f"a fractional coordinate of {largest:.4g}, the limit is {MAX_COORDINATE:g}"
        return Invalid(InvalidReason.HUGE_COORDINATES, detail)
    for number in (int(structure.numbers.min()), int(structure.numbers.max())):
        if not 1 <= number <= HEAVIEST_ELEMENT:
            detail = f"atomic number {number} is not in 1-{HEAVIEST_ELEMENT}"
            return Invalid(InvalidReason.UNKNOWN_ELEMENT, detail)
    if n > max_atoms:
        return Invalid(InvalidReason.TOO_MANY_ATOMS, f"{n} atoms in the cell, the limit is {max_atoms}")
    return _screen_cell(structure.lattice, n) or _screen_distances(structure, min_distance)


def _screen_cell(lattice: NDArray[np.float64], n: int) -> Invalid | None:
    longest = max(math.hypot(*vector) for vector in lattice.tolist())  # NumPy's norm overflows from 1e154
    if longest > MAX_LENGTH:
        detail = f"a lattice vector of {longest:.4g} Å, the limit is {MAX_LENGTH:g}"
        return Invalid(InvalidReason.HUGE_CELL, detail)
    per_atom = _volume_and_heights(lattice)[0] / n
    if per_atom < MIN_VOLUME_PER_ATOM:
        detail = f"{per_atom:.3g} Å^3 per atom, the limit is {MIN_VOLUME_PER_ATOM:g}"
        return Invalid(InvalidReason.TINY_CELL, detail)
    if per_atom > MAX_VOLUME_PER_ATOM:
        detail = f"{per_atom:.3g} Å^3 per atom, the limit is {MAX_VOLUME_PER_ATOM:g}"
        return Invalid(InvalidReason.HUGE_CELL, detail)
    return None


def _screen_distances(structure: RawStructure, min_distance: float) -> Invalid | None:
    found = closest_pair(structure.lattice, structure.frac_coords, min_distance)
    if found is None:
        return None
    distance, i, j = found
    pair = f"atoms {i} and {j}" if i != j else "an atom and its periodic image"
    detail = f"{pair} are {distance:.3g} Å apart, the limit is {min_distance:g}"
    return Invalid(InvalidReason.OVERLAPPING_ATOMS, detail)


def closest_pair(
    lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], cutoff: float
) -> tuple[float, int, int] | None:
    """Return the smallest periodic distance below ``cutoff`` with its two atoms, or None if there is none.

    Parameters
    ----------
    lattice, frac_coords
        (3, 3) rows in Å, not singular, and (n, 3). The cell may be as skewed as it likes.
    cutoff
        Å.

    Returns
    -------
    tuple of float, int, int
        Å and two indices; the same index twice is an atom and its image in the next cell.

    Notes
    -----
    With a fractional difference x wrapped into [-1/2, 1/2], the image t of an atom is at least ``|x_k + t_k| h_k``
    away, h_k being the height of the cell over its face k. So where every height is over twice the cutoff, no other
    image than the wrapped one is within reach. Other cells are reduced first, which leaves few images even for
    a needle.
    """
    _, heights = _volume_and_heights(lattice)
    shifts = np.zeros((1, 3))
    if min(heights) <= 2 * cutoff:
        short = reduced(lattice)
        length = math.hypot(*short[0].tolist())
        if length < cutoff:
            return length, 0, 0
        frac_coords = frac_coords @ (lattice @ np.linalg.inv(short))
        lattice = short
        shifts = shifts_within(short, cutoff)
    return closest_among(frac_coords, lattice, shifts, cutoff)


def shifts_within(lattice: NDArray[np.float64], cutoff: float, most: float = math.inf) -> NDArray[np.float64]:
    """Return the shifts (m, 3) in Å, up to ``most`` cells, of all images within a cutoff (see `closest_pair`)."""
    reach = [min(math.floor(cutoff / height + 0.5), most) for height in _volume_and_heights(lattice)[1]]
    axes = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    shifts: NDArray[np.float64] = np.stack(axes, axis=-1).reshape(-1, 3) @ lattice
    return shifts


def closest_among(
    frac_coords: NDArray[np.float64], lattice: NDArray[np.float64], shifts: NDArray[np.float64], cutoff: float
) -> tuple[float, int, int] | None:
    """`closest_pair` with the images that are given by their shifts, (m, 3) in Å."""
    columns = np.ascontiguousarray(frac_coords.T)
    n = len(frac_coords)
    best: tuple[float, int, int] | None = None
    rows = max(1, _PAIRS_AT_ONCE // n)
    for start in range(0, n - 1, rows):
        # Every pair once: this block of rows against all atoms from its first one on.
        difference = columns[:, start : start + rows, None] - columns[:, None, start:]
        difference -= np.rint(difference)
        vectors = lattice.T @ difference.reshape(3, -1)
        for shift in shifts:
            squares = np.einsum("kp,kp->p", moved := vectors + shift[:, None], moved)
            squares[:: n - start + 1] = np.inf  # an atom and itself
            at = int(squares.argmin())
            distance = math.sqrt(squares[at])
            if distance < (best[0] if best else cutoff):
                i, j = divmod(at, n - start)
                best = distance, start + i, start + j
    return best


def reduced(lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a Minkowski-reduced basis of the same lattice, shortest vector first.

    Parameters
    ----------
    lattice
        (3, 3), vectors as rows, not singular.

    Notes
    -----
    Semaev's algorithm (2001): the two shorter vectors are reduced as by Lagrange and Gauss, then the longest one is
    shortened by the best combination of them, until nothing gets shorter.
    """
    basis = np.array(lattice)
    while True:
        basis = basis[np.argsort((basis**2).sum(axis=1), kind="stable")]
        a, b, c = basis
        shorter = b - np.rint(a @ b / (a @ a)) * a
        if shorter @ shorter < _SHORTER * (b @ b):
            basis[1] = shorter
            continue
        plane = basis[:2]
        nearest = np.floor(np.linalg.solve(plane @ plane.T, plane @ c))
        candidates = c - (nearest + _AROUND) @ plane
        squares = (candidates**2).sum(axis=1)
        if squares.min() >= _SHORTER * (c @ c):
            return basis
        basis[2] = candidates[squares.argmin()]


_SHORTER = 1 - 1e-12  # by less than rounding, or the loop might not end
_AROUND = np.array([(i, j) for i in (0, 1, -1, 2) for j in (0, 1, -1, 2)], dtype=np.float64)


def _volume_and_heights(lattice: NDArray[np.float64]) -> tuple[float, tuple[float, float, float]]:
    """Volume (Å^3) and the heights over the faces opposite a, b and c (Å); ten times as fast as through NumPy."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = lattice.tolist()
    bc = (by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx)
    ca = (cy * az - cz * ay, cz * ax - cx * az, cx * ay - cy * ax)
    ab = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    volume = abs(ax * bc[0] + ay * bc[1] + az * bc[2])
    faces = (math.hypot(*bc), math.hypot(*ca), math.hypot(*ab))
    return volume, (volume / (faces[0] or 1), volume / (faces[1] or 1), volume / (faces[2] or 1))
