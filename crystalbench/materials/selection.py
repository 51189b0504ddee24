"""Which protostructures are worth realising: elements that the methods behind the energies describe well."""

from collections.abc import Collection
from enum import StrEnum

from crystalbench.crystals.elements import NUMBERS

NOBLE_GASES = frozenset({"He", "Ne", "Ar", "Kr", "Xe", "Rn", "Og"})

_LAST_OF_NOBLE = (2, 10, 18, 36, 54, 86, 118)


class Block(StrEnum):
    """A block of the periodic table: the kind of the outermost subshell that is filled."""

    S = "s"
    P = "p"
    D = "d"
    F = "f"


PAPER_BLOCKS = (Block.S, Block.P, Block.D)
"""Elements of the paper's candidates (section 5): of the others DFT with the settings of the training data is known to
be less reliable. (Two of its Table 6 hold La and Nd all the same.)"""


def block(element: str) -> Block:
    """Return the block of an element; La to Yb and Ac to No are f, as in pymatgen, and helium is s."""
    number = NUMBERS[element]
    if number == 2:
        return Block.S
    before = max((z for z in (0, *_LAST_OF_NOBLE) if z < number), default=0)
    period, place = (0, *_LAST_OF_NOBLE).index(before) + 1, number - before
    if place <= 2:
        return Block.S
    if next(z for z in _LAST_OF_NOBLE if z >= number) - number < 6:
        return Block.P
    return Block.F if period >= 6 and place <= 16 else Block.D


def excluded(elements: Collection[str], blocks: Collection[Block] = PAPER_BLOCKS, noble: bool = False) -> list[str]:
    """Return the elements that keep a protostructure out: noble gases unless asked for, and those of other blocks."""
    return [name for name in elements if (name in NOBLE_GASES and not noble) or block(name) not in blocks]
