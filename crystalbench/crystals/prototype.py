"""Canonical lettering of protostructures and prototypes: the search over equivalent letterings.

Works on *parts*: for each element, in a given order, the sorted Wyckoff letters of its orbits with repeats,
for example ``("ff", "a")``. `crystalbench.crystals.protostructure` is the public face.

Canonical form (as in aviary and in `pymatgen.analysis.prototypes`): of all letterings equivalent under the
group's permutations, the one with the smallest ``(score, text)``. The score is the sum over elements of the
ranks of their distinct letters (a = 1 ... z = 26, and 0 for the letter ``A`` of group 47); the text is the
Wyckoff part of the label.

A letter's rank enters the score once per element that uses it, whatever the order of the elements. So the
permutations with the smallest score depend only on which letters are used by how many elements; they are few,
and remembered.

The prototype also ranges over all orders of elements that are equally frequent. That is no search over
orders: once the letters are permuted, the smallest text is reached by sorting the parts of equally frequent
elements, each with the separator ``_`` behind it. (Parts so terminated are a prefix code, and sorting the
words of a prefix code gives their smallest concatenation. The separator matters: ``_`` sorts after digits, so
``a2b_a`` comes before ``a_a2b``.) Twenty equally frequent elements cost as much as two, where listing all
orders needs 20! steps.
"""

import functools
import re
from collections import Counter
from itertools import combinations
from math import gcd
from string import ascii_uppercase

from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ProtostructureError

Parts = tuple[str, ...]
MAX_ELEMENTS = len(ascii_uppercase)
"""A label names its elements A to Z; more than 26 have no label."""
MAX_ORBITS = 2000
"""Of one protostructure: a cell of so many atoms in P1, which is where the conversion stops by default."""


def rank(letter: str) -> int:
    """Return the rank of a letter in the score: a = 1 to z = 26, and 0 for A.

    These are aviary's numbers, of which only the order matters: all letterings hold the same number of letters, so that
    another first rank adds the same to every score, and every permutation leaves A in its place.
    """
    return 0 if letter == "A" else ord(letter) - 96


@functools.lru_cache(maxsize=1 << 14)
def _best_letterings(spacegroup: int, weights: tuple[tuple[str, int], ...], table: Table) -> tuple[dict[int, str], ...]:
    """Letter permutations of smallest score, distinct on the letters in use, as `str.translate` tables.

    ``weights`` holds each letter in use and the number of elements that use it, sorted.
    """
    known = wyckoff.letters(spacegroup)
    places = [known.index(letter) for letter, _ in weights]
    factors = [weight for _, weight in weights]
    images = {tuple([image[place] for place in places]) for image in wyckoff.letterings(spacegroup, table)}
    scores = {
        image: sum([factor * rank(letter) for factor, letter in zip(factors, image, strict=True)]) for image in images
    }
    smallest = min(scores.values())
    return tuple(
        {ord(source): target for (source, _), target in zip(weights, image, strict=True)}
        for image, score in scores.items()
        if score == smallest
    )


def _candidates(spacegroup: int, parts: Parts, table: Table) -> list[Parts]:
    """Return the equivalent letterings of smallest score."""
    weights = Counter("".join(["".join(set(part)) for part in parts]))
    maps = _best_letterings(spacegroup, tuple(sorted(weights.items())), table)
    return [tuple(["".join(sorted(part.translate(mapping))) for part in parts]) for mapping in maps]


@functools.lru_cache(maxsize=1 << 14)
def part_text(part: str) -> str:
    """Write one element's letters as in a label: ``"aiii"`` becomes ``"a3i"``."""
    counts = [(letter, part.count(letter)) for letter in dict.fromkeys(part)]
    return "".join([letter if count == 1 else f"{count}{letter}" for letter, count in counts])


def _text(parts: Parts) -> str:
    return "_".join([part_text(part) for part in parts])


def canonical_parts(spacegroup: int, parts: Parts, table: Table = Table.AFFINE) -> Parts:
    """Return the canonical lettering; the elements keep their order.

    Parameters
    ----------
    spacegroup : int
        Space-group number.
    parts : tuple of str
        Sorted letters of each element, all of which exist in the group.
    table : Table
        Which letterings count as equivalent.
    """
    candidates = _candidates(spacegroup, parts, table)
    return candidates[0] if len(candidates) == 1 else min(candidates, key=_text)


def n_sites(spacegroup: int, part: str) -> int:
    """Return the number of sites in the conventional cell on the positions ``part``."""
    table = wyckoff.by_letter(spacegroup)
    return sum([table[letter].multiplicity * part.count(letter) for letter in set(part)])


def amounts(spacegroup: int, parts: Parts) -> tuple[int, ...]:
    """Return the atoms of each element in the conventional cell."""
    return tuple([n_sites(spacegroup, part) for part in parts])


def reduced(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Divide amounts by their greatest common divisor."""
    divisor = gcd(*numbers)
    return tuple([number // divisor for number in numbers])


def _aflow(spacegroup: int, parts: Parts, atoms: tuple[int, ...]) -> str:
    formula = "".join(
        [name if n == 1 else f"{name}{n}" for name, n in zip(ascii_uppercase, reduced(atoms), strict=False)]
    )
    return f"{formula}_{wyckoff.pearson_prefix(spacegroup)}{sum(atoms)}_{spacegroup}_{_text(parts)}"


def aflow_label(spacegroup: int, parts: Parts) -> str:
    """Write the AFLOW part of a protostructure label, ``A2B_tP6_136_f_a``, with the letters as they are."""
    if len(parts) > MAX_ELEMENTS:
        raise ProtostructureError(f"{len(parts)} elements: a label can name at most {MAX_ELEMENTS} (A to Z)")
    return _aflow(spacegroup, parts, amounts(spacegroup, parts))


@functools.lru_cache(maxsize=1 << 15)
def prototype_label(spacegroup: int, parts: Parts, table: Table = Table.AFFINE) -> str:
    """Return the canonical AFLOW label of the prototype: the protostructure with its elements forgotten.

    The elements are ordered by amount; equally frequent ones and the letters are permuted to the smallest
    ``(score, text)``. The same text as `pymatgen.analysis.prototypes.get_prototype_from_protostructure` when
    ``table`` is `Table.PYMATGEN`.
    """
    atoms = amounts(spacegroup, parts)
    if len(parts) > MAX_ELEMENTS:
        raise ProtostructureError(f"{len(parts)} elements: a label can name at most {MAX_ELEMENTS} (A to Z)")
    orders = [
        sorted(zip(atoms, candidate, strict=True), key=lambda pair: (pair[0], part_text(pair[1]) + "_"))
        for candidate in _candidates(spacegroup, parts, table)
    ]
    best = min((tuple([part for _, part in order]) for order in orders), key=_text)
    return _aflow(spacegroup, best, tuple(sorted(atoms)))


@functools.lru_cache(maxsize=1 << 15)
def occupation(aflow: str) -> str:
    """Return the occupation of an AFLOW label, ``"tP6_136_af"`` for ``"A2B_tP6_136_f_a"``: prototype without colours.

    Which positions hold how many orbits, whatever the elements, in the canonical lettering under the affine normaliser;
    the label may be canonical under any table. Prototypes that are colourings of one occupation differ only in which
    orbits have the same element.
    """
    _, _, number, text = aflow.split("_", 3)
    spacegroup, orbits = int(number), "".join(sorted("".join(trusted_parts(text))))
    (part,) = canonical_parts(spacegroup, (orbits,), Table.AFFINE)
    return f"{wyckoff.pearson_prefix(spacegroup)}{n_sites(spacegroup, part)}_{spacegroup}_{part_text(part)}"


def with_a_pair_merged(aflow: str, table: Table = Table.AFFINE) -> frozenset[str]:
    """Return the prototypes that a prototype becomes where two of its elements are one: n (n - 1) / 2 at most."""
    _, _, number, text = aflow.split("_", 3)
    parts = trusted_parts(text)
    merged = [
        (*parts[:i], *parts[i + 1 : j], *parts[j + 1 :], "".join(sorted(parts[i] + parts[j])))
        for i, j in combinations(range(len(parts)), 2)
    ]
    return frozenset(prototype_label(int(number), one, table) for one in merged)


@functools.lru_cache(maxsize=1 << 15)
def canonical(spacegroup: int, parts: Parts, table: Table) -> tuple[Parts, str]:
    """Return canonical parts and AFLOW label of letters that exist in the group; check the occupation."""
    if not parts:
        raise ProtostructureError(f"no orbits in space group {spacegroup}: a protostructure has at least one")
    joined = "".join(parts)
    if len(joined) > MAX_ORBITS:
        raise ProtostructureError(f"{len(joined)} orbits: a protostructure has at most {MAX_ORBITS}")
    for letter, position in wyckoff.by_letter(spacegroup).items():
        if position.dof == 0 and joined.count(letter) > 1:
            raise ProtostructureError(
                f"position {letter} of space group {spacegroup} is occupied {joined.count(letter)} times, "
                "but it has no free coordinate and holds one orbit only"
            )
    canonical = canonical_parts(spacegroup, parts, table)
    return canonical, aflow_label(spacegroup, canonical)


RUN = re.compile(r"([0-9]*)([A-Za-z])")


@functools.lru_cache(maxsize=1 << 15)
def trusted_parts(text: str) -> Parts:
    """Read a Wyckoff text known to be well formed: ``"a3i_b"`` becomes ``("aiii", "b")``."""
    return tuple(
        ["".join([letter * int(count or 1) for count, letter in RUN.findall(part)]) for part in text.split("_")]
    )
