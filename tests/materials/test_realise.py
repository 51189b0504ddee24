"""One try at a crystal structure of a protostructure: what counts, and what depends on what."""

import numpy as np
import pytest

from crystalbench import Protostructure, RawStructure, Unrealised, UnrealisedReason
from crystalbench.errors import PluginError
from crystalbench.materials.realise import realise, seed_of_try

SALT = Protostructure.parse("AB_cF8_225_a_b:Cl-Na")
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def rock_salt(edge: float) -> RawStructure:
    return RawStructure.of(edge * np.eye(3), [*FCC, *(FCC + 0.5)], [11] * 4 + [17] * 4)


def reason(tried: object) -> UnrealisedReason:
    assert isinstance(tried, Unrealised)
    assert tried.detail
    return tried.reason


def test_a_structure_of_the_protostructure_is_returned_as_it_was_proposed() -> None:
    proposed = rock_salt(5.64)
    assert realise(SALT, lambda p, seed: proposed, 0, 0) is proposed


def test_a_structure_of_another_protostructure_does_not_count() -> None:
    distorted = RawStructure.of(np.diag([5.6, 5.6, 5.7]), rock_salt(1).frac_coords, rock_salt(1).numbers)
    assert reason(realise(SALT, lambda p, seed: distorted, 0, 0)) is UnrealisedReason.OTHER_PROTOSTRUCTURE


def test_atoms_that_are_too_close_do_not_count() -> None:
    on_one_site = RawStructure.of(6 * np.eye(3), np.zeros((2, 3)), [11, 17])
    for close in (rock_salt(3.7), on_one_site):
        assert reason(realise(SALT, lambda p, seed, close=close: close, 0, 0)) is UnrealisedReason.TOO_CLOSE


def test_atoms_just_far_enough_count() -> None:
    assert isinstance(realise(SALT, lambda p, seed: rock_salt(2 * 0.701 * (1.66 + 1.02)), 0, 0), RawStructure)


def test_a_structure_that_is_no_crystal_does_not_count() -> None:
    none = RawStructure.of(np.full((3, 3), np.nan), [[0, 0, 0]], [11])
    assert reason(realise(SALT, lambda p, seed: none, 0, 0)) is UnrealisedReason.NO_PROTOSTRUCTURE


def test_an_element_of_unknown_size_is_not_tried() -> None:
    def never(p: Protostructure, seed: int) -> RawStructure:
        raise AssertionError

    heavy = Protostructure(225, [("Og", "a")])
    assert reason(realise(heavy, never, 0, 0)) is UnrealisedReason.NO_SIZE


def test_a_realiser_that_raises_costs_one_try_and_its_error_is_kept() -> None:
    def broken(p: Protostructure, seed: int) -> RawStructure:
        raise ValueError("no luck")

    tried = realise(SALT, broken, 0, 0)
    assert reason(tried) is UnrealisedReason.CRASH
    assert "ValueError: no luck" in str(tried)


def test_a_realiser_that_returns_something_else_is_refused() -> None:
    with pytest.raises(PluginError, match="must return a RawStructure or an Unrealised, not 'None'"):
        realise(SALT, lambda p, seed: None, 0, 0)  # type: ignore[arg-type, return-value]


def test_each_label_seed_and_try_has_a_seed_of_its_own() -> None:
    other = Protostructure.parse("AB_cF8_225_a_b:Cl-K")
    seeds = {seed_of_try(p, seed, number) for p in (SALT, other) for seed in range(3) for number in range(20)}
    assert len(seeds) == 120
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of_try(SALT, 1, 2) == 6221139186959649495  # as in runs that are on disk
