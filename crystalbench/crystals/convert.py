"""Structures to protostructures: one in this process, or many in processes that can be killed."""

import functools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals import symmetry
from crystalbench.crystals.higher_symmetry import checked
from crystalbench.crystals.make import fault
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, Sample
from crystalbench.crystals.screen import screen
from crystalbench.crystals.symmetry import Backend
from crystalbench.crystals.wyckoff import TABLE_VERSION, Table
from crystalbench.errors import ConfigError, PluginError, unknown_name
from crystalbench.executors import ONE_PROCESS, Executor, Executors, Lost, Task

__all__ = ["Backend", "ConversionSettings", "Converter", "convert"]

ALGORITHM = 3
"""Raised whenever the screen, the search, the assembly or the check of labels changes what comes out. Part of cache
keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionSettings:
    """What a structure's protostructure depends on.

    Attributes
    ----------
    backend
        The symmetry library.
    symprec
        Distance tolerance of the symmetry search, Å; 0.1 as in aviary 1.1.1 and the WyckoffDiff paper.
    angle_tolerance
        Degrees, for spglib only; 5 as in aviary 1.1.1.
    table
        Which letterings are equivalent.
    min_distance
        Å; atoms that are closer overlap, and the structure is invalid. 0.5 is CDVAE's rule of structural
        validity, and refuses none of 38,246 crystals of MP-20, WBM and Carbon-24: their smallest distance is
        0.747 (an H2 molecule). The paper has no such rule; 0 switches it off.
    max_atoms
        Atoms in the cell. The largest of the same crystals has 100; 2,000 take half a second.
    timeout
        Seconds of wall clock per structure, in workers. No part of the identity.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    backend: Backend = Backend.SPGLIB
    symprec: float = 0.1
    angle_tolerance: float = 5.0
    table: Table = Table.AFFINE
    min_distance: float = 0.5
    max_atoms: int = 2000
    timeout: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "backend", _member(Backend, "symmetry backend", self.backend))
        object.__setattr__(self, "table", _member(Table, "letter table", self.table))
        _check("symprec", self.symprec, 0 < self.symprec <= 1, "over 0 and at most 1 Å")
        _check(
            "angle_tolerance",
            self.angle_tolerance,
            self.angle_tolerance == -1 or 0 < self.angle_tolerance <= 30,
            "over 0 and at most 30 degrees, or -1 for spglib's own rule",
        )
        _check("min_distance", self.min_distance, 0 <= self.min_distance <= 5, "from 0 (off) to 5 Å")
        _check("max_atoms", self.max_atoms, self.max_atoms >= 1, "at least 1")
        _check("timeout", self.timeout, 0 < self.timeout < math.inf, "a number of seconds over 0")

    def identity(self) -> dict[str, str | float]:
        """Return everything that a result depends on, for cache keys and manifests; cheap."""
        identity: dict[str, str | float] = {
            "algorithm": ALGORITHM,
            "backend": self.backend.value,
            "backend_version": self.backend.version,
            "symprec": float(self.symprec),
            "table": self.table.value,
            "table_version": TABLE_VERSION,
            "min_distance": float(self.min_distance),
            "max_atoms": self.max_atoms,
        }
        if self.backend is Backend.SPGLIB:
            identity["angle_tolerance"] = float(self.angle_tolerance)
        return identity


def _member(kind: type[Backend] | type[Table], what: str, value: str) -> Backend | Table:
    try:
        return kind(value)
    except ValueError:
        raise unknown_name(what, str(value), [member.value for member in kind]) from None


def _check(name: str, value: float, good: bool, expected: str) -> None:
    if not good:
        raise ConfigError(f"conversion setting {name} = {value!r}; expected {expected}")


def convert(structure: RawStructure, settings: ConversionSettings) -> Converted:
    """Return the protostructure of one structure, or why it has none.

    Runs in this process: a crash or a hang of the symmetry library is the caller's. `Converter` isolates it.
    """
    reason = screen(structure, min_distance=settings.min_distance, max_atoms=settings.max_atoms)
    if reason:
        return reason
    return symmetry.protostructure(
        structure, settings.backend, settings.symprec, settings.angle_tolerance, settings.table
    )


_BATCH_STRUCTURES = 64
_BATCH_ATOMS = 2048  # so that a batch takes well under a second: 64 structures of 32 atoms, or one of 2,000

_Packed: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], list[int]]


class Converter:
    """Converts samples in worker processes: a crash, panic or hang of the symmetry library costs one sample.

    Parameters
    ----------
    settings
        What the results depend on; they do not depend on ``executors`` or on the order of the samples.
    executors
        Where samples are converted; processes start on first need.

    Notes
    -----
    A context manager: leaving it ends the processes.
    """

    def __init__(self, settings: ConversionSettings, executors: Executors = ONE_PROCESS) -> None:
        self._table = settings.table
        self._timeout = settings.timeout
        self._executor: Executor[RawStructure, str | Invalid] = executors.start(
            Task(
                function=functools.partial(convert_packed, settings),
                pack=_pack,
                timeout=settings.timeout,
                preload=("numpy", settings.backend.module, "crystalbench.crystals.convert"),
            )
        )

    def __enter__(self) -> Self:
        self._executor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.__exit__(kind, error, trace)

    def convert(self, samples: Sequence[Sample], progress: Callable[[int], None] | None = None) -> list[Converted]:
        """Return what each sample converts to, in the order of the samples.

        Parameters
        ----------
        samples
            A `Protostructure` becomes `Invalid` where no crystal has it (`crystalbench.crystals.higher_symmetry`) and
            is passed through otherwise, as an `Invalid` is. What a structure is converted to needs no such check:
            the symmetry that a protostructure has for all coordinates, the structure has too, and the symmetry
            library finds it (of 28,246 real crystals, 13,500 displaced by 0.02 to 0.2 Å and 612 generated ones, all).
        progress
            Called with the number of samples that have just been finished.

        Raises
        ------
        PluginError
            If a sample is not well made (`RawStructure.of` makes such structures only).
        CrystalbenchError
            If no worker process can be started.
        """
        for i, sample in enumerate(samples):
            if problem := fault(sample):
                raise PluginError(f"sample {i}: {problem}")
        structures = {i: sample for i, sample in enumerate(samples) if isinstance(sample, RawStructure)}
        if progress and len(structures) < len(samples):
            progress(len(samples) - len(structures))
        outcomes = self._executor.run(structures, _batches(structures), progress)
        return [
            self._converted(outcomes[i])
            if isinstance(sample, RawStructure)
            else checked(sample)
            if isinstance(sample, Protostructure)
            else sample
            for i, sample in enumerate(samples)
        ]

    def _converted(self, outcome: str | Invalid | Lost) -> Converted:
        if isinstance(outcome, str):
            return Protostructure.from_canonical(outcome, self._table)
        if isinstance(outcome, Invalid):
            return outcome
        if outcome.timed_out:
            return Invalid(InvalidReason.TIMEOUT, f"no answer within {self._timeout:g} s")
        return Invalid(InvalidReason.CRASH, outcome.detail)


def convert_packed(settings: ConversionSettings, packed: _Packed) -> list[str | Invalid]:
    """Convert structures as they come to a worker; labels, which are cheaper to send than protostructures."""
    os.environ.setdefault("SPGLIB_WARNING", "OFF")  # it prints a line for each attempt that it repeats
    converted = [convert(structure, settings) for structure in _unpack(packed)]
    return [item if isinstance(item, Invalid) else item.label for item in converted]


def _batches(structures: Mapping[int, RawStructure]) -> Iterator[list[int]]:
    batch: list[int] = []
    atoms = 0
    for i, structure in structures.items():
        n = len(structure.numbers)
        if batch and (len(batch) == _BATCH_STRUCTURES or atoms + n > _BATCH_ATOMS):
            yield batch
            batch, atoms = [], 0
        batch.append(i)
        atoms += n
    if batch:
        yield batch


def _pack(structures: list[RawStructure]) -> _Packed:
    """Four objects instead of three arrays per structure: a seventh of the time to send."""
    return (
        np.array([structure.lattice for structure in structures]),
        np.concatenate([structure.frac_coords for structure in structures]),
        np.concatenate([structure.numbers for structure in structures]),
        [len(structure.numbers) for structure in structures],
    )


def _unpack(packed: _Packed) -> Iterator[RawStructure]:
    lattices, coords, numbers, counts = packed
    ends = list(accumulate(counts))
    for lattice, start, end in zip(lattices, [0, *ends], ends, strict=False):
        yield RawStructure(lattice, coords[start:end], numbers[start:end])
