"""Embeddings of protostructures, kept on disk: each is computed once for an encoder, whatever asks for it.

The cache holds shards below ``embeddings/<key of the encoder>/``. A shard is written once, whole, under the SHA-256 of
its content, and never changed: processes that run at once can only add to it, and one that is killed leaves
nothing half written.
"""

import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.wyckoff import Table
from crystalbench.encoded import Encoded, Encoder
from crystalbench.errors import CrystalbenchError, EncoderError, PluginError
from crystalbench.executors import ONE_PROCESS, Executors
from crystalbench.interfaces import EncoderSpec
from crystalbench.isolation import required
from crystalbench.parameters import Parameters
from crystalbench.runs.cache import Cache, content_key, read_regular
from crystalbench.runs.code_identity import code_identity
from crystalbench.runs.elsewhere import ClusterEncoder, RemoteEncoder
from crystalbench.runs.progress import Report, bar
from crystalbench.versions import packages

PART = 500  # labels that the encoder is given at once: progress is shown after each part
BLOCK = 5000  # labels that are encoded and written together: what a killed run loses at most
KEY_BYTES = 16  # of the SHA-256 of a label: no collision among fewer than 10^15 labels is to be expected


class CachedEncoder:
    """An encoder as metrics see it: loaded when a label is met that nobody has encoded yet.

    Parameters
    ----------
    identity
        What ``spec.identity(parameters)`` returned.
    cache
        None keeps embeddings in memory only.
    table
        Letter table of the labels that will be asked for; the encoder itself gets affine ones.
    executors
        With a scheduler, labels are encoded on its cluster; else in this process.

    Attributes
    ----------
    key
        SHA-256 of all that the embeddings depend on: weights, code, versions of packages.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        parameters: Parameters,
        identity: str,
        cache: Cache | None = None,
        table: Table = Table.AFFINE,
        executors: Executors = ONE_PROCESS,
    ) -> None:
        self.spec = spec
        self.parameters = parameters
        self.identity = identity
        self.key = encoder_key(spec, identity)
        self._table = table
        self._executors = executors
        self._cache = cache
        self._encoder: Encoder | None = None
        self._failure: CrystalbenchError | None = None
        self._rows: dict[bytes, tuple[NDArray[np.float32], float]] = {}
        self._shards: dict[bytes, Path] | None = None  # where each row is, once the folder was looked through

    def encode(self, labels: Sequence[str]) -> Encoded:
        """Return embeddings (n, d) and energies (n,) of canonical labels, in their order; repeats are welcome.

        Raises
        ------
        PluginError
            The encoder returned something else than one row per label, finite or of NaN only.
        """
        keys = [_label_key(label) for label in labels]
        absent = {key: label for key, label in zip(keys, labels, strict=True) if key not in self._rows}
        if absent:
            self._take(absent)
            absent = {key: label for key, label in absent.items() if key not in self._rows}
        if absent:
            self._add(absent)
        if not keys:
            return Encoded(np.zeros((0, self._width()), np.float32), np.zeros(0, np.float32))
        rows = [self._rows[key] for key in keys]
        return Encoded(np.stack([row for row, _ in rows]), np.array([energy for _, energy in rows], np.float32))

    def _add(self, absent: dict[bytes, str]) -> None:
        keys = list(absent)
        with bar(f"encoding with {self.spec.title}", len(keys), "labels") as report, ExitStack() as stack:
            report(0, "loading the encoder")
            size, encode = BLOCK, self._encode_here
            if self._executors.scheduler:
                size = max(BLOCK, PART * self._executors.slots())
                encode = stack.enter_context(ClusterEncoder(self._as_sent(), self._executors)).encode
            for start in range(0, len(keys), size):
                block = keys[start : start + size]
                labels = [self._affine(absent[key]) for key in block]
                # parts are the same wherever they are encoded: a row may depend on its part in the last bit
                parts = [labels[begin : begin + PART] for begin in range(0, len(block), PART)]
                found = encode(parts, partial(_report_parts, report, start, len(keys)))
                for part, rows in zip(parts, found, strict=True):
                    self._check(rows, len(part))
                encoded = _joined(found)
                shard = np.zeros(len(block), _row_type(encoded.embeddings.shape[1]))
                shard["key"] = np.frombuffer(b"".join(block), np.uint8).reshape(-1, KEY_BYTES)
                shard["embedding"], shard["energy"] = encoded.embeddings, encoded.energies
                self._keep(shard, range(len(block)))
                if self._cache is not None:
                    _write(self._cache, self._folder(self._cache), shard)

    def _encode_here(self, parts: Sequence[list[str]], progress: Callable[[int], None]) -> list[Encoded]:
        encoder, found = self._load(), []
        for part in parts:
            found.append(encoder.encode(part))
            progress(len(found))
        return found

    def _as_sent(self) -> RemoteEncoder:
        return RemoteEncoder(
            name=self.spec.name,
            parameters=tuple(self.parameters.items()),
            identity=self.identity,
            code=code_identity(self.spec.load),
        )

    def _folder(self, cache: Cache) -> Path:
        return cache.folder / "embeddings" / self.key

    def _affine(self, label: str) -> str:
        if self._table is Table.AFFINE:
            return label
        known = Protostructure.from_canonical(label, self._table)
        return Protostructure(known.spacegroup, known.orbits).label

    def _check(self, encoded: object, n: int) -> None:
        if not isinstance(encoded, Encoded):
            raise PluginError(f"encoder {self.spec.name}: encode must return Encoded, not {type(encoded).__name__}")
        numbers = np.column_stack((encoded.embeddings, encoded.energies))
        good = np.isfinite(numbers).all(axis=1) | np.isnan(numbers).all(axis=1)
        if len(encoded) != n or not good.all():
            raise PluginError(
                f"encoder {self.spec.name}: must return a finite row, or one of NaN, for each of {n} labels"
            )

    def _load(self) -> Encoder:
        if self._failure is not None:
            raise self._failure  # one download that fails is enough
        if self._encoder is None:
            try:
                self._encoder = required("load", f"encoder {self.spec.name}", lambda: self.spec.load(self.parameters))
                if self.spec.identity(self.parameters) != self.identity:
                    raise EncoderError(f"encoder {self.spec.name}: its weights were changed during the run; run again")
            except CrystalbenchError as error:
                self._failure = error
                raise
        return self._encoder

    def _width(self) -> int:
        return len(next(iter(self._rows.values()))[0]) if self._rows else self._load().d

    def _take(self, wanted: Mapping[bytes, str]) -> None:
        """Take wanted rows from the shards; all of these are read only once, to learn what is in them."""
        if self._cache is None:
            return
        if self._shards is None:
            self._shards = {}
            paths = sorted(self._folder(self._cache).glob("*.npy"))
        else:
            paths = sorted({self._shards[key] for key in wanted if key in self._shards})
        for path in paths:
            if (shard := _read(path)) is not None:
                keys = _keys(shard)
                self._shards |= dict.fromkeys(keys, path)
                self._keep(shard, [row for row, key in enumerate(keys) if key in wanted])

    def _keep(self, shard: NDArray[np.void], rows: Sequence[int]) -> None:
        """Take rows in; one that is known already stays, so that a number never changes within a run."""
        keys = _keys(shard)
        for row, embedding, energy in zip(rows, shard["embedding"][rows], shard["energy"][rows].tolist(), strict=True):
            self._rows.setdefault(keys[row], (embedding, energy))


def encoder_key(spec: EncoderSpec, identity: str) -> str:
    """SHA-256 of all that embeddings depend on."""
    return content_key(
        encoder=spec.name,
        version=spec.version,
        identity=identity,
        code=code_identity(spec.load),
        packages=dict(packages()),
    )


def _report_parts(report: Report, start: int, total: int, parts: int) -> None:
    report(min(start + PART * parts, total))


def _joined(parts: Sequence[Encoded]) -> Encoded:
    return Encoded(np.concatenate([p.embeddings for p in parts]), np.concatenate([p.energies for p in parts]))


def _label_key(label: str) -> bytes:
    return hashlib.sha256(label.encode()).digest()[:KEY_BYTES]


def _keys(shard: NDArray[np.void]) -> list[bytes]:
    joined = shard["key"].tobytes()
    return [joined[start : start + KEY_BYTES] for start in range(0, len(joined), KEY_BYTES)]


def _row_type(d: int) -> np.dtype[np.void]:
    return np.dtype([("key", np.uint8, (KEY_BYTES,)), ("energy", "<f4"), ("embedding", "<f4", (d,))])


def _write(cache: Cache, folder: Path, shard: NDArray[np.void]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, shard, allow_pickle=False)
    content = buffer.getvalue()
    cache.write(folder / f"{hashlib.sha256(content).hexdigest()}.npy", content)


def _read(path: Path) -> NDArray[np.void] | None:
    """Return a shard; one that is damaged or of another shape counts as absent and is computed anew."""
    try:
        content = read_regular(path)
        if hashlib.sha256(content).hexdigest() != path.stem:
            return None
        shard: NDArray[np.void] = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return shard if _is_shard(shard) else None


def _is_shard(found: NDArray[np.void]) -> bool:
    kind = found.dtype
    if found.ndim != 1 or kind.names is None or "embedding" not in kind.names:
        return False
    return kind == _row_type(math.prod(kind["embedding"].shape))
