"""Whether a sample is well made: types, shapes and kinds of numbers. What it says of a crystal is another question."""

import numpy as np

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure


def fault(item: object) -> str:
    """Return what is wrong with the make of a sample that a plugin gave, with the remedy; "" where nothing is.

    Numbers that are not finite are no fault of the make: they are screened, and such a sample is invalid.
    """
    if isinstance(item, Protostructure):
        return ""
    if isinstance(item, Invalid):
        if not isinstance(item.reason, InvalidReason):
            return f"Invalid.reason must be a member of InvalidReason, not {_shown(item.reason)}"
        if not isinstance(item.detail, str):
            return f"Invalid.detail must be text, not {_shown(item.detail)}"
        return ""
    if isinstance(item, RawStructure):
        return _array_fault(item)
    return f"must be a Protostructure, RawStructure or Invalid, not {_shown(item)}"


def not_finite(item: object) -> str:
    """Name the array of a structure that holds numbers that are not finite; "" for none."""
    if isinstance(item, RawStructure):
        for name in ("lattice", "frac_coords"):
            if not np.isfinite(getattr(item, name)).all():
                return name
    return ""


def _array_fault(structure: RawStructure) -> str:
    remedy = "make structures by RawStructure.of, which sees to it"
    for name, kind in (("lattice", np.float64), ("frac_coords", np.float64), ("numbers", np.int64)):
        array: object = getattr(structure, name)
        if not isinstance(array, np.ndarray):
            return f"RawStructure.{name} must be a numpy array, not {_shown(array)}; {remedy}"
        if array.dtype != kind:
            return f"RawStructure.{name} must be {kind.__name__}, not {array.dtype}; {remedy}"
    n = len(structure.numbers) if structure.numbers.ndim else 0
    shapes = (structure.lattice.shape, structure.frac_coords.shape, structure.numbers.shape)
    if shapes != ((3, 3), (n, 3), (n,)):
        return (
            f"lattice, coordinates and atomic numbers have shapes {shapes}, expected (3, 3), (n, 3) and (n,); {remedy}"
        )
    return ""


def _shown(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"
