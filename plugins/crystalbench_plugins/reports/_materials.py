"""Pages of materials as the templates of HTML take them: tables with structures to look at, histograms as drawings."""

from typing import TypeAlias

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.tables.charts import histograms
from crystalbench.tables.listing import Listing, Page
from crystalbench.tables.scatter import scatter
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._browse import safe_json

LABELS = "protostructure"
"""Key of the column that names a crystal."""

Listed: TypeAlias = list[tuple[Listing, str]]


def listed(page: Page) -> Listed:
    """Return what is shown unasked of each listing, with its crystals as JSON; "" for none."""
    return [(listing, _crystals(listing)) for listing in page.brief().listings]


def drawn(page: Page) -> list[tuple[str, str]]:
    """Return title and drawing of each chart."""
    found = [(plain(chart.title), histograms(chart.series, chart.unit)) for chart in page.charts]
    return found + [(plain(one.title), scatter(one.points, one.across, one.upward, one.limit)) for one in page.scatters]


def _crystals(listing: Listing) -> str:
    if not any(listing.crystals):
        return ""
    keys = [heading.key for heading in listing.headings]
    at = keys.index(LABELS) if LABELS in keys else None
    return safe_json(
        {
            "symbols": ELEMENTS,
            "labels": ["" if at is None else plain(str(row[at])) for row in listing.rows],
            "crystals": [one and [one.cell, one.numbers, one.coordinates] for one in listing.crystals],
        }
    )
