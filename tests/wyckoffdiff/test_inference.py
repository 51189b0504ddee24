"""The network as the sampler evaluates it against the plain one, material by material."""

import pytest
import torch
from torch import Tensor

from tests.wyckoffdiff.one_group import GroupTensors, encode
from wyckoffdiff.batches import stack_positions
from wyckoffdiff.inference import Evaluator
from wyckoffdiff.layout import layout, stacked
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.settings import ModelSettings

GROUPS = sorted([225, 225, 225, 225, 1, 1, 2, 2, 14, 47, 221, 62, 62, 33, 10], key=lambda g: stacked().size[g])
ELEMENTS = 5


def network(layers: int) -> WyckoffGNN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(layers)
        return WyckoffGNN(
            ModelSettings(
                n_elements=ELEMENTS, max_orbits=3, hidden=8, layers=layers, position_features=4, pair_hidden=16,
                message_hidden=12, decoder_hidden=10, timesteps=7,
            )
        ).eval()  # fmt: skip


def plain(model: WyckoffGNN, z0: Tensor, zinf: Tensor, t: int) -> Tensor:
    """h of all positions by `WyckoffGNN.encode`."""
    rows, i0, iinf = [], 0, 0
    for number in GROUPS:
        shape = layout(number)
        group = GroupTensors.of(number, shape.dof, shape.multiplicity)
        n0, ninf = len(shape.constrained), len(shape.unconstrained)
        rows.append(encode(model, group, z0[None, i0 : i0 + n0], zinf[None, iinf : iinf + ninf], t)[0])
        i0, iinf = i0 + n0, iinf + ninf
    return torch.cat(rows).detach()


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("filling", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("wanted", [0.05, 1.0])
def test_wanted_positions_of_some_materials_come_out_as_from_the_plain_network(
    layers: int, filling: float, wanted: float
) -> None:
    model, positions = network(layers), stack_positions(GROUPS)
    random = torch.Generator().manual_seed(3)
    evaluator = Evaluator(model, positions)
    z0 = torch.randint(1, ELEMENTS + 1, (len(positions.constrained),), generator=random)
    zinf = torch.randint(1, 4, (len(positions.unconstrained), ELEMENTS), generator=random)
    for _ in range(3):  # occupied, emptied and occupied again
        z0 = z0 * (torch.rand(z0.shape, generator=random) < filling)
        zinf = zinf * (torch.rand(zinf.shape, generator=random) < filling)
        evaluator.occupy(torch.arange(len(z0)), z0, torch.arange(len(zinf)), zinf)
        materials = torch.tensor([0, 2, 3, 5, 8, 9, 11, 14])
        mine = torch.isin(positions.material, materials)
        rows = torch.nonzero(mine & (torch.rand(len(mine), generator=random) < wanted)).flatten()
        h = evaluator.encode(4, materials, rows)
        torch.testing.assert_close(h, plain(model, z0, zinf, 4)[rows], rtol=1e-5, atol=1e-6)


def test_logits_of_chosen_elements_come_out_as_from_the_plain_network() -> None:
    model, positions = network(1), stack_positions(GROUPS)
    h = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    row, elements = torch.tensor([5, 0, 1, 1, 2]), torch.tensor([1, 1, 2, 5, 5])
    evaluator = Evaluator(model, positions)
    logits = evaluator.unconstrained_logits(evaluator.unconstrained_trunk(h), row, elements)
    torch.testing.assert_close(logits, model.unconstrained_logits(h)[row, elements - 1].detach())
    torch.testing.assert_close(evaluator.constrained_logits(h), model.constrained_logits(h).detach())
