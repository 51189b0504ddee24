"""Chemical formulas of tables of energies: `NaCl`, `Ac6 U2`, `Mg(OH)2`."""

import re

from crystalbench.crystals.elements import NUMBERS

_TOKEN = re.compile(r"([A-Z][a-z]?)([\d.]*)|(\()|\)([\d.]*)|\s+")
_MAX_ATOMS = 10_000


def parse_formula(text: str) -> dict[int, int]:
    """Return the number of atoms of each element by atomic number.

    Raises
    ------
    ValueError
        With what is wrong, where the text is no formula of whole numbers.
    """
    stack: list[dict[int, int]] = [{}]
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"{text!r} is no formula: {text[position:][:10]!r} is not understood")
        symbol, number, opened, multiple = token.groups()
        if symbol:
            if symbol not in NUMBERS:
                raise ValueError(f"{text!r}: {symbol!r} is no element")
            _add(stack[-1], {NUMBERS[symbol]: 1}, number, text)
        elif opened:
            stack.append({})
        elif multiple is not None:
            if len(stack) == 1:
                raise ValueError(f"{text!r} closes a bracket that was not opened")
            inner = stack.pop()
            _add(stack[-1], inner, multiple, text)
        position = token.end()
    if len(stack) > 1:
        raise ValueError(f"{text!r} does not close a bracket")
    if not stack[0]:
        raise ValueError(f"{text!r} holds no element")
    return stack[0]


def _add(to: dict[int, int], part: dict[int, int], multiple: str, text: str) -> None:
    if not (multiple or "1").isdecimal():
        raise ValueError(f"{text!r} is no formula of whole numbers: {multiple!r}")
    times = int(multiple[:6] or 1)
    for z, number in part.items():
        to[z] = to.get(z, 0) + times * number
        if not 0 < to[z] <= _MAX_ATOMS:
            raise ValueError(f"{text!r}: numbers of atoms go from 1 to {_MAX_ATOMS:,}")
