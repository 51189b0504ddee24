"""A plain table of text and numbers, as reporters draw it beside the table of results: ranked materials, a funnel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Entry: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column: its title, unit, and the digits of its numbers behind the point."""

    title: str
    unit: str = ""
    digits: int = 3

    @property
    def text(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows under headings; ``notes`` say what the numbers rest on, and stand below."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if odd := next((row for row in self.rows if len(row) != len(self.headings)), None):
            raise ValueError(f"{len(self.headings)} headings and a row of {len(odd)}: {odd}")

    def texts(self) -> list[list[str]]:
        """The rows as text: "–" where there is nothing."""
        return [[shown(entry, head) for entry, head in zip(row, self.headings, strict=True)] for row in self.rows]

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers, which stand on the right."""
        return all(isinstance(row[column], int | float | None) for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Several listings under one title."""

    title: str
    listings: Sequence[Listing] = field(default_factory=tuple)


def shown(entry: Entry, heading: Heading) -> str:
    """An entry as text."""
    match entry:
        case None | "":
            return "–"
        case bool():
            return "yes" if entry else "no"
        case float():
            return f"{entry:.{heading.digits}f}"
        case int():
            return f"{entry:,}"
    return entry
