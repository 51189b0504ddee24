"""The layout that CDVAE introduced and DiffCSP, DiffCSP++, SymmCD and FlowMM kept: one dict of flat tensors.

All atoms of all crystals stand in one list, and ``num_atoms`` says where to cut it. N is the number of
atoms, B of crystals, E of evaluations:

=================  ==================================  =======================  ==============================
key                CDVAE, and ``eval_diff`` of others  ``eval_gen`` of others   FlowMM
=================  ==================================  =======================  ==============================
num_atoms          (E, B)                              (B,)                     list of (B,), one for each run
frac_coords        (E, N, 3)                           (N, 3)                   list of (N, 3)
atom_types         (E, N) atomic numbers               (N,), or (N, 94|95|100)  list of (N, 7)
lengths (Å)        (E, B, 3)                           (B, 3)                   list of (B, 3)
angles (degrees)   (E, B, 3)                           (B, 3)                   list of (B, 3)
=================  ==================================  =======================  ==============================

Which of them a file has is read off its shapes; a file whose shapes contradict each other is refused. Where a file
also holds ``lattices``, the lengths and angles are used all the same, as its authors' own evaluations do.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crystalbench import (
    ConfigError,
    Invalid,
    InvalidReason,
    Parameter,
    Parameters,
    RawStructure,
    ReadError,
    ReaderSpec,
    Sample,
)
from crystalbench_baselines import _limits
from crystalbench_baselines._archive import TorchArchive
from crystalbench_baselines._documents import Document, documents, gaps, may_hold
from crystalbench_baselines._members import Kind, kind
from crystalbench_baselines._pickle_as_data import Opaque, TensorRecord

KEYS = ("num_atoms", "frac_coords", "atom_types", "lengths", "angles")

EVALUATION = Parameter(
    name="evaluation",
    default=0,
    help="which evaluation of the file, from 0; evaluations start from the same latent vectors or templates, so they "
    "are not independent samples and are never pooled (the authors' own metrics use the first)",
)

ONE_HOT = {94: "H to Pu (SymmCD)", 95: "H to Pu and a mask (SymmCD)", 100: "H to Fm (DiffCSP)"}
BITS = 7

_WHAT = "PyTorch files"
_INPUTS = "input_data_batch"
_MASK_CLASSES = 95  # the last class of 95 is SymmCD's mask, no element


@dataclass(frozen=True, slots=True)
class Layout:
    """What the shapes in a file say.

    Attributes
    ----------
    keys
        All keys of the dict.
    axis
        ``"evaluations"``: one leading axis; ``"flat"``: none; ``"runs"``: a list for each key.
    width
        Last axis of ``atom_types`` where types are encoded, otherwise 0.
    """

    keys: frozenset[str]
    axis: str
    width: int


def _is_torch(name: str) -> bool:
    return name.endswith((".pt", ".pth"))


@contextmanager
def _opened(document: Document) -> Iterator[TorchArchive]:
    with document.seekable() as file, TorchArchive(str(document), file) as archive:
        yield archive


def _documents(path: Path) -> Iterator[Document]:
    return documents(path, _is_torch, _WHAT, torch=True)


def layout(path: Path) -> Layout | None:
    """Return the layout of a file, or of the first in a folder or archive; None if it is none. Never raises."""
    try:
        if kind(path) is not Kind.TORCH and not may_hold(path, _is_torch):
            return None
        status = path.stat()
        found = _layout(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return None
    return found if isinstance(found, Layout) else None


@functools.lru_cache(maxsize=4)  # five readers ask about the same file
def _layout(path: Path, _modified: int, _size: int) -> Layout | ReadError:
    """Return the layout, or the error: both are worth remembering for the next reader."""
    try:
        return _first_layout(path)
    except ReadError as error:
        return error.with_traceback(None)


def _first_layout(path: Path) -> Layout:
    for document in _documents(path):
        with _opened(document) as archive:
            name = str(document)
            content = _dict(archive.content, name)
            axis, _ = _axis(content, name)
            types = content["atom_types"]
            record = _record(types[0] if isinstance(types, list) and types else types, "atom_types", name)
            width = record.shape[-1] if len(record.shape) == 2 + (axis == "evaluations") else 0
            return Layout(frozenset(content), axis, width)
    raise ReadError(f"{path}: no {_WHAT} in it")


def reader(
    *, name: str, title: str, description: str, detect: Callable[[Layout], bool], cite: tuple[str, ...]
) -> ReaderSpec:
    """Return the reader of one generator's files; the readers of this family differ in what they detect only."""

    def understands(path: Path) -> bool:
        found = layout(path)
        return found is not None and detect(found)

    return ReaderSpec(
        name=name,
        version="2",
        title=title,
        description=description,
        detect=understands,
        read=read,
        suffixes=(".pt", ".pth"),
        notes=lambda path: gaps(path, _is_torch),
        parameters=(EVALUATION,),
        cite=cite,
    )


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield the crystals of one evaluation in the order of the file.

    A file of SymmCD may list more space groups than crystals, because crystals that came out empty are left out of the
    other tensors; that many samples, at the end, are `Invalid`.

    Raises
    ------
    ReadError
        If the file is damaged, or its shapes contradict each other.
    ConfigError
        If the file has no such evaluation.
    """
    for document in _documents(path):
        yield from _crystals(document, parameters)


def _crystals(document: Document, parameters: Parameters) -> Iterator[Sample]:
    path = str(document)
    with _opened(document) as archive:
        content = _dict(archive.content, path)
        axis, count = _axis(content, path)
        wanted = int(parameters.get("evaluation", EVALUATION.default))
        if not 0 <= wanted < count:
            raise ConfigError(f"evaluation = {wanted}, but {path} holds {count}, numbered from 0")
        get = functools.partial(_pick, archive, content, path, axis, wanted)
        num_atoms, coords, types = get("num_atoms"), get("frac_coords"), get("atom_types")
        lengths, angles = get("lengths"), get("angles")
        unwritten = _unwritten(archive, content, len(num_atoms) if num_atoms.ndim == 1 else 0, path)
    _check(num_atoms, coords, types, lengths, angles, path)
    numbers, finite = _atomic_numbers(types, path)
    ends = np.cumsum(num_atoms)
    coords, lengths, angles = (part.astype(np.float64) for part in (coords, lengths, angles))
    for i, end in enumerate(ends.tolist()):
        atoms = slice(end - int(num_atoms[i]), end)
        if not finite[atoms].all():
            yield Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the encoded atom types")
        else:
            yield RawStructure.from_parameters(lengths[i], angles[i], coords[atoms], numbers[atoms])
    for _ in range(unwritten):
        yield Invalid(InvalidReason.NOT_WRITTEN, "an empty crystal that the generator left out of its file")


def _dict(content: object, path: str) -> dict[str, object]:
    if not isinstance(content, dict):
        what = "a list" if isinstance(content, list) else "something else"
        raise ReadError(
            f"{path}: a dict of tensors was expected, found {what} (FlowMM's predictions_*.pt: run its "
            "`consolidate` first; WyckoffDiff's generated_samples: give its *_protostructures.csv)"
        )
    missing = [key for key in KEYS if key not in content]
    if missing:
        raise ReadError(f"{path}: no {', '.join(missing)}; the file holds {', '.join(content)[:300] or 'nothing'}")
    if _INPUTS in content and "lattices" not in content and isinstance(content[_INPUTS], Opaque):
        raise ReadError(f"{path}: reconstructions of known crystals (CDVAE's eval_recon), not generated ones")
    return content


def _axis(content: dict[str, object], path: str) -> tuple[str, int]:
    """Return the kind of the leading axis and its length."""
    num_atoms = content["num_atoms"]
    if isinstance(num_atoms, list):
        lengths = {key: len(value) if isinstance(value := content[key], list) else None for key in KEYS}
        if len(set(lengths.values())) != 1:
            raise ReadError(f"{path}: the keys should be lists of one length, found {lengths}")
        return "runs", len(num_atoms)
    shape = _record(num_atoms, "num_atoms", path).shape
    if len(shape) not in (1, 2):
        raise ReadError(f"{path}: num_atoms has shape {shape}, expected (crystals,) or (evaluations, crystals)")
    return ("flat", 1) if len(shape) == 1 else ("evaluations", shape[0])


def _record(value: object, key: str, path: str) -> TensorRecord:
    if not isinstance(value, TensorRecord):
        raise ReadError(f"{path}: {key} should be a tensor, found {type(value).__name__}")
    return value


def _pick(
    archive: TorchArchive, content: dict[str, object], path: str, axis: str, wanted: int, key: str
) -> NDArray[Any]:
    value = content[key]
    record = _record(value[wanted] if isinstance(value, list) else value, key, path)
    array = archive.array(record)
    if axis != "evaluations":
        return array
    evaluations = _record(content["num_atoms"], key, path).shape[0]
    if array.ndim < 2 or array.shape[0] != evaluations:
        raise ReadError(
            f"{path}: {key} has shape {array.shape}, but num_atoms has {evaluations} evaluations as leading axis"
        )
    chosen: NDArray[Any] = array[wanted]
    return chosen


def _check(
    num_atoms: NDArray[Any],
    coords: NDArray[Any],
    types: NDArray[Any],
    lengths: NDArray[Any],
    angles: NDArray[Any],
    path: str,
) -> None:
    if num_atoms.ndim != 1 or num_atoms.dtype.kind not in "iu":
        raise ReadError(f"{path}: num_atoms should be integers, one for each crystal, found {_what(num_atoms)}")
    if len(num_atoms) > _limits.MAX_SAMPLES:
        raise ReadError(f"{path}: {len(num_atoms)} crystals, the limit is {_limits.MAX_SAMPLES}; split the file")
    # The sum of int64 wraps from 2^63 on, so each number is held to the atoms that there are.
    if len(num_atoms) and (num_atoms.min() < 0 or num_atoms.max() > coords.size):
        raise ReadError(
            f"{path}: num_atoms holds {num_atoms.min()} to {num_atoms.max()}, frac_coords has shape {coords.shape}"
        )
    crystals, atoms = len(num_atoms), int(num_atoms.sum(dtype=np.int64))
    for key, array, shape in (
        ("frac_coords", coords, (atoms, 3)),
        ("lengths", lengths, (crystals, 3)),
        ("angles", angles, (crystals, 3)),
    ):
        if array.shape != shape or array.dtype.kind != "f":
            raise ReadError(f"{path}: {key} should be floats of shape {shape} by num_atoms, found {_what(array)}")
    if types.ndim not in (1, 2) or len(types) != atoms:
        raise ReadError(f"{path}: atom_types should have {atoms} rows by num_atoms, found {_what(types)}")


def _what(array: NDArray[Any]) -> str:
    return f"{array.dtype.name} of shape {array.shape}"


def _atomic_numbers(types: NDArray[Any], path: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return atomic numbers (N,), and which of them come from finite encodings (N,)."""
    if types.ndim == 1:
        if types.dtype.kind not in "iu":
            raise ReadError(f"{path}: atom_types should be integer atomic numbers, found {_what(types)}")
        return types.astype(np.int64), np.ones(len(types), dtype=bool)
    width = types.shape[1]
    # A sum is finite unless a term is not (or 100 float32 terms reach 3e38).
    finite = np.isfinite(types.sum(axis=1, dtype=np.float64))
    if width == BITS:
        return ((types > 0) @ (1 << np.arange(BITS))).astype(np.int64) + 1, finite
    if width not in ONE_HOT:
        known = ", ".join(f"{n}: {what}" for n, what in ONE_HOT.items())
        raise ReadError(f"{path}: atom_types have {width} columns; known are 7 bits (FlowMM) or one-hot {known}")
    numbers = types.argmax(axis=1).astype(np.int64) + 1
    if width == _MASK_CLASSES:
        numbers[numbers == _MASK_CLASSES] = 0  # refused as an unknown element, not read as americium
    return numbers, finite


def _unwritten(archive: TorchArchive, content: dict[str, object], crystals: int, path: str) -> int:
    groups = content.get("spacegroups")
    if not isinstance(groups, TensorRecord) or len(groups.shape) != 1:
        return 0
    # Read, not believed: a tensor of stride 0 can claim any number, and `array` holds it to its storage.
    missing = len(archive.array(groups)) - crystals
    if missing < 0:
        raise ReadError(f"{path}: {groups.shape[0]} spacegroups, but num_atoms has {crystals} crystals")
    if missing > _limits.MAX_SAMPLES:
        raise ReadError(f"{path}: {groups.shape[0]} spacegroups, the limit is {_limits.MAX_SAMPLES} samples")
    return missing
