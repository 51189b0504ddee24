"""CIF files, one crystal each: a folder, a zip, a tar(.gz), or a single file.

So write MatterGen (``generated_crystals_cif.zip``), CrystaLLM (a tar.gz of ``{id}__{n}.cif``), ADiT
(``crystal_{i}.cif``), Chemeleon (``gen_{i}.cif``), and the ``sample.py`` of DiffCSP++ and SymmCD. Files are taken in
the order of the numbers in their names. What is made of their text: `crystalbench_baselines._cif`.

A generator that leaves out the crystals it failed at leaves a gap in the numbering; but so does a user who copies
some of the files. Only who made the files can tell, so gaps count where the parameter ``generated`` says so.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench import (
    Invalid,
    InvalidReason,
    Parameter,
    Parameters,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench_baselines import _cif
from crystalbench_baselines._members import first_names, texts

GENERATED = Parameter(
    name="generated",
    default=0,
    help="how many crystals were generated; those without a file become invalid samples, in the gaps of the "
    "numbering. 0: as many as there are files",
)


def _is_cif(name: str) -> bool:
    return name.lower().endswith(".cif")


def _detect(path: Path) -> bool:
    return _is_cif(path.name) if path.is_file() and _is_cif(path.name) else any(map(_is_cif, first_names(path)))


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each file, or for each structure of a file that was given alone.

    Raises
    ------
    ReadError
        If there are no CIF files, the archive is damaged or holds denoising paths, or there are more
        files than crystals were generated.
    """
    if "trajector" in path.name.lower():
        raise ReadError(f"{path}: denoising paths, not samples; MatterGen's samples are in generated_crystals_cif.zip")
    generated = int(parameters.get("generated", GENERATED.default))
    found = texts(path, _is_cif, "CIF files")
    if path.is_file() and _is_cif(path.name):
        yield from (sample for _, text in found for sample in _all(text))
        return
    yield from _in_place(((name, _one(text)) for name, text in found), generated, path)


def _all(text: str | Invalid) -> Iterable[Sample]:
    return [text] if isinstance(text, Invalid) else _cif.structures(text)


def _one(text: str | Invalid) -> Sample:
    return text if isinstance(text, Invalid) else _cif.structure(text)


def _in_place(samples: Iterable[tuple[str, Sample]], generated: int, path: Path) -> Iterator[Sample]:
    """Yield the samples, with one `Invalid` for each number that should have a file and has none."""
    count, start = 0, None
    for name, sample in samples:
        number = _number(name) if generated else None
        if number is not None:
            start = min(number, 1) if start is None else start
            if number - start >= generated:
                raise ReadError(f"{path}: {name} is numbered beyond generated = {generated}")
            for missing in range(start + count, number):
                yield Invalid(InvalidReason.NOT_WRITTEN, f"no file number {missing}")
                count += 1
        yield sample
        count += 1
    if generated and count > generated:
        raise ReadError(f"{path}: {count} files and gaps, but generated = {generated}")
    for _ in range(generated - count):
        yield Invalid(InvalidReason.NOT_WRITTEN, "no file")


def _number(name: str) -> int | None:
    """Return the number of a file where it is the only number in the name: ``crystal_17.cif``."""
    numbers = re.findall(r"[0-9]+", name.rpartition("/")[2])
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) < 10 else None


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="cif",
            version="1",
            title="CIF files",
            description="a folder, zip or tar.gz of numbered CIF files (MatterGen, CrystaLLM, ADiT, Chemeleon)",
            detect=_detect,
            read=read,
            parameters=(GENERATED,),
        )
    ]
