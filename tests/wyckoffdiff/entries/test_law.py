"""Completed materials follow the law that the network states, which brute force computes; and so does the chain."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
import torch

from tests.wyckoffdiff.entries.brute_force import (
    GROUP,
    SIZES,
    Entry,
    Held,
    chi_square,
    exact_bound,
    following,
    law,
    law_of_size,
    network,
    state,
)
from wyckoffdiff.condition import Condition
from wyckoffdiff.encoding import Record
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.objective import material_bounds
from wyckoffdiff.entries.sample import EntrySampler
from wyckoffdiff.entries.state import Entries
from wyckoffdiff.transitions import alpha_bars

N = 20_000


def sampled(condition: Condition | None = None, *, n: int = N, seed: int = 1, threads: int = 1) -> list[Record]:
    condition = condition or Condition()
    others = [] if condition.spacegroups else [1, 2, 62, 47]  # other groups in the batch: they must not matter
    sampler = EntrySampler(network(), SIZES, condition, threads)
    drawn = sampler.sample([GROUP] * n + others, torch.Generator().manual_seed(seed))
    assert [record.spacegroup for record in drawn[n:]] == others
    return drawn[:n]


def test_the_law_is_a_distribution_over_the_sizes_of_the_training_split() -> None:
    found = law()
    assert sum(found.values()) == pytest.approx(1)
    by_size = [sum(p for held, p in found.items() if len(held) == n) for n in range(4)]
    assert by_size == pytest.approx([0, 0.3, 0.5, 0.2])


def test_samples_follow_the_law() -> None:
    assert chi_square(sampled(), law()) < 5


def test_the_comparison_tells_a_wrong_law_from_the_right_one() -> None:
    found = law()
    ranked = sorted(found, key=found.__getitem__)
    found[ranked[-1]], found[ranked[0]] = found[ranked[0]], found[ranked[-1]]
    assert chi_square(sampled(), found) > 20


def test_an_excluded_element_never_occurs_and_the_rest_follows_the_restricted_law() -> None:
    samples = sampled(Condition(elements=(2,)))
    assert {z for record in samples for _, z, _ in record.entries} == {2}
    excluded = frozenset((position, 1) for position in range(3))
    assert chi_square(samples, law(excluded=excluded)) < 5


def test_given_positions_stay_and_the_number_of_entries_follows_bayes_rule() -> None:
    given: tuple[Entry, ...] = ((0, 2, 1), (2, 1, 2))
    samples = sampled(Condition.parse(spacegroups=str(GROUP), given="a=He c=2H"))
    assert all(set(given) <= set(record.entries) for record in samples)
    assert chi_square(samples, law(given, excluded=frozenset({(2, 2)}))) < 5


def test_a_position_given_as_empty_stays_empty() -> None:
    samples = sampled(Condition.parse(spacegroups=str(GROUP), given="b="), n=500)
    assert all(position != 1 for record in samples for position, _, _ in record.entries)


def test_a_material_is_never_asked_for_more_entries_than_there_is_room_for() -> None:
    condition = Condition.parse(spacegroups=str(GROUP), elements="H", given="a= b=")
    assert {len(record.entries) for record in sampled(condition, n=500)} == {1}


def test_more_given_entries_than_any_training_material_has_are_left_as_they_are() -> None:
    condition = Condition.parse(spacegroups=str(GROUP), given="a=H b=H c=H+2He")
    assert {record.entries for record in sampled(condition, n=20)} == {((0, 1, 1), (1, 1, 1), (2, 1, 1), (2, 2, 2))}


def test_samples_depend_on_the_seed_and_on_nothing_else() -> None:
    assert sampled(n=600, seed=1) == sampled(n=600, seed=1) != sampled(n=600, seed=2)
    assert sampled(n=600, seed=1, threads=3) == sampled(n=600, seed=1)


def test_equal_states_share_one_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    forward = EntryNetwork.forward

    def counted(self: EntryNetwork, some: Entries) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(len(some))
        return forward(self, some)

    monkeypatch.setattr(EntryNetwork, "forward", counted)
    sampled(n=5_000)
    groups_and_sizes = 3 + 4 * 3  # three sizes occur, in the group that is sampled and in each of the four others
    assert asked[0] <= groups_and_sizes
    assert sum(asked) < 5 * len(law())


def chain(n: int, steps: int) -> dict[Held, float]:
    """The law of the paper's chain of T steps with p(x_0 = a | x_t) = k p(next is a): all variables at once."""
    alpha_bar = alpha_bars(steps)
    found: dict[Held, float] = {frozenset(): 1.0}
    for t, s in pairwise(range(steps, -1, -1)):
        erased = float((alpha_bar[s] - alpha_bar[t]) / (1 - alpha_bar[t]))
        grown: dict[Held, float] = {}
        for held, p in found.items():
            missing = n - len(held)
            if missing <= 0:
                grown[held] = grown.get(held, 0.0) + p
                continue
            variables: dict[tuple[int, int], list[tuple[Entry | None, float]]] = {}
            for entry, q in following(held, missing).items():
                key = (entry[0], 0 if entry[0] < 2 else entry[1])
                variables.setdefault(key, []).append((entry, erased * min(missing * q, 1.0)))
            for options in variables.values():
                options.append((None, max(0.0, 1 - sum(weight for _, weight in options))))
            for outcome in product(*variables.values()):
                weight = p
                for _, q in outcome:
                    weight *= q
                if weight > 1e-12:
                    key_ = held | {entry for entry, _ in outcome if entry}
                    grown[key_] = grown.get(key_, 0.0) + weight
        found = grown
    return found


def test_the_chain_of_many_steps_has_the_same_law() -> None:
    exact = law_of_size(2)
    away = []
    for steps in (10, 40, 160):
        found = chain(2, steps)
        away.append(sum(abs(found.get(held, 0.0) - exact.get(held, 0.0)) for held in found.keys() | exact.keys()) / 2)
    assert away[0] > 2 * away[1] > 4 * away[2]
    assert away[2] < 0.02


def test_the_objective_is_the_bound_of_the_law() -> None:
    """Its mean over orders is the exact bound, which lies above -log p and meets it where there is one order."""
    generator = torch.Generator().manual_seed(0)
    for held, p in law_of_size(3).items():
        exact = exact_bound(held)
        assert exact >= -torch.tensor(p).log() - 1e-6
    held = next(iter(law_of_size(3)))
    drawn = []
    for _ in range(3000):
        order = torch.randperm(3, generator=generator).tolist()
        entries = tuple(sorted(held)[k] for k in order)
        known = int(torch.randint(3, (1,), generator=generator))
        some = replace(state(entries, 0), known=torch.tensor([known]), missing=torch.tensor([3 - known]))
        drawn.append(float(material_bounds(network(), some)))
    mean, deviation = torch.tensor(drawn).mean(), torch.tensor(drawn).std() / len(drawn) ** 0.5
    assert abs(mean - exact_bound(held)) < 4 * deviation
    for single, p in law_of_size(1).items():
        assert exact_bound(single) == pytest.approx(float(-torch.tensor(p).log()), rel=1e-5)


def test_the_order_of_the_known_entries_does_not_matter() -> None:
    one, other = (network()(state(held, 1))[0] for held in (((0, 1, 1), (2, 2, 2)), ((2, 2, 2), (0, 1, 1))))
    torch.testing.assert_close(one, other)


def test_what_is_taken_cannot_come_again() -> None:
    logits = network()(state(((0, 1, 1), (2, 2, 1)), 1))[0][0]
    assert torch.isinf(logits).nonzero().tolist() == [[0, 0], [0, 1], [2, 1]]
