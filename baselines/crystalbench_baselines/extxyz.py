"""Extended XYZ: all frames of a file, in order.

So write MatterGen (``generated_crystals.extxyz``) and OMatG (``{name}.xyz``). Refused are OMatG's
``{name}_init.xyz``, which is the noise it started from, and MatterGen's ``generated_trajectories.zip``,
which is the way from noise to each crystal. OMatG appends to an existing file: a file of two runs cannot be
told from one of a longer run.

A frame is its number of atoms, a line of ``key=value``, and a line for each atom. Keys are case-sensitive: ``lattice=``
beside ``Lattice=`` is a note of somebody's. A frame that is not periodic in all three directions is no crystal.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason, Parameters, RawStructure, ReadError, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _limits
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._elements import (
    BadRecordError,
    UnknownElementError,
    atomic_number,
    integer,
    invalid,
    numbers,
)
from crystalbench_baselines.cif import refuse_paths

_ELEMENT = ("species", "element", "z", "numbers")
_DEFAULT_PROPERTIES = "species:S:1:pos:R:3"
_PERIODIC = {"t", "true", ".true.", "1"}
_WORD = re.compile(r"[^\s=]+")
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"\S*")
_CLOSING = {'"': '"', "'": "'", "{": "}", "[": "]"}


def _is_xyz(name: str) -> bool:
    return name.endswith((".extxyz", ".xyz"))


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each frame; a frame that is not understood is `Invalid`."""
    if document.plain_name.rpartition(".")[0].endswith("_init"):
        if not document.alone:
            return
        raise ReadError(f"{document}: the noise that OMatG started from; its samples are in the file without _init")
    lines = enumerate(document.lines(), 1)
    for at, line in lines:
        if not line.strip():
            continue
        count = line.strip()
        place = document.place(f"frame at line {at}")
        if not re.fullmatch("[0-9]+", count, re.ASCII):
            raise ReadError(f"{document}, line {at}: {count[:40]!r} should be the number of atoms of a frame")
        if len(count) > 9 or int(count) > _limits.MAX_ATOMS:
            rest = sum(1 for _ in (islice(lines, int(count) + 1) if len(count) <= 9 else lines))
            problem = f"a frame of {count[:40]} atoms, the limit is {_limits.MAX_ATOMS}; {rest} lines passed over"
            yield Invalid(InvalidReason.UNREADABLE, f"{place}: {problem}")
            continue
        yield _frame([text for _, text in islice(lines, int(count) + 1)], int(count), place)


def _frame(lines: list[str], count: int, place: str) -> Sample:
    try:
        if len(lines) < count + 1:
            raise BadRecordError(f"the file ends after {max(len(lines) - 1, 0)} of {count} atoms")
        header = _header(lines[0].strip())
        lattice = _lattice(header)
        (species, *others), position = _columns(header.get("Properties", _DEFAULT_PROPERTIES))
        rows = [line.split() for line in lines[1:]]
        if short := next((row for row in rows if len(row) <= max(species, *others, position + 2)), None):
            raise BadRecordError(f"an atom of {len(short)} columns: {' '.join(short)[:60]!r}")
        if [] in rows:
            raise BadRecordError("an empty line among the atoms")
        elements = [_atomic_number(row[species]) for row in rows]
        for other, row in ((other, row) for other in others for row in rows):
            if _atomic_number(row[other]) != _atomic_number(row[species]):
                detail = f"{place}: an atom is {row[species][:20]!r} and {row[other][:20]!r}"
                return Invalid(InvalidReason.CONTRADICTION, detail)
        positions = [numbers(row[position : position + 3], 3, "a position") for row in rows]
    except (BadRecordError, UnknownElementError) as error:
        return invalid(error, place)
    return _fractional(lattice, np.array(positions, dtype=np.float64).reshape(-1, 3), elements, place)


def _header(line: str) -> dict[str, str]:
    """Return the values by key, without their quotes or brackets; one pass over the line."""
    if len(line) > _limits.MAX_HEADER:
        raise BadRecordError(f"a header of {len(line)} characters, the limit is {_limits.MAX_HEADER}")
    found: dict[str, str] = {}
    at = 0
    while word := _WORD.search(line, at):
        at = _after(_SPACE, line, word.end())
        if line[at : at + 1] != "=":
            continue  # a key without a value
        at = _after(_SPACE, line, at + 1)
        closing = _CLOSING.get(line[at : at + 1], "")
        end = line.find(closing, at + 1)
        if closing and end < 0:
            raise BadRecordError(f"in the header, {word[0][:40]}={line[at : at + 20]!r} does not end")
        start = at + 1
        if not closing:
            start, end = at, _after(_BARE, line, at)
        value, at = line[start:end], end + len(closing)
        if found.setdefault(word[0], value) != value:
            raise BadRecordError(f"{word[0][:40]} is given twice, as {found[word[0]][:40]!r} and {value[:40]!r}")
    return found


def _after(pattern: re.Pattern[str], line: str, at: int) -> int:
    match = pattern.match(line, at)
    return match.end() if match else at


def _lattice(header: dict[str, str]) -> NDArray[np.float64]:
    for key, value in header.items():
        words = re.split(r"[\s,\[\]]+", value.strip(" \t,[]"))
        if key.lower() == "pbc" and not (len(words) in (1, 3) and _PERIODIC.issuperset(map(str.lower, words))):
            raise BadRecordError(f"{key}={value[:40]!r}: not periodic in all directions")
    if "Lattice" not in header:
        other = next((f" (keys are case-sensitive: there is {key})" for key in header if key.lower() == "lattice"), "")
        raise BadRecordError(f"no Lattice{other}")
    words = header["Lattice"].replace(",", " ").split()
    return np.array(numbers(words, 9, "Lattice"), dtype=np.float64).reshape(3, 3)


def _atomic_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        return atomic_number(text)
    if len(text) > 3 or not 0 < int(text) <= 118:
        raise UnknownElementError(f"atomic number {text[:40]} is not in 1-118")
    return int(text)


def _columns(properties: str) -> tuple[list[int], int]:
    """Return the columns of the element, of which there may be several, and of x from ``species:S:1:pos:R:3``."""
    parts = properties.split(":")
    if len(parts) % 3:
        raise BadRecordError(f"Properties={properties[:60]} is no list of name:type:columns")
    starts, at = {}, 0
    for name, type_, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if name.lower() not in _ELEMENT or type_.upper() in ("S", "I"):
            starts[name.lower()] = at
        at += integer(width, "in Properties, a number of columns")
    species = [starts[name] for name in _ELEMENT if name in starts]
    if not species or "pos" not in starts:
        raise BadRecordError(f"Properties={properties[:60]} names no species or no pos")
    return species, starts["pos"]


def _fractional(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], elements: list[int], place: str
) -> Sample:
    if not np.isfinite(lattice).all():
        return Invalid(InvalidReason.NON_FINITE, f"{place}: NaN or infinity in the lattice")
    try:
        coords = np.linalg.solve(lattice.T, positions.T).T
    except np.linalg.LinAlgError:
        return Invalid(InvalidReason.TINY_CELL, f"{place}: the lattice vectors span no volume")
    return RawStructure.of(lattice, coords, elements)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="extxyz",
            version="3",
            title="extended XYZ",
            description="all frames of extended XYZ files (MatterGen, OMatG)",
            named=_is_xyz,
            what="extended XYZ files",
            samples=_samples,
            suffixes=(".extxyz", ".xyz"),
            refuse=refuse_paths,
        )
    ]
