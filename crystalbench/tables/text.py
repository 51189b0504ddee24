"""Text of strangers, made fit to be printed."""

import unicodedata


def plain(text: str) -> str:
    """Return the text on one line; characters that control the display, or are none, become U+FFFD."""
    line = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs"} else char for char in line)
