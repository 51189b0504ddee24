"""CIF files, one crystal each: a folder, a zip, a tar(.gz), or a single file.

So write MatterGen (``generated_crystals_cif.zip``), CrystaLLM (a tar.gz of ``{id}__{n}.cif``), ADiT
(``crystal_{i}.cif``), Chemeleon (``gen_{i}.cif``), and the ``sample.py`` of DiffCSP++ and SymmCD. Files are taken in
the order of the numbers in their names. What is made of their text: `crystalbench_baselines._cif`.

A generator that leaves out the crystals it failed at leaves a gap in the numbering; but so does a user who copies
some of the files. Only who made the files can tell how many there were, so gaps mean nothing here.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench import (
    Invalid,
    Parameters,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench_baselines import _cif
from crystalbench_baselines._members import first_names, texts


def _is_cif(name: str) -> bool:
    return name.lower().endswith(".cif")


def _detect(path: Path) -> bool:
    return _is_cif(path.name) if path.is_file() and _is_cif(path.name) else any(map(_is_cif, first_names(path)))


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each file, or for each structure of a file that was given alone.

    Raises
    ------
    ReadError
        If there are no CIF files, or the archive is damaged or holds denoising paths.
    """
    if "trajector" in path.name.lower():
        raise ReadError(f"{path}: denoising paths, not samples; MatterGen's samples are in generated_crystals_cif.zip")
    found = texts(path, _is_cif, "CIF files")
    if path.is_file() and _is_cif(path.name):
        yield from (sample for _, text in found for sample in _all(text))
        return
    yield from (_one(text) for _, text in found)


def _all(text: str | Invalid) -> Iterable[Sample]:
    return [text] if isinstance(text, Invalid) else _cif.structures(text)


def _one(text: str | Invalid) -> Sample:
    return text if isinstance(text, Invalid) else _cif.structure(text)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="cif",
            version="2",
            title="CIF files",
            description="a folder, zip or tar.gz of numbered CIF files (MatterGen, CrystaLLM, ADiT, Chemeleon)",
            detect=_detect,
            read=read,
        )
    ]
