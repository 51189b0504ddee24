"""What the model knows of a space group: its Wyckoff positions in letter order, split by degrees of freedom.

A *constrained* position has no free coordinate and holds one orbit at most; an *unconstrained* one holds any number
(paper, section 3.2). The order ``a, b, ..., z, A`` of `crystalbench.crystals.wyckoff.positions` is the order of every
array.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals import wyckoff

LAST_GROUP = 230


@dataclass(frozen=True, slots=True, eq=False)
class GroupLayout:
    """The n = n0 + ninf Wyckoff positions of a space group. Shared: do not write into the arrays.

    Attributes
    ----------
    letters
        Wyckoff letters, one character a position.
    dof, multiplicity
        (n,) int64, free coordinates (0 to 3) and sites in the conventional cell.
    constrained, unconstrained
        (n0,) and (ninf,) int64, positions with ``dof == 0`` and with ``dof > 0``, ascending.
    slot
        (n,) int64, place of a position in ``constrained`` or ``unconstrained``.
    letterings
        (L, n) int64, the equivalent letterings as position -> position; the first is the identity.
    """

    spacegroup: int
    letters: str
    dof: NDArray[np.int64]
    multiplicity: NDArray[np.int64]
    constrained: NDArray[np.int64]
    unconstrained: NDArray[np.int64]
    slot: NDArray[np.int64]
    letterings: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.letters)


@functools.cache
def layout(spacegroup: int) -> GroupLayout:
    """Return the layout of a space group, 1 to 230; raises `ProtostructureError` where there is none."""
    positions = wyckoff.positions(spacegroup)
    letters = wyckoff.letters(spacegroup)
    dof = np.array([position.dof for position in positions], dtype=np.int64)
    constrained, unconstrained = np.flatnonzero(dof == 0), np.flatnonzero(dof > 0)
    slot = np.empty(len(dof), dtype=np.int64)
    slot[constrained], slot[unconstrained] = np.arange(len(constrained)), np.arange(len(unconstrained))
    images = wyckoff.letterings(spacegroup)
    return GroupLayout(
        spacegroup=spacegroup,
        letters=letters,
        dof=dof,
        multiplicity=np.array([position.multiplicity for position in positions], dtype=np.int64),
        constrained=constrained,
        unconstrained=unconstrained,
        slot=slot,
        letterings=np.array([[letters.index(letter) for letter in image] for image in images], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True, eq=False)
class StackedLayouts:
    """All layouts one after another, to lay out a batch of many groups at once. Index 0 of the (231,) arrays is unused.

    Attributes
    ----------
    size, n0, ninf
        (231,) int64, positions, constrained and unconstrained positions of each group.
    first
        (231,) int64, row of the group's position ``a`` in the (1731,) int64 arrays ``dof``, ``multiplicity``,
        ``letter`` (place in the group's alphabet) and ``slot``.
    n_letterings, first_lettering
        (231,) int64, equivalent letterings of each group, and its first row in ``letterings``.
    letterings
        (all letterings, 27) int64, position -> position, padded with zeros.
    """

    size: NDArray[np.int64]
    n0: NDArray[np.int64]
    ninf: NDArray[np.int64]
    first: NDArray[np.int64]
    dof: NDArray[np.int64]
    multiplicity: NDArray[np.int64]
    letter: NDArray[np.int64]
    slot: NDArray[np.int64]
    n_letterings: NDArray[np.int64]
    first_lettering: NDArray[np.int64]
    letterings: NDArray[np.int64]


@functools.cache
def stacked() -> StackedLayouts:
    """Return the layouts of the 230 groups side by side."""
    groups = [layout(number) for number in range(1, LAST_GROUP + 1)]
    size = _by_group([len(group) for group in groups])
    n_letterings = _by_group([len(group.letterings) for group in groups])
    width = int(size.max())
    return StackedLayouts(
        size=size,
        n0=_by_group([len(group.constrained) for group in groups]),
        ninf=_by_group([len(group.unconstrained) for group in groups]),
        first=np.cumsum(size) - size,
        dof=np.concatenate([group.dof for group in groups]),
        multiplicity=np.concatenate([group.multiplicity for group in groups]),
        letter=np.concatenate([np.arange(len(group)) for group in groups]),
        slot=np.concatenate([group.slot for group in groups]),
        n_letterings=n_letterings,
        first_lettering=np.cumsum(n_letterings) - n_letterings,
        letterings=np.concatenate([np.pad(g.letterings, ((0, 0), (0, width - len(g)))) for g in groups]),
    )


def _by_group(numbers: list[int]) -> NDArray[np.int64]:
    return np.array([0, *numbers], dtype=np.int64)
