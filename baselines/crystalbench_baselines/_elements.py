"""Element symbols and occupancies as other programs write them."""

import re

from crystalbench.crystals.protostructure import ELEMENTS

NUMBERS = {symbol: number for number, symbol in enumerate(ELEMENTS, 1)} | {"D": 1, "T": 1}
"""Atomic number by symbol; deuterium and tritium are hydrogen."""


class UnknownElementError(ValueError):
    """A symbol that is no element's."""


def atomic_number(symbol: str) -> int:
    """Return the atomic number for a symbol, which may carry a charge: ``Fe``, ``Fe3+``, ``O2-``, ``CL``."""
    match = re.fullmatch(r"([A-Za-z]+)(?:[0-9.]*[+-]|[+-][0-9.]*|0\+?)?", symbol.strip())
    number = NUMBERS.get(match[1].capitalize()) if match else None
    if number is None:
        raise UnknownElementError(f"{symbol.strip()[:20]!r} is no element")
    return number


def atomic_number_of_label(label: str) -> int:
    """Return the atomic number for the label of a site, such as ``Ti1`` or ``O2A``."""
    letters = re.match(r"[A-Za-z]*", label)
    name = letters[0] if letters else ""
    for symbol in (name[:2].capitalize(), name[:1].upper()):
        if symbol in NUMBERS:
            return NUMBERS[symbol]
    raise UnknownElementError(f"the site label {label[:20]!r} begins with no element")


def is_whole(occupancy: float) -> bool:
    """Return whether a site is occupied by one whole atom; NaN is not."""
    return abs(occupancy - 1) < 1e-3
