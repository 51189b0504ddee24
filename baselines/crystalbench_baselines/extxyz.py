"""Extended XYZ: all frames of one file, in order.

So write MatterGen (``generated_crystals.extxyz``) and OMatG (``{name}.xyz``). Refused are OMatG's
``{name}_init.xyz``, which is the noise it started from, and MatterGen's ``generated_trajectories.zip``,
which is the way from noise to each crystal. OMatG appends to an existing file: a file of two runs cannot be
told from one of a longer run.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from crystalbench import (
    Invalid,
    InvalidReason,
    Parameters,
    RawStructure,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench_baselines._elements import UnknownElementError, atomic_number
from crystalbench_baselines._members import decode, first_names, inflate

_SUFFIXES = (".extxyz", ".xyz")
_PAIR = re.compile(r"""([A-Za-z_][\w-]*)\s*=\s*("[^"]*"|'[^']*'|\{[^}]*\}|\S+)""")
_DEFAULT_PROPERTIES = "species:S:1:pos:R:3"


def _is_xyz(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _detect(path: Path) -> bool:
    if path.is_file() and _is_xyz(path.name):
        return True
    return path.is_file() and path.suffix.lower() == ".zip" and any(map(_is_xyz, first_names(path)))


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each frame; a frame that is not understood is `Invalid`.

    Raises
    ------
    ReadError
        If it is a file of noise or denoising paths, is missing, or a frame does not begin with a number of atoms.
    """
    if path.stem.lower().endswith("_init"):
        raise ReadError(f"{path}: the noise that OMatG started from; its samples are in the file without _init")
    if path.suffix.lower() == ".zip":
        raise ReadError(f"{path}: denoising paths, not samples; give MatterGen's generated_crystals.extxyz")
    lines = decode(inflate(path)).rstrip().split("\n")
    place = 0
    while place < len(lines):
        if not lines[place].strip():
            place += 1
            continue
        count = _count(lines[place], f"{path}, line {place + 1}")
        frame = lines[place + 1 : place + 2 + count]
        yield _frame(frame, count, f"frame at line {place + 1}")
        place += 2 + count


def _count(line: str, where: str) -> int:
    number = line.strip(" \t\r")
    if not re.fullmatch(r"[0-9]{1,9}", number):
        raise ReadError(f"{where}: {number[:40]!r} should be the number of atoms of a frame")
    return int(number)


def _frame(lines: list[str], count: int, place: str) -> Sample:
    if len(lines) < count + 1:
        return Invalid(
            InvalidReason.UNREADABLE, f"{place}: the file ends after {max(len(lines) - 1, 0)} of {count} atoms"
        )
    pairs = {key.lower(): value.strip("\"'{}") for key, value in _PAIR.findall(lines[0])}
    try:
        lattice = np.array(pairs.get("lattice", "").split(), dtype=np.float64)
        species, position = _columns(pairs.get("properties", _DEFAULT_PROPERTIES))
        rows = [line.split() for line in lines[1:]]
        numbers = [_atomic_number(row[species]) for row in rows]
        positions = np.array([row[position : position + 3] for row in rows], dtype=np.float64)
        if count and positions.shape != (count, 3):
            raise ValueError("positions should be three numbers")
    except UnknownElementError as error:
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, f"{place}: {error}")
    except (ValueError, IndexError) as error:
        return Invalid(InvalidReason.UNREADABLE, f"{place}: {error}")
    if lattice.shape != (9,) or "F" in pairs.get("pbc", "").upper():
        return Invalid(InvalidReason.UNREADABLE, f"{place}: no lattice of nine numbers, or not periodic")
    return _fractional(lattice.reshape(3, 3), positions, numbers, place)


def _atomic_number(text: str) -> int:
    return int(text) if text.isdecimal() else atomic_number(text)


def _columns(properties: str) -> tuple[int, int]:
    """Return the columns of the element and of x from ``species:S:1:pos:R:3``."""
    parts = properties.split(":")
    starts, at = {}, 0
    for name, _, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        starts[name.lower()] = at
        at += int(width)
    species = next((starts[name] for name in ("species", "element", "z", "numbers") if name in starts), None)
    if species is None or "pos" not in starts:
        raise ValueError(f"Properties={properties[:60]} names no species or no pos")
    return species, starts["pos"]


def _fractional(
    lattice: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    positions: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    numbers: list[int],
    place: str,
) -> Sample:
    if not np.isfinite(lattice).all():
        return Invalid(InvalidReason.NON_FINITE, f"{place}: NaN or infinity in the lattice")
    try:
        coords = np.linalg.solve(lattice.T, positions.reshape(-1, 3).T).T
    except np.linalg.LinAlgError:
        return Invalid(InvalidReason.TINY_CELL, f"{place}: the lattice vectors span no volume")
    return RawStructure.of(lattice, coords, numbers)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="extxyz",
            version="1",
            title="extended XYZ",
            description="all frames of an extended XYZ file (MatterGen, OMatG)",
            detect=_detect,
            read=read,
        )
    ]
