"""Formats of one file each, read from wherever such files lie: alone, compressed, in a folder, zip or tar archive.

A format says which names are its own and what it makes of one `Document`; everything else is the same for all. The
files of a folder or archive are one set of samples, in the natural order of their names.
"""

import codecs
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import IO, BinaryIO

from crystalbench import Invalid, InvalidReason, Parameter, Parameters, ReadError, ReaderSpec, Sample
from crystalbench_baselines import _limits
from crystalbench_baselines._members import Kind, Member, first_names, kind, members
from crystalbench_baselines._streams import BROKEN, Budget, in_words, inflated, open_file, plain_name

Named = Callable[[str], bool]
"""Whether a file is of a format, by its name in lower case, without folders and without ``.gz``."""

_CONTAINERS = (Kind.FOLDER, Kind.ZIP, Kind.TAR)
_IN_MEMORY = 2**25  # bytes that are unpacked without a temporary file
_HEAD = 2**20  # characters that a format may look at
_LOOKED_INTO = 5  # files of a folder whose beginnings are looked at


@dataclass(frozen=True, slots=True)
class Document:
    """One file.

    Attributes
    ----------
    path
        What was given: the file itself, or the folder or archive that it lies in.
    name
        Its name there; with folders, in a container.
    alone
        It was given by itself.
    work
        To be called with what takes as long as reading so many words, beside the words themselves; raises `ReadError`
        once it is too much for one source.
    """

    path: Path
    name: str
    alone: bool
    _open: Callable[[], BinaryIO]
    work: Callable[[int], None]

    def __str__(self) -> str:
        return str(self.path) if self.alone else f"{self.path}, {self.name}"

    @property
    def plain_name(self) -> str:
        """Its name in lower case, without folders and without ``.gz``."""
        return plain_name(self.name.rpartition("/")[2])

    def place(self, where: str) -> str:
        """Return a place in the file for the ledger of invalid samples."""
        return where if self.alone else f"{self.name}, {where}"

    def open(self) -> BinaryIO:
        """Open the bytes, decompressed and counted; reading them raises `ReadError`."""
        return self._open()

    def content(self, limit: int) -> bytes:
        """Return all bytes; raises `ReadError` for more than ``limit``."""
        with self.open() as stream:
            found = stream.read(limit + 1)
        if len(found) > limit:
            raise ReadError(f"{self}: over {limit} bytes of text; split it")
        return found.removeprefix(codecs.BOM_UTF8)

    @contextmanager
    def seekable(self) -> Iterator[IO[bytes]]:
        """Give the bytes in a form that can be read at any place; a compressed file or member is unpacked for it."""
        if self.alone and kind(self.path) is Kind.TORCH:
            with self.path.open("rb") as file:
                yield file
            return
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as whole, self.open() as stream:
            while piece := stream.read(2**20):
                whole.write(piece)
            whole.seek(0)
            yield whole

    def text(self, alone_limit: int = _limits.MAX_MEMBER_BYTES * 8) -> str | Invalid:
        """Return the text, for formats of one crystal in a file: one that is too large costs one sample."""
        if self.alone:
            found = self.content(alone_limit)
        else:
            with self.open() as stream:
                found = stream.read(_limits.MAX_MEMBER_BYTES + 1)
            if len(found) > _limits.MAX_MEMBER_BYTES:
                return Invalid(InvalidReason.UNREADABLE, f"{self.name}: over {_limits.MAX_MEMBER_BYTES} bytes of text")
        if b"\0" in found:  # what is read around it would be another text: N\0a begins with the symbol of nitrogen
            return Invalid(InvalidReason.UNREADABLE, f"{self.name}: bytes of zero in it; save it as text in UTF-8")
        return decode(found.removeprefix(codecs.BOM_UTF8))

    def lines(self) -> Iterator[str]:
        """Yield the lines with their ends, and with a mark in the place of bytes that are not UTF-8."""
        with self.open() as stream:
            for number in count(1):
                line = stream.readline(_limits.MAX_LINE + 1)
                if not line:
                    return
                if len(line) > _limits.MAX_LINE:
                    raise ReadError(f"{self}: line {number} has over {_limits.MAX_LINE} bytes")
                yield decode(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line)


def decode(text: bytes) -> str:
    """Return text, with a mark in the place of bytes that are not UTF-8."""
    return text.decode("utf-8", errors="replace")


def documents(path: Path, named: Named, what: str, *, torch: bool = False) -> Iterator[Document]:
    """Yield the files of a format; a file that was given by itself is taken whatever its name.

    Parameters
    ----------
    path
        A folder (with those below it), a .zip, a .tar, or a file; archives and files also as .gz, .bz2, .xz.
    what
        Plural of what is looked for, for messages.
    torch
        Files of PyTorch are what is looked for; to other formats they are none.

    Raises
    ------
    ReadError
        If there is none, or an archive is damaged or too large.
    """
    source = kind(path)
    budget = Budget(str(path)) if torch else Budget(str(path), words=_limits.MAX_WORDS)
    if source is Kind.ABSENT:
        problem = "neither a file nor a folder" if path.exists() else "no such file or folder"
        raise ReadError(f"{path}: {problem}")
    if source is Kind.TORCH and not torch:
        raise ReadError(f"{path}: a PyTorch file; no {what} in it")
    if source not in _CONTAINERS or (torch and source is Kind.ZIP and _is_named(path.name, named)):  # cut off
        yield Document(path, path.name, True, lambda: open_file(path, budget), budget.work)
        return
    with members(path, source) as inside:
        meant = [member for member in inside if _is_named(member.name, named)]
        if not meant:
            raise ReadError(f"{path}: no {what} in it{_what_there_is(inside)}")
        for member in meant:
            yield _document(path, member, budget)


def _document(path: Path, member: Member, budget: Budget) -> Document:
    def opened() -> BinaryIO:
        where = f"{path}, {member.name}"
        try:
            return inflated(member.open(), where, budget)
        except BROKEN as error:
            raise ReadError(f"{where}: {in_words(error)}") from error

    return Document(path, member.name, False, opened, budget.work)


def _is_named(name: str, named: Named) -> bool:
    return named(plain_name(name.rpartition("/")[2]))


def _what_there_is(inside: list[Member]) -> str:
    names = [member.name for member in islice(inside, 3)]
    return f"; it holds {', '.join(names)}{', ...' if len(inside) > len(names) else ''}" if names else ", it is empty"


def looks_like(path: Path, named: Named, what: str, shown: Callable[[str], bool] | None) -> bool:
    """Return whether a file's name, or the beginnings of the first such files in it, are a format's. Never raises."""
    return may_hold(path, named) and (shown is None or any(map(shown, _heads(path, named, what))))


def may_hold(path: Path, named: Named) -> bool:
    """Return whether a file, or one in a folder or archive, has a name of a format. Never raises."""
    source = kind(path)
    if source in (Kind.ABSENT, Kind.TORCH):
        return False
    names = [path.name] if source is Kind.FILE else first_names(path, source)
    return any(_is_named(name, named) for name in names)


def _heads(path: Path, named: Named, what: str) -> Iterator[str]:
    with suppress(ReadError):
        for document in islice(documents(path, named, what), _LOOKED_INTO):
            with suppress(ReadError), document.open() as stream:
                yield decode(stream.read(_HEAD).removeprefix(codecs.BOM_UTF8))


def reader(
    *,
    name: str,
    version: str,
    title: str,
    description: str,
    named: Named,
    what: str,
    samples: Callable[[Document, Parameters], Iterable[Sample]],
    suffixes: tuple[str, ...],
    shown: Callable[[str], bool] | None = None,
    refuse: Callable[[Path], None] = lambda path: None,
    parameters: tuple[Parameter, ...] = (),
    cite: tuple[str, ...] = (),
) -> ReaderSpec:
    """Return the reader of a format of one file.

    Parameters
    ----------
    named, what
        Which files are meant, and their plural for messages.
    samples
        What is in one file; a crystal that is not understood is `Invalid`.
    shown
        Whether the beginning of a file is of this format, where its name cannot tell.
    refuse
        Raises `ReadError` for what is of this format but holds no samples, such as denoising paths.
    """

    def read(path: Path, settings: Parameters) -> Iterator[Sample]:
        refuse(path)
        found = 0
        for document in documents(path, named, what):
            for sample in samples(document, settings):
                found += 1
                if found > _limits.MAX_SAMPLES:
                    raise ReadError(f"{path}: over {_limits.MAX_SAMPLES} samples; split it")
                yield sample

    return ReaderSpec(
        name=name,
        version=version,
        title=title,
        description=description,
        detect=lambda path: looks_like(path, named, what, shown),
        read=read,
        suffixes=suffixes,
        notes=lambda path: gaps(path, named),
        parameters=parameters,
        cite=cite,
    )


_LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,9})([^0-9]*)")
_SHOWN_GAPS = 3


def gaps(path: Path, named: Named) -> Iterator[str]:
    """Say which numbers are absent among numbered files: a generator may have failed there. Never raises."""
    series: dict[tuple[str, str], set[int]] = defaultdict(set)
    with suppress(ReadError):
        for name in _names(path, named):
            if match := _LAST_NUMBER.fullmatch(name):
                series[match[1], match[3]].add(int(match[2]))
    absent: list[str] = []
    total = 0
    for (before, behind), numbers in series.items():
        missing = max(numbers) - min(numbers) + 1 - len(numbers)
        if len(numbers) > 2 and 0 < missing < len(numbers):  # with more, they are names rather than a count
            total += missing
            between = (n for n in range(min(numbers), max(numbers)) if n not in numbers)
            absent += [f"{before}{number}{behind}" for number in islice(between, _SHOWN_GAPS)]
    if total:
        shown = ", ".join(absent[:_SHOWN_GAPS]) + (", ..." if total > _SHOWN_GAPS else "")
        yield (
            f"{path.name}: {total:,} of its numbered files {'is' if total == 1 else 'are'} absent ({shown}); if the "
            "generator failed there, say how many samples it made by --generated"
        )


def _names(path: Path, named: Named) -> list[str]:
    source = kind(path)
    if source not in _CONTAINERS:
        return []
    with members(path, source) as inside:
        return [member.name for member in inside if _is_named(member.name, named)]
