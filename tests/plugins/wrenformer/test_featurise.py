"""Labels become tokens: what they hold, which settings are equivalent, and what is refused."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import EncoderError, Protostructure
from crystalbench.crystals import wyckoff
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer import feature_tables
from crystalbench_plugins.wrenformer.composition import composition_buckets
from crystalbench_plugins.wrenformer.featurise import buckets, skeleton
from tests.plugins.wrenformer.wrenformer_inputs import RUTILE, SALT, TWICE, labels


def letters_of(group: int, rows: np.ndarray) -> list[str]:
    return [wyckoff.letters(group)[row - feature_tables.first_position(group)] for row in rows.tolist()]


def test_the_tables_have_a_row_for_every_wyckoff_position_and_every_element_up_to_lawrencium() -> None:
    assert feature_tables.wyckoff_features().shape == (1731, 444)
    assert feature_tables.element_features().shape == (103, 200)
    assert list(feature_tables.element_rows())[::102] == ["H", "Lr"]
    assert feature_tables.first_position(230) + len(wyckoff.letters(230)) == 1731
    assert np.isfinite(feature_tables.wyckoff_features()).all()
    assert np.isfinite(feature_tables.element_features()).all()


def test_rock_salt_has_two_settings_of_two_tokens() -> None:
    found = skeleton(SALT.partition(":")[0], Table.AFFINE)
    assert [letters_of(225, setting) for setting in found.settings] == [["a", "b"], ["b", "a"]]
    assert found.slots.tolist() == [0, 1]
    assert found.counts.tolist() == [1, 1]
    assert found.ratios.tolist() == [0.5, 0.5]


def test_a_token_holds_the_share_of_one_orbit_among_all_sites() -> None:
    found = skeleton(RUTILE.partition(":")[0], Table.AFFINE)  # O on 4f, Ti on 2a
    assert found.ratios.tolist() == [np.float32(4 / 6), np.float32(2 / 6)]


def test_orbits_of_one_element_on_one_letter_are_one_token() -> None:
    found = skeleton(TWICE.partition(":")[0], Table.AFFINE)
    assert found.settings.shape == (1, 2)
    assert found.counts.tolist() == [2, 6]
    assert found.ratios.tolist() == [0.125, 0.125]


@given(labels(), st.sampled_from(Table))
def test_every_setting_arises_from_equally_many_permutations(label: str, table: Table) -> None:
    """So the mean over distinct settings is the mean over all permutations."""
    known = Protostructure.from_canonical(label)
    images = [
        tuple(sorted((orbit.element, permutation[orbit.letter]) for orbit in known.orbits))
        for permutation in wyckoff.permutations(known.spacegroup, table)
    ]
    counts = Counter(images)
    assert len(set(counts.values())) == 1
    found = skeleton(label.partition(":")[0], table)
    settings = set()
    for setting in found.settings:
        letters = letters_of(known.spacegroup, setting)
        tokens = zip(found.slots.tolist(), letters, found.counts.tolist(), strict=True)
        settings.add(tuple(sorted((known.elements[slot], letter) for slot, letter, n in tokens for _ in range(n))))
    assert settings == set(counts)
    assert len(found.settings) == len(counts)


@given(labels())
def test_every_setting_describes_the_same_protostructure(label: str) -> None:
    known = Protostructure.from_canonical(label)
    found = skeleton(label.partition(":")[0], Table.AFFINE)
    for setting in found.settings:
        letters = letters_of(known.spacegroup, setting)
        tokens = zip(found.slots.tolist(), letters, found.counts.tolist(), strict=True)
        orbits = [(known.elements[slot], letter) for slot, letter, n in tokens for _ in range(n)]
        assert Protostructure(known.spacegroup, orbits) == known


@given(st.lists(labels(), min_size=1, max_size=20), st.integers(1, 200))
def test_batches_hold_each_label_once_and_keep_to_their_size(many: list[str], budget: int) -> None:
    rows = []
    for bucket in buckets(many, Table.AFFINE):
        for members in bucket.batches(budget):
            tokens = bucket.all_settings(members)
            assert tokens.positions.size <= budget or len(members) == 1
            assert tokens.positions.shape == tokens.elements.shape == tokens.ratios.shape == tokens.counts.shape
            assert (tokens.ratios * tokens.counts).sum(1) == pytest.approx(1)
            assert np.bincount(tokens.owner).tolist() == bucket.n_settings[members].tolist()
            rows += bucket.rows[members].tolist()
    assert sorted(rows) == list(range(len(many)))


@given(st.lists(labels(), min_size=1, max_size=10), st.integers(0, 2**32 - 1))
def test_a_random_setting_is_one_of_all(many: list[str], seed: int) -> None:
    for bucket in buckets(many, Table.AFFINE):
        members = np.arange(len(bucket.rows))
        every, one = bucket.all_settings(members), bucket.one_setting(members, np.random.default_rng(seed))
        for member in members.tolist():
            assert one.positions[member].tolist() in every.positions[every.owner == member].tolist()
            assert one.elements[member].tolist() == every.elements[every.owner == member][0].tolist()


def test_an_element_without_features_is_an_error_that_names_the_label() -> None:
    heavy = Protostructure(225, [("Rf", "a"), ("O", "b")]).label
    with pytest.raises(EncoderError, match=rf"1 of 2 protostructures .* {heavy}; the Wrenformer knows H to Lr"):
        buckets([SALT, heavy], Table.AFFINE)


def test_the_baseline_sees_the_composition_and_nothing_else() -> None:
    anatase = Protostructure(141, [("Ti", "a"), ("O", "e")]).label
    (bucket,) = composition_buckets([RUTILE, anatase])
    tokens = bucket.all_settings(np.arange(2))
    for column in (tokens.elements, tokens.positions, tokens.ratios, tokens.counts):
        assert column[0].tolist() == column[1].tolist()
    assert tokens.ratios[0].tolist() == [np.float32(2 / 3), np.float32(1 / 3)]
