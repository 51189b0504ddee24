"""CIF files, one crystal each: a folder, a zip, a tar(.gz), or a single file.

So write MatterGen (``generated_crystals_cif.zip``), CrystaLLM (a tar.gz of ``{id}__{n}.cif``), ADiT
(``crystal_{i}.cif``), Chemeleon (``gen_{i}.cif``), and the ``sample.py`` of DiffCSP++ and SymmCD. Files are taken in
the order of the numbers in their names. What is made of their text: `crystalbench_baselines._cif`.

A generator that leaves out the crystals it failed at leaves a gap in the numbering; but so does a user who copies
some of the files. Only who made the files can tell how many there were, so a gap is said and counts as nothing.
"""

from collections.abc import Iterable
from pathlib import Path

from crystalbench import Invalid, Parameters, ReadError, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _cif
from crystalbench_baselines._documents import Document, reader


def _is_cif(name: str) -> bool:
    return name.endswith((".cif", ".mcif"))


def refuse_paths(path: Path) -> None:
    """Raise `ReadError` for MatterGen's file of the ways from noise to each crystal."""
    if "trajector" in path.name.lower():
        raise ReadError(
            f"{path}: denoising paths, not samples; MatterGen's samples are in generated_crystals.extxyz and "
            "generated_crystals_cif.zip"
        )


def _samples(document: Document, parameters: Parameters) -> Iterable[Sample]:
    """One sample for each file, or for each structure of a file that was given alone."""
    text = document.text()
    if isinstance(text, Invalid):
        return [text]
    return _cif.structures(text, document.work) if document.alone else [_cif.structure(text, document.work)]


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="cif",
            version="6",
            title="CIF files",
            description="a folder, zip or tar.gz of numbered CIF files (MatterGen, CrystaLLM, ADiT, Chemeleon)",
            named=_is_cif,
            what="CIF files",
            samples=_samples,
            suffixes=(".cif", ".mcif"),
            refuse=refuse_paths,
            cite=("wojdyr2022gemmi",),
        )
    ]
