"""What is read is what was hashed: files are held to the digests that a plan was made for."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crystalbench.errors import ReadError
from crystalbench.runs.cache import file_digest

GRAIN = 0.05
"""Seconds: a file that was changed twice within a tick of the file system's clock (10 ms at most on Linux) may show one
time of change only. Younger files are waited for."""


class Held:
    """Files whose content is that of ``digests``, from the moment that this is made until the last `check`.

    The system's own times of change (ctime) tell, which no program can set back: a file that was another for a while
    and is now as it was before is found out, too.

    Raises
    ------
    ReadError
        Now, where a file has another content than planned; from `check`, where one was changed since.
    """

    def __init__(self, files: Sequence[Path], digests: Sequence[str]) -> None:
        self._files = tuple(files)
        self._seen = tuple(map(_stamps, self._files))
        youngest = max((stamp.changed for stamps in self._seen for stamp in stamps), default=0)
        time.sleep(min(GRAIN, max(0.0, GRAIN - (time.time() - youngest / 1e9))))
        for file, digest in zip(self._files, digests, strict=True):
            if file_digest(file) != digest:
                raise ReadError(f"{file}: has been changed since the run was planned; run again")

    def check(self) -> None:
        for file, seen in zip(self._files, self._seen, strict=True):
            if _stamps(file) != seen:
                raise ReadError(f"{file}: was changed while it was read; run again when nothing writes to it")


class _Stamp(NamedTuple):
    path: Path
    device: int
    inode: int
    size: int
    written: int
    changed: int  # ns since the epoch, like `written`


def _stamps(path: Path) -> tuple[_Stamp, ...]:
    """What the system says of a file and of the link that may lead to it; of a folder, of all in it."""
    members = [path, *(sorted(path.rglob("*")) if path.is_dir() else ())]
    return tuple(stamp for member in members for stamp in _stamped(member))


def _stamped(path: Path) -> Iterator[_Stamp]:
    for found in (path.lstat(), *([path.stat()] if path.exists() else ())):
        yield _Stamp(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
