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

ATOMIC_WEIGHTS: tuple[float, ...] = tuple(
    map(
        float,
        """
        1.008 4.0026 6.94 9.0122 10.81 12.011 14.007 15.999 18.9984 20.1797 22.9898 24.305 26.9815 28.085
        30.9738 32.06 35.45 39.948 39.0983 40.078 44.9559 47.867 50.9415 51.9961 54.938 55.845 58.9332 58.6934
        63.546 65.38 69.723 72.63 74.9216 78.971 79.904 83.798 85.4678 87.62 88.9058 91.224 92.9064 95.95
        97.9072 101.07 102.9055 106.42 107.8682 112.414 114.818 118.71 121.76 127.6 126.9045 131.293 132.9055
        137.327 138.9055 140.116 140.9077 144.242 144.9128 150.36 151.964 157.25 158.9254 162.5 164.9303 167.259
        168.9342 173.054 174.9668 178.49 180.9479 183.84 186.207 190.23 192.217 195.084 196.9666 200.592 204.38
        207.2 208.9804 208.9824 209.9872 222.0176 223.0197 226.0254 227.0277 232.0377 231.0359 238.0289 237.0482
        244.0642 243.0614 247.0703 247.0703 251.0796 252.083 257.0951 258.0984 259.101 262.11 267.122 268.126
        271.134 270.133 269.1338 278.156 281.165 281.166 285.177 286.182 289.19 289.194 293.204 293.208 294.214
        """.split(),  # noqa: SIM905 - as above
    )
)
"""Standard atomic weights in the order of `ELEMENTS` (IUPAC: Meija et al. 2016, doi 10.1515/pac-2015-0305), four digits
behind the point; of elements without stable isotopes, the mass of one that lives long."""

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
