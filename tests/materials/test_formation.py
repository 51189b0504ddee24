"""Formation energies: worked by hand from the published corrections (Wang et al. 2021, Table 1)."""

import numpy as np
import pytest

from crystalbench import EnergyScheme, RawStructure
from crystalbench.materials.formation import formation_energy, mp2020_correction

FACES = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def rock_salt(metal: int, anion: int, edge: float) -> RawStructure:
    return RawStructure.of(
        edge * np.eye(3), np.vstack([FACES, FACES + np.array([0.5, 0, 0])]), [metal] * 4 + [anion] * 4
    )


def test_references_are_subtracted_atom_by_atom() -> None:
    salt, references = rock_salt(11, 17, 5.69), {11: -1.3, 17: -1.8}
    found = formation_energy(salt, -28.0, scheme=EnergyScheme.MP2020_CORRECTED, references=references)
    assert found == pytest.approx((-28.0 + 4 * 1.3 + 4 * 1.8) / 8)
    with pytest.raises(KeyError):
        formation_energy(salt, -28.0, scheme=EnergyScheme.MP2020_CORRECTED, references={11: -1.3})


@pytest.mark.parametrize(
    ("structure", "per_anion"),
    [
        (rock_salt(11, 17, 5.69), -0.614),  # chloride
        (rock_salt(12, 8, 4.26), -0.687),  # oxide
        (rock_salt(26, 8, 4.33), -0.687 - 2.256),  # oxide of a metal that is calculated with U
        (rock_salt(26, 16, 5.1), -0.503),  # no U in a sulphide
        (rock_salt(3, 1, 4.0), -0.179),  # hydride
        (rock_salt(12, 47, 5.5), 0.0),  # an alloy
    ],
    ids=["NaCl", "MgO", "FeO", "FeS", "LiH", "MgAg"],
)
def test_corrections_of_the_materials_project(structure: RawStructure, per_anion: float) -> None:
    pytest.importorskip("pymatgen")
    assert mp2020_correction(structure) == pytest.approx(4 * per_anion)


def test_a_peroxide_is_told_from_an_oxide_by_the_bond_of_its_oxygen() -> None:
    pytest.importorskip("pymatgen")
    cell = 6.0 * np.eye(3)
    peroxide = RawStructure.of(cell, [[0, 0, 0], [0.245, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5]], [8, 8, 3, 3])
    assert mp2020_correction(peroxide) == pytest.approx(2 * -0.465)
    apart = RawStructure.of(cell, [[0, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0.5], [0, 0.5, 0.5]], [8, 8, 3, 3])
    assert mp2020_correction(apart) == pytest.approx(2 * -0.687)


def test_uncorrected_energies_are_corrected_and_corrected_ones_are_not() -> None:
    pytest.importorskip("pymatgen")
    salt, references = rock_salt(11, 17, 5.69), {11: -1.3, 17: -1.8}
    of_scheme = {s: formation_energy(salt, -28.0, scheme=s, references=references) for s in EnergyScheme}
    assert of_scheme[EnergyScheme.MP_UNCORRECTED] == pytest.approx(of_scheme[EnergyScheme.MP2020_CORRECTED] - 0.614 / 2)
    assert of_scheme[EnergyScheme.OTHER] == of_scheme[EnergyScheme.MP2020_CORRECTED]


def test_an_element_is_not_corrected() -> None:
    pytest.importorskip("pymatgen")
    assert mp2020_correction(RawStructure.of(5 * np.eye(3), [[0, 0, 0], [0.24, 0, 0]], [8, 8])) == 0
