"""Room that atoms take: distances against a search over many images, sizes of known crystals."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import RawStructure
from crystalbench.crystals.elements import NUMBERS
from crystalbench.materials.sizes import clearance, element_sizes


def test_rock_salt_is_hand_checked() -> None:
    fcc = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    salt = RawStructure.of(5.64 * np.eye(3), [*fcc, *(fcc + 0.5)], [11] * 4 + [17] * 4)
    assert clearance(salt) == pytest.approx(2.82 / (1.66 + 1.02))


def test_an_atom_is_as_far_from_itself_as_the_shortest_vector_of_the_lattice() -> None:
    needle = RawStructure.of([[3, 0, 0], [30.5, 4, 0], [0, 60, 50]], [[0.3, 0.2, 0.9]], [29])
    assert clearance(needle) == pytest.approx(3 / (2 * 1.32))


def test_of_an_element_without_a_radius_nothing_is_known() -> None:
    assert np.isnan(clearance(RawStructure.of(5 * np.eye(3), [[0, 0, 0]], [118])))


@given(st.integers(0, 10_000))
def test_the_clearance_is_that_of_a_search_over_many_images(seed: int) -> None:
    random = np.random.default_rng(seed)
    lattice = random.normal(size=(3, 3)) * random.uniform(2, 6)
    if abs(np.linalg.det(lattice)) < 0.2 * np.prod(np.linalg.norm(lattice, axis=1)):
        return  # so skewed that the images below would not do
    structure = RawStructure.of(lattice, random.normal(size=(4, 3)), random.integers(1, 90, size=4))
    radii = element_sizes().radii[structure.numbers]
    images = np.array(list(itertools.product(range(-4, 5), repeat=3)))
    difference = structure.frac_coords[:, None] - structure.frac_coords
    vectors = ((difference - np.rint(difference))[:, :, None] + images) @ lattice
    ratios = np.linalg.norm(vectors, axis=-1) / (radii[:, None] + radii)[:, :, None]
    assert clearance(structure) == pytest.approx(ratios[ratios > 1e-9].min())


def test_sizes_are_there_for_every_element_of_the_bundled_data_and_sensible() -> None:
    sizes = element_sizes()
    assert np.isfinite(sizes.radii[1:97]).all()
    assert np.isnan(sizes.radii[97:]).all()
    assert np.isfinite(sizes.volumes).sum() == 88
    assert sizes.volumes[NUMBERS["Cu"]] == pytest.approx(11.8, rel=0.1)  # fcc copper
    assert sizes.volumes[[NUMBERS["Na"], NUMBERS["Cl"]]].sum() == pytest.approx(5.64**3 / 4, rel=0.15)
