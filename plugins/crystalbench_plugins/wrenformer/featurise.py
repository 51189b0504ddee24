"""From labels to the integers that the network reads, in batches of protostructures of one length.

A protostructure becomes *tokens*: its distinct pairs of element and Wyckoff letter, each with the number of its
orbits and the share of all sites that one of them holds. Orbits of one element on one letter have equal features;
the network reads them once and weighs them by their number, which gives the same result and keeps a crystal of
group 1 as short as its formula.

The letters depend on the choice of origin and axes, so a protostructure has several equivalent *settings*
(`crystalbench.crystals.wyckoff`). A setting differs from another in its Wyckoff positions only, and the permutations
form a group, so that every distinct setting arises equally often: a mean over distinct ones is the mean over all.
"""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import EncoderError
from crystalbench.crystals import wyckoff
from crystalbench.crystals.prototype import trusted_parts
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer.feature_tables import element_rows, first_position

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """What all protostructures of one AFLOW label share, whatever their elements.

    Attributes
    ----------
    settings
        (s, n) rows of `wyckoff_features`: s distinct equivalent settings of n tokens.
    slots
        (n,) which of the label's elements a token has.
    counts
        (n,) orbits of a token.
    ratios
        (n,) float32, sites of one orbit / sites in the cell.
    """

    settings: Ints
    slots: Ints
    counts: Ints
    ratios: NDArray[np.float32]


@functools.lru_cache(maxsize=1 << 17)
def skeleton(aflow: str, table: Table) -> Skeleton:
    """Read the part of a canonical label before the colon."""
    _, _, number, text = aflow.split("_", 3)
    group = int(number)
    orbits = Counter((slot, letter) for slot, part in enumerate(trusted_parts(text)) for letter in part)
    slots, used = zip(*orbits, strict=True)
    known = wyckoff.letters(group)
    places = [known.index(letter) for letter in used]
    counts = np.array(list(orbits.values()), np.int64)
    multiplicities = np.array([wyckoff.position(group, letter).multiplicity for letter in used], np.float32)
    distinct: dict[tuple[tuple[int, str, int], ...], list[int]] = {}
    for image in wyckoff.letterings(group, table):
        letters = [image[place] for place in places]
        key = tuple(sorted(zip(slots, letters, orbits.values(), strict=True)))
        distinct.setdefault(key, [first_position(group) + known.index(letter) for letter in letters])
    return Skeleton(
        settings=np.array(list(distinct.values()), np.int64),
        slots=np.array(slots, np.int64),
        counts=counts,
        ratios=multiplicities / np.float32(multiplicities @ counts),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Settings of equal length, ready for the network.

    Attributes
    ----------
    elements
        (s, n) rows of `element_features`.
    positions
        (s, n) rows of `wyckoff_features`.
    ratios
        (s, n) float32, sites of one orbit / sites in the cell.
    counts
        (s, n) float32, orbits of each token.
    owner
        (s,) which protostructure of the batch a setting belongs to, ascending; each has one at least.
    """

    elements: Ints
    positions: Ints
    ratios: NDArray[np.float32]
    counts: NDArray[np.float32]
    owner: Ints


class Bucket:
    """Protostructures with the same number n of tokens.

    Attributes
    ----------
    rows
        (m,) places of its protostructures in the sequence of labels.
    n_settings
        (m,) distinct settings of each.
    """

    def __init__(self, rows: Sequence[int], skeletons: Sequence[Skeleton], elements: Sequence[Sequence[int]]) -> None:
        self.rows = np.array(rows, np.int64)
        kinds = {id(known): known for known in skeletons}
        order = {key: kind for kind, key in enumerate(kinds)}
        self._kind = np.array([order[id(known)] for known in skeletons], np.int64)
        self._settings = np.concatenate([known.settings for known in kinds.values()])
        each = np.array([len(known.settings) for known in kinds.values()], np.int64)
        self._first = np.cumsum(each) - each
        self._slots = np.stack([known.slots for known in kinds.values()])
        self._counts = np.stack([known.counts for known in kinds.values()]).astype(np.float32)
        self._ratios = np.stack([known.ratios for known in kinds.values()])
        self._elements = np.zeros((len(rows), max(map(len, elements))), np.int64)
        for row, own in enumerate(elements):
            self._elements[row, : len(own)] = own
        self.n_settings = each[self._kind]

    @property
    def length(self) -> int:
        return int(self._settings.shape[1])

    def all_settings(self, members: Ints) -> Tokens:
        """Tokens of every setting of some members."""
        n = self.n_settings[members]
        owner = np.repeat(np.arange(len(members)), n)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n)
        return self._tokens(members, owner, within)

    def one_setting(self, members: Ints, random: np.random.Generator) -> Tokens:
        """Tokens of one setting of each of some members, drawn at random."""
        return self._tokens(members, np.arange(len(members)), random.integers(self.n_settings[members]))

    def _tokens(self, members: Ints, owner: Ints, within: Ints) -> Tokens:
        rows = members[owner]
        kind = self._kind[rows]
        return Tokens(
            elements=self._elements[rows[:, None], self._slots[kind]],
            positions=self._settings[self._first[kind] + within],
            ratios=self._ratios[kind],
            counts=self._counts[kind],
            owner=owner,
        )

    def batches(self, max_tokens: int) -> Iterator[Ints]:
        """Members in blocks whose settings hold at most ``max_tokens`` tokens; one member alone may hold more."""
        start, filled = 0, 0
        for member, tokens in enumerate((self.n_settings * self.length).tolist()):
            if member > start and filled + tokens > max_tokens:
                yield np.arange(start, member)
                start, filled = member, 0
            filled += tokens
        yield np.arange(start, len(self.rows))


def has_features(label: str) -> bool:
    """False for a label with an element beyond Lr."""
    return element_rows().keys() >= set(label.partition(":")[2].split("-"))


def buckets(labels: Sequence[str], table: Table) -> list[Bucket]:
    """Sort labels by their number of tokens, shortest first.

    Parameters
    ----------
    labels
        Canonical AFLOW labels.
    table
        Which settings count as equivalent.

    Raises
    ------
    EncoderError
        Naming the first label with an element that has no features (beyond Lr), and how many there are.
    """
    if unsupported := [label for label in labels if not has_features(label)]:
        names = list(element_rows())
        raise EncoderError(
            f"{len(unsupported)} of {len(labels)} protostructures have an element without features, "
            f"the first {unsupported[0]}; the Wrenformer knows {names[0]} to {names[-1]}"
        )
    known = element_rows()
    split = [label.partition(":") for label in labels]
    skeletons = [skeleton(aflow, table) for aflow, _, _ in split]
    elements = [[known[element] for element in chemsys.split("-")] for _, _, chemsys in split]
    rows: dict[int, list[int]] = {}
    for row, found in enumerate(skeletons):
        rows.setdefault(len(found.slots), []).append(row)
    return [
        Bucket(rows[n], [skeletons[row] for row in rows[n]], [elements[row] for row in rows[n]]) for n in sorted(rows)
    ]
