"""Where the crystals of a JSON file stand: alone, in lists, by name, in tables of pandas, in answers of a server.

A file says nothing of its layout, so it is told by where crystals are. What stands beside them is metadata, and no
sample; but an entry *among* them that is none is a sample that failed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crystalbench import ReadError, SettingError
from crystalbench.errors import unknown_name
from crystalbench_baselines import _json
from crystalbench_baselines._documents import Document
from crystalbench_baselines._json import Node, NoJsonError

IsCrystal = Callable[[Node], bool]
"""Whether a value of the file is one crystal."""

_MAX_DEPTH = 5
_WITHIN_RECORD = 3
_FIRST_CHOICE = "structure"


@dataclass(frozen=True, slots=True)
class Entry:
    """A sample: its place, and its value; None for a record without a crystal."""

    place: str
    node: Node | None


class Layout:
    """Finds the crystals of one file.

    Parameters
    ----------
    is_crystal
        Whether a value is a crystal.
    what
        Plural of what is looked for, for messages.
    key
        Which value of a record is meant, where it holds several; "" for the only one.
    """

    def __init__(self, document: Document, is_crystal: IsCrystal, what: str, key: str = "") -> None:
        self._document, self._is_crystal, self._what, self._key = document, is_crystal, what, key
        self._crystals: dict[int, Node | None] = {}  # by the place of a record
        self._holding: dict[tuple[int, int], bool] = {}  # by place and depth, of large values
        self._looked_at = 0
        self._in_text = False  # a value is a text that looks like JSON itself

    def entries(self) -> Iterator[Entry]:
        """Yield the samples of the file in its order.

        Raises
        ------
        ReadError
            If there is no crystal in it, or it cannot be told which of several are meant.
        """
        try:
            if _json.in_lines(self._document):
                yield from self._lines()
                return
            found = _json.values(self._document)
            if len(found) > 1:
                yield from self._list(found, "line", 0)
            else:
                yield from self._below(found[0], "", 0)
        except NoJsonError as error:
            raise ReadError(f"{self._document}: no complete JSON ({error})") from None

    def _lines(self) -> Iterator[Entry]:
        """Entries of a file of lines, which is not kept: what precedes the first crystal waits for it."""
        waiting: list[tuple[str, Node | None]] = []
        keys: set[str] = set()
        for number, node in _json.lines(self._document):
            self._crystals.clear()
            self._holding.clear()
            crystal = self._crystal(node) if node is not None else None
            if crystal is None and not keys:
                waiting.append((f"line {number}", node))
                if len(waiting) > _EARLY:
                    break
                continue
            if not keys and node is not None:
                keys = self._keys(node)
                for where, early in waiting:
                    yield self._failed(early, keys, where)
            where = f"line {number}"
            yield Entry(self._place(where), crystal) if crystal is not None else self._failed(node, keys, where)
        if not keys:
            self._refuse()

    def _below(self, node: Node, place: str, depth: int) -> Iterator[Entry]:
        if (crystal := self._crystal(node)) is not None:
            yield Entry(self._place(place or "the file"), crystal)
        elif node.is_list and self._holds(node, depth):
            yield from self._list([child for _, child in node.children()], f"{place} entry".strip(), depth)
        elif node.is_object and self._holds(node, depth):
            yield from self._object(node, place, depth)
        else:
            self._refuse()

    def _list(self, nodes: list[Node], place: str, depth: int) -> Iterator[Entry]:
        like = next((node for node in nodes if self._holds(node, depth + 1)), None)
        if like is None:
            self._refuse()
            return
        keys = self._keys(like)
        for number, node in enumerate(nodes, 1):
            where = f"{place} {number}"
            if (crystal := self._crystal(node)) is not None:
                yield Entry(self._place(where), crystal)
            elif not self._holds(node, depth + 1):
                yield self._failed(node, keys, where)
            elif node.is_list:
                yield from self._row([cell for _, cell in node.children()], where, depth + 1)
            else:
                yield from self._below(node, where, depth + 1)

    def _row(self, cells: list[Node], place: str, depth: int) -> Iterator[Entry]:
        """Entries of a list in a list: a batch of crystals, or a row of a table with one among its numbers."""
        holding = [cell for cell in cells if self._holds(cell, depth + 1)]
        if len(holding) > 1 and len(holding) < len([cell for cell in cells if not cell.is_null]):
            raise ReadError(
                f"{self._document}: {place} of the table holds {len(holding)} crystals; write a table with one of them"
            )
        if len(holding) > 1:
            yield from self._list(cells, place, depth)
            return
        yield from self._below(holding[0], place, depth + 1)

    def _object(self, node: Node, place: str, depth: int) -> Iterator[Entry]:
        children = list(node.children())
        holding = {key for key, child in children if self._holds(child, depth + 1)}
        if columns := [key for key in holding if _COLUMN.search(key.lower()) and _is_role(key)]:
            chosen = self._choose(columns)
            column = next(child for key, child in children if key == chosen)
            yield from self._column(column, place, depth)
            return
        patterns = {_pattern(key) for key in holding}
        by_name = any(self._crystal(child) is not None for _, child in children)
        for key, child in children:
            where = f"{place} {key!r}".strip()
            if key in holding:
                yield from self._below(child, where, depth + 1)
            elif by_name and (_is_failed(key, child) or _pattern(key) in patterns):
                yield Entry(self._place(where), None)

    def _column(self, column: Node, place: str, depth: int) -> Iterator[Entry]:
        """Entries of a column of a table, by row: whatever is no crystal in it is a sample that failed."""
        for number, (key, child) in enumerate(column.children(), 1):
            where = f"{place} entry {key or number}".strip()
            if self._crystal(child) is None and self._holds(child, depth + 1):
                yield from self._below(child, where, depth + 1)
            else:
                yield Entry(self._place(where), self._crystal(child))

    def _failed(self, node: Node | None, keys: set[str], where: str) -> Entry:
        """Return the sample that an entry without a crystal is; refuse what may describe the others instead."""
        own = self._keys(node) if node is not None else set()
        if own and keys and not own & keys:
            raise ReadError(
                f"{self._document}: {where}, with {', '.join(sorted(own))[:200]}, is unlike the others; remove it if "
                "it describes the file, or write null if it is a crystal that failed"
            )
        return Entry(self._place(where), None)

    def _keys(self, node: Node) -> set[str]:
        return {key for key, _ in node.children()} if node.is_object else set()

    def _holds(self, node: Node, depth: int) -> bool:
        """Whether there is a crystal in a value."""
        if not (node.is_object or node.is_list):
            self._in_text |= node.is_json_in_text
            return False
        if (known := self._holding.get((node.start, depth))) is not None:
            return known
        self._looked_at += 1
        if self._looked_at > _MAX_LOOKED_AT:
            raise ReadError(f"{self._document}: over {_MAX_LOOKED_AT} values beside crystals; write the crystals alone")
        found = self._crystal(node) is not None or (
            depth < _MAX_DEPTH and any(self._holds(child, depth + 1) for _, child in node.children())
        )
        if node.end - node.start > _LARGE:
            self._holding[node.start, depth] = found
        return found

    def _crystal(self, node: Node) -> Node | None:
        """Return the crystal of a record: the value itself, or the one that a key names."""
        if not node.is_object:
            return None
        if node.start not in self._crystals:
            self._crystals[node.start] = self._in_record(node, 0)
        return self._crystals[node.start]

    def _in_record(self, node: Node, within: int) -> Node | None:
        if self._is_crystal(node):
            return node
        if not node.is_object or within >= _WITHIN_RECORD:
            return None
        roles = [(key, child) for key, child in node.children() if _is_role(key)]
        found = {key: crystal for key, child in roles if (crystal := self._in_record(child, within + 1)) is not None}
        return found[self._choose(list(found))] if found else None

    def _choose(self, keys: list[str]) -> str:
        if self._key:
            if self._key not in keys:
                raise unknown_name("key", self._key, keys)
            return self._key
        if len(keys) == 1:
            return keys[0]
        if _FIRST_CHOICE in keys:
            return _FIRST_CHOICE
        names = sorted(keys)
        raise SettingError(f"{self._document}: a record holds several crystals ({', '.join(names)})", "key", names[0])

    def _place(self, where: str) -> str:
        return self._document.place(where)

    def _refuse(self) -> None:
        told = "; it holds JSON as text inside JSON: decode each value by json.loads before you write the file"
        raise ReadError(f"{self._document}: no {self._what} in it{told if self._in_text else ''}")


_EARLY = 1000  # lines before the first crystal
_MAX_LOOKED_AT = 5_000_000
_LARGE = 1000  # bytes of a value of which it is remembered whether there is a crystal in it
_COLUMN = re.compile("structure|crystal|entry|cse")
_ROLE = re.compile(r"structure|^(?:crystals?|entry|input|output|initial|final|relaxed|unrelaxed|cse)$")


def _is_role(key: str) -> bool:
    """Whether a key says what a crystal is to a record, rather than naming the crystal."""
    return _ROLE.search(key.lower()) is not None and not any(character.isdigit() for character in key)


_DESCRIPTIONS = {"meta", "metadata", "info", "error", "errors", "warnings", "version", "@version", "comment", "config"}


def _is_failed(key: str, node: Node) -> bool:
    """Whether a value among crystals by name is one that failed, rather than a description of them."""
    if key.lower() in _DESCRIPTIONS:
        return False
    return node.is_null or (node.is_object and any(part in ("lattice", "sites") for part, _ in node.children()))


def _pattern(key: str) -> str:
    return re.sub("[0-9]+", "0", key)
