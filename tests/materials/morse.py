"""An exact potential for tests: Morse pairs that end smoothly at a cutoff."""

from collections.abc import Sequence

import numpy as np

from crystalbench import EnergyScheme, Evaluated, PotentialSpec, RawStructure

CUTOFF = 6.0  # Å


class Morse:
    """``D ((1 - exp(-a (r - r0)))^2 - 1)`` times ``(1 - (r/rc)^2)^3``, r0 the mean of the elements' lengths.

    ``seen`` counts structures.
    """

    depth, steepness, lengths = 0.4, 1.4, {29: 2.6, 11: 3.0, 17: 2.5}

    def __init__(self) -> None:
        self.seen = 0

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        self.seen += len(structures)
        return [self._one(structure) for structure in structures]

    def _one(self, structure: RawStructure) -> Evaluated:
        lattice = structure.lattice
        reach = np.ceil(CUTOFF * np.linalg.norm(np.linalg.inv(lattice), axis=0) + 1).astype(int)
        images = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), -1).reshape(-1, 3)
        fractional = structure.frac_coords % 1
        difference = fractional[None, :, None] + images - fractional[:, None, None]
        vectors = difference @ lattice  # (n, n, images, 3)
        r = np.linalg.norm(vectors, axis=-1)
        near = (r < CUTOFF) & (r > 1e-8)
        lengths = np.array([self.lengths.get(z, 2.7) for z in structure.numbers.tolist()])
        r0 = np.broadcast_to(((lengths[:, None] + lengths) / 2)[..., None], r.shape)[near]
        vectors, r, owner = vectors[near], r[near], np.nonzero(near)[0]
        decay = np.exp(-self.steepness * (r - r0))
        pair, pair_slope = self.depth * ((1 - decay) ** 2 - 1), 2 * self.depth * self.steepness * decay * (1 - decay)
        end, end_slope = (1 - (r / CUTOFF) ** 2) ** 3, -6 * r / CUTOFF**2 * (1 - (r / CUTOFF) ** 2) ** 2
        slope = pair_slope * end + pair * end_slope
        forces = np.zeros((len(lengths), 3))
        np.add.at(forces, owner, (slope / r)[:, None] * vectors)
        stress = np.einsum("m,mi,mj->ij", slope / r / 2, vectors, vectors) / abs(np.linalg.det(lattice))
        return Evaluated(float((pair * end).sum() / 2), forces, stress)


SPEC = PotentialSpec(
    name="morse", version="1", title="Morse", description="Pairs.", load=lambda parameters: Morse(),
    identity=lambda parameters: "0" * 64, elements=frozenset(Morse.lengths), energy_scheme=EnergyScheme.OTHER,
)  # fmt: skip
