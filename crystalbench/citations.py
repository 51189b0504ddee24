"""What records cite: entries of BibTeX, their own or by the key of one that comes with crystalbench.

Read strictly: one kind, one key, fields in braces or quotes; no abbreviations, no concatenation, no ``@string``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from crystalbench.errors import PluginError, unknown_name
from crystalbench.version import __version__

_SPACE = re.compile(r"(?:\s|^%.*$)*", re.MULTILINE)
_HEAD = re.compile(r"@([A-Za-z]+)\s*\{\s*([^\s,{}\"#%'()=~\\@]+)\s*,\s*")
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\s*=\s*")
_END = re.compile(r"\s*(?:,\s*)?\}")
_COMMA = re.compile(r"\s*,\s*")
_YEAR = re.compile(r"[0-9]{4}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of BibTeX; names of fields are in lower case, values without their delimiters."""

    kind: str
    key: str
    fields: Mapping[str, str]

    def __str__(self) -> str:
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{self.key},\n{lines}}}"


def parse(text: str) -> tuple[Entry, ...]:
    """Read entries, and lines that begin with ``%`` between them; raises `ValueError` with the line and the fault."""
    found = []
    place = _skip(text, 0)
    while place < len(text):
        if not (head := _HEAD.match(text, place)):
            raise _fault(text, place, "expected @kind{key, and then fields")
        fields, place = _fields(text, head.end())
        lacking = [name for name in ("title", "author", "year") if not fields.get(name)]
        if lacking:
            raise _fault(text, head.start(), f"{head[2]} has no {' and no '.join(lacking)}")
        if not _YEAR.fullmatch(fields["year"]):
            raise _fault(text, head.start(), f"{head[2]}: {fields['year']!r} is no year")
        found.append(Entry(head[1].lower(), head[2], fields))
        place = _skip(text, place)
    return tuple(found)


def cited(cite: Iterable[str]) -> tuple[Entry, ...]:
    """Return what a record's ``cite`` means.

    Raises
    ------
    PluginError
        An item is neither one entry of BibTeX nor the key of one that comes with crystalbench.
    """
    found = []
    for item in cite:
        if item.lstrip().startswith("@"):
            try:
                (entry,) = parse(item)
            except ValueError as error:
                raise PluginError(f"no entry of BibTeX: {error}") from error
        elif item in _known():
            entry = _known()[item]
        else:
            raise PluginError(str(unknown_name("reference", item, _known())))
        found.append(entry)
    return tuple(found)


def own(version: str = __version__) -> Entry:
    """The entry of crystalbench itself; CITATION.cff says the same."""
    title = "crystalbench: compares generators of crystal structures"
    fields = {"author": "{The crystalbench developers}", "title": title, "note": f"Version {version}", "year": "2026"}
    return Entry("misc", "crystalbench", fields)


@cache
def _known() -> Mapping[str, Entry]:
    text = files("crystalbench").joinpath("references.bib").read_text(encoding="utf-8")
    return {entry.key: entry for entry in parse(text)}


def _fields(text: str, place: int) -> tuple[dict[str, str], int]:
    """Read fields up to the brace that ends the entry; returns them and the place after it."""
    fields: dict[str, str] = {}
    while True:
        if not (name := _NAME.match(text, place)):
            raise _fault(text, place, "expected name = {value}")
        value, place = _value(text, name.end())
        if (key := name[1].lower()) in fields:
            raise _fault(text, name.start(), f"{key} is given twice")
        fields[key] = " ".join(value.split())
        if end := _END.match(text, place):
            return fields, end.end()
        if not (comma := _COMMA.match(text, place)):
            raise _fault(text, place, "expected a comma or the brace that ends the entry")
        place = comma.end()


def _value(text: str, start: int) -> tuple[str, int]:
    """Read a value in braces or quotes, or a number; as in BibTeX a backslash hides no brace."""
    if number := re.compile(r"[0-9]+").match(text, start):
        return number[0], number.end()
    if start >= len(text) or text[start] not in '{"':
        raise _fault(text, start, "expected a value in braces or quotes")
    quoted = text[start] == '"'
    depth = 0
    for place in range(start + 1, len(text)):
        character = text[place]
        if depth == 0 and character == ('"' if quoted else "}"):
            return text[start + 1 : place], place + 1
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            break
    raise _fault(text, start, "braces do not match")


def _skip(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _fault(text: str, place: int, problem: str) -> ValueError:
    return ValueError(f"line {text.count(chr(10), 0, place) + 1}: {problem}")
