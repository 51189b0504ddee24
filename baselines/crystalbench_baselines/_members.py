"""The text files in a folder, a zip or a tar archive, in the order in which a generator numbered them.

Nothing is unpacked to disk, so names in an archive cannot point anywhere. Hidden files, ``__MACOSX`` and whatever has
another suffix are passed over. Folders are not searched below their first level: runs of other days lie there.
"""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from crystalbench import Invalid, InvalidReason, ReadError

MAX_ARCHIVE_BYTES = 2**30
"""Size of an archive after decompression; half a million CIF files."""

MAX_MEMBER_BYTES = 8 * 2**20
"""Size of one text. The CIF file of a cell of 1,000 atoms has 0.1 MB."""

Wanted = Callable[[str], bool]

_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip
_OPENERS: dict[bytes, Callable[[Path], io.BufferedIOBase]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZ": bz2.BZ2File,
    b"\xfd7": lzma.LZMAFile,
}


def natural(name: str) -> tuple[tuple[str, int, str], ...]:
    """Return a sort key under which ``gen_2`` comes before ``gen_10``."""
    # Lengths and digits, not int(): Python refuses numbers of over 4,300 digits.
    parts = re.findall(r"([^0-9]*)([0-9]*)", name)
    return tuple((text, len(digits.lstrip("0")), digits.lstrip("0")) for text, digits in parts)


def inflate(path: Path, limit: int | None = None) -> bytes:
    """Return the content of a file, decompressed where it is a .gz, .bz2 or .xz.

    Raises
    ------
    ReadError
        If there is no such file, it is damaged, or it has more than ``limit`` bytes (`MAX_ARCHIVE_BYTES`).
    """
    limit = MAX_ARCHIVE_BYTES if limit is None else limit
    try:
        with path.open("rb") as plain:
            opener = _OPENERS.get(plain.read(2))
        with opener(path) if opener else path.open("rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file") from None
    except _BROKEN as error:
        raise ReadError(f"{path}: damaged ({error}); copy it again") from error
    if len(content) > limit:
        raise ReadError(f"{path}: over {limit} bytes (decompressed); split it")
    return content


def head(path: Path, size: int) -> str:
    """Return the first ``size`` bytes of a file, decompressed, as text; empty where it cannot be read."""
    try:
        with path.open("rb") as plain:
            opener = _OPENERS.get(plain.read(2))
        with opener(path) if opener else path.open("rb") as stream:
            return stream.read(size).decode(errors="replace")
    except _BROKEN:
        return ""


def first_names(path: Path) -> list[str]:
    """Return names of some files in a folder or archive; empty for anything else. Never raises."""
    try:
        if path.is_dir():
            return [child.name for child in path.iterdir() if child.is_file()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.namelist()
        if path.is_file():
            return _first_tar_names(path)
    except _BROKEN:
        pass
    return []


def _first_tar_names(path: Path) -> list[str]:
    with path.open("rb") as plain:
        opener = _OPENERS.get(plain.read(2))
    with opener(path) if opener else path.open("rb") as stream:
        beginning = stream.read(2**20)
    if beginning[257:262] != b"ustar":
        return []
    names = []
    try:
        with tarfile.open(fileobj=io.BytesIO(beginning), mode="r:") as archive:
            while member := archive.next():
                names.append(member.name)
    except tarfile.TarError:
        pass  # the rest of it is not in the beginning
    return names


def texts(path: Path, wanted: Wanted, what: str) -> Iterator[tuple[str, str | Invalid]]:
    """Yield the name and text of each file for which ``wanted(name)``, in natural order of the names.

    Parameters
    ----------
    path
        A folder, a .zip, a .tar (also .gz, .bz2, .xz), or one file.
    wanted
        Says of a name (without folders) whether it is one of those meant.
    what
        Plural of what is looked for, for messages.

    Raises
    ------
    ReadError
        If there is none, or the archive is damaged or too large.
    """
    if path.is_dir():
        found = _folder(path, wanted)
    elif not path.is_file():
        raise ReadError(f"{path}: no such file or folder")
    elif zipfile.is_zipfile(path):
        found = _zip(path, wanted)
    elif wanted(path.name):
        yield path.name, decode(inflate(path, MAX_MEMBER_BYTES))
        return
    else:
        found = _tar(path, wanted)
    some = False
    for pair in found:
        some = True
        yield pair
    if not some:
        raise ReadError(f"{path}: no {what} in it{_nested(path, wanted)}")


def decode(text: bytes) -> str:
    """Return text, with a mark in the place of bytes that are not UTF-8."""
    return text.decode("utf-8-sig", errors="replace")


def _nested(path: Path, wanted: Wanted) -> str:
    if path.is_dir():
        for child in sorted(path.iterdir()):
            if child.is_dir() and any(wanted(name) for name in first_names(child)):
                return f"; did you mean {child}?"
    return ""


def _meant(name: str, wanted: Wanted) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    hidden = any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
    return bool(parts) and not hidden and wanted(parts[-1])


def _folder(path: Path, wanted: Wanted) -> Iterator[tuple[str, str | Invalid]]:
    names = [child.name for child in path.iterdir() if child.is_file() and _meant(child.name, wanted)]
    for name in sorted(names, key=natural):
        size = (path / name).stat().st_size
        yield name, _too_large(size) if size > MAX_MEMBER_BYTES else decode((path / name).read_bytes())


def _zip(path: Path, wanted: Wanted) -> Iterator[tuple[str, str | Invalid]]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir() and _meant(i.filename, wanted)]
            total = sum(info.file_size for info in infos)
            if total > MAX_ARCHIVE_BYTES:
                raise ReadError(f"{path}: {total} bytes when unpacked, the limit is {MAX_ARCHIVE_BYTES}; split it")
            for info in sorted(infos, key=lambda info: natural(info.filename)):
                size = info.file_size
                yield info.filename, _too_large(size) if size > MAX_MEMBER_BYTES else decode(archive.read(info))
    except _BROKEN as error:
        raise ReadError(f"{path}: damaged archive ({error}); copy it again") from error


def _tar(path: Path, wanted: Wanted) -> Iterator[tuple[str, str | Invalid]]:
    # Decompressed as a whole: sorted order in a stream would mean decompressing it again and again.
    content = inflate(path)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            members = [m for m in archive.getmembers() if m.isreg() and _meant(m.name, wanted)]
            for member in sorted(members, key=lambda member: natural(member.name)):
                if member.size > MAX_MEMBER_BYTES:
                    yield member.name, _too_large(member.size)
                elif (file := archive.extractfile(member)) is not None:
                    yield member.name, decode(file.read())
    except _BROKEN as error:
        raise ReadError(f"{path}: no complete archive ({error}); copy it again") from error


def _too_large(size: int) -> Invalid:
    return Invalid(InvalidReason.UNREADABLE, f"{size} bytes of text, the limit is {MAX_MEMBER_BYTES}")
