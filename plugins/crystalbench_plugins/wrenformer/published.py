"""The encoder of the paper: one member of the Wrenformer ensemble of Matbench Discovery (MIT licence).

Trained by its authors on formation energies of Materials Project 2022. The file is the checkpoint of a training run of
aviary, made in January 2023: beside the weights it holds the state of the optimizer, the loss function by its name and
the normalizer of the energies as an object. It is read without running code of its own: the names it needs stand for
inert classes here, any other name is refused, and the library it was made with need not be installed.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from crystalbench import EncoderError
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import cache_dir, file_digest
from crystalbench_plugins._download import download
from crystalbench_plugins.wrenformer.network import Architecture
from crystalbench_plugins.wrenformer.weights import Weights, read

SHA256 = "20cecd1560e5fc71851cf8675216ed7e30ccb53f18e86de6cfd8ffd090d35f36"
URL = "https://api.wandb.ai/files/janosh/matbench-discovery/2kozbp4q/checkpoint.pth"
URL_VARIABLE = "CRYSTALBENCH_ENCODER_URL"
ARCHITECTURE = Architecture()

_PARAMETERS = {
    "robust": "robust",
    "d_model": "d_model",
    "n_attn_layers": "layers",
    "n_attn_heads": "heads",
    "trunk_hidden": "trunk",
    "out_hidden": "out",
}
"""aviary's names of what `Architecture` states. The width of the feed-forward layers is not among them."""


class Normalizer:
    """Stands for aviary's class of that name: an object with ``mean`` and ``std``."""

    mean: Any
    std: Any


def _loss(*_: object) -> None:
    """Stands for aviary's loss functions, which are named in the file and not needed."""


_STANDS_FOR: list[tuple[Callable[..., Any], str]] = [
    (Normalizer, "aviary.core.Normalizer"),
    (Normalizer, "aviary.data.Normalizer"),
    (_loss, "aviary.losses.RobustL1Loss"),
    (_loss, "aviary.losses.robust_l1_loss"),
]


def cached() -> Path:
    """Where the downloaded file is kept, or put by hand."""
    return cache_dir() / "encoders" / "wrenformer-2kozbp4q.pth"


def fetch() -> Path:
    """Return the file, downloading it on first use; raises `EncoderError`."""
    path = cached()
    if not path.is_file():
        url = os.environ.get(URL_VARIABLE, URL)
        download(url, path, SHA256, error=EncoderError, mirror=URL_VARIABLE)
    return path


def read_published(path: Path, sha256: str = "") -> Weights:
    """Read the published checkpoint.

    Parameters
    ----------
    path
        The file.
    sha256
        What it must be; that of the published file unless another is given.

    Raises
    ------
    EncoderError
        If it is another file, or does not hold what it should.
    """
    if not path.is_file():
        raise EncoderError(f"there is no file {path}")
    expected = sha256 or SHA256
    if (found := file_digest(path)) != expected:
        raise EncoderError(
            f"{path} is not the published checkpoint: its sha256 is {found}, expected {expected}; delete it to have it "
            "downloaded again, or get it again"
        )
    with _inert_names():
        content = read(path)
    try:
        return _weights(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EncoderError(f"{path}: not laid out as a checkpoint of aviary's Wrenformer ({error!r})") from error


def _inert_names() -> AbstractContextManager[None]:
    import numpy as np
    import torch

    # Errors on the test set are stored as NumPy's numbers, by the names of NumPy 1 or 2.
    scalar: Any = np.float64(0).__reduce__()[0]
    numbers: list[Callable[..., Any]] = [np.dtype, type(np.dtype(np.float64)), type(np.dtype(np.float32))]
    scalars = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return torch.serialization.safe_globals([*_STANDS_FOR, *scalars, *numbers])


def _weights(content: Mapping[str, Any]) -> Weights:
    stated = content["model_params"]
    expected = ARCHITECTURE.as_json()
    for theirs, ours in _PARAMETERS.items():
        value = stated.get(theirs, expected[ours])
        if (list(value) if isinstance(value, tuple) else value) != expected[ours]:
            raise ValueError(f"{theirs} is {value}, expected {expected[ours]}")
    (normalizer,) = content["normalizer_dict"].values()
    scale = normalizer if isinstance(normalizer, Mapping) else vars(normalizer)
    return Weights(
        architecture=ARCHITECTURE,
        state=content["model_state"],
        mean=float(scale["mean"]),
        std=float(scale["std"]),
        # The permutations of the library at that time: what it was trained with.
        table=Table.AVIARY,
    )
