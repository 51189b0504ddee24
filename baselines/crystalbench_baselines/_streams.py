"""Bytes of strangers' files: decompressed while they are read, counted, and what breaks said in words."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

import numpy as np

from crystalbench import ReadError
from crystalbench_baselines import _limits

SUFFIXES = (".gz", ".bz2", ".xz")
"""Endings of compressed files; what a file is, its first bytes say."""

BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError,
    NotImplementedError, RuntimeError, ValueError, MemoryError,
)  # fmt: skip
"""What the libraries raise on damaged, truncated, encrypted or oddly compressed files."""

_PIECE = 2**16
_FIRST_OF_SEVERAL = 0xC0  # bytes of a character in UTF-8


def plain_name(name: str) -> str:
    """Return a file's name in lower case without the ending that says how it is compressed."""
    name = name.lower()
    return next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)


def in_words(error: BaseException) -> str:
    """Return what is wrong with a file; the texts of libraries name their own insides."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, EOFError):
        return "it ends too early; copy it again"
    if isinstance(error, NotImplementedError | RuntimeError) or "encrypt" in str(error):
        return "encrypted, or packed in an unknown way; unpack it first"
    if isinstance(error, lzma.LZMAError) and "limit" in str(error):
        return f"unpacking it takes over {_limits.MAX_WINDOW_BYTES} bytes of memory; compress it with xz -9 or less"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "damaged; copy it again"


class Budget:
    """Bytes, and for text words and line ends, that may still be read of one source."""

    def __init__(self, where: str, *, words: int | None = None) -> None:
        self._where = where
        self._limits = _limits.MAX_BYTES, words
        self._bytes = self._words = 0

    def spend(self, piece: bytes) -> None:
        """Raise `ReadError` once a limit is passed."""
        most, words = self._limits
        self._bytes += len(piece)
        if self._bytes > most:
            raise ReadError(f"{self._where}: over {most} bytes (unpacked); split it")
        if words is not None:
            self.work(_words_and_lines(piece))

    def work(self, words: int) -> None:
        """Count what takes as long to read as so many words; raises `ReadError` once the limit is passed."""
        self._words += words
        if self._limits[1] is not None and self._words > self._limits[1]:
            raise ReadError(f"{self._where}: over {self._limits[1]} words and lines (unpacked); split it")


def _words_and_lines(piece: bytes) -> int:
    """Return how many words and line ends there are; a character beyond ASCII counts as one, as it may be a blank."""
    codes = np.frombuffer(piece, dtype=np.uint8)
    dark = codes > ord(" ")
    ends = (dark[:-1] & ~dark[1:], codes == ord("\n"), codes >= _FIRST_OF_SEVERAL)
    return sum(map(int, map(np.count_nonzero, ends)))


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted, and whose failures are `ReadError`."""

    def __init__(self, stream: BinaryIO, where: str, budget: Budget, beneath: BinaryIO | None = None) -> None:
        self._stream, self._where, self._budget, self._beneath = stream, where, budget, beneath

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            piece = self._stream.read(min(len(buffer), _PIECE))  # every layer would make room for the whole
        except BROKEN as error:
            raise ReadError(f"{self._where}: {in_words(error)}") from error
        self._budget.spend(piece)
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        if self._beneath is not None:  # gzip and bz2 leave open what they were given
            self._beneath.close()
        super().close()


class _Xz(io.RawIOBase):
    """A stream of .xz with a cap on the memory that unpacking takes, which `lzma.LZMAFile` has not."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._rest = b""
        self._unpack = self._start()

    @staticmethod
    def _start() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_limits.MAX_WINDOW_BYTES)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while True:
            if self._unpack.eof:
                self._rest = self._unpack.unused_data.lstrip(b"\0") or self._stream.read(_PIECE).lstrip(b"\0")
                if not self._rest:
                    return b""
                self._unpack = self._start()
            elif self._unpack.needs_input:
                self._rest = self._stream.read(_PIECE)
                if not self._rest:
                    raise EOFError("in the middle of a stream")
            piece = self._unpack.decompress(self._rest, size)
            self._rest = b""
            if piece:
                return piece

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_zip(file: Path | str | IO[bytes]) -> zipfile.ZipFile:
    """Open a zip archive; raises what `BROKEN` lists.

    `zipfile` looks for the list of members at the end. Where that is cut off, it takes the one of an archive that lies
    inside as a member, with that one's members: then none begins where the file does.
    """
    archive = zipfile.ZipFile(file)
    if archive.filelist and min(info.header_offset for info in archive.filelist) > 0:
        archive.close()
        raise EOFError("before the list of its members")
    return archive


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    """Open a member of a zip archive; raises what `BROKEN` lists.

    Stored and deflated members only: `zipfile` unpacks what it has read of any other as a whole, and 64 kB of bzip2
    may be a gigabyte.
    """
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError(f"compression method {info.compress_type}")
    return cast(BinaryIO, archive.open(info))


def inflated(stream: BinaryIO, where: str, budget: Budget) -> BinaryIO:
    """Return a stream as text readers want it: decompressed where it is a .gz, .bz2 or .xz, counted, buffered."""
    head = io.BufferedReader(_Counted(stream, where, Budget(where)), _PIECE)
    start = head.peek(6)
    if start.startswith(b"\x1f\x8b"):
        unpacked: BinaryIO = cast(BinaryIO, gzip.GzipFile(fileobj=head))
    elif start.startswith(b"BZh"):
        unpacked = cast(BinaryIO, bz2.BZ2File(head))
    elif start.startswith(b"\xfd7zXZ\0"):
        unpacked = cast(BinaryIO, _Xz(cast(BinaryIO, head)))
    else:
        unpacked = cast(BinaryIO, head)
    return cast(BinaryIO, io.BufferedReader(_Counted(unpacked, where, budget, cast(BinaryIO, head)), _PIECE))


def open_file(path: Path, budget: Budget) -> BinaryIO:
    """Open a file as `inflated`; raises `ReadError`."""
    try:
        return inflated(path.open("rb"), str(path), budget)
    except OSError as error:
        raise ReadError(f"{path}: {in_words(error)}") from error
