"""Relaxation and potentials against ASE and the potentials' own code, on real crystals."""

import warnings
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crystalbench import Potential, PotentialSpec, RawStructure
from crystalbench.materials.relax import relax
from crystalbench.plugins import Plugins
from crystalbench.runs.config import check_parameters
from tests.materials.ase_loop import ase_relaxed, materials

pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("ignore")]


@cache
def potential(name: str) -> tuple[PotentialSpec, Potential]:
    spec = Plugins.load().potentials[name]
    return spec, spec.load(check_parameters(name, {}, spec.parameters))


def calculator(name: str) -> Any:
    """The one that the library itself provides."""
    pytest.importorskip("ase")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "chgnet":
            return pytest.importorskip("chgnet.model.dynamics").CHGNetCalculator(use_device="cpu")
        return pytest.importorskip("sevenn.calculator").SevenNetCalculator("7net-0", device="cpu")


@pytest.mark.parametrize("name", ["chgnet", "sevenn"])
def test_a_potential_sees_what_its_own_calculator_sees(name: str, shared: Path) -> None:
    from ase import Atoms

    theirs, (spec, ours) = calculator(name), potential(name)
    random = np.random.default_rng(0)
    structures = []
    for _, s in islice(materials(shared, 12, 1), 12):
        moved = s.frac_coords + random.normal(size=s.frac_coords.shape, scale=0.1) @ np.linalg.inv(s.lattice)
        structures.append(RawStructure.of(s.lattice, moved + random.integers(-2, 3, moved.shape), s.numbers))
    lonely = RawStructure.of(np.eye(3) * 5.6, [[0, 0, 0]], [3])  # bonds, but none short enough for angles
    for structure, seen in zip([*structures, lonely], ours.evaluate([*structures, lonely]), strict=True):
        atoms = Atoms(structure.numbers, cell=structure.lattice, scaled_positions=structure.frac_coords, pbc=True)
        atoms.calc = theirs
        assert set(structure.numbers.tolist()) <= spec.elements
        assert seen.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-5 * len(atoms))
        np.testing.assert_allclose(seen.forces, atoms.get_forces(), atol=2e-4)
        np.testing.assert_allclose(seen.stress, atoms.get_stress(voigt=False), atol=2e-5)


@pytest.mark.parametrize(("name", "number"), [("chgnet", 12), ("sevenn", 3)])
def test_ase_reaches_the_same_energy_and_the_protostructure_is_kept(name: str, number: int, shared: Path) -> None:
    theirs, (spec, ours) = calculator(name), potential(name)
    known, structures = zip(*islice(materials(shared, 10, 0), number), strict=True)
    relaxed = relax(structures, ours, elements=spec.elements)
    assert [found.protostructure for found in relaxed] == list(known)
    for structure, found in zip(structures, relaxed, strict=True):
        atoms, _ = ase_relaxed(structure, theirs, 0.05, "BFGS")
        assert found.converged, found.detail
        assert found.energy == pytest.approx(atoms.get_potential_energy() / len(atoms), abs=0.002)


def test_the_elements_of_sevennet_are_those_of_its_weights() -> None:
    assert set(calculator("sevenn").type_map) == potential("sevenn")[0].elements


def test_an_atom_out_of_reach_of_all_others_has_a_finite_energy() -> None:
    pytest.importorskip("chgnet")
    seen = potential("chgnet")[1].evaluate([RawStructure.of(np.eye(3) * 20, [[0, 0, 0]], [11])] * 2)
    assert [np.isfinite(s.energy) and not s.forces.any() and not s.stress.any() for s in seen] == [True, True]
