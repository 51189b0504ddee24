"""Settings, features and numbers equal those of aviary's own code."""

from collections import Counter

import numpy as np
import pandas
import pytest
import torch
from aviary.wren.data import parse_protostructure_label
from aviary.wrenformer.data import df_to_in_mem_dataloader, wyckoff_embedding_from_protostructure_label
from hypothesis import given, settings

from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.network import Architecture, Wrenformer
from tests.plugins.wrenformer.wrenformer_inputs import dense, labels, network, sample

pytestmark = pytest.mark.peer


def rows_of(features: np.ndarray) -> Counter[tuple[bytes, ...]]:
    """Settings as multisets of orbits, with how often each occurs."""
    return Counter(tuple(sorted(orbit.tobytes() for orbit in setting)) for setting in features)


@given(labels())
@settings(deadline=None, max_examples=300)
def test_features_of_all_settings_are_aviarys(label: str) -> None:
    """aviary counts a setting once per order of equal elements: as often for each, which leaves means unchanged."""
    theirs = rows_of(wyckoff_embedding_from_protostructure_label(label).numpy())
    ours = rows_of(dense(label, Table.PYMATGEN)[0].numpy())
    assert theirs.keys() == ours.keys()
    assert len({theirs[key] / ours[key] for key in ours}) == 1


@given(labels())
@settings(deadline=None, max_examples=50)
def test_multiplicities_are_aviarys(label: str) -> None:
    _, multiplicities, elements, _ = parse_protostructure_label(label)
    (bucket,) = buckets([label], Table.PYMATGEN)
    tokens = bucket.all_settings(np.arange(1))
    repeats = tokens.counts[0].astype(int)
    ours = np.repeat(tokens.ratios[0], repeats)
    assert sorted(ours) == pytest.approx(sorted(np.array(multiplicities) / sum(multiplicities)))
    assert repeats.sum() == len(elements)


@pytest.mark.parametrize("model", [network(), network(Architecture())], ids=["small", "published size"])
def test_embeddings_and_energies_are_those_of_aviarys_own_loop(model: Wrenformer) -> None:
    rows = sample(1000)
    frame = pandas.DataFrame({"protostructure": rows, "energy": np.zeros(len(rows))})
    loader = df_to_in_mem_dataloader(frame, target_col="energy", id_col="protostructure", device="cpu", batch_size=64)
    embeddings: list[torch.Tensor] = []
    hook = model.network.trunk_nn.register_forward_hook(lambda *call: embeddings.append(call[2]))
    with torch.inference_mode():
        outputs = torch.cat([model.network(*inputs)[0][:, 0] for inputs, _, _ in loader]).numpy()
    hook.remove()
    found = predict(model, buckets(rows, Table.PYMATGEN), len(rows))
    assert np.abs(found.embeddings - torch.cat(embeddings).numpy()).max() < 1e-5
    assert np.abs(found.energies - (outputs * model.std + model.mean)).max() < 1e-5
