"""A page of plain tables as JSON and back, without loss: what ``report.json`` of a discovery holds."""

import json
from dataclasses import asdict

from crystalbench.errors import ReadError
from crystalbench.strict_data import Node
from crystalbench.tables.distribution import Distribution
from crystalbench.tables.listing import Chart, Drawn, Entry, Heading, Listing, Page, Scatter

SCHEMA_VERSION = 1


def page_to_json(page: Page) -> str:
    """Write a page as ASCII JSON text; ends with a newline."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(page)}
    del document["width"]
    if not page.scatters:
        del document["scatters"]
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def page_from_json(text: str, file: str = "report.json") -> Page:
    """Read what `page_to_json` wrote; ``file`` names the source in messages.

    Raises
    ------
    ReadError
        The text is no JSON, has another schema version, or a value is absent, unknown or of the wrong type.
    """
    try:
        node = Node(json.loads(text), file)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{file}: not JSON: {error}") from error
    parts = node.record(("schema_version", "title", "listings", "charts"), ("scatters",))
    if parts["schema_version"].value != SCHEMA_VERSION:
        parts["schema_version"].fail(f"{SCHEMA_VERSION}, the version that this crystalbench reads")
    listings = tuple(map(_listing, parts["listings"].sequence()))
    return Page(
        title=parts["title"].text(),
        listings=listings,
        charts=tuple(map(_chart, parts["charts"].sequence())),
        scatters=tuple(map(_scatter, parts["scatters"].sequence())) if "scatters" in parts else (),
    )


def _listing(node: Node) -> Listing:
    parts = node.record(("title", "headings", "rows", "notes", "most", "crystals"))
    try:
        return Listing(
            title=parts["title"].text(),
            headings=tuple(map(_heading, parts["headings"].sequence())),
            rows=tuple(tuple(map(_entry, row.sequence())) for row in parts["rows"].sequence()),
            notes=parts["notes"].texts(),
            most=None if parts["most"].value is None else parts["most"].count(),
            crystals=tuple(None if one.value is None else _crystal(one) for one in parts["crystals"].sequence()),
        )
    except ValueError as error:
        raise ReadError(f"{node.file}: {node.path}: {error}") from error


def _heading(node: Node) -> Heading:
    parts = node.record(("key", "title", "unit", "digits", "default"))
    return Heading(
        key=parts["key"].text(), title=parts["title"].text(), unit=parts["unit"].text(),
        digits=parts["digits"].count(), default=parts["default"].flag(),
    )  # fmt: skip


def _entry(node: Node) -> Entry:
    match node.value:
        case None | str() | bool() | int():
            return node.value
    return node.number()


def _crystal(node: Node) -> Drawn:
    parts = node.record(("cell", "numbers", "coordinates"))
    found = Drawn(
        cell=tuple(item.number() for item in parts["cell"].sequence()),
        numbers=tuple(item.count() for item in parts["numbers"].sequence()),
        coordinates=tuple(item.number() for item in parts["coordinates"].sequence()),
    )
    if len(found.cell) != 9 or len(found.coordinates) != 3 * len(found.numbers):
        node.fail("9 numbers of a cell, and 3 coordinates for each atom")
    return found


def _chart(node: Node) -> Chart:
    parts = node.record(("title", "unit", "series"))
    return Chart(
        title=parts["title"].text(),
        unit=parts["unit"].text(),
        series=tuple(map(_series, parts["series"].sequence())),
    )


def _scatter(node: Node) -> Scatter:
    parts = node.record(("title", "across", "upward", "limit", "points"))
    return Scatter(
        title=parts["title"].text(),
        across=parts["across"].text(),
        upward=parts["upward"].text(),
        limit=parts["limit"].number(),
        points=tuple(map(_point, parts["points"].sequence())) or parts["points"].fail("a point or more"),
    )


def _point(node: Node) -> tuple[float, float]:
    numbers = [item.number() for item in node.sequence()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else node.fail("two numbers")


def _series(node: Node) -> Distribution:
    parts = node.record(("name", "low", "width", "counts", "quantiles"))
    quantiles = tuple(item.number() for item in parts["quantiles"].sequence())
    if len(quantiles) != 3:
        node.fail("three quantiles")
    counts = tuple(item.count() for item in parts["counts"].sequence())
    if not any(counts):
        parts["counts"].fail("counts of which one is over 0")
    return Distribution(parts["name"].text(), parts["low"].number(), parts["width"].number(), counts, quantiles)
