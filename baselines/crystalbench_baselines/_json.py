"""JSON of strangers: a tree whose values are found by their brackets, and decoded one crystal at a time.

A decoded file takes twenty times its size in memory, and one of a hundred million empty objects far more; so only what
is asked for is decoded. Text between the brackets that is no JSON is noticed where it is decoded.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from crystalbench import ReadError
from crystalbench_baselines import _limits
from crystalbench_baselines._documents import Document

MAX_BYTES = 2**28
"""Size of a file after decompression; 40,000 structures of 20 atoms. In lines, a file may be larger."""

_RUN = re.compile(
    rb"""
      (?: [^"\[\]{}]*+ (?: "[^"\\]*+(?:\\.[^"\\]*+)*+" | \[[^"\[\]{}]*+\] ) ){0,32}   # whole strings, lists of numbers
      [^"\[\]{}]*+ ([\[\]{}])?                                                         # and the next bracket
    """,
    re.DOTALL | re.VERBOSE,
)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SCALAR = re.compile(rb"[^\s,\[\]{}\":]+")
_BLANK = re.compile(rb"\s*")
_OPENING, _CLOSING = b"[{", b"]}"


class NoJsonError(ValueError):
    """The brackets of a text do not match, or what stands between them is no JSON."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value in a text: where it begins and ends."""

    text: bytes
    start: int
    end: int

    @property
    def is_object(self) -> bool:
        return self.text[self.start] == ord("{")

    @property
    def is_list(self) -> bool:
        return self.text[self.start] == ord("[")

    @property
    def is_null(self) -> bool:
        return self.text[self.start : self.end] == b"null"

    @property
    def is_json_in_text(self) -> bool:
        """Whether it is a text that begins as a JSON object does, as what was encoded twice."""
        return self.text[self.start : self.start + 2] == b'"{'

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the values of an object with their keys, or of a list with empty ones; nothing for other values."""
        if not (self.is_object or self.is_list):
            return
        text, at = self.text, _skip_blank(self.text, self.start + 1)
        last = self.end - 1
        count = 0
        while at < last:
            if (count := count + 1) > _limits.MAX_SAMPLES:
                raise NoJsonError(f"over {_limits.MAX_SAMPLES} values in one list; split the file")
            key = ""
            if self.is_object:
                match = _STRING.match(text, at)
                at = _skip_blank(text, match.end()) if match else at
                if match is None or text[at] != ord(":"):
                    raise NoJsonError(f"a key of an object was expected at byte {at}")
                key = str(_decoded(match[0], "a key"))
                at = _skip_blank(text, at + 1)
            child = value_at(text, at)
            yield key, child
            at = _skip_blank(text, child.end)
            if at < last and text[at] != ord(","):
                raise NoJsonError(f"a comma was expected at byte {at}")
            at = _skip_blank(text, at + 1) if at < last else at

    def get(self, *keys: str) -> "list[Node | None]":
        """Return the values of some keys of an object."""
        found = {key: child for key, child in self.children() if key in keys} if self.is_object else {}
        return [found.get(key) for key in keys]

    def value(self) -> object:
        """Return the decoded value; raises `NoJsonError`."""
        if self.end - self.start > _limits.MAX_MEMBER_BYTES:
            raise NoJsonError(f"{self.end - self.start} bytes for one crystal, the limit is {_limits.MAX_MEMBER_BYTES}")
        return _decoded(self.text[self.start : self.end], "it")


def _decoded(text: bytes, what: str) -> object:
    try:
        return json.loads(text.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError):  # a number of over 4,300 digits is a ValueError too
        raise NoJsonError(f"{what} is no JSON: {text[:40].decode(errors='replace')!r}") from None


def _skip_blank(text: bytes, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def value_at(text: bytes, at: int) -> Node:
    """Return the value that begins at a byte; raises `NoJsonError`."""
    opening = text[at : at + 1]
    if opening and opening in _OPENING:
        return Node(text, at, _end_of_container(text, at))
    match = (_STRING if opening == b'"' else _SCALAR).match(text, at)
    if match is None:
        raise NoJsonError(f"a value was expected at byte {at}")
    return Node(text, at, match.end())


def _end_of_container(text: bytes, start: int) -> int:
    depth, at = 1, start + 1
    while (match := _RUN.match(text, at)) and match.end() > at:
        at = match.end()
        if (bracket := match[1]) is None:
            continue
        depth += 1 if bracket in _OPENING else -1
        if not depth:
            return at
    raise NoJsonError(f"what begins at byte {start} does not end")


def in_lines(document: Document) -> bool:
    """Whether each line of a file is a value of its own, by its name."""
    return document.plain_name.endswith((".jsonl", ".ndjson"))


def is_json(name: str) -> bool:
    """Whether a file's name says that it is JSON."""
    return name.endswith((".json", ".jsonl", ".ndjson"))


def lines(document: Document) -> Iterator[tuple[int, Node | None]]:
    """Yield number and value of each line that is not empty; None for one that is no JSON."""
    for number, line in enumerate(document.lines(), 1):
        text = line.strip().encode()
        if not text:
            continue
        document.work(2 * _openings(text))
        try:
            node = value_at(text, 0)
            yield number, node if node.end == len(text) else None
        except NoJsonError:
            yield number, None


def _openings(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def values(document: Document) -> list[Node]:
    """Return the values of a file: one, or several where each stands in a line of its own.

    Raises
    ------
    ReadError
        If the brackets of the file do not match, or it is too large.
    """
    text = document.content(MAX_BYTES)
    document.work(4 * _openings(text) + text.count(b","))
    found: list[Node] = []
    at = _skip_blank(text, 0)
    try:
        while at < len(text) or not found:
            found.append(value_at(text, at))
            at = _skip_blank(text, found[-1].end)
            if len(found) > _limits.MAX_SAMPLES:
                raise ReadError(f"{document}: over {_limits.MAX_SAMPLES} values; split it")
    except NoJsonError as error:
        raise ReadError(f"{document}: no complete JSON ({error}); was the file copied completely?") from None
    return found
