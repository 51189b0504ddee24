"""Elements and numbers in the records of other programs, and how a record that is no crystal becomes `Invalid`."""

import math
import re
from collections.abc import Iterable

from crystalbench import Invalid, InvalidReason
from crystalbench.crystals.elements import NUMBERS, MixedElementsError, UnknownElementError, element

__all__ = [
    "NUMBERS", "BadRecordError", "UnknownElementError", "atomic_number", "integer", "invalid",
    "is_whole", "number", "numbers",
]  # fmt: skip


class BadRecordError(ValueError):
    """A record that is no crystal; the message says why."""


def invalid(error: BadRecordError | UnknownElementError, place: str = "") -> Invalid:
    """Return the sample that a record, at ``place`` in its file, becomes."""
    detail = f"{place}: {error}" if place else str(error)
    if isinstance(error, MixedElementsError):
        return Invalid(InvalidReason.DISORDERED, detail)
    if isinstance(error, UnknownElementError):
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, detail)
    return Invalid(InvalidReason.UNREADABLE, detail)


def atomic_number(symbol: str) -> int:
    """Return the atomic number for a symbol, decorated or not (`crystalbench.crystals.elements.element`)."""
    return NUMBERS[element(symbol)]


def is_whole(occupancy: float) -> bool:
    """Return whether a site is occupied by one whole atom; NaN is not."""
    return abs(occupancy - 1) < 1e-3


def number(value: object, what: str) -> float:
    """Return a number, which may be text, also with the exponent of Fortran (``1.0d0``).

    Raises
    ------
    BadRecordError
        If it is none.
    """
    if isinstance(value, str):
        try:
            return float(re.sub("[dD]", "e", value) if _FORTRAN.fullmatch(value) else value)
        except ValueError:
            raise BadRecordError(f"{what} {value[:40]!r} is no number") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    raise BadRecordError(f"{what} should be a number, found {kind(value)}")


_FORTRAN = re.compile(r"[-+]?[0-9.]+[dD][-+]?[0-9]+")


def numbers(values: object, count: int, what: str) -> list[float]:
    """Return ``count`` numbers of a list; raises `BadRecordError`."""
    if not isinstance(values, list | tuple) or len(values) != count:
        found = f"{len(values)}" if isinstance(values, list | tuple) else kind(values)
        raise BadRecordError(f"{what} should be {count} numbers, found {found}")
    return [number(value, what) for value in values]


def integer(text: str, what: str) -> int:
    """Return a whole number of at most nine digits; raises `BadRecordError`."""
    if not re.fullmatch(r"\+?[0-9]{1,9}", text, re.ASCII):
        raise BadRecordError(f"{what} {text[:40]!r} is no whole number from 0 to 999999999")
    return int(text)


def kind(value: object) -> str:
    """Return what a value of JSON is, in words."""
    names: Iterable[tuple[type, str]] = (
        (dict, "an object"), (list, "a list"), (str, "text"), (bool, "true or false"), (int, "a number"),
        (float, "a number"),
    )  # fmt: skip
    return next((name for cls, name in names if isinstance(value, cls)), "nothing")
