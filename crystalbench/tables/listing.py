"""A plain table of text and numbers, as reporters draw it beside the table of results: ranked materials, a funnel."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from typing import TypeAlias

from crystalbench.errors import ConfigError, unknown_name
from crystalbench.tables.distribution import Distribution

Entry: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A column: its title, unit, and the digits of its numbers behind the point.

    ``key`` is what it is asked for by; text and LaTeX show it unasked where ``default`` is set.
    """

    key: str
    title: str
    unit: str = ""
    digits: int = 3
    default: bool = True

    @property
    def text(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A crystal that a reader can look at: cell (9 numbers, Å), atomic numbers (n), fractional coordinates (3n)."""

    cell: tuple[float, ...]
    numbers: tuple[int, ...]
    coordinates: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows under headings; ``notes`` say what the numbers rest on, and stand below.

    Attributes
    ----------
    most
        Text shows so many rows; None for all.
    crystals
        One for each row, where rows are of crystals.
    """

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...] = ()
    most: int | None = None
    crystals: tuple[Drawn | None, ...] = ()

    def __post_init__(self) -> None:
        if odd := next((row for row in self.rows if len(row) != len(self.headings)), None):
            raise ValueError(f"{len(self.headings)} headings and a row of {len(odd)}: {odd}")
        if self.crystals and len(self.crystals) != len(self.rows):
            raise ValueError(f"{len(self.crystals)} crystals of {len(self.rows)} rows")

    def texts(self) -> list[list[str]]:
        """The rows as text: "–" where there is nothing."""
        return [[shown(entry, head) for entry, head in zip(row, self.headings, strict=True)] for row in self.rows]

    def numeric(self, column: int) -> bool:
        """Whether a column holds numbers, which stand on the right."""
        return all(isinstance(row[column], int | float | None) for row in self.rows)

    def brief(self) -> "Listing":
        """Return what is shown unasked: the default columns, and the first rows."""
        kept = [i for i, heading in enumerate(self.headings) if heading.default]
        cut = self.most is not None and len(self.rows) > self.most
        return replace(
            self,
            title=f"{self.title}, {self.most:,} of {len(self.rows):,}" if cut else self.title,
            headings=tuple(self.headings[i] for i in kept),
            rows=tuple(tuple(row[i] for i in kept) for row in self.rows[: self.most]),
            crystals=self.crystals[: self.most],
        )

    def of_columns(self, keys: Sequence[str]) -> "Listing":
        """Return the columns of these keys alone, in this order; raises `ConfigError` for another name."""
        at = [self._column(key) for key in keys]
        headings = tuple(replace(self.headings[i], default=True) for i in at)
        return replace(self, headings=headings, rows=tuple(tuple(row[i] for i in at) for row in self.rows))

    def sorted(self, key: str) -> "Listing":
        """Return the rows by a column, the smallest first, or with a hyphen before it the largest; nothing goes last.

        Raises
        ------
        ConfigError
            There is no such column.
        """
        column, turned = self._column(key.removeprefix("-")), key.startswith("-")
        words = not self.numeric(column)
        there = [i for i, row in enumerate(self.rows) if not _nothing(row[column])]
        order = sorted(there, key=lambda i: _rank(self.rows[i][column], words), reverse=turned)
        order += [i for i, row in enumerate(self.rows) if _nothing(row[column])]
        crystals = tuple(self.crystals[i] for i in order) if self.crystals else ()
        return replace(self, rows=tuple(self.rows[i] for i in order), crystals=crystals)

    def _column(self, key: str) -> int:
        keys = [heading.key for heading in self.headings]
        if key not in keys:
            raise unknown_name("column", key, keys)
        return keys.index(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Several listings under one title, with charts; the first listing is what the page is about.

    Text is folded to ``width`` characters, a wish of who reads it that no file keeps; None for as many as it takes.
    """

    title: str
    listings: Sequence[Listing] = field(default_factory=tuple)
    charts: tuple["Chart", ...] = ()
    scatters: tuple["Scatter", ...] = ()
    width: int | None = None

    def brief(self) -> "Page":
        """Return what is shown unasked of every listing."""
        return replace(self, listings=tuple(listing.brief() for listing in self.listings))

    def view(self, columns: Sequence[str], sort: str, title: str) -> "Page":
        """Return the page with other columns or another order of its first listing, or another title.

        Raises
        ------
        ConfigError
            There is no such column, or no listing.
        """
        if not self.listings:
            raise ConfigError(f"{self.title}: holds no table")
        first, *others = self.listings
        first = first.sorted(sort) if sort else first
        first = first.of_columns(columns) if columns else first
        return replace(self, title=title or self.title, listings=(first, *others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Histograms on one axis."""

    title: str
    unit: str
    series: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """One quantity by two sources, a point (across, upward) for each thing; values up to ``limit`` are good ones."""

    title: str
    across: str
    upward: str
    limit: float
    points: tuple[tuple[float, float], ...]


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


def _nothing(entry: Entry) -> bool:
    return entry is None or entry == "" or (isinstance(entry, float) and isnan(entry))


def _rank(entry: Entry, words: bool) -> tuple[float, str]:
    return (0.0, str(entry)) if words or not isinstance(entry, int | float) else (float(entry), "")
