"""Numbers printed in papers, as `published` rows: shown beside measured ones, never compared with them.

The files are ``results/published/*.toml`` of the source tree, packaged as ``crystalbench/published``.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

from crystalbench.errors import ReadError
from crystalbench.strict_data import Node
from crystalbench.tables.results import Cell, Missing, Row, RowKind

SCHEMA_VERSION = 1
UNREADABLE = Missing("left out: the printed number could not be read with certainty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The paper that numbers are printed in."""

    short: str
    title: str
    authors: str
    venue: str
    arxiv: str

    def cite(self, places: str) -> str:
        """Return one line that leads a reader to the numbers."""
        return f"{self.short}, “{self.title}”, {self.venue}, arXiv:{self.arxiv}: {places}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRow:
    """One generator in one printed table.

    Attributes
    ----------
    values
        (mean, standard deviation or None) by metric, with the digits that were printed; a metric printed in percent is
        a fraction here.
    marks
        What the footnote marks of the paper (``*``) say about this row, spelt out.
    omitted
        Metrics that the table has but whose number could not be read with certainty.
    """

    generator: str
    title: str
    values: Mapping[str, tuple[Decimal, Decimal | None]]
    marks: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One table of a paper.

    Attributes
    ----------
    datasets
        Names of the datasets beside whose measured rows these may stand; ``caveat`` says how they differ.
    units
        Unit of each metric as printed; ``values`` of a row in "%" are fractions nevertheless.
    samples, replicas
        None where the paper does not state them.
    """

    source: Source
    name: str
    datasets: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    units: Mapping[str, str] = field(default_factory=dict)
    samples: int | None = None
    replicas: int | None = None
    caveat: str = ""


def published_folder() -> Path:
    """Return the folder of the files: inside an installed package, else in the checkout of this module.

    Raises
    ------
    ReadError
        Neither exists: the installation is damaged.
    """
    here = Path(__file__).parents[1]
    places = (here / "published", here.parent / "results" / "published")
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise ReadError(f"no published numbers in {places[0]} or {places[1]}; install crystalbench again")
    return folder


def load_published(folder: Path | None = None) -> tuple[PublishedTable, ...]:
    """Read every file of the folder (the packaged one by default), in the order of file names.

    Raises
    ------
    ReadError
        A file that is no TOML, or a key or value in it that is absent, unknown or of the wrong type.
    """
    return _load(folder or published_folder())


@cache
def _load(folder: Path) -> tuple[PublishedTable, ...]:
    return tuple(table for path in sorted(folder.glob("*.toml")) for table in _read(path))


def rows(dataset: str, folder: Path | None = None) -> tuple[Row, ...]:
    """Return the published rows of one dataset: one for each generator and paper, its tables joined.

    The notes of a row give its source, then what the numbers depend on, then what the paper's marks say. The first two
    are those of all tables of the paper that the dataset has, and so the same in every row.
    """
    tables: dict[Source, list[PublishedTable]] = {}
    joined: dict[tuple[Source, str], list[tuple[PublishedTable, PublishedRow]]] = {}
    for table in load_published(folder):
        if dataset in table.datasets:
            tables.setdefault(table.source, []).append(table)
            for row in table.rows:
                joined.setdefault((table.source, row.generator), []).append((table, row))
    return tuple(_join(parts, tables[source]) for (source, _), parts in joined.items())


def _join(parts: list[tuple[PublishedTable, PublishedRow]], tables: list[PublishedTable]) -> Row:
    first = parts[0][1]
    cells = {metric: Cell(published=pair) for _, row in parts for metric, pair in row.values.items()}
    cells |= {metric: Cell(outcomes=(UNREADABLE,)) for _, row in parts for metric in row.omitted}
    notes = (
        tables[0].source.cite(", ".join(table.name for table in tables)),
        *(f"{table.name}: {table.caveat}" for table in tables if table.caveat),
        *(mark for _, row in parts for mark in row.marks),
    )
    return Row(
        generator=first.generator,
        title=first.title,
        kind=RowKind.PUBLISHED,
        replicas=max((table.replicas or 1 for table, _ in parts), default=1),
        notes=notes,
        cells=cells,
    )


def _read(path: Path) -> Iterator[PublishedTable]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError, OSError) as error:
        raise ReadError(f"{path}: not a TOML file of published numbers: {error}") from error
    top = Node(data, str(path)).record(("schema_version", "source", "table"))
    if top["schema_version"].value != SCHEMA_VERSION:
        top["schema_version"].fail(f"{SCHEMA_VERSION}, the only version that this crystalbench reads")
    source = _source(top["source"])
    printed: set[tuple[str, str, str]] = set()
    for node in top["table"].sequence():
        table = _table(node, source)
        for row in table.rows:
            for metric in (*row.values, *row.omitted):
                keys = {(dataset, row.generator, metric) for dataset in table.datasets}
                if keys & printed:
                    raise ReadError(f"{path}: {node.path} gives {metric} of {row.generator} a second time")
                printed |= keys
        yield table


def _source(node: Node) -> Source:
    record = node.record(("short", "title", "authors", "venue", "arxiv"))
    return Source(**{key: item.text() for key, item in record.items()})


def _table(node: Node, source: Source) -> PublishedTable:
    record = node.record(("name", "datasets", "units", "rows"), ("samples", "replicas", "caveat", "marks"))
    units = {key: item.text() for key, item in record["units"].mapping().items()}
    marks = {key: item.text() for key, item in record["marks"].mapping().items()} if "marks" in record else {}
    return PublishedTable(
        source=source,
        name=record["name"].text(),
        datasets=record["datasets"].texts(),
        rows=tuple(_row(item, units, marks) for item in record["rows"].sequence()),
        units=units,
        samples=record["samples"].count() if "samples" in record else None,
        replicas=record["replicas"].count() if "replicas" in record else None,
        caveat=record["caveat"].text() if "caveat" in record else "",
    )


def _row(node: Node, units: Mapping[str, str], marks: Mapping[str, str]) -> PublishedRow:
    record = node.record(("generator", "title", "values"), ("marks", "omitted"))
    values = record["values"].mapping()
    used = record["marks"].texts() if "marks" in record else ()
    omitted = record["omitted"].texts() if "omitted" in record else ()
    if odd := [metric for metric in (*values, *omitted) if metric not in units]:
        raise ReadError(f"{node.file}: {node.path} has {odd[0]!r}, which the table's units do not list")
    if odd := [mark for mark in used if mark not in marks]:
        raise ReadError(f"{node.file}: {node.path} has the mark {odd[0]!r}, which the table does not explain")
    return PublishedRow(
        generator=record["generator"].text(),
        title=record["title"].text(),
        values={metric: _pair(item, units[metric]) for metric, item in values.items()},
        marks=tuple(marks[mark] for mark in used),
        omitted=omitted,
    )


def _pair(node: Node, unit: str) -> tuple[Decimal, Decimal | None]:
    """Return (mean, standard deviation); the division is decimal, so that 30.20 % is 0.3020."""
    numbers = tuple(node.sequence())
    if len(numbers) not in (1, 2):
        node.fail("[mean] or [mean, standard deviation]")
    for number in numbers:
        number.number()
    shift = -2 if unit == "%" else 0
    mean, *std = (Decimal(str(number.value)).scaleb(shift) for number in numbers)
    if std and std[0] < 0:
        node.fail("a standard deviation that is not negative")
    return mean, std[0] if std else None
