"""CHGNet on many structures at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from crystalbench import Evaluated, RawStructure
from crystalbench_plugins.potentials.chgnet_graph import bonds, joined

BATCH_ATOMS = 64
"""Atoms in one pass of the network; memory grows with the number."""


class CHGNetPotential:
    """A loaded CHGNet, on the CPU and as many threads as torch has.

    The energy is differentiated once by positions and strains together. chgnet's own prediction does so twice and keeps
    both graphs for a third derivative, which only training needs: twice the time.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        """See `crystalbench.Potential`."""
        found: list[Evaluated] = []
        batch: list[RawStructure] = []
        for structure in structures:
            if batch and sum(len(s.numbers) for s in batch) + len(structure.numbers) > BATCH_ATOMS:
                found += self._evaluate(batch)
                batch = []
            batch.append(structure)
        return found + (self._evaluate(batch) if batch else [])

    def _evaluate(self, structures: list[RawStructure]) -> list[Evaluated]:
        import torch
        from chgnet.model.model import BatchedGraph

        network = self._network
        atoms = [len(structure.numbers) for structure in structures]
        graph, of_bond = joined([bonds(structure) for structure in structures], atoms)
        owners = torch.from_numpy(np.repeat(np.arange(len(atoms)), atoms))
        numbers = torch.from_numpy(np.concatenate([structure.numbers for structure in structures]))
        fractional = torch.tensor(np.concatenate([s.frac_coords for s in structures]), dtype=torch.float32)
        lattices = torch.tensor(np.array([s.lattice for s in structures]), dtype=torch.float32)
        strains = torch.zeros_like(lattices, requires_grad=True)  # (b, 3, 3)
        strained = lattices @ (torch.eye(3) + strains)
        positions = (fractional[:, None] @ strained[owners])[:, 0]  # (n, 3) Å
        images = torch.from_numpy(graph.images.astype(np.float32))
        shifts = (images[:, None] @ strained[torch.from_numpy(of_bond)])[:, 0]  # (m, 3) Å
        centres, neighbours = torch.from_numpy(graph.centres), torch.from_numpy(graph.neighbours)
        bases, angle_bases, directions = network.bond_basis_expansion(
            center=positions[centres],
            neighbor=positions[neighbours],
            undirected2directed=torch.from_numpy(graph.representative),
            image=shifts,  # already Cartesian: each structure has a lattice of its own
            lattice=torch.eye(3),
        )
        angles = torch.from_numpy(graph.angles)
        batched = BatchedGraph(
            atomic_numbers=numbers,
            bond_bases_ag=bases,
            bond_bases_bg=angle_bases,
            angle_bases=network.angle_basis_expansion(directions[angles[:, 2]], directions[angles[:, 4]]),
            batched_atom_graph=torch.stack([centres, neighbours], dim=1),
            batched_bond_graph=angles[:, [0, 1, 3]],
            atom_owners=owners,
            directed2undirected=torch.from_numpy(graph.undirected),
            atom_positions=[positions],
            strains=[strains],
            volumes=torch.linalg.det(lattices),
        )
        counts = torch.tensor(atoms)
        energies = network._compute(batched)["e"] * counts  # (b,) eV
        by_position, by_strain = torch.autograd.grad(energies.sum(), [positions, strains])
        # Elements' energies, by atom; they depend on nothing that is differentiated.
        composition = torch.zeros(len(atoms), network.composition_model.max_num_elements)
        composition.index_put_((owners, numbers - 1), torch.ones(len(numbers)), accumulate=True)
        with torch.no_grad():
            energies = energies.double() + network.composition_model._get_energy(composition / counts[:, None]) * counts
        forces = np.split(-by_position.double().numpy(), np.cumsum(atoms)[:-1])
        volumes = np.abs(np.linalg.det([structure.lattice for structure in structures]))
        return [
            Evaluated(energy, force, (strain + strain.T) / (2 * volume))
            for energy, force, strain, volume in zip(
                energies.tolist(), forces, by_strain.double().numpy(), volumes, strict=True
            )
        ]
