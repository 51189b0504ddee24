"""The network on materials of one space group, written plainly: what batches of several groups are held against."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wyckoffdiff.model import WyckoffGNN


@dataclass(frozen=True, slots=True, eq=False)
class GroupTensors:
    """The n positions of one space group.

    Attributes
    ----------
    dof, letter, multiplicity
        (n,) int64.
    constrained, unconstrained
        (n0,) and (ninf,) int64, the positions with dof = 0 and with dof > 0.
    """

    spacegroup: int
    dof: Tensor
    letter: Tensor
    multiplicity: Tensor
    constrained: Tensor
    unconstrained: Tensor

    @classmethod
    def of(cls, spacegroup: int, dof: NDArray[np.int64], multiplicity: NDArray[np.int64], device: str = "cpu") -> Self:
        """Make it from the degrees of freedom and multiplicities of the positions in letter order."""
        at = torch.as_tensor(dof, dtype=torch.int64, device=device)
        return cls(
            spacegroup=spacegroup,
            dof=at,
            letter=torch.arange(len(dof), device=device),
            multiplicity=torch.as_tensor(multiplicity, dtype=torch.int64, device=device),
            constrained=torch.nonzero(at == 0)[:, 0],
            unconstrained=torch.nonzero(at > 0)[:, 0],
        )


def encode(model: WyckoffGNN, group: GroupTensors, z0: Tensor, zinf: Tensor, t: Tensor | int) -> Tensor:
    """Return h (B, n, hidden) of materials with z0 (B, n0) and zinf (B, ninf, N_a), at step t (B,) or one for all."""
    batch, n = len(z0), len(group.dof)
    constrained, unconstrained = model.occupation(z0, zinf)
    h = constrained.new_empty(batch, n, model.settings.hidden)
    h[:, group.constrained] = constrained
    h[:, group.unconstrained] = unconstrained.to(h.dtype)
    h_pos = (
        model.dof(group.dof)
        + model.letter(group.letter)
        + model.spacegroup.weight[group.spacegroup]
        + model.multiplicity(group.multiplicity)
    )[None] + model.time(torch.as_tensor(t).view(-1, 1) - 1)
    h_pos = h_pos.expand(batch, n, -1).reshape(batch * n, -1)
    return model._layers(h.view(batch * n, -1), h_pos, ((batch, n),)).view(batch, n, -1)
