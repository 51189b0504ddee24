"""What pymatgen writes of a structure, as plain data, to `RawStructure`."""

import numpy as np

from crystalbench import Invalid, InvalidReason, RawStructure
from crystalbench_baselines import _limits
from crystalbench_baselines._elements import (
    BadRecordError,
    UnknownElementError,
    atomic_number,
    invalid,
    is_whole,
    kind,
    number,
    numbers,
)

_LENGTHS = ("a", "b", "c")
_ANGLES = ("alpha", "beta", "gamma")


def structure(record: object, place: str) -> RawStructure | Invalid:
    """Return the structure of a record with ``lattice`` and ``sites``; `Invalid` says what is wrong with another."""
    try:
        return _structure(record, place)
    except (BadRecordError, UnknownElementError) as error:
        return invalid(error, place)


def _structure(record: object, place: str) -> RawStructure | Invalid:
    lattice, sites = (_get(record, key, "a structure") for key in ("lattice", "sites"))
    if isinstance(lattice, dict) and not all(lattice.get("pbc") or [True]):
        raise BadRecordError("not periodic in all directions")
    if not isinstance(sites, list) or len(sites) > _limits.MAX_ATOMS:
        found = f"{len(sites)}, the limit is {_limits.MAX_ATOMS}" if isinstance(sites, list) else kind(sites)
        raise BadRecordError(f"sites should be a list of atoms, found {found}")
    elements = []
    for site in sites:
        species = _get(site, "species", "a site")
        if not isinstance(species, list):
            raise BadRecordError(f"species of a site should be a list, found {kind(species)}")
        shares = [number(_get(one, "occu", "a species", 1.0), "an occupancy") for one in species]
        if len(shares) != 1 or not is_whole(shares[0]):
            return Invalid(InvalidReason.DISORDERED, f"{place}: a site of {len(shares)} species or partly empty")
        symbol = _get(species[0], "element", "a species")
        if not isinstance(symbol, str):
            raise BadRecordError(f"an element should be text, found {kind(symbol)}")
        elements.append(atomic_number(symbol))
    coords = np.array([numbers(_get(site, "abc", "a site"), 3, "abc of a site") for site in sites]).reshape(-1, 3)
    matrix = _get(lattice, "matrix", "a lattice", None)
    if matrix is not None:
        if not isinstance(matrix, list) or len(matrix) != 3:
            raise BadRecordError("the matrix of a lattice should be three vectors")
        return RawStructure.of([numbers(row, 3, "a lattice vector") for row in matrix], coords, elements)
    lengths, angles = (
        [number(_get(lattice, key, "a lattice"), f"{key} of a lattice") for key in keys] for keys in (_LENGTHS, _ANGLES)
    )
    return RawStructure.from_parameters(lengths, angles, coords, elements)


def _get(record: object, key: str, what: str, default: object = ...) -> object:
    if not isinstance(record, dict):
        raise BadRecordError(f"{what} should be an object, found {kind(record)}")
    found: object = record.get(key, default)
    if found is ...:
        raise BadRecordError(f"{what} without {key}")
    return found
