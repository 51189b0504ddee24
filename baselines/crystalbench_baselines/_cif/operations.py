"""Symmetry operations: read them, and hold a list of them to being a group."""

import functools
import re
import warnings
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from crystalbench_baselines._cif.grammar import CifError, contradiction

MAX_OPERATIONS = 192
"""Of the largest groups, Fm-3m and its kin."""

MAX_CENTRING = 24
"""Translations in one cell; F has 4, magnetic cells some more."""

MAX_LENGTH = 100
"""Characters of one operation."""

METRIC_TOLERANCE = 0.02
"""Relative change of the metric tensor up to which an operation counts as one of the lattice's own."""

_ROUNDED = 0.005
"""Translations this near to a 24th mean it: 0.33 and .1667 are written for 1/3 and 1/6."""

_ALIKE = 1e-3
"""Translations that differ by less are one."""

_TERM = re.compile(r"([+-]?)(?:([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:/([0-9]+))?)?\*?([xyz]?)")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A space group in one setting, as a closed list of operations x -> ``rotations`` x + ``translations``.

    Attributes
    ----------
    rotations, translations
        (m, 3, 3) int64 and (m, 3), on columns of fractional coordinates; the identity is first.
    products
        (m, m) int64, which operation the product of two is, modulo lattice translations.
    """

    rotations: NDArray[np.int64]
    translations: NDArray[np.float64]
    products: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def centring(self) -> NDArray[np.float64]:
        """(k, 3), the translations in the cell, zero first."""
        plain = (self.rotations == np.eye(3)).all(axis=(1, 2))
        return np.asarray(self.translations[plain], dtype=np.float64)

    def fits(self, lattice: NDArray[np.float64]) -> bool:
        """Whether the operations keep the lengths and angles of a cell."""
        metric = lattice @ lattice.T
        changed = self.rotations.transpose(0, 2, 1) @ metric @ self.rotations
        scale = np.sqrt(np.outer(metric.diagonal(), metric.diagonal()))
        return bool((np.abs(changed - metric) / scale).max() < METRIC_TOLERANCE)


def parse(listed: tuple[str, ...]) -> Group:
    """Read operations such as ``-x+1/2, y, -z``, which have to be a group.

    Raises
    ------
    CifError
        If one is not understood, there are over `MAX_OPERATIONS`, or they are not closed.
    """
    if len(listed) > MAX_OPERATIONS:
        raise CifError(f"{len(listed)} symmetry operations, the limit is {MAX_OPERATIONS}")
    return closed(np.array([_operation(text) for text in listed]))


def times(operations: Group, centring: tuple[str, ...]) -> Group:
    """Return the operations followed by each of some translations, as magnetic CIF lists them.

    Raises
    ------
    CifError
        As `parse`.
    """
    if len(operations) * len(centring) > 2 * MAX_OPERATIONS:
        raise CifError(f"{len(operations)} × {len(centring)} symmetry operations, the limit is {MAX_OPERATIONS}")
    added = np.array([_operation(text)[:, 3] for text in centring])
    shifted = operations.translations + added[:, None]
    rotations = np.broadcast_to(operations.rotations, (len(centring), *operations.rotations.shape))
    return closed(np.concatenate([rotations, shifted[..., None]], axis=3).reshape(-1, 3, 4))


@functools.lru_cache(maxsize=4096)
def _operation(text: str) -> NDArray[np.float64]:
    """Return (3, 4): rotation and translation. A fourth part is magnetic CIF's time reversal."""
    if len(text) > MAX_LENGTH:
        raise CifError(f"a symmetry operation of {len(text)} characters, the limit is {MAX_LENGTH}")
    rows = text.lower().replace(" ", "").split(",")
    if len(rows) == 4 and rows[3] in ("+1", "-1", "1"):
        rows.pop()
    if len(rows) != 3:
        raise CifError(f"{text[:40]!r} is no symmetry operation")
    found = np.array([_row(row, text) for row in rows])
    rotation = found[:, :3]
    if (rotation != np.rint(rotation)).any() or np.abs(rotation).max() > 2:
        raise CifError(f"{text[:40]!r} is no symmetry operation: it keeps no lattice")
    if abs(abs(np.linalg.det(rotation)) - 1) > 1e-6:
        raise CifError(f"{text[:40]!r} is no symmetry operation: it changes volumes")
    return found


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


def closed(operations: NDArray[np.float64]) -> Group:
    """Return the group that (m, 3, 4) operations are; one that is listed twice counts once.

    Raises
    ------
    CifError
        If the identity or the product of two is not among them.
    """
    rotations = np.rint(operations[:, :, :3]).astype(np.int64)
    translations = operations[:, :, 3] % 1.0
    steps = np.rint(translations * 24) / 24
    translations = np.where(np.abs(translations - steps) < _ROUNDED, steps, translations) % 1.0
    parts, keys = np.unique(_key(rotations), return_inverse=True)
    members = [_distinct(np.flatnonzero(keys == k), translations) for k in range(len(parts))]
    if len(sizes := {len(member) for member in members}) > 1:
        least, most = min(members, key=len)[0], max(members, key=len)[0]
        raise contradiction(
            f"the {len(operations)} listed operations are no group: {written(rotations[least], translations[least])} "
            f"is there with {min(sizes)} translations, {written(rotations[most], translations[most])} with {max(sizes)}"
        )
    if max(sizes) > MAX_CENTRING:
        raise contradiction(f"the listed operations have {max(sizes)} translations in one cell")
    table = np.array(members)  # (p, c): point operations by centring translations
    order = table.reshape(-1)
    identity = np.flatnonzero((rotations[order] == np.eye(3)).all(axis=(1, 2)) & _zero(translations[order]))
    if not len(identity):
        raise contradiction("the listed operations are no group: x,y,z is not among them")
    rotations, translations = rotations[order], translations[order]
    product = np.einsum("aij,bjk->abik", rotations, rotations)
    moved = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None]
    place = np.searchsorted(parts, _key(product)).clip(max=len(parts) - 1)
    centred = translations.reshape(*table.shape, 3)
    same = _zero(moved[:, :, None] - centred[place])
    there = same.any(axis=2) & (parts[place] == _key(product))
    if not there.all():
        a, b = np.argwhere(~there)[0]
        raise contradiction(
            f"the {len(operations)} listed operations are no group: {written(rotations[a], translations[a])} after "
            f"{written(rotations[b], translations[b])} is not among them"
        )
    products = place * table.shape[1] + same.argmax(axis=2)
    kept = np.argsort(order)  # as listed, but for the identity
    at = int(np.flatnonzero(kept == identity[0])[0])
    kept = np.concatenate([kept[[at]], np.delete(kept, at)])
    return Group(rotations[kept], translations[kept], np.argsort(kept)[products[np.ix_(kept, kept)]])


def _key(rotations: NDArray[np.int64]) -> NDArray[np.int64]:
    return rotations.reshape(*rotations.shape[:-2], 9) @ (25 ** np.arange(9, dtype=np.int64))


def _zero(translations: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(translations - np.rint(translations)) < _ALIKE).all(axis=-1), dtype=np.bool_)


def _distinct(members: NDArray[np.int64], translations: NDArray[np.float64]) -> list[int]:
    kept: list[int] = []
    for i in members.tolist():
        if not kept or not _zero(translations[kept] - translations[i]).any():
            kept.append(i)
    return kept


def written(rotation: NDArray[np.int64], translation: NDArray[np.float64]) -> str:
    """Return an operation as CIF writes it."""
    rows = []
    for row, shift in zip(rotation.tolist(), translation.tolist(), strict=True):
        signed = {1: "+", -1: "-", 2: "+2", -2: "-2"}
        terms = "".join(signed[value] + axis for value, axis in zip(row, "xyz", strict=True) if value)
        step = Fraction(shift).limit_denominator(48)
        rows.append((terms + (f"+{step}" if step % 1 else "")).removeprefix("+"))
    return ",".join(rows)


def number(group: Group) -> int | None:
    """Return the number of the space group, whatever its setting, or None where spglib finds none."""
    import spglib

    metric = np.einsum("mki,mkj->ij", group.rotations, group.rotations) / len(group)
    with warnings.catch_warnings():
        # spglib 2.7 and 2.8 announce on every call that a failure will raise in future.
        warnings.filterwarnings("ignore", "Set OLD_ERROR_HANDLING", DeprecationWarning)
        found = spglib.get_spacegroup_type_from_symmetry(
            group.rotations, group.translations, lattice=np.linalg.cholesky(metric), symprec=1e-3
        )
    return int(found.number) if found else None


def agree(one: Group, other: Group) -> bool:
    """Whether two groups have the same axes, centring, and screws and glides; where their origins are is free."""
    if len(one) != len(other):
        return False
    keys, others = _key(one.rotations), _key(other.rotations)
    if set(keys.tolist()) != set(others.tolist()):
        return False
    centring = one.centring
    if len(centring) != len(other.centring) or not all(_zero(centring - t).any() for t in other.centring):
        return False
    cells = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    shifts = (centring[:, None] + cells).reshape(-1, 3)
    for i in np.unique(keys, return_index=True)[1]:
        j = int(np.flatnonzero(others == keys[i])[0])
        powers = _sum_of_powers(one.rotations[i])
        left = (one.translations[i] - other.translations[j] - shifts) @ powers.T
        if not (np.abs(left) < _ALIKE * 10).all(axis=1).any():
            return False
    return True


def _sum_of_powers(rotation: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return I + W + ... + W^(n-1): what it makes of a translation is n times its screw or glide part."""
    total, power = np.eye(3, dtype=np.int64), rotation
    for _ in range(6):
        if (power == np.eye(3)).all():
            return total
        total = np.asarray(total + power, dtype=np.int64)
        power = np.asarray(power @ rotation, dtype=np.int64)
    raise contradiction("a listed operation has no finite order")
