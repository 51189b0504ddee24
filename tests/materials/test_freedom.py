"""What a crystal can change in its space group: counts against the protostructure, symmetry by reading it again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Protostructure, RawStructure
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.higher_symmetry import realised
from crystalbench.materials.freedom import Freedom
from tests.materials.morse import Morse

LABELS = [
    "AB_cF8_225_a_b:Cl-Na", "A2B_tP6_136_f_a:O-Ti", "A_hP2_194_c:Mg", "AB2_oP6_58_a_g:Fe-S", "AB_mC8_15_a_e:Cu-O",
    "A2B_hP9_152_c_a:O-Si", "A2B3_hR30_167_c_e:Al-O", "A_aP2_2_i:I", "AB3_mP16_14_e_3e:Al-Cl", "AB_hP4_186_b_b:O-Zn",
    "A_cI16_206_c:Si", "A2B_aP6_1_4a_2a:Cl-Na",
]  # fmt: skip


def crystal(label: str) -> tuple[Protostructure, RawStructure]:
    """A crystal of 40 Å^3 an atom."""
    protostructure = Protostructure.parse(label)
    sparse = realised(protostructure, 0)
    lattice = sparse.lattice * (40 * len(sparse.numbers) / abs(np.linalg.det(sparse.lattice))) ** (1 / 3)
    return protostructure, RawStructure.of(lattice, sparse.frac_coords, sparse.numbers)


@pytest.mark.parametrize("label", LABELS)
def test_there_are_as_many_directions_as_the_protostructure_has_free_parameters(label: str) -> None:
    protostructure, structure = crystal(label)
    freedom = Freedom.of(structure, 1e-3)
    assert freedom is not None
    assert len(freedom.start.numbers) == protostructure.n_sites_primitive
    assert len(freedom.strains) == protostructure.lattice_degrees_of_freedom
    # Positions that the group leaves free as a whole (along the axis of a polar one) are no change of the crystal.
    polar = {1: 3, 186: 1}.get(protostructure.spacegroup, 0)
    assert len(freedom.shifts) == protostructure.degrees_of_freedom - polar


@settings(max_examples=30)
@given(st.sampled_from(LABELS), st.integers(0, 2**32 - 1))
def test_every_point_has_the_space_group_and_the_orbits_of_the_start(label: str, seed: int) -> None:
    protostructure, structure = crystal(label)
    freedom = Freedom.of(structure, 1e-3)
    assert freedom is not None
    point = np.random.default_rng(seed).normal(size=freedom.size, scale=0.03)
    moved = freedom.at(point)
    assert convert(moved, ConversionSettings(symprec=1e-4, min_distance=0)) == protostructure


@settings(max_examples=30)
@given(st.sampled_from(LABELS), st.integers(0, 2**32 - 1))
def test_the_gradient_is_the_derivative_of_the_energy(label: str, seed: int) -> None:
    _, structure = crystal(label)
    freedom, potential = Freedom.of(structure, 1e-3), Morse()
    assert freedom is not None
    random = np.random.default_rng(seed)
    point, direction = random.normal(size=(2, freedom.size)) * [[0.02], [1e-4]]
    (seen,) = potential.evaluate([freedom.at(point)])
    ahead, behind = (
        result.energy for result in potential.evaluate([freedom.at(point + sign * direction) for sign in (1, -1)])
    )
    expected = float(freedom.gradient(point, seen.forces, seen.stress) @ direction)
    assert (ahead - behind) / 2 == pytest.approx(expected, rel=1e-3, abs=1e-7)


def test_forces_and_stress_of_a_crystal_have_its_symmetry_already() -> None:
    for label in LABELS:
        freedom = Freedom.of(crystal(label)[1], 1e-3)
        assert freedom is not None
        (seen,) = Morse().evaluate([freedom.at(np.full(freedom.size, 0.01))])
        forces, stress = freedom.symmetrised(seen.forces, seen.stress)
        np.testing.assert_allclose(forces, seen.forces, atol=1e-6 * (1 + np.abs(seen.forces).max()))
        np.testing.assert_allclose(stress, seen.stress, atol=1e-6 * (1 + np.abs(seen.stress).max()))
