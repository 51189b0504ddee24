"""Shapes of cells from layers and columns: counts by hand, symmetry, known materials."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.crystals import wyckoff
from crystalbench.crystals.coordinates import UNIT, orbit
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.materials.shapes import cell_shape, layers_and_columns

LETTERS = st.integers(1, 230).flatmap(
    lambda group: st.tuples(st.just(group), st.lists(st.sampled_from(wyckoff.letters(group)), min_size=1, max_size=4))
)


def test_layers_and_columns_of_rock_salt_and_the_delafossites_are_hand_checked() -> None:
    assert layers_and_columns(225, "ab").tolist() == [[2, 2, 2], [4, 4, 4]]
    across_c, along_c = layers_and_columns(166, "abc")[:, 2].tolist()
    assert (across_c, along_c) == (12, 3)  # four atoms on each of the three threefold axes, no two at one height


@given(LETTERS, st.integers(0, 2**32))
def test_layers_and_columns_are_those_of_sites_at_random_coordinates(drawn: tuple[int, list[str]], seed: int) -> None:
    group, letters = drawn
    random = np.random.default_rng(seed)
    sites = [orbit(group, letter) for letter in letters]
    points = np.concatenate([one.matrices @ random.random(3) + one.shifts / UNIT for one in sites])
    places = np.rint(points * 1e6).astype(int) % 10**6
    for axis in range(3):
        others = [i for i in range(3) if i != axis]
        layers, columns = len(np.unique(places[:, axis])), len(np.unique(places[:, others], axis=0))
        assert layers_and_columns(group, letters)[:, axis].tolist() == [layers, columns]


@given(LETTERS)
def test_lengths_that_symmetry_makes_equal_are_expected_to_be_equal(drawn: tuple[int, list[str]]) -> None:
    group, letters = drawn
    shape = cell_shape(group, tuple(letters))
    assert shape.logs.sum() == pytest.approx(0, abs=1e-9)
    if wyckoff.pearson_prefix(group)[0] in "thc":
        assert shape.logs[0] == pytest.approx(shape.logs[1])
    assert (shape.spread == 0) == (wyckoff.pearson_prefix(group)[0] == "c")


@given(LETTERS)
def test_the_order_of_the_orbits_does_not_matter(drawn: tuple[int, list[str]]) -> None:
    group, letters = drawn
    assert (layers_and_columns(group, letters[::-1]) == layers_and_columns(group, letters)).all()


@pytest.mark.parametrize(
    ("label", "known"),
    [
        ("ABC2_hR12_166_a_b_c:Al-Cu-O", 16.94 / 2.857),  # a delafossite
        ("A2B_tP6_136_f_a:O-Ti", 2.959 / 4.594),  # rutile
        ("A2B_tI12_141_e_a:O-Ti", 9.515 / 3.785),  # anatase
        ("AB2_hP3_164_a_d:Cd-I", 6.84 / 4.24),
        ("A_hP2_194_c:Mg", 5.21 / 3.21),
    ],
)
def test_c_over_a_of_known_materials_is_expected_within_a_factor_of_1_35(label: str, known: float) -> None:
    made = Protostructure.parse(label)
    logs = cell_shape(made.spacegroup, tuple(site.letter for site in made.orbits)).logs
    assert logs[2] - logs[0] == pytest.approx(np.log(known), abs=np.log(1.35))
