"""Materials of which some entries are known and the others are missing, as tensors."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wyckoffdiff.data import Materials
from wyckoffdiff.layout import stacked


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """B materials; entries 0 to ``known`` - 1 of each row stand in x_t, the next ``missing`` ones do not.

    Attributes
    ----------
    spacegroup, known, missing
        (B,) int64.
    position, element, orbits
        (B, m) int64 with m at least the largest ``known + missing``: place of the position in letter order, atomic
        number, and orbits of the element there; zeros behind the last entry. When materials are completed the
        missing ones are not there yet.
    """

    spacegroup: Tensor
    known: Tensor
    missing: Tensor
    position: Tensor
    element: Tensor
    orbits: Tensor

    def __len__(self) -> int:
        return len(self.spacegroup)

    def to(self, device: str | torch.device) -> "Entries":
        """Return a copy on a device."""
        return Entries(*(getattr(self, field.name).to(device) for field in fields(self)))

    def part(self, rows: Tensor | slice) -> "Entries":
        """Return some of the materials."""
        return Entries(*(getattr(self, field.name)[rows] for field in fields(self)))


def shuffled(
    materials: Materials,
    rows: NDArray[np.int64],
    generator: torch.Generator,
    relettering: np.random.Generator | None = None,
) -> Entries:
    """Return some materials with their entries in random order, of which a random number is known.

    The number of known entries is uniform on 0 to n - 1, so that every step of the completion is as frequent.

    Parameters
    ----------
    rows
        (B,) int64, which ones.
    relettering
        Draws one of the equivalent letterings for each material; None keeps the canonical ones.
    """
    part = materials.part(rows)
    n = np.diff(part.first)
    filled = np.arange(n.max()) < n[:, None]
    position, element, orbits = (np.zeros(filled.shape, dtype=np.int64) for _ in range(3))
    position[filled], element[filled], orbits[filled] = part.position, part.element, part.orbits
    groups = part.spacegroup.astype(np.int64)
    if relettering is not None:
        every = stacked()
        chosen = (relettering.random(len(rows)) * every.n_letterings[groups]).astype(np.int64)
        images = every.letterings[every.first_lettering[groups] + chosen]
        position[filled] = np.take_along_axis(images, position, axis=1)[filled]
    size = torch.from_numpy(n)
    key = torch.rand(filled.shape, generator=generator)
    order = key.masked_fill_(~torch.from_numpy(filled), 2.0).argsort(1)
    known = (torch.rand(len(rows), generator=generator) * size).long()
    position_, element_, orbits_ = (torch.from_numpy(x).gather(1, order) for x in (position, element, orbits))
    return Entries(torch.from_numpy(groups), known, size - known, position_, element_, orbits_)
