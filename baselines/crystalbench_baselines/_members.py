"""The files in a folder, a zip or a tar archive, in the order in which a generator numbered them.

Nothing is unpacked to a named place, so names in an archive cannot point anywhere. Hidden files, ``__MACOSX`` and links
to folders are passed over, and archives in archives are not opened.
"""

import io
import os
import re
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from crystalbench import ReadError
from crystalbench_baselines import _limits
from crystalbench_baselines._streams import BROKEN, Budget, in_words, open_file, open_member, open_zip

_BLOCK = 512  # of a tar archive
_IN_MEMORY = 2**25
_BEGINNING = 2**22  # bytes of a tar archive that are looked at to tell what is in it


class Kind(Enum):
    """What a path is, by its first bytes."""

    ABSENT = "absent"
    FOLDER = "folder"
    ZIP = "zip archive"
    TAR = "tar archive"
    TORCH = "PyTorch file"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a container: its path in it, and how its bytes are had."""

    name: str
    open: Callable[[], BinaryIO]


def natural(name: str) -> tuple[tuple[tuple[str, int, str], ...] | str, ...]:
    """Return a sort key under which ``gen_2`` comes before ``gen_10``, folder by folder."""
    # Lengths and digits, not int(): Python refuses numbers of over 4,300 digits.
    keys = [
        tuple((text, len(digits.lstrip("0")), digits.lstrip("0")) for text, digits in _RUNS.findall(part))
        for part in name.split("/")
    ]
    return (*keys, name)


_RUNS = re.compile(r"([^0-9]*)([0-9]*)")


def kind(path: Path) -> Kind:
    """Return what a path is. Never raises."""
    if path.is_dir():
        return Kind.FOLDER
    if not path.is_file():
        return Kind.ABSENT
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start in (b"PK\x03\x04", b"PK\x05\x06"):
            return Kind.TORCH if _is_torch(path) else Kind.ZIP
        with open_file(path, Budget(str(path))) as stream:
            return Kind.TAR if stream.read(_BLOCK)[257:262] == b"ustar" else Kind.FILE
    except (OSError, ReadError):
        return Kind.FILE


def _is_torch(path: Path) -> bool:
    try:
        with open_zip(path) as archive:
            return any(name.split("/")[1:] == ["data.pkl"] for name in archive.namelist())
    except BROKEN:
        return False


@contextmanager
def members(path: Path, what: Kind) -> Iterator[list[Member]]:
    """Give the files of a folder or archive in natural order; their bytes can be had within the context.

    Raises
    ------
    ReadError
        If the archive is damaged, or there are more than `_limits.MAX_MEMBERS`.
    """
    opener = {Kind.FOLDER: _folder, Kind.ZIP: _zip, Kind.TAR: _tar}[what]
    with opener(path) as found:
        inside = [Member(_inside(member.name), member.open) for member in found if not _hidden(member.name)]
        yield sorted(inside, key=lambda member: natural(member.name))


def first_names(path: Path, what: Kind) -> list[str]:
    """Return the names of some files of a folder or archive, in its own order: all but in large tars. Never raises."""
    try:
        if what is Kind.TAR:
            with open_file(path, Budget(str(path))) as stream:
                names = [name for name, _, _ in _tar_entries(io.BytesIO(stream.read(_BEGINNING)), path)]
        else:
            with (_folder if what is Kind.FOLDER else _zip)(path) as found:
                names = [member.name for member in found]
    except (ReadError, *BROKEN):
        return []
    return [_inside(name) for name in names if not _hidden(name)]


def _inside(name: str) -> str:
    return "/".join(part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".."))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in _inside(name).split("/"))


def _limited(found: Iterator[Member], path: Path) -> list[Member]:
    kept: list[Member] = []
    for member in found:
        kept.append(member)
        _check_count(len(kept), path)
    return kept


def _check_count(count: int, path: Path) -> None:
    if count > _limits.MAX_MEMBERS:
        raise ReadError(f"{path}: over {_limits.MAX_MEMBERS} files in it; split it")


@contextmanager
def _folder(path: Path) -> Iterator[list[Member]]:
    def walk() -> Iterator[Member]:
        for folder, below, names in os.walk(path):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                file = Path(folder, name)
                inside = file.relative_to(path).as_posix()
                opener = partial(file.open, "rb") if file.is_file() else partial(_no_file, path, inside)
                yield Member(inside, cast(Callable[[], BinaryIO], opener))

    yield _limited(walk(), path)


def _no_file(path: Path, name: str) -> BinaryIO:
    """It has the name of a file with samples, which would be lost in silence; waiting for a pipe may last for ever."""
    raise ReadError(f"{path}, {name}: a link without a file, a pipe or a device; put the file there, or take it out")


@contextmanager
def _zip(path: Path) -> Iterator[list[Member]]:
    try:
        archive = open_zip(path)
    except BROKEN as error:
        raise ReadError(f"{path}: {in_words(error)}") from error
    with archive:
        infos = (info for info in archive.infolist() if not info.is_dir())
        yield _limited(
            (Member(i.filename, lambda i=i: open_member(archive, i)) for i in infos),  # type: ignore[misc]
            path,
        )


@contextmanager
def _tar(path: Path) -> Iterator[list[Member]]:
    # Unpacked as a whole, to memory or a nameless file: sorted order in a stream would mean unpacking it often.
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as whole, open_file(path, Budget(str(path))) as stream:
        while piece := stream.read(2**20):
            whole.write(piece)
        plain = cast(BinaryIO, whole)
        entries = (
            Member(name, partial(_no_file, path, name) if start is None else partial(_slice, plain, start, size, path))
            for name, start, size in _tar_entries(plain, path, complete=True)
        )
        yield _limited(entries, path)


def _tar_entries(plain: BinaryIO, path: Path, *, complete: bool = False) -> Iterator[tuple[str, int | None, int]]:
    """Yield name, place and size of each file; no place of links and devices. ``complete``: the end has to be there."""
    plain.seek(0)
    count = 0
    try:
        with tarfile.open(fileobj=plain, mode="r:") as archive:
            while (entry := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                _check_count(count := count + 1, path)
                if not entry.isdir():
                    whole = entry.isreg() and not entry.issparse()
                    yield entry.name, entry.offset_data if whole else None, entry.size
            end = archive.offset
    except BROKEN as error:
        if not complete:
            return
        raise ReadError(f"{path}: {in_words(error)}") from error
    plain.seek(end)
    if complete and plain.read(_BLOCK) != bytes(_BLOCK):
        raise ReadError(f"{path}: it ends too early; copy it again")


def _slice(plain: BinaryIO, start: int, size: int, path: Path) -> BinaryIO:
    plain.seek(0, io.SEEK_END)
    if start + size > plain.tell():
        raise ReadError(f"{path}: it ends too early; copy it again")
    return cast(BinaryIO, io.BufferedReader(_Slice(plain, start, size)))


class _Slice(io.RawIOBase):
    """A part of a file, read on its own."""

    def __init__(self, plain: BinaryIO, start: int, size: int) -> None:
        self._plain, self._at, self._left = plain, start, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        self._plain.seek(self._at)
        piece = self._plain.read(min(len(buffer), self._left))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        self._left -= len(piece)
        return len(piece)
