"""Output on terminals whose encoding lacks a character: it is replaced, and nothing is raised."""

import codecs
import sys
from io import TextIOWrapper

ALIKE = str.maketrans({"↑": "^", "↓": "v", "→": ">", "–": "-", "—": "-", "−": "-", "×": "x", "≥": ">", "≤": "<",
                       "†": "+", "‡": "#", "±": "~", "…": ".", "’": "'", "“": '"', "”": '"', "█": "#"})  # fmt: skip
"""One character for one, so that the columns of a table stay in line."""

_HANDLER = "crystalbench-alike"


def replace_what_is_lacking() -> None:
    """Have standard output and standard error write a character that looks alike, or "?", for one that they lack."""
    codecs.register_error(_HANDLER, _alike)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _alike(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(ALIKE)
    return "".join(c if c.isascii() else "?" for c in lacking), error.end
