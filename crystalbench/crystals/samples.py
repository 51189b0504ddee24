"""What a generator gives (`RawStructure`, `Protostructure`, `Invalid`) and what metrics see (`SampleSet`)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crystalbench.crystals.protostructure import Protostructure


class InvalidReason(StrEnum):
    """Why a sample has no protostructure. The values are stored in ledgers: never rename one."""

    EMPTY = "empty"
    NON_FINITE = "non_finite"
    UNKNOWN_ELEMENT = "unknown_element"
    DISORDERED = "disordered"
    NON_POSITIVE_LATTICE = "non_positive_lattice"
    IMPOSSIBLE_ANGLES = "impossible_angles"
    TINY_CELL = "tiny_cell"
    HUGE_CELL = "huge_cell"
    HUGE_COORDINATES = "huge_coordinates"
    TOO_MANY_ATOMS = "too_many_atoms"
    OVERLAPPING_ATOMS = "overlapping_atoms"
    NO_SYMMETRY = "no_symmetry"
    INCONSISTENT_SYMMETRY = "inconsistent_symmetry"
    HIGHER_SYMMETRY = "higher_symmetry"
    CONTRADICTION = "contradiction"
    MISSING_ATOMS = "missing_atoms"
    INVALID_PROTOSTRUCTURE = "invalid_protostructure"
    UNREADABLE = "unreadable"
    TIMEOUT = "timeout"
    CRASH = "crash"
    NOT_WRITTEN = "not_written"


@dataclass(frozen=True, slots=True)
class Invalid:
    """A sample without a protostructure; it stays in every denominator with its reason."""

    reason: InvalidReason
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RawStructure:
    """One crystal as plain arrays, exactly as the generator gave it: nothing is wrapped, sorted or repaired.

    Attributes
    ----------
    lattice
        (3, 3) float64, lattice vectors as rows, Å.
    frac_coords
        (n, 3) float64, fractional coordinates; any real number.
    numbers
        (n,) int64, atomic numbers.
    """

    lattice: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, lattice: ArrayLike, frac_coords: ArrayLike, numbers: ArrayLike) -> Self:
        """Build from anything array-like; raises `ValueError` where the shapes disagree."""
        cell = np.array(lattice, dtype=np.float64)
        coords = np.array(frac_coords, dtype=np.float64).reshape(-1, 3)
        atoms = np.array(numbers, dtype=np.int64).reshape(-1)
        if cell.shape != (3, 3) or len(coords) != len(atoms):
            raise ValueError(
                f"lattice {cell.shape}, coordinates {coords.shape} and atomic numbers {atoms.shape} disagree; "
                "expected (3, 3), (n, 3) and (n,)"
            )
        return cls(cell, coords, atoms)

    @classmethod
    def from_parameters(
        cls, lengths: ArrayLike, angles: ArrayLike, frac_coords: ArrayLike, numbers: ArrayLike
    ) -> "Self | Invalid":
        """Build from cell lengths (Å) and angles (degrees); a cell that cannot exist becomes `Invalid`.

        A negative length must be caught here: the lattice made of it has a positive volume and would get a
        perfectly good label. Vectors follow pymatgen's convention (a in the xz plane, c along z).
        """
        a, b, c = (float(x) for x in np.asarray(lengths, dtype=np.float64).reshape(3))
        degrees = np.asarray(angles, dtype=np.float64).reshape(3)
        if not np.isfinite([a, b, c]).all() or not np.isfinite(degrees).all():
            return Invalid(InvalidReason.NON_FINITE, f"lengths {a:g} {b:g} {c:g}, angles {degrees.tolist()}")
        if min(a, b, c) <= 0:
            return Invalid(InvalidReason.NON_POSITIVE_LATTICE, f"lengths {a:g} {b:g} {c:g} Å")
        if degrees.min() <= 0 or degrees.max() >= 180:
            return Invalid(InvalidReason.IMPOSSIBLE_ANGLES, f"angles {degrees.tolist()} degrees")
        cos_alpha, cos_beta, cos_gamma = np.cos(np.radians(degrees))
        sin_alpha, sin_beta = np.sin(np.radians(degrees[:2]))
        cos_gamma_star = (cos_alpha * cos_beta - cos_gamma) / (sin_alpha * sin_beta)
        if abs(cos_gamma_star) >= 1:
            return Invalid(InvalidReason.IMPOSSIBLE_ANGLES, f"angles {degrees.tolist()} degrees close no cell")
        sin_gamma_star = float(np.sqrt(1 - cos_gamma_star**2))
        lattice = [
            [a * sin_beta, 0.0, a * cos_beta],
            [-b * sin_alpha * cos_gamma_star, b * sin_alpha * sin_gamma_star, b * cos_alpha],
            [0.0, 0.0, c],
        ]
        return cls.of(lattice, frac_coords, numbers)

    def digest(self) -> bytes:
        """SHA-256 of the arrays: the identity of this structure in the conversion cache."""
        parts = (self.lattice, self.frac_coords, self.numbers)
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).digest()


Sample: TypeAlias = Protostructure | RawStructure | Invalid
Converted: TypeAlias = Protostructure | Invalid


@dataclass(frozen=True)
class SampleSet:
    """Converted samples in the order they were generated; ``len`` is the denominator.

    An invalid sample keeps its row and its reason. Equality is by content and order.
    """

    items: tuple[Converted, ...]

    @classmethod
    def of(cls, items: Iterable[Converted]) -> Self:
        return cls(tuple(items))

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Converted]:
        return iter(self.items)

    @cached_property
    def valid(self) -> tuple[Protostructure, ...]:
        """The protostructures, in order."""
        return tuple(item for item in self.items if not isinstance(item, Invalid))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Canonical AFLOW labels of the valid samples, in order."""
        return tuple(item.label for item in self.valid)

    @cached_property
    def reasons(self) -> Counter[InvalidReason]:
        """How many samples are invalid, by reason."""
        return Counter(item.reason for item in self.items if isinstance(item, Invalid))


def nothing_valid(source: str, reasons: Counter[InvalidReason], first: Invalid) -> str:
    """Return the sentence about a file of which no sample has a protostructure."""
    counts = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    return (
        f"{source}: none of its {reasons.total():,} samples has a protostructure ({counts}); the first: "
        f"{first.detail.split(chr(92) + 'n')[0] or first.reason}"
    )
