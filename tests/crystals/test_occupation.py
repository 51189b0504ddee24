"""Occupations: prototypes without colours; and prototypes with two elements taken for one."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.crystals import wyckoff
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.prototype import occupation, with_a_pair_merged
from crystalbench.crystals.wyckoff import Table


@pytest.mark.parametrize(
    ("orbits", "expected"),
    [
        ((136, [("Ti", "a"), ("O", "f")]), "tP6_136_af"),
        ((136, [("O", "b"), ("Ti", "g")]), "tP6_136_af"),  # the other origin, and the elements exchanged
        ((225, [("Na", "a"), ("Cl", "b")]), "cF8_225_ab"),
        ((225, [("Al", "a"), ("Fe", "b"), ("Fe", "c")]), "cF16_225_abc"),
        ((62, [("Fe", "c"), ("Fe", "c"), ("C", "c")]), "oP12_62_3c"),
        ((1, [("H", "a"), ("O", "a")]), "aP2_1_2a"),
    ],
)
def test_occupations_by_hand(orbits: tuple[int, list[tuple[str, str]]], expected: str) -> None:
    assert Protostructure(*orbits).occupation == expected


@given(st.integers(1, 230), st.randoms(use_true_random=False), st.sampled_from(Table))
def test_lettering_elements_and_table_do_not_matter(group: int, rng: random.Random, table: Table) -> None:
    letters = list(dict.fromkeys(rng.choices(wyckoff.letters(group), k=4)))
    elements = rng.choices(("H", "He", "Li"), k=len(letters))
    moved = rng.choice(wyckoff.permutations(group))
    one = Protostructure(group, zip(elements, letters, strict=True))
    other = Protostructure(group, [("O", moved[letter]) for letter in letters], table)
    assert one.occupation == other.occupation == occupation(one.prototype) == occupation(other.prototype)


def test_pairs_merged_by_hand() -> None:
    """A full Heusler alloy: a and b merged, or c with either of them, which is one prototype."""
    assert with_a_pair_merged("ABC2_cF16_225_a_b_c") == {"AB_cF16_225_ab_c", "AB3_cF16_225_a_bc"}


def test_elements_on_equal_positions_are_merged_one_pair_at_a_time() -> None:
    assert with_a_pair_merged("ABC_aP3_1_a_a_a") == {"AB2_aP3_1_a_2a"}
    assert with_a_pair_merged("AB_aP2_1_a_a") == {"A_aP2_1_2a"}


def test_one_element_has_no_pair() -> None:
    assert with_a_pair_merged("A_cF4_225_a") == frozenset()


@given(st.integers(1, 230), st.randoms(use_true_random=False))
def test_merging_keeps_the_occupation(group: int, rng: random.Random) -> None:
    letters = list(dict.fromkeys(rng.choices(wyckoff.letters(group), k=4)))
    one = Protostructure(group, zip(("H", "He", "Li", "Be"), letters, strict=False))
    merged = with_a_pair_merged(one.prototype)
    assert {occupation(prototype) for prototype in merged} <= {one.occupation}
    assert bool(merged) == (len(letters) > 1)
