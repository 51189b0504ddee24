"""A content-addressed cache: a name is the SHA-256 of what determines the content, so nothing in it goes stale."""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from crystalbench.tables.results import JSON

CACHE_SCHEMA = 1


def cache_dir() -> Path:
    """Return the folder of all that can be made or downloaded again: ``$CRYSTALBENCH_CACHE``, else the user's cache."""
    if folder := os.environ.get("CRYSTALBENCH_CACHE"):
        return Path(folder).expanduser()
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


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that replaces ``path`` on success and vanishes on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class Cache:
    """Gzipped JSON documents by kind and key. An unreadable entry counts as absent and is written anew."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_dir()

    def path(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / f"{key}.json.gz"

    def get(self, kind: str, key: str) -> Any | None:
        """Return the stored JSON document, or None."""
        try:
            return json.loads(gzip.decompress(self.path(kind, key).read_bytes()))
        except (FileNotFoundError, EOFError, gzip.BadGzipFile, zlib.error, ValueError):
            return None

    def put(self, kind: str, key: str, document: JSON) -> None:
        with atomic_write(self.path(kind, key)) as file:
            file.write(gzip.compress(json.dumps(document).encode(), compresslevel=5, mtime=0))
