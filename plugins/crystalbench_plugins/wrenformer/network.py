"""The network: aviary's class Wrenformer, and how a batch of tokens goes through it.

The parameters, their names and shapes are aviary's, so that published weights load unchanged. Two things differ from
calling its ``forward``, neither in the result: features are gathered after the first linear layer instead of before
it (a token costs two table look-ups instead of 645 numbers), and equal tokens are read once with their number.

Normalisation stands *behind* each sublayer ("post-norm"). The published weights were trained so; aviary since 1.2
builds the class with ``norm_first=True``, loads the same weights without complaint, and gives other numbers.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from crystalbench.tables.results import JSON
from crystalbench_plugins.wrenformer import feature_tables
from crystalbench_plugins.wrenformer.featurise import Tokens

if TYPE_CHECKING:
    from torch import Tensor

Network: TypeAlias = Any
"""aviary's class, an `nn.Module`: its parts are known to torch by name only, without types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Size of a Wrenformer; the defaults are the published one (5,166,658 parameters).

    Attributes
    ----------
    d_model
        Width of a token.
    layers, heads, feedforward
        Of the transformer.
    trunk
        Hidden widths of the residual network behind the mean over tokens.
    out
        First the width of the trunk's output, the embedding; then hidden widths of the energy head.
    robust
        Whether the head has a second output, the logarithm of the noise.
    """

    d_model: int = 128
    layers: int = 6
    heads: int = 4
    feedforward: int = 2048
    trunk: tuple[int, ...] = (1024, 512)
    out: tuple[int, ...] = (256, 128, 64)
    robust: bool = True

    def build(self) -> Network:
        """Return aviary's Wrenformer with random weights from torch's global generator."""
        from aviary.wrenformer.model import Wrenformer
        from torch import nn

        network = Wrenformer(
            robust=self.robust,
            n_targets=[1],
            n_features=feature_tables.N_FEATURES,
            d_model=self.d_model,
            n_attn_layers=0,
            trunk_hidden=self.trunk,
            out_hidden=self.out,
            task_dict={"e_form": "regression"},
            device="cpu",
        )
        layer = nn.TransformerEncoderLayer(
            self.d_model, self.heads, self.feedforward, dropout=0.0, batch_first=True, norm_first=False
        )
        network.transformer_encoder = nn.TransformerEncoder(layer, self.layers, enable_nested_tensor=False)
        return network

    def as_json(self) -> dict[str, JSON]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


class Wrenformer:
    """A network with the feature tables it reads, and the scale of its energies.

    Parameters
    ----------
    network
        What `Architecture.build` returned, with weights.
    mean, std
        eV/atom; the head's output times ``std`` plus ``mean`` is a formation energy.
    """

    def __init__(self, network: Network, mean: float, std: float) -> None:
        import torch

        self.network, self.mean, self.std = network, mean, std
        self._elements = torch.from_numpy(feature_tables.element_features())
        self._positions = torch.from_numpy(feature_tables.wyckoff_features())

    @property
    def d(self) -> int:
        return int(self.network.trunk_nn.fc_out.out_features)

    def __call__(self, tokens: Tokens) -> "tuple[Tensor, Tensor]":
        """Return embeddings (m, d), the output of the trunk before its ReLU, and energies (m,) in eV/atom.

        m protostructures: the last entry of ``tokens.owner`` plus one.
        """
        import torch
        from torch.nn import functional

        counts = torch.from_numpy(tokens.counts)  # (s, n)
        x = self._embed(tokens)  # (s, n, d_model)
        # A key that stands for c equal ones gets c times the weight: softmax(a + log c).
        bias = counts.log()[:, None, None, :] if bool((counts != 1).any()) else None
        for layer in self.network.transformer_encoder.layers:
            x = _attend(layer, x, bias)
        x = (x * (counts / counts.sum(1, keepdim=True))[:, :, None]).sum(1)  # (s, d_model)
        owner = torch.from_numpy(tokens.owner)
        if len(owner) > (m := int(owner[-1]) + 1):  # mean over equivalent settings, before the trunk, as in aviary
            share = 1 / torch.bincount(owner).to(x.dtype)
            x = x.new_zeros(m, x.shape[1]).index_add_(0, owner, x) * share[:, None]
        embeddings = self.network.trunk_nn(x)  # (m, d)
        outputs = self.network.output_nns[0](functional.relu(embeddings))  # (m, 1 or 2)
        return embeddings, outputs[:, 0] * self.std + self.mean

    def _embed(self, tokens: Tokens) -> "Tensor":
        """The first linear layer: its matrix times [ratio, element features, Wyckoff features]."""
        import torch

        linear = self.network.resize_embedding
        of_ratio, of_element, of_position = linear.weight.split(
            [1, feature_tables.N_ELEMENT_FEATURES, feature_tables.N_WYCKOFF_FEATURES], dim=1
        )
        used, place = torch.unique(torch.from_numpy(tokens.positions), return_inverse=True)
        elements = self._elements @ of_element.T
        positions = self._positions[used] @ of_position.T + linear.bias
        ratios = torch.from_numpy(tokens.ratios)[:, :, None] * of_ratio[:, 0]
        embedded: Tensor = elements[torch.from_numpy(tokens.elements)] + positions[place] + ratios
        return embedded


def _attend(layer: Network, x: "Tensor", bias: "Tensor | None") -> "Tensor":
    """One post-norm transformer layer with a bias on the keys.

    The layer's own ``forward`` takes another path in evaluation than in training, and that one reads a bias on the
    keys as a mask of booleans.
    """
    from torch.nn import functional

    attention = layer.self_attn
    s, n, d = x.shape
    projected = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    q, k, v = projected.view(s, n, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)  # each (s, heads, n, d / heads)
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).reshape(s, n, d)
    x = layer.norm1(x + attention.out_proj(mixed))
    attended: Tensor = layer.norm2(x + layer.linear2(functional.relu(layer.linear1(x))))
    return attended
