"""Weights on disk: the files that `encoder train` writes, and how they become a network."""

import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crystalbench import EncoderError
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import atomic_write
from crystalbench.torch_files import UNREADABLE, reason
from crystalbench_plugins.wrenformer.network import Architecture, Wrenformer

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "crystalbench-wrenformer-1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """All that a network is made of.

    Attributes
    ----------
    state
        Parameters by aviary's names.
    mean, std
        eV/atom; see `Wrenformer`.
    table
        Which settings of a protostructure are averaged: those it was trained with.
    """

    architecture: Architecture
    state: "Mapping[str, Tensor]"
    mean: float
    std: float
    table: Table

    def build(self) -> Wrenformer:
        """Return the network, in float32 and ready to evaluate.

        Raises
        ------
        EncoderError
            If names or shapes are not those of the architecture, or a number is not finite.
        """
        import torch

        with torch.random.fork_rng(devices=[]):  # it starts from random weights: leave the caller's generator alone
            network = self.architecture.build()
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in self.state.items()})
        except RuntimeError as error:
            raise EncoderError(f"the weights do not fit {self.architecture}: {error}") from None
        unfit = [name for name, tensor in network.state_dict().items() if not bool(tensor.isfinite().all())]
        if unfit:
            raise EncoderError(f"the weights {', '.join(unfit)} are not finite; train again, or get the file again")
        return Wrenformer(network.eval().requires_grad_(False), self.mean, self.std)

    def save(self, path: Path) -> None:
        """Write parameters in half precision: half the size, and a change of the numbers below their own error."""
        content = {
            "format": FORMAT,
            "architecture": self.architecture.as_json(),
            "mean": self.mean,
            "std": self.std,
            "table": str(self.table),
            "state": {name: tensor.detach().half() for name, tensor in self.state.items()},
        }
        write(path, content)

    @classmethod
    def read(cls, path: Path) -> "Weights":
        """Read what `save` wrote; raises `EncoderError`."""
        content = read(path)
        if content.get("format") != FORMAT:
            raise EncoderError(f"{path}: not written by 'crystalbench encoder train' (no format {FORMAT})")
        try:
            given = content["architecture"].items()
            sizes: dict[str, Any] = {name: tuple(size) if isinstance(size, list) else size for name, size in given}
            return cls(
                architecture=Architecture(**sizes),
                state=content["state"],
                mean=float(content["mean"]),
                std=float(content["std"]),
                table=Table(content["table"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EncoderError(f"{path}: not laid out as format {FORMAT} ({error!r})") from error


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors and plain values, whole or not at all."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def read(path: Path) -> dict[str, Any]:
    """Read tensors and plain values; code in the file is refused. Raises `EncoderError`."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise EncoderError(f"there is no file {path}") from None
    except pickle.UnpicklingError as error:
        raise EncoderError(f"{path}: holds more than tensors and plain values ({reason(error)})") from None
    except UNREADABLE as error:
        raise EncoderError(f"{path}: no readable checkpoint of weights: {reason(error)}") from error
    if not isinstance(content, dict):
        raise EncoderError(f"{path}: holds {type(content).__name__}, not a checkpoint")
    return content
