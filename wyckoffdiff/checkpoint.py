"""Checkpoints: the state of a training, and finished models to sample from. Nothing in them is ever executed.

Both are `torch.save` files of tensors and plain values, read with ``weights_only=True``:

training   weights, moving average, optimiser, settings, provenance, progress. All randomness of a step is a function
           of (seed, step), so the step number is the state of the random numbers.
model      weights in half precision, settings, provenance: what is shipped.
"""

import io
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crystalbench import Dataset, ReadError, __version__
from crystalbench.runs.cache import atomic_write
from crystalbench.torch_files import UNREADABLE, reason
from wyckoffdiff.data import Materials
from wyckoffdiff.networks import Network, new_network
from wyckoffdiff.settings import NetworkSettings, TrainingSettings, from_plain

FORMAT = 1
TRAINING, MODEL = "training", "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a model comes from.

    Attributes
    ----------
    dataset, dataset_identity
        Name of the dataset, and SHA-256 of its content (`DatasetSpec.identity`).
    materials_digest
        SHA-256 of the encoded training split (`Materials.digest`).
    n_train, n_refused
        Materials trained on, and those that N_a or P could not hold.
    spacegroup_counts
        (231,) how often each space group occurs in training: the prior of s (Eq. 4). Entry 0 is unused.
    constrained_counts, unconstrained_counts
        (N_a + 1,) and (P + 1,) how often each value occurs: the `marginal` prior.
    size_counts
        231 rows of equal length one after another, how often a material of each group has 0, 1, 2 ... entries: the
        frequencies that networks of entries start from.
    training
        All settings of the training.
    epochs, steps, seconds
        How far the training got, and the time it took, validation included.
    train_loss, val_loss
        Mean objective over the last whole epoch, and on the validation split after it; in its own unit.
    val_bound
        Variational bound on -log p(x_0 | s) of validation materials (`wyckoffdiff.train.Training.bound`); nats a
        material.
    threads, device
        CPU threads of each process, and what it ran on.
    versions
        Of crystalbench and torch.
    started_from
        The model whose weights the training began with, in words; empty where they were random.
    """

    dataset: str
    dataset_identity: str
    materials_digest: str
    n_train: int
    n_refused: int
    spacegroup_counts: tuple[int, ...]
    constrained_counts: tuple[int, ...]
    unconstrained_counts: tuple[int, ...]
    size_counts: tuple[int, ...]
    training: TrainingSettings
    epochs: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    train_loss: float | None = None
    val_loss: float | None = None
    val_bound: float | None = None
    threads: int = 1
    device: str = "cpu"
    versions: Mapping[str, str]
    started_from: str = ""

    @classmethod
    def of(cls, dataset: Dataset, train: Materials, model: NetworkSettings, training: TrainingSettings) -> "Provenance":
        """Return what is known before a training of a network on the encoded training split of a dataset."""
        constrained, unconstrained = train.variable_counts(model.n_elements, model.max_orbits)
        return cls(
            dataset=dataset.name,
            dataset_identity=dataset.spec.identity(),
            materials_digest=train.digest,
            n_train=len(train),
            n_refused=train.refused,
            spacegroup_counts=tuple(train.spacegroup_counts().tolist()),
            constrained_counts=tuple(constrained.tolist()),
            unconstrained_counts=tuple(unconstrained.sum(0).tolist()),
            size_counts=tuple(train.size_counts().ravel().tolist()),
            training=training,
            versions={"crystalbench": __version__, "torch": torch.__version__},
        )

    def sizes(self) -> NDArray[np.int64]:
        """Return ``size_counts`` as a table (231, most + 1)."""
        return np.array(self.size_counts, dtype=np.int64).reshape(231, -1)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values only."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        training = {name: _plain(value) for name, value in asdict(self.training).items()}
        versions = {name: _plain(value) for name, value in self.versions.items()}
        return {name: _plain(value) for name, value in plain.items()} | {"training": training, "versions": versions}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Provenance":
        """Undo `to_plain`."""
        lists = {key: tuple(value) for key, value in plain.items() if key.endswith("_counts")}
        return cls(**{**plain, **lists, "training": TrainingSettings(**plain["training"])})


def _plain(value: Any) -> Any:
    return (
        str(value) if isinstance(value, str) else value
    )  # a StrEnum or torch.__version__ is no plain text to torch's reader


def save(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    whole = io.BytesIO()  # PyTorch hides what a file object raises, such as a full disk, behind an error of its own
    torch.save({"format": FORMAT, "kind": kind, **content}, whole)
    with atomic_write(path) as file:
        file.write(whole.getbuffer())


def load(path: Path, kind: str) -> dict[str, Any]:
    """Read a checkpoint of a kind onto the CPU; raises `ReadError`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ReadError(f"{path}: there is no such checkpoint; 'crystalbench wyckoffdiff train' makes one") from None
    except pickle.UnpicklingError:
        raise ReadError(
            f"{path}: is no checkpoint of crystalbench, or holds more than tensors and plain values, which is not read"
        ) from None
    except UNREADABLE as error:
        raise ReadError(f"{path}: cannot be read as a checkpoint: {reason(error)}") from error
    if not isinstance(content, dict) or (content.get("format"), content.get("kind")) != (FORMAT, kind):
        found = content.get("kind") if isinstance(content, dict) else type(content).__name__
        remedy = "'crystalbench wyckoffdiff export' makes a model of a training" if found == TRAINING else ""
        raise ReadError(f"{path}: holds {found!r}, not a {kind} of format {FORMAT}. {remedy}".rstrip(". "))
    return content


def export(training: Path, path: Path) -> Provenance:
    """Write the model of a training checkpoint, in half precision; the moving average where there is one."""
    content = load(training, TRAINING)
    weights: Mapping[str, Tensor] = content["average"] or content["weights"]
    half = {name: tensor.half() for name, tensor in weights.items()}
    for name, tensor in half.items():
        if not tensor.isfinite().all():
            raise ReadError(f"{training}: {name} is not finite in half precision; go back to an earlier checkpoint")
    save(path, MODEL, {"weights": half, "settings": content["settings"], "provenance": content["provenance"]})
    return Provenance.from_plain(content["provenance"])


def load_model(path: Path) -> tuple[Network, Provenance]:
    """Return the network of an exported model in float32, ready to sample from, and its provenance.

    Raises
    ------
    ReadError
        If the file is no such model, or its weights do not fit its settings.
    """
    content = load(path, MODEL)
    try:
        with torch.device("meta"):
            model = new_network(from_plain(content["settings"]))
        model.load_state_dict({name: tensor.float() for name, tensor in content["weights"].items()}, assign=True)
        provenance = Provenance.from_plain(content["provenance"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ReadError(f"{path}: weights, settings and provenance do not fit together: {error}") from error
    return model.requires_grad_(False).eval(), provenance
