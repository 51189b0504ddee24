"""VASP structure files: ``POSCAR*``, ``CONTCAR*`` or ``*.vasp``, one crystal each.

So writes SGEquiDiff (``POSCAR-*``). A file of VASP 4 has no line of element symbols; they are taken from its first line
where that lists as many as there are numbers of atoms, as VASP's own tools write it.
"""

import re
from collections.abc import Iterable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason, Parameters, RawStructure, ReaderSpec, Sample, hookimpl
from crystalbench.crystals.elements import ELEMENTS
from crystalbench_baselines import _limits
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._elements import (
    BadRecordError,
    UnknownElementError,
    atomic_number,
    integer,
    invalid,
    number,
    numbers,
)

_MAX_ROWS = _limits.MAX_ATOMS + 1000
"""Lines that may say something of the crystal; velocities may follow."""

_MAX_WORDS = 1000
"""In one line, which holds no more words than a crystal has elements."""

_COUNTS = re.compile(r"[0-9]+(?:\s+[0-9]+)*", re.ASCII)


def _is_poscar(name: str) -> bool:
    return name.startswith(("poscar", "contcar")) or name.endswith((".vasp", ".poscar"))


def _samples(document: Document, parameters: Parameters) -> Iterable[Sample]:
    text = document.text()
    if isinstance(text, Invalid):
        return [text]
    try:
        return [_parse(text.split("\n", _MAX_ROWS)[:_MAX_ROWS])]
    except (BadRecordError, UnknownElementError) as error:
        return [invalid(error, document.name)]


def _parse(lines: list[str]) -> RawStructure | Invalid:
    """Read: comment, scale, three vectors, symbols, counts, [selective dynamics], kind of coordinates, coordinates."""
    rows = [[], *map(_words, lines[1:])]  # the first line is a comment
    if len(rows) < 7:
        raise BadRecordError("the file ends too early")
    scale = np.array(_scale(rows[1]))
    lattice = np.array([numbers(row[:3], 3, "a lattice vector") for row in rows[2:5]])
    elements, at = _elements(lines, rows)
    selective = bool(rows[at : at + 1]) and "".join(rows[at])[:1].lower() == "s"
    at += selective
    cartesian = "".join(rows[at])[:1].lower() in ("c", "k") if at < len(rows) else False
    atoms = [row[:3] for row in rows[at + 1 : at + 1 + len(elements)]]
    if [] in atoms or len(atoms) < len(elements):
        read = atoms.index([]) if [] in atoms else len(atoms)
        raise BadRecordError(f"the file ends after {read} of {len(elements)} atoms")
    for i, element in enumerate(elements, 1):
        if (label := _label(rows[at + i][6 if selective else 3 :])) not in (None, element):
            detail = f"atom {i} is {ELEMENTS[element - 1]} by its number, and {ELEMENTS[label - 1]} by its label"
            return Invalid(InvalidReason.CONTRADICTION, detail)
    coords = np.array([numbers(row, 3, "a position") for row in atoms]).reshape(-1, 3)
    return _structure(lattice, scale, coords, elements, cartesian)


def _label(words: list[str]) -> int | None:
    """Return the element that pymatgen and others write behind a position, which VASP does not read."""
    flags = len(words) > 1 and words[0] in ("T", "F")  # without the line that announces them
    if flags or not words or not words[0][0].isupper():
        return None
    try:
        return atomic_number(words[0])
    except UnknownElementError:
        return None


def _scale(row: list[str]) -> list[float]:
    """Return the numbers that begin the second line; words may follow them."""
    found = [number(word, "the scale") for word in row[:1]]
    for word in row[1:3]:
        with suppress(BadRecordError):
            found.append(number(word, "the scale"))
    return found


def _words(line: str) -> list[str]:
    """Return the words of a line, without the comment behind them."""
    words = re.split("[!#]", line, maxsplit=1)[0].split(None, _MAX_WORDS)
    if len(words) > _MAX_WORDS:
        raise BadRecordError(f"a line of over {_MAX_WORDS} words, {line.strip()[:40]!r}")
    return words


def _elements(lines: list[str], rows: list[list[str]]) -> tuple[list[int], int]:
    """Return the element of each atom, and the line behind the numbers of atoms; both lists may be wrapped."""
    at = 5
    symbols: list[str] = []
    while at < len(rows) and rows[at] and not _COUNTS.fullmatch(" ".join(rows[at])):
        symbols += rows[at]
        at += 1
    counts: list[int] = []
    while at < len(rows) and _COUNTS.fullmatch(" ".join(rows[at])):
        counts += [integer(word, "a number of atoms") for word in rows[at]]
        at += 1
    if not counts:
        raise BadRecordError(f"no numbers of atoms behind the lattice; found {lines[5].strip()[:40]!r}")
    if not symbols:
        symbols = _symbols_of_vasp_4(lines[0], len(counts))
    if len(symbols) != len(counts):
        raise BadRecordError(f"{len(symbols)} element symbols and {len(counts)} numbers of atoms")
    if sum(counts) > _limits.MAX_ATOMS:
        raise BadRecordError(f"{sum(counts)} atoms, the limit is {_limits.MAX_ATOMS}")
    # Potentials carry suffixes (Na_pv, Na_sv_GW) and hashes (Na/ab12).
    kinds = [atomic_number(re.split("[_/]", symbol)[0]) for symbol in symbols]
    return np.repeat(kinds, counts).tolist(), at


def _symbols_of_vasp_4(comment: str, count: int) -> list[str]:
    words = [match[1] for match in re.finditer(r"(?<!\S)([A-Z][a-z]?(?:_\w+)?)[0-9]*(?!\S)", comment)]
    if len(words) != count or len(comment.split()) != count:
        raise BadRecordError(
            f"a file of VASP 4: no line of element symbols, and the first line, {comment.strip()[:40]!r}, does not "
            f"list {count}; put them in a line before the numbers of atoms"
        )
    return words


@np.errstate(over="ignore", invalid="ignore")  # a scale of 1e308 makes infinite vectors, which the screening names
def _structure(
    lattice: NDArray[np.float64],
    scale: NDArray[np.float64],
    coords: NDArray[np.float64],
    elements: list[int],
    cartesian: bool,
) -> RawStructure | Invalid:
    if not np.isfinite(lattice).all() or not np.isfinite(scale).all():
        return Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the lattice")
    if len(scale) == 1 and scale[0] < 0:  # minus the volume
        volume = abs(float(np.linalg.det(lattice)))
        if not volume:
            return Invalid(InvalidReason.TINY_CELL, "the lattice vectors span no volume")
        scale = (-scale / volume) ** (1 / 3)
    elif len(scale) not in (1, 3) or (scale <= 0).any():
        raise BadRecordError(f"the scale should be one number or three positive ones, found {scale.tolist()}"[:200])
    # Three factors stretch x, y and z, one stretches all: both multiply the columns.
    lattice = lattice * scale
    if cartesian:
        try:
            coords = (coords * scale) @ np.linalg.inv(lattice)
        except np.linalg.LinAlgError:
            return Invalid(InvalidReason.TINY_CELL, "the lattice vectors span no volume")
    return RawStructure.of(lattice, coords, elements)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="poscar",
            version="5",
            title="POSCAR files",
            description="POSCAR, CONTCAR or .vasp files (SGEquiDiff)",
            named=_is_poscar,
            what="POSCAR files",
            samples=_samples,
            suffixes=(".vasp", ".poscar"),
        )
    ]
