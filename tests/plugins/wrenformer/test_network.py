"""The network: its size, where it normalises, and that short cuts change no number."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Protostructure
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer.featurise import Tokens, buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.network import Architecture
from tests.plugins.wrenformer.wrenformer_inputs import TWICE, labels, network

MODEL = network()


def test_the_default_is_the_published_size() -> None:
    built = Architecture().build()
    assert sum(parameter.numel() for parameter in built.parameters()) == 5_166_658
    assert built.resize_embedding.in_features == 645
    assert built.trunk_nn.fc_out.out_features == 256


def test_sublayers_are_normalised_behind_not_before() -> None:
    """aviary builds the class the other way round, and the same weights then give other numbers."""
    layers = MODEL.network.transformer_encoder.layers
    assert not any(layer.norm_first for layer in layers)
    seen: list[torch.Tensor] = []
    hook = layers[-1].norm2.register_forward_hook(lambda *call: seen.append(call[2]))
    (bucket,) = buckets([TWICE], Table.AFFINE)
    tokens = bucket.all_settings(np.arange(1))
    pooled: list[torch.Tensor] = []
    trunk = MODEL.network.trunk_nn.register_forward_hook(lambda *call: pooled.append(call[1][0]))
    MODEL(tokens)
    hook.remove()
    trunk.remove()
    weights = torch.from_numpy(tokens.counts / tokens.counts.sum())
    assert torch.allclose((seen[0] * weights[:, :, None]).sum(1), pooled[0], atol=1e-6)


@given(st.lists(labels(), min_size=1, max_size=12), st.integers(1, 100))
@settings(deadline=None)
def test_a_row_depends_on_its_label_alone(many: list[str], budget: int) -> None:
    together = predict(MODEL, buckets(many, Table.AFFINE), len(many))
    for row, label in enumerate(many):
        alone = predict(MODEL, buckets([label], Table.AFFINE), 1)
        assert np.abs(alone.embeddings[0] - together.embeddings[row]).max() < 1e-5
        assert abs(alone.energies[0] - together.energies[row]) < 1e-5


@given(labels())
@settings(deadline=None)
def test_a_token_with_a_number_is_as_many_equal_tokens(label: str) -> None:
    (bucket,) = buckets([label], Table.AFFINE)
    tokens = bucket.all_settings(np.arange(1))
    repeats = tokens.counts[0].astype(int)
    repeated = Tokens(
        elements=np.repeat(tokens.elements, repeats, axis=1),
        positions=np.repeat(tokens.positions, repeats, axis=1),
        ratios=np.repeat(tokens.ratios, repeats, axis=1),
        counts=np.ones((len(tokens.owner), repeats.sum()), np.float32),
        owner=tokens.owner,
    )
    for once, all_ in zip(MODEL(tokens), MODEL(repeated), strict=True):
        assert (once - all_).abs().max() < 1e-5


@given(labels(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_orbits_and_settings_does_not_matter(label: str, random: object) -> None:
    (bucket,) = buckets([label], Table.AFFINE)
    tokens = bucket.all_settings(np.arange(1))
    shuffle = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    orbits, rows = shuffle.permutation(tokens.positions.shape[1]), shuffle.permutation(len(tokens.owner))
    columns = {name: getattr(tokens, name)[rows][:, orbits] for name in ("elements", "positions", "ratios", "counts")}
    for first, second in zip(MODEL(tokens), MODEL(replace(tokens, **columns)), strict=True):
        assert (first - second).abs().max() < 1e-5


def test_elements_letters_and_numbers_of_orbits_all_change_the_embedding() -> None:
    found = predict(
        MODEL,
        buckets(
            ["AB_cF8_225_a_b:Cl-Na", "AB_cF8_225_a_b:Cl-K", "AB_cF8_216_a_b:Cl-Na", "AB3_aP4_1_a_3a:Cl-Na", TWICE],
            Table.AFFINE,
        ),
        5,
    )
    distances = np.abs(found.embeddings[:, None] - found.embeddings[None]).max(2) + np.eye(5)
    assert distances.min() > 1e-3
    assert len(set(found.energies.tolist())) == 5


def test_the_mean_over_settings_is_taken_before_the_trunk() -> None:
    (bucket,) = buckets([Protostructure(166, [("Na", "a"), ("Cl", "c")]).label], Table.AFFINE)
    tokens = bucket.all_settings(np.arange(1))
    apart = replace(tokens, owner=np.arange(2))
    pooled: list[torch.Tensor] = []
    hook = MODEL.network.trunk_nn.register_forward_hook(lambda *call: pooled.append(call[1][0]))
    MODEL(apart)
    MODEL(tokens)
    hook.remove()
    assert torch.allclose(pooled[0].mean(0), pooled[1][0], atol=1e-6)
    assert not torch.allclose(pooled[0][0], pooled[0][1], atol=1e-3)
