"""WyckoffGNN, the network that predicts x_0 from x_t (paper, Eq. 7, Algorithms 2-4, Table 3).

Every Wyckoff position of a material is a node of a complete graph. Nothing is padded and nothing is scattered: the
positions of a batch lie one after another, materials with equally many positions together, so that the attention of
each such run is a dense product. A batch of one space group is one run.

Time steps are t = 1..T: x_0 is clean, x_T is noise; t selects row t - 1 of the time embedding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from wyckoffdiff.pair_scores import Sizes, pair_scores
from wyckoffdiff.settings import ModelSettings

N_DOF, N_LETTERS, N_SPACEGROUPS, N_MULTIPLICITIES = 4, 27, 231, 193
"""Rows of the tables of h^pos: the values themselves are the indices, and the letter's place in its alphabet."""


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """The N positions of B materials, one material after another, those with equally many positions adjacent.

    Attributes
    ----------
    sizes
        ((materials, positions of each), ...).
    spacegroup, material, dof, letter, multiplicity
        (N,) int64; ``material`` is 0..B-1.
    constrained, unconstrained
        (M0,) and (Minf,) int64, indices of the positions with dof = 0 and with dof > 0, ascending.
    """

    sizes: Sizes
    spacegroup: Tensor
    material: Tensor
    dof: Tensor
    letter: Tensor
    multiplicity: Tensor
    constrained: Tensor
    unconstrained: Tensor

    def to(self, device: str | torch.device) -> "Positions":
        """Return a copy on a device."""
        tensors = (getattr(self, name).to(device) for name in self.__slots__[1:])
        return Positions(self.sizes, *tensors)


class MLP(nn.Sequential):
    """Linear SiLU, twice Linear SiLU, Linear: three hidden layers, as in the released code (Table 3 says 2)."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        layers: list[nn.Module] = [nn.Linear(inputs, hidden), nn.SiLU()]
        for _ in range(2):
            layers += [nn.Linear(hidden, hidden), nn.SiLU()]
        super().__init__(*layers, nn.Linear(hidden, outputs))

    def linear(self, number: int) -> nn.Linear:
        """Return one of the four linear layers, 0 to 3."""
        layer = self[2 * number]
        assert isinstance(layer, nn.Linear)
        return layer

    def trunk(self, x: Tensor) -> Tensor:
        """Return the last hidden layer (..., hidden)."""
        for layer in list(self)[:-1]:
            x = layer(x)
        return x


class Layer(nn.Module):
    """m_i = sum_j softmax_j(a_ij) psi(w_j) with w = [h, h^pos]; h <- h + m (Algorithms 3 and 4)."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width = settings.hidden + settings.position_features
        self.score = MLP(2 * width, 1, settings.pair_hidden)
        self.message = MLP(width, settings.hidden, settings.message_hidden)

    def forward(self, h: Tensor, h_pos: Tensor, sizes: Sizes) -> Tensor:
        """Map h (N, hidden) with h_pos (N, features) to the new h, before the activation."""
        w = torch.cat([h, h_pos], 1)
        first, second, third, last = (self.score.linear(i) for i in range(4))
        receiving, sending = first.weight.chunk(2, dim=1)  # E2: W [w_i; w_j] = A w_i + B w_j
        inner = (second.weight, second.bias, third.weight, third.bias)
        scores = pair_scores(
            functional.linear(w, receiving, first.bias), functional.linear(w, sending), inner,
            (last.weight, last.bias), sizes,
        )  # fmt: skip
        psi = self.message(w)  # E1: once a position, not once a pair
        return h + attend(scores, psi, sizes)


def attend(scores: Tensor, psi: Tensor, sizes: Sizes) -> Tensor:
    """Sum psi (N, hidden) over the material of each position with weights softmax_j(scores)."""
    parts = []
    runs = [materials * n for materials, n in sizes]
    pairs = [materials * n * n for materials, n in sizes]
    for (materials, n), s, p in zip(sizes, torch.split(scores, pairs), torch.split(psi, runs), strict=True):
        weights = s.view(materials, n, n).softmax(2).to(p.dtype)  # (materials, i, j)
        parts.append(torch.bmm(weights, p.view(materials, n, -1)).view(materials * n, -1))
    return torch.cat(parts)


class WyckoffGNN(nn.Module):
    """The network at given sizes; 9,575,083 parameters at the paper's."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        features = settings.position_features
        self.element = nn.Embedding(settings.n_elements + 1, settings.hidden)
        self.count = nn.Embedding(settings.max_orbits + 1, 1)
        self.counts = nn.Linear(settings.n_elements, settings.hidden)
        self.dof = nn.Embedding(N_DOF, features)
        self.letter = nn.Embedding(N_LETTERS, features)
        self.spacegroup = nn.Embedding(N_SPACEGROUPS, features)
        self.time = nn.Embedding(settings.timesteps, features)
        self.multiplicity = nn.Embedding(N_MULTIPLICITIES, features)  # in the released code, not in Algorithm 2
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.constrained_decoder = MLP(settings.hidden, settings.n_elements + 1, settings.decoder_hidden)
        outputs = settings.n_elements * (settings.max_orbits + 1)
        self.unconstrained_decoder = MLP(settings.hidden, outputs, settings.decoder_hidden)

    @torch.no_grad()
    def start_from(self, constrained: Tensor, unconstrained: Tensor) -> None:
        """Set the biases of the outputs to the logarithms of (smoothed) frequencies.

        Parameters
        ----------
        constrained, unconstrained
            (N_a + 1,) and (N_a, P + 1), how often each value occurs.
        """
        for decoder, counts in (
            (self.constrained_decoder, constrained),
            (self.unconstrained_decoder, unconstrained),
        ):
            smoothed = counts.to(decoder.linear(3).bias) + 0.5
            decoder.linear(3).bias.copy_((smoothed / smoothed.sum(-1, keepdim=True)).log().flatten())

    def compile_networks(self) -> None:
        """Compile the networks that act on single positions; their widths are fixed, their row counts are not."""
        for layer in self.layers:
            assert isinstance(layer, Layer)
            layer.message.compile(dynamic=True)
        self.constrained_decoder.compile(dynamic=True)
        self.unconstrained_decoder.compile(dynamic=True)

    def occupation(self, z0: Tensor, zinf: Tensor) -> tuple[Tensor, Tensor]:
        """Return h^0 of constrained positions with elements z0 (M0,), and of unconstrained ones, zinf (Minf, N_a)."""
        return self.element(z0), self.counts(self.count(zinf)[..., 0])

    def forward(self, positions: Positions, z0: Tensor, zinf: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of x_0 for materials of any groups.

        Parameters
        ----------
        positions
            Of B materials.
        z0
            (M0,) int64, element on each constrained position, 0 = empty.
        zinf
            (Minf, N_a) int64, orbits of each element on each unconstrained position.
        t
            (B,) int64, time steps, 1..T.

        Returns
        -------
        (M0, N_a + 1) and (Minf, N_a, P + 1) float tensors.
        """
        constrained, unconstrained = self.occupation(z0, zinf)
        h = constrained.new_empty(len(positions.dof), self.settings.hidden)
        h = h.index_copy(0, positions.constrained, constrained)
        h = h.index_copy(0, positions.unconstrained, unconstrained.to(h.dtype))
        h_pos = (
            self.dof(positions.dof)
            + self.letter(positions.letter)
            + self.spacegroup(positions.spacegroup)
            + self.multiplicity(positions.multiplicity)
            + self.time(t - 1)[positions.material]
        )
        h = self._layers(h, h_pos, positions.sizes)
        return (
            self.constrained_logits(h[positions.constrained]),
            self.unconstrained_logits(h[positions.unconstrained]),
        )

    def _layers(self, h: Tensor, h_pos: Tensor, sizes: Sizes) -> Tensor:
        for layer in self.layers:
            h = functional.silu(layer(h, h_pos, sizes))
        return h

    def constrained_logits(self, h: Tensor) -> Tensor:
        """Decode rows h (M, hidden) of constrained positions: (M, N_a + 1)."""
        logits: Tensor = self.constrained_decoder(h)
        return logits

    def unconstrained_logits(self, h: Tensor) -> Tensor:
        """Decode rows h (M, hidden) of unconstrained positions: (M, N_a, P + 1)."""
        logits: Tensor = self.unconstrained_decoder(h)
        return logits.view(len(h), self.settings.n_elements, self.settings.max_orbits + 1)

    def unconstrained_trunk(self, h: Tensor) -> Tensor:
        """Return the last hidden layer (M, decoder_hidden) of the decoder, which all elements share."""
        return self.unconstrained_decoder.trunk(h)


def parameter_count(model: nn.Module) -> int:
    """Return the number of weights."""
    return sum(parameter.numel() for parameter in model.parameters())
