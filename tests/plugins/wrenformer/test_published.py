"""The paper's checkpoint: a file of exactly its layout, made with random weights, and files that must be refused.

The file itself cannot be shipped. What stands in for it is written as aviary wrote it in January 2023: the same keys,
the normalizer as an object of ``aviary.core``, the loss as a function of ``aviary.losses``, NumPy numbers as errors.
"""

import hashlib
import pickle
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FunctionType
from typing import Any

import aviary.core
import aviary.losses
import numpy as np
import pytest
import torch
from aviary.wrenformer.model import Wrenformer

from crystalbench import EncoderError
from crystalbench.crystals.wyckoff import Table
from crystalbench_plugins.wrenformer import encoder, published
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.network import Architecture
from tests.plugins.wrenformer.wrenformer_inputs import dense, sample

MODEL_PARAMS = {
    "task_dict": {"formation_energy_per_atom": "regression"},
    "robust": True,
    "n_targets": [1],
    "n_features": 645,
    "d_model": 128,
    "n_attn_layers": 6,
    "n_attn_heads": 4,
    "dropout": 0.0,
    "trunk_hidden": (1024, 512),
    "out_hidden": (256, 128, 64),
    "embedding_aggregations": ("mean",),
}
Write = Callable[..., tuple[Path, str]]


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Architecture().build().state_dict()


def name_as_numpy_1_did(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part.replace(b"numpy._core", b"numpy.core") if name.endswith(".pkl") else part)


@pytest.fixture
def write(tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a checkpoint; returns its path and SHA-256."""

    def written(**changes: Any) -> tuple[Path, str]:
        normalizer = type("Normalizer", (), {"__module__": "aviary.core"})
        loss = FunctionType((lambda *_: None).__code__, {"__name__": "aviary.losses"}, "RobustL1Loss")
        loss.__qualname__ = "RobustL1Loss"
        monkeypatch.setattr(aviary.core, "Normalizer", normalizer)
        monkeypatch.setattr(aviary.losses, "RobustL1Loss", loss)
        scale = normalizer()
        scale.mean, scale.std = torch.tensor(-1.4), torch.tensor(1.1)  # type: ignore[attr-defined]
        content = {
            "model_params": MODEL_PARAMS,
            "model_state": state,
            "optimizer_state": {"state": {}, "param_groups": [{"lr": 3e-4}]},
            "scheduler_state": {"last_epoch": 300, "lr_lambdas": [None]},
            "loss_dict": {"formation_energy_per_atom": ("regression", loss)},
            "epoch": 300,
            "metrics": {"formation_energy_per_atom": {"MAE": np.float64(0.03), "RMSE": np.float32(0.1)}},
            "run_name": "train-wrenformer",
            "normalizer_dict": {"formation_energy_per_atom": scale},
        } | changes
        path = tmp_path / "checkpoint.pth"
        torch.save(content, path)
        name_as_numpy_1_did(path)
        return path, hashlib.sha256(path.read_bytes()).hexdigest()

    return written


def test_a_file_of_that_layout_is_read_without_running_code_of_it(write: Write, state: dict[str, torch.Tensor]) -> None:
    weights = published.read_published(*write())
    assert (weights.mean, weights.std) == pytest.approx((-1.4, 1.1))
    assert sum(tensor.numel() for tensor in weights.state.values()) == 5_166_658
    assert all(torch.equal(weights.state[name], tensor) for name, tensor in state.items())
    assert weights.table is Table.AVIARY
    assert weights.build().d == 256


def test_a_normalizer_stored_as_plain_numbers_is_read_too(write: Write) -> None:
    scale = {"mean": torch.tensor(-2.0), "std": torch.tensor(0.5)}
    weights = published.read_published(*write(normalizer_dict={"e_form": scale}))
    assert (weights.mean, weights.std) == (-2.0, 0.5)


def test_energies_are_those_of_aviary_with_post_norm_layers_and_not_of_aviary_as_it_is_now(write: Write) -> None:
    """aviary 1.1.1 built torch's layers as they are by default; since 1.2 it passes ``norm_first=True``."""
    weights = published.read_published(*write())
    labels = sample(40)
    ours = predict(weights.build(), buckets(labels, weights.table), len(labels)).energies
    theirs = {}
    for version, norm_first in (("1.1.1", False), ("1.2", True)):
        network = Wrenformer(**MODEL_PARAMS, device="cpu").eval()
        if not norm_first:
            layer = torch.nn.TransformerEncoderLayer(128, 4, batch_first=True)
            network.transformer_encoder = torch.nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).eval()
        assert all(layer.norm_first is norm_first for layer in network.transformer_encoder.layers)
        network.load_state_dict(dict(weights.state))
        with torch.inference_mode():
            outputs = [network(*dense(label, weights.table))[0][0, 0] for label in labels]
        theirs[version] = np.array(outputs, np.float32) * weights.std + weights.mean
    assert np.abs(ours - theirs["1.1.1"]).max() < 1e-5
    assert np.abs(ours - theirs["1.2"]).max() > 1e-2


def test_another_file_is_refused_with_both_digests(write: Write) -> None:
    path, digest = write()
    with pytest.raises(EncoderError, match=rf"not the published checkpoint: its sha256 is {digest}, expected 20cecd15"):
        published.read_published(path)


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("code of the file ran",)


def test_code_in_a_file_is_refused_even_with_the_right_digest(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path, digest = write(run_params=_Code())
    with pytest.raises(EncoderError, match=r"more than tensors and plain values \(it names print\)"):
        published.read_published(path, digest)
    assert "ran" not in capsys.readouterr().out


def test_names_that_the_file_needs_are_not_trusted_anywhere_else(write: Write) -> None:
    path, digest = write()
    published.read_published(path, digest)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model_params": MODEL_PARAMS | {"n_attn_layers": 4}}, "n_attn_layers is 4, expected 6"),
        ({"model_params": None}, "not laid out"),
        ({"normalizer_dict": {}}, "not laid out"),
        ({"normalizer_dict": {"e_form": None}}, "not laid out"),
        ({"normalizer_dict": {"e_form": {"mean": 0.0}}}, "not laid out"),
    ],
)
def test_a_file_of_another_layout_is_refused(write: Write, change: dict[str, Any], problem: str) -> None:
    path, digest = write(**change)
    with pytest.raises(EncoderError, match=problem):
        published.read_published(path, digest)


def test_weights_of_another_shape_or_without_a_finite_value_are_refused(
    write: Write, state: dict[str, torch.Tensor]
) -> None:
    weights = published.read_published(*write(model_state=dict(list(state.items())[1:])))
    with pytest.raises(EncoderError, match="do not fit"):
        weights.build()
    name = "resize_embedding.bias"
    weights = published.read_published(*write(model_state=state | {name: torch.full((128,), torch.nan)}))
    with pytest.raises(EncoderError, match=f"{name} are not finite"):
        weights.build()


# --- through the plugin -------------------------------------------------------------------------------------------


class _OneFile(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    with HTTPServer(("127.0.0.1", 0), _OneFile) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        monkeypatch.setenv("CRYSTALBENCH_ENCODER_URL", f"http://127.0.0.1:{server.server_port}/checkpoint.pth")
        yield lambda body: setattr(server, "body", body)
        server.shutdown()
        thread.join()


def test_the_published_weights_are_downloaded_checked_and_named_plainly(
    write: Write, serve: Callable[[bytes], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = write()
    monkeypatch.setattr(published, "SHA256", digest)
    serve(path.read_bytes())
    given = {"checkpoint": "published"}
    before = encoder.identity(given)
    assert encoder.missing(given) == ""
    found = encoder.load(given)
    assert published.cached().read_bytes() == path.read_bytes()
    assert (found.d, encoder.label(given), encoder.identity(given)) == (256, "", before)
    local = {"checkpoint": str(path)}
    assert (encoder.label(local), encoder.identity(local)) == ("", before)
    labels = sample(5)
    assert np.array_equal(found.encode(labels).embeddings, encoder.load(local).encode(labels).embeddings)


def test_a_download_that_is_another_file_leaves_nothing_behind(serve: Callable[[bytes], None]) -> None:
    serve(b"not it")
    with pytest.raises(EncoderError, match=r"another file, or a damaged one(.|\n)*CRYSTALBENCH_ENCODER_URL"):
        encoder.load({"checkpoint": "published"})
    assert not published.cached().exists()


def test_a_file_put_by_hand_that_is_another_is_refused() -> None:
    published.cached().parent.mkdir(parents=True)
    published.cached().write_bytes(b"not it")
    with pytest.raises(EncoderError, match="is not the published checkpoint"):
        encoder.load({"checkpoint": "published"})
