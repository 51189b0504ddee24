"""The grammar of CIF: text to data blocks.

A part that is damaged (a short loop, a tag twice with two values, a tag without a value, a quotation that does not end)
is kept with what is wrong with it, and refuses the crystal only if the crystal needs it. Every text costs linear time.

DDL2 spellings (``_space_group.name_H-M_alt``) differ from DDL1 (``_space_group_name_H-M_alt``) by a dot for an
underscore; tags are kept in lower case with underscores.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crystalbench import InvalidReason

UNKNOWN = ("?", ".", "")

MAX_TOKENS = 500_000
"""Tags and values in one data block."""

_TOKEN = re.compile(
    r"""
      ^;(?P<field>.*?)(?:^;|\Z)              # text field: from a semicolon that begins a line to the next one
    | (?P<comment>\#[^\n]*)
    | '(?P<single>[^\n]*?)'(?=\s|\Z)
    | "(?P<double>[^\n]*?)"(?=\s|\Z)
    | (?P<open>['"][^\n]*)                    # no end in its line: the value keeps its quotation mark
    | (?P<bare>\S+)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_NUMBER = re.compile(
    r"([-+]?(?:[0-9]+\.?([0-9]*)|\.([0-9]+))(?:[eE][-+]?[0-9]+)?|[-+]?(?:nan|inf))(?:\([0-9]+\))?", re.I
)


class CifError(ValueError):
    """A text that is no CIF file, or one that contradicts itself."""

    def __init__(self, message: str, reason: InvalidReason = InvalidReason.UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


def contradiction(message: str) -> CifError:
    """Return the error of a file that says two things."""
    return CifError(message, InvalidReason.CONTRADICTION)


@dataclass(slots=True)
class Block:
    """One data block.

    Attributes
    ----------
    columns
        Values by tag; a tag outside loops has one.
    damaged
        What is wrong with a tag, by tag.
    """

    name: str
    columns: dict[str, list[str]] = field(default_factory=dict)
    damaged: dict[str, CifError] = field(default_factory=dict)

    def __contains__(self, tag: str) -> bool:
        return tag in self.columns or tag in self.damaged

    def column(self, *tags: str) -> list[str]:
        """Return the values of the first of the tags that is there, or an empty list.

        Raises
        ------
        CifError
            If that part of the file is damaged.
        """
        for tag in tags:
            if tag in self.damaged:
                raise self.damaged[tag]
            if tag in self.columns:
                return self.columns[tag]
        return []

    def value(self, tag: str) -> str:
        """Return the one value of a tag, in a loop or not; empty where it is missing or unknown.

        Raises
        ------
        CifError
            If there are several, or that part of the file is damaged.
        """
        values = {value.strip() for value in self.column(tag)}.difference(UNKNOWN)
        if len(values) > 1:
            raise CifError(f"{tag} has {len(values)} values, among them {shown(sorted(values)[:2])}")
        return values.pop() if values else ""

    def optional(self, tag: str) -> str:
        """Return `value`, or nothing where that part of the file is damaged."""
        try:
            return self.value(tag)
        except CifError:
            return ""

    def put(self, tag: str, values: list[str]) -> None:
        """Add the values of a tag; if it has others already, the tag is damaged."""
        before = self.columns.get(tag)
        if not before:
            self.columns[tag] = values
        elif tag not in self.damaged and not _same(before, values):
            self.damaged[tag] = contradiction(f"{tag} is given twice, as {shown(before[:2])} and {shown(values[:2])}")


def shown(values: list[str]) -> str:
    """Return values for a message."""
    return " ".join(repr(value.strip()[:20]) for value in values)


def _same(one: list[str], other: list[str]) -> bool:
    if one == other:
        return True
    try:
        pairs = [(number(a)[0], number(b)[0]) for a, b in zip(one, other, strict=True)]
    except ValueError:
        return False
    return all(abs(a - b) <= 1e-4 * abs(a) for a, b in pairs)


def number(text: str, tag: str = "a value") -> tuple[float, int]:
    """Return a number and how many decimals it is written with.

    Raises
    ------
    CifError
        If it is none.
    """
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        what = f"is {text.strip()[:20]!r}, not a number" if text.strip() else "is missing"
        raise CifError(f"{tag} {what}")
    return float(match[1]), len(match[2] or match[3] or "")


def blocks(text: str) -> Iterator[Block]:
    """Yield the data blocks of a text, each when it is complete.

    Raises
    ------
    CifError
        If a tag or loop comes before the first ``data_``, or a block is too large.
    """
    found: Block | None = None
    part = _Part()
    since = 0
    for place, (token, quoted) in enumerate(_tokens(text)):
        if place - since > MAX_TOKENS:
            raise CifError(
                f"a data block of over {MAX_TOKENS} tags and values, the limit; leave out what is no crystal"
            )
        first = "" if quoted else token[0]
        if first == "_":
            if found is None:
                raise CifError(f"it does not begin with data_ but with {token[:20]!r}")
            if not part.looped or part.values:
                part.into(found)
            part.tags.append(token.lower().replace(".", "_"))
            continue
        lower = token.lower() if first in _KEYWORD_INITIALS else ""
        if lower == "loop_":
            part.into(found)
            part.looped = True
        elif lower.startswith(_HEADINGS):
            part.into(found)
            if lower.startswith("data_"):
                if found is not None:
                    yield found
                found = Block(token[5:])
                since = place
        else:
            part.values.append(token)
    part.into(found)
    if found is not None:
        yield found


_KEYWORD_INITIALS = frozenset("dDlLsSgG")
_HEADINGS = ("data_", "save_", "global_", "stop_")


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each token, and whether it was quoted."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "comment":
            yield match[kind], kind != "bare"


@dataclass(slots=True)
class _Part:
    """What stands between two keywords: a tag and its value, or a loop."""

    tags: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    looped: bool = False

    def into(self, block: Block | None) -> None:
        """Give what has come together to a block, and begin anew.

        Several values of one tag are one that lacks its quotation marks (``P 4/n m m``); values without any tag are
        nobody's.
        """
        tags, values, looped = self.tags, self.values, self.looped
        self.tags, self.values, self.looped = [], [], False
        if not tags or block is None:
            return
        if not looped:
            if values:
                block.put(tags[0], [" ".join(values)] if len(values) > 1 else values)
            else:
                block.damaged[tags[0]] = CifError(f"{tags[0]} has no value")
        elif len(values) % len(tags) or len(set(tags)) < len(tags):
            error = CifError(f"a loop of {len(tags)} tags ({', '.join(tags)[:60]}) with {len(values)} values")
            block.damaged.update(dict.fromkeys(tags, error))
        else:
            for k, tag in enumerate(tags):
                block.put(tag, values[k :: len(tags)])
