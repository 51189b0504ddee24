"""A content-addressed cache: a name is the SHA-256 of what determines the content, so nothing in it goes stale.

Nothing in it is believed without its digest, and no run depends on it: what cannot be read is made again, what cannot
be kept is done without.
"""

import errno
import gzip
import hashlib
import json
import os
import re
import stat
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from crystalbench.errors import ConfigError, CrystalbenchError
from crystalbench.runs.progress import say
from crystalbench.tables.results import JSON

CACHE_SCHEMA = 1
DIGEST_BYTES = 32  # at the end of an entry: SHA-256 of its place and its compressed document
PARTIAL = ".partial"
ABANDONED = 10.0
"""Seconds since the last write after which an unfinished file without a lock is one of a killed process."""

T = TypeVar("T")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})  # the system names no file with these


def cache_dir() -> Path:
    """Return the folder of all that can be made or downloaded again: ``$CRYSTALBENCH_CACHE``, else the user's cache."""
    given = os.environ.get("CRYSTALBENCH_CACHE")
    try:
        if given:
            return Path(given).expanduser()
        Path.home()
    except RuntimeError as error:
        raise ConfigError(f"{error} Set CRYSTALBENCH_CACHE to a folder for what can be made again") from error
    from platformdirs import user_cache_path

    return user_cache_path("crystalbench")


def content_key(**parts: JSON) -> str:
    """SHA-256 of the canonical JSON of ``parts``."""
    text = json.dumps({"schema": CACHE_SCHEMA, **parts}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files below a folder."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    total = hashlib.sha256()
    for member in sorted(p for p in path.rglob("*") if p.is_file()):
        name = os.fsencode(member.relative_to(path).as_posix())  # a file name may be no text
        total.update(name + b"\0" + file_digest(member).encode() + b"\n")
    return total.hexdigest()


def read_regular(path: Path) -> bytes:
    """Content of a file; raises `OSError` for anything else in its place: opening a FIFO would wait for ever."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        with open(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces ``path`` on success and vanishes on failure.

    What a killed process left of the same path goes, too. An error of the disk names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PARTIAL)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    temporary = Path(name)
    try:
        with naming(path):
            with os.fdopen(handle, "wb") as file:
                _lock(handle)
                yield file
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file of text, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())


@contextmanager
def naming(where: Path | str) -> Iterator[None]:
    """Name what was written to in an error of the disk, with which the system names nothing."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            raise OSError(error.errno, error.strerror, str(where)) from error
        raise


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files of killed writers: the system has released their locks."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}{re.escape(PARTIAL)}")
    for found in [Path(entry.path) for entry in os.scandir(path.parent) if ours.fullmatch(entry.name)]:
        with suppress(OSError):  # another process was quicker, or still writes it
            if time.time() - found.stat().st_mtime < ABANDONED:
                continue
            handle = os.open(found, os.O_RDWR)
            try:
                _lock(handle)
                found.unlink()
            finally:
                os.close(handle)


def _lock(handle: int) -> None:
    """Hold a file as long as it is open in this process; raises `OSError` where another one holds it."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Cache:
    """Gzipped JSON documents by kind and key, each with a digest.

    An entry that is damaged, altered or no file counts as absent and is written anew. Where nothing can be written,
    the run goes on without the cache; ``tell`` is told once.
    """

    def __init__(self, folder: Path | None = None, tell: Callable[[str], None] = say) -> None:
        self.folder = folder or cache_dir()
        self._tell = tell
        self._told = False

    def path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}.json.gz"

    def get(self, kind: str, key: str, parse: Callable[[Any], T]) -> T | None:
        """Return what ``parse`` makes of the stored JSON document; None where there is none that it understands."""
        try:
            content = read_regular(self.path(kind, key))
            packed, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
            if digest != _entry_digest(kind, key, packed):
                return None
            return parse(json.loads(gzip.decompress(packed)))
        except (
            *(OSError, EOFError, zlib.error),
            *(ValueError, LookupError, TypeError, AttributeError, RecursionError, CrystalbenchError),  # another shape
        ):
            return None

    def put(self, kind: str, key: str, document: JSON) -> None:
        packed = gzip.compress(json.dumps(document).encode(), compresslevel=5, mtime=0)
        self.write(self.path(kind, key), packed + _entry_digest(kind, key, packed))

    def write(self, path: Path, content: bytes) -> None:
        """Keep a file below the folder, if that is possible."""
        try:
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            if not self._told:
                self._told = True
                reason = error.strerror or str(error)
                self._tell(
                    f"warning: {path}: cannot be written ({reason}); the run goes on, but what the cache does not "
                    "keep is computed again next time. CRYSTALBENCH_CACHE names another folder for it"
                )


def _entry_digest(kind: str, key: str, packed: bytes) -> bytes:
    return hashlib.sha256(f"{kind}/{key}\n".encode() + packed).digest()
