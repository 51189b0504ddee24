"""Phases of known hulls in one small file that numpy reads alone.

The file is a zip of ``.npy`` columns (`numpy.load`, no pickle). Of each source ``S``, in order of elements::

    S.sizes       (n,) uint8, number of elements of each phase
    S.numbers     (sum of sizes,) uint8, their atomic numbers
    S.atoms       (sum of sizes,) uint16, how many of each
    S.energies    (n,) int32, formation energy in 1e-6 eV/atom
    S.charted     (m, 8) uint8, sets of elements with compounds of which none is a phase here, then zeros

and ``references.numbers``, ``references.energies`` (float64, eV/atom).
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from crystalbench import CrystalbenchError, Hull

FORMAT = 1
UNIT = 1e-6
"""eV/atom: two decimal places below what the tables mean."""
_WIDTH = 8
_MAX_ELEMENTS = 12


@dataclass(frozen=True, eq=False)
class Phases:
    """What one source adds to a hull: compositions in lowest terms, formation energies in eV/atom, charted systems."""

    source: str
    compositions: Sequence[tuple[tuple[int, int], ...]]
    energies: NDArray[np.float64]
    charted: Sequence[tuple[int, ...]]


def pack(parts: Sequence[Phases], references: Mapping[int, float], target: Path | IO[bytes]) -> None:
    """Write a file that `unpack` reads; equal content gives equal bytes."""
    columns: dict[str, NDArray[np.generic]] = {
        "references.numbers": np.array(sorted(references), np.uint8),
        "references.energies": np.array([references[z] for z in sorted(references)], np.float64),
    }
    for part in parts:
        order = sorted(range(len(part.compositions)), key=lambda row: [*zip(*part.compositions[row], strict=True)])
        flat = [atom for row in order for atom in part.compositions[row]]
        charted = np.zeros((len(part.charted), _WIDTH), np.uint8)
        for row, system in enumerate(part.charted):
            charted[row, : len(system)] = system
        columns |= {
            f"{part.source}.sizes": np.array([len(part.compositions[row]) for row in order], np.uint8),
            f"{part.source}.numbers": np.array([z for z, _ in flat], np.uint8),
            f"{part.source}.atoms": np.array([n for _, n in flat], np.uint16),
            f"{part.source}.energies": np.round(part.energies[order] / UNIT).astype(np.int32),
            f"{part.source}.charted": charted,
        }
    np.savez_compressed(target, **columns)  # type: ignore[arg-type]


def read_references(path: Path) -> dict[int, float]:
    """Return the elemental references of a file, eV/atom by atomic number."""
    with np.load(path, allow_pickle=False) as file:
        numbers, energies = file["references.numbers"], file["references.energies"]
    return dict(zip(numbers.tolist(), energies.tolist(), strict=True))


def unpack(path: Path, sources: Sequence[str], remedy: str) -> Hull:
    """Return the hull of all phases of the sources; raises `CrystalbenchError` with the remedy if it is damaged."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            columns = {name: file[name] for name in file.files}
        compositions: list[dict[int, int]] = []
        for source in sources:
            bounds = [0, *np.cumsum(columns[f"{source}.sizes"], dtype=np.int64).tolist()]
            numbers, atoms = columns[f"{source}.numbers"].tolist(), columns[f"{source}.atoms"].tolist()
            compositions += [
                dict(zip(numbers[start:end], atoms[start:end], strict=True)) for start, end in pairwise(bounds)
            ]
        charted = np.concatenate([columns[f"{source}.charted"] for source in sources])
        return Hull(
            compositions,
            np.concatenate([columns[f"{source}.energies"] for source in sources]) * UNIT,
            read_references(path),
            frozenset(frozenset(z for z in system if z) for system in charted.tolist()),
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CrystalbenchError(f"{path}: {error}; {remedy}") from error
