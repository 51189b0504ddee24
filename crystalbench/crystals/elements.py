"""Element symbols, plain and as other programs decorate them: one table for all labels and files.

Deuterium and tritium are hydrogen, and charges and spins are dropped: a protostructure knows elements only.
"""

import re

ELEMENTS: tuple[str, ...] = tuple(
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br
    Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er
    Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md
    No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og
    """.split()  # noqa: SIM905 - a list of 118 lines is no easier to read
)
"""Symbols of the elements by atomic number: ``ELEMENTS[z - 1]``."""

ISOTOPES = {"D": "H", "T": "H"}
"""Symbols of isotopes, and the element that they are."""

NUMBERS = {symbol: number for number, symbol in enumerate(ELEMENTS, 1)} | dict.fromkeys(ISOTOPES, 1)
"""Atomic number by symbol, isotopes included."""

CHARGE = r"(?:[0-9.]*[+-]|[+-]+[0-9.]*|\([0-9.]*[+-]\)|0\+?)"
"""A charge behind a symbol: ``3+``, ``2-``, ``+3``, ``--``, ``(3+)``, ``0.5+``, ``0``."""

_DECORATED = re.compile(rf"([A-Za-z]{{1,2}}){CHARGE}?(?:,[a-z]+=[^,]*)*")
_SHARES = re.compile(r"[A-Z][a-z]?|[0-9.]+|[\s+/,;:&()]")


class UnknownElementError(ValueError):
    """A symbol that is no element's."""


class MixedElementsError(UnknownElementError):
    """Several elements on one site, or a part of one: ``0.8Nb + 0.2Zr``."""


def element(text: str) -> str:
    """Return the element that a symbol means: ``Fe3+``, ``O2-``, ``CL``, ``D``, ``Fe3+,spin=-5``.

    Raises
    ------
    MixedElementsError
        If the text names shares of elements.
    UnknownElementError
        If it names none.
    """
    shown = text.strip()[:40]
    match = _DECORATED.fullmatch(shown)
    symbol = match[1].capitalize() if match else ""
    if symbol not in NUMBERS:
        if _is_mixture(shown):
            raise MixedElementsError(f"{shown!r} is a mixture of elements")
        raise UnknownElementError(f"{shown!r} is no element")
    return ISOTOPES.get(symbol, symbol)


def _is_mixture(text: str) -> bool:
    tokens = _SHARES.findall(text)
    symbols = [token for token in tokens if token[0].isalpha()]
    if "".join(tokens) != text or not symbols or any(symbol not in NUMBERS for symbol in symbols):
        return False
    separated = len(symbols) > 1 and any(token in "+/,;:&" for token in tokens)
    return separated or any("." in token for token in tokens)
