"""Samples as the authors' released code saves them: ``generated_samples_N=10000_seed=42.pt``.

The file is a `torch.save` of a list of PyTorch Geometric ``Data`` objects, one material each, with the tensors
``space_group`` (1,), ``x_0_dof`` (n0,) and ``x_inf_dof`` (ninf, N_a): z0 and zinf of Eq. 3, positions in letter order.
It is read with ``weights_only=True`` and with empty classes in the place of PyTorch Geometric's, so nothing that the
file names is imported or called.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crystalbench import Invalid, InvalidReason, Parameters, ReadError, Sample
from crystalbench.crystals.prototype import MAX_ORBITS
from crystalbench.torch_files import UNREADABLE, reason
from wyckoffdiff.encoding import from_dense, to_sample
from wyckoffdiff.layout import LAST_GROUP, layout

if TYPE_CHECKING:
    from torch import Tensor

_MARKS = (b"torch_geometric.data.data\nData\n", b"x_inf_dof", b"x_0_dof")
_MAX_PICKLE_BYTES = 256 * 2**20  # 900 bytes a material
_MAX_NUMBERS = 10_000  # positions times elements of one material


class _Inert:
    """Stands for a class of the file: holds the attributes that the file gives it, and does nothing."""


def detect(path: Path) -> bool:
    """Whether the instructions of an archive name PyTorch Geometric's ``Data`` and the variables of WyckoffDiff."""
    try:
        with zipfile.ZipFile(path) as archive:
            text = _instructions(archive)
    except (OSError, zipfile.BadZipFile, ReadError):
        return False
    return all(mark in text for mark in _MARKS)


def _instructions(archive: zipfile.ZipFile) -> bytes:
    names = [info for info in archive.infolist() if info.filename.endswith("/data.pkl")]
    stored = all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())  # else a size may be a lie
    if len(names) != 1 or not stored or names[0].file_size > _MAX_PICKLE_BYTES:
        raise ReadError(f"{archive.filename}: not an archive of torch.save")
    return archive.read(names[0])


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield the samples in order; a void material is `Invalid`.

    Raises
    ------
    ReadError
        If the file is missing, damaged, names other classes or holds no such list.
    """
    for number, data in enumerate(_load(path), 1):
        yield _sample(data, f"sample {number}")


def _load(path: Path) -> list[Any]:
    import torch

    classes: list[Any] = [
        (_Inert, f"torch_geometric.data.{name}")
        for name in ("data.Data", "data.DataEdgeAttr", "data.DataTensorAttr", "storage.GlobalStorage")
    ]
    try:
        with zipfile.ZipFile(path) as archive:
            _instructions(archive)
        with torch.serialization.safe_globals(classes):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file or folder") from None
    except zipfile.BadZipFile as error:
        raise ReadError(f"{path}: cannot be read as samples of WyckoffDiff: not an archive of torch.save") from error
    except UNREADABLE as error:
        raise ReadError(f"{path}: cannot be read as samples of WyckoffDiff: {reason(error)}") from error
    if not isinstance(content, list):
        raise ReadError(f"{path}: holds a {type(content).__name__}, not a list of samples")
    return content


def _sample(data: Any, where: str) -> Sample:
    import torch

    values = getattr(getattr(data, "_store", None), "_mapping", {})
    found = {key: values.get(key) for key in ("space_group", "x_0_dof", "x_inf_dof")}
    tensors: dict[str, Tensor] = {}
    for key, value in found.items():
        if not isinstance(value, torch.Tensor) or value.is_floating_point() or value.is_complex():
            return Invalid(InvalidReason.UNREADABLE, f"{where}: {key} is no tensor of integers")
        if value.numel() > _MAX_NUMBERS:  # strides of 0 claim any number
            return Invalid(InvalidReason.UNREADABLE, f"{where}: {key} has {value.numel()} numbers")
        tensors[key] = value.long()
    if tensors["space_group"].numel() != 1 or not 1 <= (group := int(tensors["space_group"])) <= LAST_GROUP:
        return Invalid(InvalidReason.UNREADABLE, f"{where}: no space group from 1 to {LAST_GROUP}")
    shape, z0, zinf = layout(group), tensors["x_0_dof"].flatten(), tensors["x_inf_dof"]
    if len(z0) != len(shape.constrained) or zinf.dim() != 2 or len(zinf) != len(shape.unconstrained):
        return Invalid(
            InvalidReason.UNREADABLE,
            f"{where}: x_0_dof {tuple(z0.shape)} and x_inf_dof {tuple(zinf.shape)} do not fit space group {group}",
        )
    if (zinf > MAX_ORBITS).any() or int(zinf.sum()) > MAX_ORBITS:
        return Invalid(InvalidReason.UNREADABLE, f"{where}: over {MAX_ORBITS} orbits")
    if (z0 < 0).any() or (zinf < 0).any():
        return Invalid(InvalidReason.UNREADABLE, f"{where}: negative numbers of atoms")
    return to_sample(from_dense(group, z0.numpy(), zinf.numpy()))
