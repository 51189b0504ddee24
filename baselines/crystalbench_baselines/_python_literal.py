"""Dicts as Python prints them, in the cells of tables (``{'lattice': {'matrix': [[4.1, ...``), read as plain data.

The text is spelt as JSON, token by token, and read as that: linear, nothing is evaluated, and there is no nesting
that could exhaust Python's own parser. JSON itself passes through unchanged.
"""

import json
import re

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<single>'[^'\\]*(?:\\.[^'\\]*)*')
    | (?P<double>"[^"\\]*(?:\\.[^"\\]*)*")
    | (?P<call>(?:np|numpy)\.[a-z]+[0-9_]*\(|array\()              # np.float64(4.1), array([...])
    | (?P<dtype>,\s*dtype=[a-z0-9]+)
    | (?P<word>[A-Za-z]+)
    | (?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
    | (?P<mark>[\[\]{}(),:-])
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {
    "True": "true", "False": "false", "None": "null", "nan": "NaN", "inf": "Infinity", "true": "true", "false": "false",
    "null": "null", "NaN": "NaN", "Infinity": "Infinity",
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))|\"", re.DOTALL)


class LiteralError(ValueError):
    """Text that is no dict or list of plain values."""


def parse(text: str) -> object:
    """Return the value of a literal; raises `LiteralError`."""
    try:
        return json.loads(" ".join(_as_json(text)))
    except (ValueError, RecursionError):
        raise LiteralError(f"{text[:40]!r} is no dict of plain values") from None


def _as_json(text: str) -> list[str]:
    written: list[str] = []
    closing: list[str] = []  # what ends each bracket that is open; "" for a call, whose brackets go
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise LiteralError(f"{text[at : at + 20]!r}")
        at = match.end()
        kind, token = match.lastgroup, match[0]
        if kind == "single":
            written.append(f'"{_ESCAPE.sub(_escaped, token[1:-1])}"')
        elif kind == "word":
            written.append(_WORDS.get(token, token))  # another word is no JSON, and refused as that
        elif kind == "number":
            written.append(_number(token))
        elif kind == "call":
            closing.append("")
        elif kind == "mark":
            mark = _mark(token, closing)
            if mark in ("]", "}") and written and written[-1] == ",":  # Python allows a comma at the end
                written.pop()
            written.append(mark)
        elif kind == "double":
            written.append(token)
    return written


def _mark(mark: str, closing: list[str]) -> str:
    if mark == "(":
        closing.append("]")
        return "["
    if mark == ")":
        return closing.pop() if closing else mark
    return mark


def _number(token: str) -> str:
    """Python prints ``1.`` and ``+1``, and JSON has neither."""
    sign = "-" if token.startswith("-") else ""
    whole, dot, rest = token.lstrip("+-").partition(".")
    if not dot:
        return sign + whole
    digits = rest if rest[:1].isdigit() else f"0{rest}"
    return f"{sign}{whole or '0'}.{digits}"


def _escaped(match: re.Match[str]) -> str:
    if match[0] == '"':
        return '\\"'
    if match[1]:
        return f"\\u00{match[1]}"
    return match[2] if match[2] == "'" else match[0]
