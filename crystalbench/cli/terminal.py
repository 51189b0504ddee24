"""The terminal that a command prints to: its width, and characters that its encoding lacks."""

import codecs
import os
import shutil
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


def width() -> int | None:
    """Return the characters in a line of the terminal, or of ``COLUMNS``; None where output goes to a file or pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else None
