"""VASP structure files: a folder or archive of ``POSCAR*``, ``CONTCAR*`` or ``*.vasp``, or one of them.

So writes SGEquiDiff (``POSCAR-*``). Element symbols (VASP 5) are needed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from crystalbench import (
    Invalid,
    InvalidReason,
    Parameters,
    RawStructure,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench_baselines._elements import UnknownElementError, atomic_number
from crystalbench_baselines._members import first_names, texts

MAX_ATOMS = 100_000


def _is_poscar(name: str) -> bool:
    return name.upper().startswith(("POSCAR", "CONTCAR")) or name.lower().endswith((".vasp", ".poscar"))


def _detect(path: Path) -> bool:
    return (path.is_file() and _is_poscar(path.name)) or any(
        _is_poscar(name.rpartition("/")[2]) for name in first_names(path)
    )


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each file, in the order of the numbers in their names.

    Raises
    ------
    ReadError
        If there are no such files, or the archive is damaged.
    """
    for name, text in texts(path, _is_poscar, "POSCAR files"):
        yield text if isinstance(text, Invalid) else _structure(text, name)


def _structure(text: str, name: str) -> Sample:
    try:
        return _parse(text.split("\n"))
    except UnknownElementError as error:
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, f"{name}: {error}")
    except (ValueError, IndexError) as error:
        return Invalid(InvalidReason.UNREADABLE, f"{name}: {error or 'the file ends too early'}")


def _parse(lines: list[str]) -> RawStructure | Invalid:
    """Read: comment, scale, three vectors, symbols, counts, [selective dynamics], kind of coordinates, coordinates."""
    scale = np.array(lines[1].split()[:3], dtype=np.float64)
    lattice = np.array([line.split()[:3] for line in lines[2:5]], dtype=np.float64)
    symbols, counts = lines[5].split(), [int(n) for n in lines[6].split()]
    if len(symbols) != len(counts) or sum(counts) > MAX_ATOMS or min(counts, default=0) < 0:
        raise ValueError(f"{len(symbols)} element symbols and {len(counts)} numbers of atoms")
    numbers = np.repeat([atomic_number(symbol.split("_")[0].split("/")[0]) for symbol in symbols], counts)
    begin = 8 if lines[7].strip()[:1].lower() == "s" else 7
    cartesian = lines[begin].strip()[:1].lower() in ("c", "k")
    rows = [line.split()[:3] for line in lines[begin + 1 : begin + 1 + len(numbers)]]
    coords = np.array(rows, dtype=np.float64).reshape(-1, 3)
    if len(coords) < len(numbers):
        raise ValueError(f"the file ends after {len(coords)} of {len(numbers)} atoms")
    if not np.isfinite(lattice).all() or not np.isfinite(scale).all():
        return Invalid(InvalidReason.NON_FINITE, "NaN or infinity in the lattice")
    if len(scale) == 1 and scale[0] < 0:  # minus the volume
        volume = abs(float(np.linalg.det(lattice)))
        if not volume:
            return Invalid(InvalidReason.TINY_CELL, "the lattice vectors span no volume")
        scale = (-scale / volume) ** (1 / 3)
    elif len(scale) not in (1, 3) or (scale <= 0).any():
        raise ValueError(f"the scale {lines[1].strip()[:40]!r} is not one number or three positive ones")
    # Three factors stretch x, y and z, one stretches all: both multiply the columns.
    lattice *= scale
    if cartesian:
        try:
            coords = (coords * scale) @ np.linalg.inv(lattice)
        except np.linalg.LinAlgError:
            return Invalid(InvalidReason.TINY_CELL, "the lattice vectors span no volume")
    return RawStructure.of(lattice, coords, numbers)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="poscar",
            version="1",
            title="POSCAR files",
            description="a folder or archive of POSCAR, CONTCAR or .vasp files (SGEquiDiff)",
            detect=_detect,
            read=read,
        )
    ]
