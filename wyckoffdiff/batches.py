"""Batches of materials as tensors: relettered, laid out, noised.

A batch holds materials of any groups, sorted by their number of positions so that nothing is padded
(`wyckoffdiff.model.Positions`). All randomness comes from the generators given, on the CPU, and is drawn for the
whole batch: `part` of it is what one of several processes works on, and it does not depend on how many there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wyckoffdiff.data import Materials
from wyckoffdiff.diffusion import Diffusion
from wyckoffdiff.layout import stacked
from wyckoffdiff.model import Positions
from wyckoffdiff.pair_scores import Sizes
from wyckoffdiff.settings import ModelSettings, Prior


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B materials.

    Attributes
    ----------
    z0
        (M0,) int64, element on each constrained position of the batch, 0 = empty.
    zinf
        (Minf, N_a) int64, orbits of each element on each unconstrained position.
    variables
        (B,) int64, variables of each material: n0 + N_a * ninf.
    """

    positions: Positions
    z0: Tensor
    zinf: Tensor
    variables: Tensor

    def __len__(self) -> int:
        return len(self.variables)

    def to(self, device: str | torch.device) -> "Batch":
        """Return a copy on a device."""
        return Batch(self.positions.to(device), self.z0.to(device), self.zinf.to(device), self.variables.to(device))


def stack_positions(spacegroups: Sequence[int] | NDArray[np.int64]) -> Positions:
    """Lay out the positions of materials of some groups (B,), which must be sorted by their number of positions."""
    every, groups = stacked(), np.asarray(spacegroups, dtype=np.int64)
    size = every.size[groups]
    node = np.repeat(every.first[groups] - (np.cumsum(size) - size), size) + np.arange(size.sum())
    dof = every.dof[node]
    return Positions(
        sizes=_runs(size),
        spacegroup=torch.from_numpy(np.repeat(groups, size)),
        material=torch.from_numpy(np.repeat(np.arange(len(groups)), size)),
        dof=torch.from_numpy(dof),
        letter=torch.from_numpy(every.letter[node]),
        multiplicity=torch.from_numpy(every.multiplicity[node]),
        constrained=torch.from_numpy(np.flatnonzero(dof == 0)),
        unconstrained=torch.from_numpy(np.flatnonzero(dof > 0)),
    )


def make_batch(
    materials: Materials, rows: NDArray[np.int64], n_elements: int, relettering: np.random.Generator | None = None
) -> Batch:
    """Lay out some materials.

    Parameters
    ----------
    rows
        (B,) int64, which ones; they are reordered by number of positions.
    relettering
        Draws one of the equivalent letterings for each material; None keeps the canonical ones.
    """
    every = stacked()
    rows = rows[np.argsort(every.size[materials.spacegroup[rows]], kind="stable")]
    part = materials.part(rows)
    groups = part.spacegroup.astype(np.int64)
    n0, ninf = every.n0[groups], every.ninf[groups]
    owner = np.repeat(np.arange(len(rows)), np.diff(part.first))
    position = part.position.astype(np.int64)
    if relettering is not None:
        chosen = (relettering.random(len(rows)) * every.n_letterings[groups]).astype(np.int64)
        position = every.letterings[(every.first_lettering[groups] + chosen)[owner], position]
    at = every.first[groups[owner]] + position
    free = every.dof[at] > 0
    z0 = np.zeros(n0.sum(), dtype=np.int64)
    z0[((np.cumsum(n0) - n0)[owner] + every.slot[at])[~free]] = part.element[~free]
    zinf = np.zeros((ninf.sum(), n_elements), dtype=np.int64)
    zinf[((np.cumsum(ninf) - ninf)[owner] + every.slot[at])[free], part.element[free] - 1] = part.orbits[free]
    variables = torch.from_numpy(n0 + n_elements * ninf)
    return Batch(stack_positions(groups), torch.from_numpy(z0), torch.from_numpy(zinf), variables)


def _runs(size: NDArray[np.int64]) -> Sizes:
    """((materials, positions of each), ...) of ascending numbers of positions (B,)."""
    return tuple((int(many), int(n)) for n, many in zip(*np.unique(size, return_counts=True), strict=True))


@dataclass(frozen=True, eq=False)
class Noise:
    """The forward diffusion of whole materials: one law for z0, one for zinf."""

    constrained: Diffusion
    unconstrained: Diffusion

    @classmethod
    def of(cls, prior: Prior, settings: ModelSettings, counts: tuple[Tensor, Tensor] | None = None) -> "Noise":
        """Build it for a model; ``counts``, as `Materials.state_counts` gives them, for the `marginal` prior."""
        first, second = counts or (None, None)
        return cls(
            Diffusion.of(prior, settings.n_elements + 1, settings.timesteps, first),
            Diffusion.of(prior, settings.max_orbits + 1, settings.timesteps, second),
        )

    def times(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Draw t uniformly from 1..T for each material: (B,) int64."""
        return torch.randint(1, self.constrained.timesteps + 1, (len(batch),), generator=generator)

    def apply(self, batch: Batch, t: Tensor, generator: torch.Generator) -> Batch:
        """Return x_t for the batch x_0, each material at its own time t (B,)."""
        material = batch.positions.material
        z0 = self.constrained.noise(batch.z0, t[material[batch.positions.constrained]], generator)
        zinf = self.unconstrained.noise(batch.zinf, t[material[batch.positions.unconstrained]], generator)
        return replace(batch, z0=z0, zinf=zinf)


def part(batch: Batch, rank: int, processes: int) -> tuple[Batch, Tensor]:
    """Return every ``processes``-th material from number ``rank`` on, and their numbers (b,) int64."""
    chosen = torch.arange(rank, len(batch), processes)
    if processes == 1:
        return batch, chosen
    positions = batch.positions
    keep = positions.material % processes == rank
    constrained, unconstrained = keep[positions.constrained], keep[positions.unconstrained]
    renumbered = torch.cumsum(keep, 0) - 1
    material = positions.material[keep] // processes
    sizes = torch.bincount(material, minlength=len(chosen))
    runs = _runs(sizes.numpy())
    return Batch(
        positions=Positions(
            sizes=runs,
            spacegroup=positions.spacegroup[keep],
            material=material,
            dof=positions.dof[keep],
            letter=positions.letter[keep],
            multiplicity=positions.multiplicity[keep],
            constrained=renumbered[positions.constrained[constrained]],
            unconstrained=renumbered[positions.unconstrained[unconstrained]],
        ),
        z0=batch.z0[constrained],
        zinf=batch.zinf[unconstrained],
        variables=batch.variables[chosen],
    ), chosen


def splits(n: int, size: int) -> Iterator[slice]:
    """Yield the batches of n rows in order; the last one may be smaller."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
