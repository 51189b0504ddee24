"""The encoder plugin: which weights it takes, what it calls them, and that the bundled ones tell crystals apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crystalbench import Dataset, EncoderError, Protostructure, SamplerInput
from crystalbench.crystals.wyckoff import Table
from crystalbench.plugins import Plugins
from crystalbench.runs.config import check_parameters
from crystalbench.testing import check_encoder
from crystalbench_plugins.metrics._frechet import extrapolated
from crystalbench_plugins.reference_generators import ElementSwap, RandomOrbits
from crystalbench_plugins.wrenformer import encoder, feature_tables
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.weights import Weights
from tests.plugins.wrenformer.wrenformer_inputs import SALT, TINY, labels, network, sample

(SPEC,) = encoder.crystalbench_encoders()
BUNDLED = check_parameters(SPEC.name, {}, SPEC.parameters)
ROUNDING = float(np.finfo(np.float32).eps) * np.sqrt(feature_tables.N_FEATURES)
"""Of a row's length: what float32 loses in the longest sum of the network, of 645 numbers, where its errors are random.

A row (15 to 99 long) that is summed in another order, beside others, was found up to a twentieth of this apart.
"""


def apart(some: np.ndarray, others: np.ndarray) -> float:
    """The largest difference of two rows, as a share of their length."""
    return float((np.abs(some - others).max(axis=1) / np.linalg.norm(others, axis=1)).max())


@pytest.fixture(scope="module")
def bundled() -> encoder.WrenformerEncoder:
    return encoder.load(BUNDLED)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "encoder.pt"
    state = network().network.state_dict()
    Weights(architecture=TINY, state=state, mean=0.0, std=1.0, table=Table.AFFINE).save(path)
    return path


def test_the_bundled_encoder_keeps_the_contract() -> None:
    check_encoder(SPEC)


def test_it_is_the_encoder_of_a_run_that_names_none() -> None:
    plugins = Plugins()
    plugins.register(encoder, "wrenformer")
    assert not plugins.broken
    assert plugins.encoders["wrenformer"].default


def test_the_bundled_weights_are_small_and_have_a_card() -> None:
    assert encoder.bundled().stat().st_size < 10_000_000
    card = encoder.bundled().with_suffix(".md").read_text(encoding="utf-8")
    for fact in ("wbm-rebuilt", "CC BY 4.0", "eV/atom", "encoder train", "composition"):
        assert fact in card, fact


def test_only_the_papers_own_weights_carry_no_name(own: Path) -> None:
    assert encoder.label(BUNDLED) == "wrenformer-wbm"
    assert encoder.label({"checkpoint": str(own)}) == "wrenformer"
    assert encoder.label({"checkpoint": "published"}) == ""


def test_the_identity_is_that_of_the_weights(own: Path, tmp_path: Path) -> None:
    first = encoder.identity({"checkpoint": str(own)})
    copy = tmp_path / "copy.pt"
    copy.write_bytes(own.read_bytes())
    assert encoder.identity({"checkpoint": str(copy)}) == first
    copy.write_bytes(own.read_bytes() + b"\0")
    assert len({first, encoder.identity({"checkpoint": str(copy)}), encoder.identity(BUNDLED)}) == 3


def test_weights_of_the_users_own_training_are_used(own: Path) -> None:
    found = encoder.load({"checkpoint": str(own)})
    assert found.d == 12
    assert found.encode(sample(3)).embeddings.shape == (3, 12)


def test_loading_leaves_the_random_numbers_of_torch_alone(own: Path) -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    encoder.load({"checkpoint": str(own)})
    assert torch.equal(torch.rand(1), expected)


def test_absent_weights_are_missing_with_the_remedy(tmp_path: Path) -> None:
    given_ = {"checkpoint": str(tmp_path / "none.pt")}
    assert "encoder train" in encoder.missing(given_)
    with pytest.raises(EncoderError, match=r"there is no file .*none\.pt"):
        encoder.load(given_)


@given(st.lists(labels(), min_size=1, max_size=10), st.randoms(use_true_random=False))
@example(["A_aP1_1_a:O"] * 7 + ["A_cF32_228_b:O"], Random(0))
@settings(deadline=None, max_examples=25)
def test_a_row_does_not_depend_on_the_others_or_on_order(many: list[str], random: Random) -> None:
    model = encoder.load(BUNDLED)
    together = model.encode(many)
    order = list(range(len(many)))
    random.shuffle(order)
    shuffled = model.encode([many[row] for row in order])
    alone = np.concatenate([model.encode([label]).embeddings for label in many])
    assert apart(shuffled.embeddings, together.embeddings[order]) < ROUNDING
    assert np.abs(shuffled.energies - together.energies[order]).max() < 1e-5
    assert apart(alone, together.embeddings) < ROUNDING


@pytest.fixture(scope="module")
def exact() -> Callable[[Sequence[str]], np.ndarray]:
    """The bundled network in double precision."""
    weights = Weights.read(encoder.bundled())
    model = weights.build()
    model.network.double()
    model._elements, model._positions = model._elements.double(), model._positions.double()

    def encode(many: Sequence[str]) -> np.ndarray:
        rows = np.empty((len(many), model.d))
        for bucket in buckets(many, weights.table):
            tokens = bucket.all_settings(np.arange(len(bucket.rows)))
            wide = replace(tokens, ratios=tokens.ratios.astype(float), counts=tokens.counts.astype(float))
            rows[bucket.rows] = model(wide)[0].numpy()
        return rows

    return encode


@given(st.lists(labels(), min_size=1, max_size=10))
@example(["A_aP1_1_a:O"] * 7 + ["A_cF32_228_b:O"])  # 1.1e-5 apart in float32
@settings(deadline=None, max_examples=15)
def test_in_double_precision_a_row_does_not_depend_on_the_others(
    exact: Callable[[Sequence[str]], np.ndarray], bundled: encoder.WrenformerEncoder, many: list[str]
) -> None:
    """So what is left in single precision is its rounding, and the same rows come out."""
    together = exact(many)
    assert apart(np.concatenate([exact([label]) for label in many]), together) < 1e-13
    assert apart(bundled.encode(many).embeddings, together) < ROUNDING


def test_the_number_of_threads_does_not_matter(bundled: encoder.WrenformerEncoder) -> None:
    rows = sample(500)
    threads = torch.get_num_threads()
    try:
        found = []
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(bundled.encode(rows))
    finally:
        torch.set_num_threads(threads)
    assert apart(found[0].embeddings, found[1].embeddings) < ROUNDING
    assert np.abs(found[0].energies - found[1].energies).max() < 1e-5


def test_a_protostructure_with_an_unknown_element_is_a_row_of_nan_and_changes_no_other(
    bundled: encoder.WrenformerEncoder,
) -> None:
    heavy = Protostructure(225, [("Rf", "a"), ("O", "b")]).label
    found = bundled.encode([heavy, SALT, heavy])
    assert np.isnan(found.energies).tolist() == [True, False, True]
    assert np.isnan(found.embeddings).all(axis=1).tolist() == [True, False, True]
    assert np.array_equal(found.embeddings[1], bundled.encode([SALT]).embeddings[0])


def test_long_and_much_lettered_protostructures_are_encoded(bundled: encoder.WrenformerEncoder) -> None:
    many_atoms = Protostructure(1, [("C", "a")] * 400 + [("H", "a")] * 600).label
    many_settings = Protostructure(2, [("Na", "a"), ("K", "b"), ("Rb", "c"), ("Cs", "e"), ("O", "i")]).label
    everything = Protostructure(47, [(element, letter) for letter in "abcdefghA" for element in ("O",)]).label
    assert np.isfinite(bundled.encode([many_atoms, many_settings, everything]).embeddings).all()


def test_the_bundled_energies_are_those_of_the_held_out_materials(bundled: encoder.WrenformerEncoder) -> None:
    split = Plugins.load().datasets["wbm-rebuilt"].load("test", Table.AFFINE)
    assert split.energies is not None
    rows = np.random.default_rng(0).choice(len(split), 1000, replace=False)
    error = np.abs(bundled.encode([split.labels[row] for row in rows]).energies - split.energies[rows])
    assert error.mean() < 0.05  # eV/atom; 0.07 for the composition alone, 0.68 for the mean


def test_held_out_materials_are_near_swapped_elements_far_and_random_protostructures_farther(
    bundled: encoder.WrenformerEncoder,
) -> None:
    dataset = Dataset(Plugins.load().datasets["wbm-rebuilt"])
    random = np.random.default_rng(0)
    train, test = (
        [split.labels[row] for row in random.choice(len(split), 1000, replace=False)]
        for split in (dataset.train, dataset.split("test"))
    )
    given = SamplerInput(parameters={}, seed=0, dataset=dataset)
    swapped, drawn = (
        [item.label for chunk in range(4) for item in kind(given).items(chunk)] for kind in (ElementSwap, RandomOrbits)
    )
    reference = bundled.encode(train).embeddings
    near, far, farther = (extrapolated(bundled.encode(x).embeddings, reference, 0) for x in (test, swapped, drawn))
    assert 10 * near < far
    assert 1.1 * far < farther


def test_known_compounds_are_ordered_by_their_stability(bundled: encoder.WrenformerEncoder) -> None:
    corundum = Protostructure(167, [("Al", "c"), ("O", "e")]).label
    alloy = Protostructure(225, [("Au", "a"), ("Ag", "b")]).label
    alumina, salt, metal = bundled.encode([corundum, SALT, alloy]).energies
    assert alumina < -2.5 < salt < -1.5 < metal < 0.5  # eV/atom
