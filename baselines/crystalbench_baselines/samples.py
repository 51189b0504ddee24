"""Samples as crystalbench keeps those that were in memory: one a line, as JSON, with nothing lost.

A line is an AFLOW label; or an object with ``lattice`` (rows, Å), ``frac_coords`` and ``numbers``; or, of what is no
crystal, ``[reason, detail]``.
"""

from collections.abc import Iterable, Iterator

from crystalbench import Invalid, InvalidReason, Parameters, RawStructure, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _json, _labels, _limits
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._elements import BadRecordError, invalid, kind, numbers
from crystalbench_baselines._json import NoJsonError

SUFFIX = ".samples"


def _is_named(name: str) -> bool:
    return name.endswith(SUFFIX)


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each line."""
    for number, node in _json.lines(document):
        place = document.place(f"line {number}")
        try:
            yield _sample(node.value() if node is not None else None, place)
        except (BadRecordError, NoJsonError) as error:
            yield invalid(BadRecordError(str(error)), place)


def _sample(value: object, place: str) -> Sample:
    if isinstance(value, str):
        return _labels.sample(value, place)
    if isinstance(value, list):
        return _invalid(value)
    if not isinstance(value, dict):
        raise BadRecordError(f"a label or a structure was expected, found {kind(value)}")
    cell, coords, atoms = (value.get(key) for key in ("lattice", "frac_coords", "numbers"))
    if not isinstance(cell, list) or len(cell) != 3:
        raise BadRecordError("lattice should be three vectors")
    if not isinstance(coords, list) or not isinstance(atoms, list) or len(coords) != len(atoms):
        raise BadRecordError("frac_coords and numbers should be lists of one length")
    if len(atoms) > _limits.MAX_ATOMS:
        raise BadRecordError(f"{len(atoms)} atoms, the limit is {_limits.MAX_ATOMS}")
    if not all(type(atom) is int and abs(atom) < 2**31 for atom in atoms):
        raise BadRecordError("numbers should be atomic numbers")
    return RawStructure.of(
        [numbers(row, 3, "a lattice vector") for row in cell],
        [numbers(row, 3, "fractional coordinates") for row in coords],
        atoms,
    )


def _invalid(value: list[object]) -> Invalid:
    match value:
        case [str(reason), str(detail)] if reason in list(InvalidReason):
            return Invalid(InvalidReason(reason), detail)
    raise BadRecordError("a list should be the reason and the detail of a sample that is no crystal")


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="samples",
            version="1",
            title="crystalbench samples",
            description="one sample a line as JSON: a label, or lattice, frac_coords and numbers",
            named=_is_named,
            what="files of samples",
            samples=_samples,
            suffixes=(SUFFIX,),
        )
    ]
