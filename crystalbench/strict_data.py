"""Typed reading of parsed JSON or TOML from strangers: what is wrong is named with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import NoReturn, TypeVar

from crystalbench.errors import ReadError

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a parsed document and the place where it stands, such as ``table.json: rows[2].title``.

    Every method returns the value as one type and raises `ReadError` where it is another.
    """

    value: object
    file: str
    path: str = ""

    def fail(self, expected: str) -> NoReturn:
        """Raise the error that says what stands here and what was expected."""
        try:
            shown = repr(self.value)
        except RecursionError:  # tables of TOML may be nested deeper than Python can print
            shown = f"a nested {type(self.value).__name__}"
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise ReadError(f"{self.file}: {self.path or 'top level'} is {shown}; expected {expected}")

    def mapping(self) -> "dict[str, Node]":
        if not isinstance(self.value, dict):
            self.fail("a mapping")
        dot = "." if self.path else ""
        return {key: Node(item, self.file, f"{self.path}{dot}{key}") for key, item in self.value.items()}

    def record(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> "dict[str, Node]":
        """Return a mapping that has all ``required`` keys and no key besides them and ``optional``."""
        found = self.mapping()
        place = f"{self.file}: {self.path or 'top level'}"
        if absent := [key for key in required if key not in found]:
            raise ReadError(f"{place} lacks {', '.join(absent)}")
        if odd := [key for key in found if key not in required and key not in optional]:
            known = ", ".join(required + optional)
            raise ReadError(f"{place} has unknown key {', '.join(map(repr, odd))}; known: {known}")
        return found

    def sequence(self) -> "Iterator[Node]":
        if not isinstance(self.value, list):
            self.fail("a list")
        return (Node(item, self.file, f"{self.path}[{i}]") for i, item in enumerate(self.value))

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.fail("text")
        return self.value

    def texts(self) -> tuple[str, ...]:
        return tuple(item.text() for item in self.sequence())

    def flag(self) -> bool:
        return self.value if isinstance(self.value, bool) else self.fail("true or false")

    def count(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 0:
            self.fail("a whole number that is not negative")
        return self.value

    def number(self) -> float:
        if (
            not isinstance(self.value, int | float | Decimal)
            or isinstance(self.value, bool)
            or not isfinite(self.value)
        ):
            self.fail("a finite number")
        return float(self.value)

    def choice(self, options: type[E]) -> E:
        found = next((option for option in options if option == self.value), None)
        return self.fail(f"one of {', '.join(options)}") if found is None else found
