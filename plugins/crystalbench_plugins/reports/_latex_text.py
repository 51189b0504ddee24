r"""Text as LaTeX, and about how wide it is set."""

import re
import unicodedata
from itertools import accumulate
from textwrap import wrap

UNBROKEN = 20  # characters that stand in one line whatever they are
GREEK = frozenset("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ")  # those that are no Latin letter in shape
MATH = {
    "±": r"\pm", "×": r"\times", "·": r"\cdot", "≤": r"\leq", "≥": r"\geq", "≈": r"\approx", "∞": r"\infty",
    "→": r"\rightarrow", "↑": r"\uparrow", "↓": r"\downarrow", "†": r"\dagger", "‡": r"\ddagger", "µ": r"\mu",
    "−": "-", "°": r"^{\circ}",
}  # fmt: skip
TEXT = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    "[": "{[}", "*": "{*}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': "{''}", "`": r"\textasciigrave{}", "ß": r"\ss{}",
    "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ł": r"\l{}",
    "Ł": r"\L{}", "ı": r"\i{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''",
    "…": r"\dots{}", "\u00a0": "~",
}  # fmt: skip
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
LABEL_COMMANDS = frozenset({
    "mathrm", "mathbf", "mathit", "mathcal", "textrm", "textbf", "textit", "textsc", "emph", "AA", "alpha", "beta",
    "gamma", "delta", "epsilon", "mu", "sigma", "rho", "Delta", "Sigma", "Omega", "pm", "cdot", "times", "min",
    "max", "log", "sqrt", "frac", "bar", "hat", "tilde", "quad", "ell", "langle", "rangle", "geq", "leq",
})  # fmt: skip
WIDTHS = {  # of Computer Modern Roman, in em
    "ijl.,:;'!|[] ": 0.3, "frst()-I": 0.41, "mw%#@M": 0.86, "W": 1.03, "ABCDEFGHKLNOPQRTUVXYZ&": 0.77,
    "±→↑↓×≤≥≈∞−": 1.0,
}  # fmt: skip


def is_label(latex: str) -> bool:
    """Return whether a plugin's LaTeX label can be printed as it is; else the escaped title is printed.

    A table may come from a stranger's file. Allowed are commands for symbols and fonts, balanced braces and
    dollars, and no character that ends a cell, a line or the table.
    """
    commands = re.findall(r"\\([A-Za-z]+|.)", latex, flags=re.DOTALL)
    rest = re.sub(r"\\([A-Za-z]+|.)", "", latex, flags=re.DOTALL)
    depths = list(accumulate({"{": 1, "}": -1}.get(char, 0) for char in rest))
    text, math = rest.split("$")[::2], rest.split("$")[1::2]
    return (
        rest.isascii()
        and rest.isprintable()
        and all(name in LABEL_COMMANDS or name in ",;:! %&_#$" for name in commands)
        and min(depths, default=0) >= 0
        and sum(depths[-1:]) == 0
        and len(text) == len(math) + 1
        and not re.search(r"[&%#~\\]|\^\^", rest)
        and not any(re.search("[_^]", part) for part in text)
    )


def width(text: str) -> float:
    """Return about how wide plain text is set, in em of its own size."""
    return sum(_width(char) for char in text)


def _width(char: str) -> float:
    known = next((size for chars, size in WIDTHS.items() if char in chars), None)
    if known is not None:
        return known
    return 0.52 if char.isascii() else 0.52 * len(re.sub(r"\\[A-Za-z]+|[{}$]", "x", escape(char)))


def lines_of(text: str, characters: int) -> list[str]:
    """Break plain text into lines of so many characters; of fewer, where they are wide or set as code points."""
    for most in range(characters, 0, -1):
        lines = wrap(text, most)
        if all(width(line) <= 0.6 * characters for line in lines):
            return lines
    return list(text)


def width_of_label(latex: str) -> float:
    """Return about how wide a label is set: a command counts as an m."""
    return width(re.sub(r"[${}\\~^_]", "", re.sub(r"\\[A-Za-z]+", "m", latex)))


def escape(text: str) -> str:
    """Return text that any LaTeX engine prints as it is, with no package, and breaks into lines.

    Letters with accents are composed, Greek letters and some symbols are set as mathematics. A character that
    plain pdfLaTeX has no glyph for becomes its code point, ``[U+4E2D]``: neither an error nor nothing.
    """
    composed = "".join(_char(char) for char in unicodedata.normalize("NFC", _split_ligatures(_breakable(text))))
    return composed.replace("\0", "{}").replace("]{[}U+", "]\1{[}U+").replace("\1", r"\hspace{0pt}")


def _breakable(text: str) -> str:
    """Mark in long words, such as paths, where a line may end: after punctuation, else after `UNBROKEN` characters."""
    places = rf"([_/.:=,+-]|[^\x00-\x7f]|[^_/.:=,+\x80-\U0010ffff-]{{{UNBROKEN}}})(?=.)"
    return re.sub(rf"\S{{{UNBROKEN + 1},}}", lambda word: re.sub(places, "\\1\1", word[0]), text)


def _split_ligatures(text: str) -> str:
    """Put a mark between characters that TeX's fonts would join, as in ``--``; `plain` text has no such mark."""
    return re.sub(r"(?<=-)(?=-)|(?<=')(?=')", "\0", text)


def _char(char: str) -> str:
    if char in TEXT:
        return TEXT[char]
    if char in MATH:
        return f"${MATH[char]}$"
    if char in GREEK:
        name = unicodedata.name(char).split()[-1].replace("LAMDA", "LAMBDA")
        return rf"$\{name.lower() if char.islower() else name.capitalize()}$"
    if char.isascii():
        return char
    base, *accents = list(unicodedata.normalize("NFD", char))
    if len(accents) == 1 and base.isascii() and base.isalpha() and accents[0] in ACCENTS:
        dotless = {"i": r"\i", "j": r"\j"}.get(base, base) if accents[0] != "\u0327" else base
        return rf"\{ACCENTS[accents[0]]}{{{dotless}}}"
    return f"{{[}}U+{ord(char):04X}]"
