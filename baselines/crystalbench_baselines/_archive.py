"""The files of PyTorch: zip archives of a pickle and of raw numbers."""

import math
import sys
import zipfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from crystalbench import ReadError
from crystalbench_baselines import _pickle_as_data
from crystalbench_baselines._pickle_as_data import TensorRecord
from crystalbench_baselines._streams import BROKEN, in_words, open_member, open_zip

MAX_ENTRIES = 100_000
"""Files in the archive. CDVAE's hold ten; FlowMM's up to a few for each crystal."""

MAX_INFLATED_BYTES = 256 * 2**20
"""Size of one compressed entry. PyTorch stores its numbers uncompressed, where the file itself is the limit."""

_PIECE = 2**20


class TorchArchive:
    """A file written by `torch.save`, opened without PyTorch and without running anything in it.

    Parameters
    ----------
    path
        The file.
    file
        Its bytes, where they lie elsewhere and ``path`` is their name for messages; closed by who opened them.

    Attributes
    ----------
    content
        What was saved. Tensors are `TensorRecord`; `array` reads one.

    Raises
    ------
    ReadError
        If it is no such file, is damaged, or names anything beside tensors.
    """

    def __init__(self, path: Path | str, file: IO[bytes] | None = None) -> None:
        self._path = str(path)
        try:
            self._zip = open_zip(file or path)
        except FileNotFoundError:
            raise ReadError(f"{path}: no such file") from None
        except BROKEN as error:
            raise ReadError(
                f"{path}: not a complete PyTorch file. Copy it again; a file of PyTorch before 1.6 has to be loaded "
                "and saved again with a newer one"
            ) from error
        try:
            self._open()
        except BaseException:
            self._zip.close()
            raise

    def _open(self) -> None:
        names = self._zip.namelist()
        if len(names) > MAX_ENTRIES:
            raise ReadError(f"{self._path}: {len(names)} files in the archive, the limit is {MAX_ENTRIES}")
        pickles = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise ReadError(f"{self._path}: not written by torch.save ({len(pickles)} entries */data.pkl, expected 1)")
        self._root = pickles[0].removesuffix("data.pkl")
        self._order = "<"
        if f"{self._root}byteorder" in names and self._bytes("byteorder", 16).strip() == b"big":
            self._order = ">"
        text = self._bytes("data.pkl", _pickle_as_data.MAX_PICKLE_BYTES)
        self.content = _pickle_as_data.parse(text, self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def _bytes(self, entry: str, limit: int) -> bytes:
        try:
            info = self._zip.getinfo(f"{self._root}{entry}")
            if info.compress_type != zipfile.ZIP_STORED:
                limit = min(limit, MAX_INFLATED_BYTES)
            if info.file_size > limit:
                raise ReadError(f"{self._path}: entry {entry} has {info.file_size} bytes, the limit is {limit}")
            with open_member(self._zip, info) as stream:
                # Piece by piece: the size that an archive states may be a lie.
                return b"".join(iter(lambda: stream.read(_PIECE), b""))
        except KeyError:
            raise ReadError(f"{self._path}: entry {entry} is missing; was the file copied completely?") from None
        except BROKEN as error:
            raise ReadError(f"{self._path}: entry {entry}: {in_words(error)}") from error

    def array(self, tensor: TensorRecord) -> NDArray[Any]:
        """Read the numbers of one tensor; the array is read-only."""
        storage = tensor.storage
        numbers = (
            np.frombuffer(
                memoryview(self._bytes(f"data/{storage.key}", sys.maxsize)),
                dtype=f"{self._order}{storage.dtype}",
            )
            if storage.count
            else np.empty(0, f"{self._order}{storage.dtype}")
        )
        end = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True)) + 1
        size = math.prod(tensor.shape)
        if size == 0:
            return numbers[:0].reshape(tensor.shape)
        if end > len(numbers) or size > len(numbers):
            raise ReadError(
                f"{self._path}: a tensor of shape {tensor.shape} needs {max(end, size)} numbers, "
                f"its storage {storage.key} has {len(numbers)}; was the file copied completely?"
            )
        strides = tuple(step * numbers.itemsize for step in tensor.strides)
        return np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], shape=tensor.shape, strides=strides, writeable=False
        )
