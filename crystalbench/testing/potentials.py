"""The contract of interatomic potentials, by finite differences."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from crystalbench.crystals.samples import RawStructure
from crystalbench.energies import PotentialSpec
from crystalbench.materials.potential import Evaluated, Potential
from crystalbench.runs.config import check_parameters

STEP = 0.01
"""Å, and strain: where central differences of single-precision energies are right to 0.01 eV/Å."""

ENERGY, FORCE, STRESS = 1e-4, 0.02, 0.001
"""Tolerances: eV an atom between two calls; eV/Å and eV/Å³ between derivatives and differences, each with 3 %."""


def check_potential(spec: PotentialSpec) -> None:
    """A potential knows its elements and weights, and forces and stress are the derivatives of its energy.

    What it sees of a structure depends neither on the others of a call, nor on their order, nor on where the cell
    begins. A potential of which something is missing here is not checked.
    """
    assert spec.elements, f"{spec.name}: knows no element"
    assert all(isinstance(z, int) and 1 <= z <= 118 for z in spec.elements), f"{spec.name}: elements are atomic numbers"
    parameters = check_parameters(spec.name, {}, spec.parameters)
    if spec.missing(parameters):
        return
    identity: object = spec.identity(parameters)
    assert isinstance(identity, str), f"{spec.name}: identity must be text, got {identity!r}"
    assert re.fullmatch(r"[0-9a-f]{64}", identity), f"{spec.name}: identity must be a SHA-256 in hex, got {identity!r}"
    potential = spec.load(parameters)
    structures = list(_examples(spec.elements))
    whole = potential.evaluate(structures)
    assert potential.evaluate([]) == [], f"{spec.name}: something for no structures"
    _check_shapes(spec.name, whole, structures)
    turned = potential.evaluate(structures[::-1])[::-1]
    single = [potential.evaluate([structure])[0] for structure in structures]
    for place, structure in enumerate(structures):
        assert _close(turned[place], whole[place]), f"{spec.name}: depends on the order of the structures"
        assert _close(single[place], whole[place]), f"{spec.name}: depends on the other structures"
        moved = RawStructure.of(
            structure.lattice, structure.frac_coords + np.array([3.3, -0.7, 0.1]), structure.numbers
        )
        assert _close(potential.evaluate([moved])[0], whole[place]), f"{spec.name}: depends on where the cell begins"
    _check_derivatives(spec.name, potential, structures[-1], whole[-1])


def _examples(elements: frozenset[int]) -> Iterator[RawStructure]:
    """Structures of one and two elements without symmetry, their atoms as far apart as in crystals (2.4 to 3 Å)."""
    common = [z for z in (13, 29, 8, 14, 11, 17) if z in elements] + sorted(elements)
    first, second = common[0], next((z for z in common if z != common[0]), common[0])
    yield RawStructure.of([[2.7, 0.1, 0], [0, 2.8, 0.2], [0.1, 0, 2.9]], [[0.2, 0.3, 0.4]], [first])
    skewed = [[3.1, 0.2, 0.1], [-0.1, 3.2, 0.3], [0.2, 0.1, 3.3]]
    yield RawStructure.of(skewed, [[0.02, -0.03, 0.01], [0.51, 0.46, 0.53]], [first, second])
    double = [[6.2, 0.4, 0.2], *skewed[1:]]
    places = [[0.01, -0.03, 0.01], [0.26, 0.46, 0.53], [0.5, 0.02, 0.0], [0.74, 0.52, 0.49]]
    yield RawStructure.of(double, places, [first, second, second, first])


def _check_shapes(name: str, found: Sequence[object], structures: Sequence[RawStructure]) -> None:
    assert len(found) == len(structures), f"{name}: {len(found)} results for {len(structures)} structures"
    for result, structure in zip(found, structures, strict=True):
        assert isinstance(result, Evaluated), f"{name}: evaluate gave {type(result).__name__}, not Evaluated"
        assert isinstance(result.energy, float), f"{name}: the energy must be a float, got {result.energy!r}"
        for what, array, shape in (
            ("forces", result.forces, (len(structure.numbers), 3)),
            ("stress", result.stress, (3, 3)),
        ):
            assert array.dtype == np.float64, f"{name}: {what} must be float64, got {array.dtype}"
            assert array.shape == shape, f"{name}: {what} of shape {array.shape}, expected {shape}"
            assert np.isfinite(array).all(), f"{name}: {what} that are not finite"
        assert np.isfinite(result.energy), f"{name}: an energy that is not finite"
        assert np.allclose(result.stress, result.stress.T, atol=1e-6), f"{name}: a stress that is not symmetric"


def _close(some: Evaluated, other: Evaluated) -> bool:
    return (
        abs(some.energy - other.energy) < ENERGY * len(other.forces)
        and np.allclose(some.forces, other.forces, rtol=0, atol=1e-3)
        and np.allclose(some.stress, other.stress, rtol=0, atol=1e-4)
    )


def _check_derivatives(name: str, potential: Potential, structure: RawStructure, found: Evaluated) -> None:
    points = structure.frac_coords @ structure.lattice
    inverse = np.linalg.inv(structure.lattice)
    changed = []
    for atom, axis in np.ndindex(points.shape):
        for sign in (STEP, -STEP):
            moved = points.copy()
            moved[atom, axis] += sign
            changed.append(RawStructure.of(structure.lattice, moved @ inverse, structure.numbers))
    pairs = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    for i, j in pairs:
        for sign in (STEP, -STEP):
            strain = np.zeros((3, 3))
            strain[i, j] += sign / 2
            strain[j, i] += sign / 2
            lattice = structure.lattice @ (np.eye(3) + strain)
            changed.append(RawStructure.of(lattice, structure.frac_coords, structure.numbers))
    energies = np.array([result.energy for result in potential.evaluate(changed)]).reshape(-1, 2)
    slopes = (energies[:, 0] - energies[:, 1]) / (2 * STEP)
    forces = -slopes[: points.size].reshape(-1, 3)
    wrong = np.abs(forces - found.forces) > FORCE + 0.03 * np.abs(found.forces)
    assert not wrong.any(), (
        f"{name}: forces are not minus the derivative of the energy: {found.forces[wrong][0]:.4g} eV/Å, "
        f"differences give {forces[wrong][0]:.4g}"
    )
    volume = abs(float(np.linalg.det(structure.lattice)))
    for slope, (i, j) in zip(slopes[points.size :] / volume, pairs, strict=True):
        assert abs(slope - found.stress[i, j]) < STRESS + 0.03 * abs(slope), (
            f"{name}: stress {i}{j} is {found.stress[i, j]:.4g} eV/Å³; the derivative of the energy by strain, over "
            f"the volume, is {slope:.4g}"
        )
