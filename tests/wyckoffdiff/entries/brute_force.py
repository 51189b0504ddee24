"""A network of entries so small that the law of what it completes is known: every order of every set of entries.

Space group 61 (Pbca) has two constrained positions, a and b, and one unconstrained, c; there are two elements and up to
two orbits, so an entry is one of 8 and a material holds up to 4.
"""

import functools
import math
from itertools import permutations
from typing import TypeAlias

import numpy as np
import torch

from wyckoffdiff.encoding import Record
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.state import Entries
from wyckoffdiff.settings import EntrySettings

GROUP = 61
SETTINGS = EntrySettings(n_elements=2, max_orbits=2, hidden=8, heads=2, layers=2, readings=1)
Entry: TypeAlias = tuple[int, int, int]
Held: TypeAlias = frozenset[Entry]
Pairs: TypeAlias = frozenset[tuple[int, int]]
ALL: tuple[Entry, ...] = (
    *((position, z, 1) for position in (0, 1) for z in (1, 2)),
    *((2, z, orbits) for z in (1, 2) for orbits in (1, 2)),
)
SIZES = np.zeros((231, 4), dtype=np.int64)
SIZES[GROUP] = 0, 3, 5, 2
SIZES[[1, 2, 47, 62]] = 0, 1, 1, 1


@functools.cache
def network() -> EntryNetwork:
    """Random weights, large enough that what comes next depends strongly on what is there and on how many miss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        found = EntryNetwork(SETTINGS).eval()
    with torch.no_grad():
        for weight in found.parameters():
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())) * 0.6)
    return found.requires_grad_(False)


def state(held: tuple[Entry, ...], missing: int) -> Entries:
    """One material of `GROUP` with these entries in this order."""
    table = torch.tensor([*held, *[(0, 0, 0)] * missing], dtype=torch.int64).view(1, -1, 3)
    group, known, left = (torch.tensor([x]) for x in (GROUP, len(held), missing))
    return Entries(group, known, left, table[..., 0], table[..., 1], table[..., 2])


@functools.cache
def following(held: Held, missing: int, excluded: Pairs = frozenset()) -> dict[Entry, float]:
    """The probability of each next entry; ``excluded`` pairs of position and element cannot come."""
    logits, rows = network()(state(tuple(sorted(held)), missing))
    for position, z in excluded:
        logits[0, position, z - 1] = -torch.inf
    p = logits.flatten().double().softmax(0).view(3, 2)
    amounts = network().amounts(rows[0, 2].expand(2, -1), torch.tensor([1, 2])).double().softmax(1)
    return {
        entry: float(p[entry[0], entry[1] - 1]) * (float(amounts[entry[1] - 1, entry[2] - 1]) if entry[0] == 2 else 1)
        for entry in ALL
        if p[entry[0], entry[1] - 1] > 0
    }


def law_of_size(
    n: int, given: tuple[Entry, ...] = (), excluded: frozenset[tuple[int, int]] = frozenset()
) -> dict[Held, float]:
    """The probability of each set of n entries that is completed from ``given``."""
    law: dict[Held, float] = {frozenset(given): 1.0}
    for missing in range(n - len(given), 0, -1):
        grown: dict[Held, float] = {}
        for held, p in law.items():
            for entry, q in following(held, missing, excluded).items():
                grown[held | {entry}] = grown.get(held | {entry}, 0.0) + p * q
        law = grown
    return law


def law(given: tuple[Entry, ...] = (), excluded: Pairs = frozenset()) -> dict[Held, float]:
    """The probability of each material, its number of entries drawn from `SIZES` and by Bayes' rule."""
    weights = {}
    for n in range(max(1, len(given)), SIZES.shape[1]):
        likelihood = float(SIZES[GROUP, n])
        for number, entry in enumerate(given):
            likelihood *= (n - number) * following(frozenset(given[:number]), n - number).get(entry, 0.0)
        weights[n] = likelihood
    total = sum(weights.values())
    return {
        held: weight / total * p for n, weight in weights.items() for held, p in law_of_size(n, given, excluded).items()
    }


def exact_bound(held: Held) -> float:
    """The bound on -log p(x_0 | s, n): the mean over all orders of the cost of drawing in that order, less log n!."""
    n = len(held)
    costs = [
        -sum(math.log(following(frozenset(order[:j]), n - j)[order[j]]) for j in range(n))
        for order in permutations(held)
    ]
    return sum(costs) / len(costs) - math.log(math.factorial(n))


def chi_square(records: list[Record], expected: dict[Held, float]) -> float:
    """Standard deviations by which Pearson's statistic exceeds its mean; infinite if the impossible happened."""
    observed: dict[Held, int] = {}
    for record in records:
        held = frozenset(record.entries)
        observed[held] = observed.get(held, 0) + 1
    if any(expected.get(held, 0.0) < 1e-14 for held in observed):
        return math.inf
    cells = [(observed.get(held, 0), p * len(records)) for held, p in expected.items()]
    often = [cell for cell in cells if cell[1] >= 5]
    rest = [cell for cell in cells if 1e-9 < cell[1] < 5]
    if rest:
        often.append((sum(o for o, _ in rest), sum(e for _, e in rest)))
    statistic = sum((o - e) ** 2 / e for o, e in often)
    return (statistic - (len(often) - 1)) / (2 * max(len(often) - 1, 1)) ** 0.5
