"""Plain tables: what is shown unasked, chosen columns and orders, and JSON that loses nothing."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.errors import ConfigError, ReadError
from crystalbench.tables.distribution import Distribution
from crystalbench.tables.listing import Chart, Drawn, Heading, Listing, Page, Scatter
from crystalbench.tables.listing_json import page_from_json, page_to_json

CRYSTAL = Drawn(cell=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), numbers=(29,), coordinates=(0.0, 0.0, 0.0))
LISTING = Listing(
    title="Materials",
    headings=(
        Heading(key="rank", title="rank"),
        Heading(key="energy", title="energy", unit="eV"),
        Heading(key="label", title="label", default=False),
    ),
    rows=((1, -0.5, "b"), (2, None, "a"), (3, 0.25, ""), (4, -1.0, "c")),
    notes=("Energies of nothing.",),
    most=3,
    crystals=(CRYSTAL, None, None, None),
)
CHART = Chart(title="Energy", unit="eV", series=(Distribution("all", -1.0, 0.5, (1, 2), (-0.9, -0.5, 0.2)),))
SCATTER = Scatter(title="Two", across="one (eV)", upward="two (eV)", limit=0.1, points=((0.0, 0.25), (-0.5, 1.0)))
PAGE = Page(title="All of it", listings=(LISTING,), charts=(CHART,), scatters=(SCATTER,))

ENTRIES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
LISTINGS = st.integers(1, 3).flatmap(
    lambda width: st.builds(
        Listing,
        title=st.text(),
        headings=st.tuples(*[st.builds(Heading, key=st.just(f"c{i}"), title=st.text(), unit=st.text(),
                                       digits=st.integers(0, 9), default=st.booleans()) for i in range(width)]),
        rows=st.lists(st.tuples(*[ENTRIES] * width), max_size=4).map(tuple),
        notes=st.lists(st.text(), max_size=2).map(tuple),
        most=st.none() | st.integers(0, 5),
    )
)  # fmt: skip


@given(st.builds(Page, title=st.text(), listings=st.lists(LISTINGS, max_size=2).map(tuple)))
def test_json_gives_back_what_it_was_made_of(page: Page) -> None:
    assert page_from_json(page_to_json(page)) == page


def test_json_keeps_crystals_and_charts() -> None:
    assert page_from_json(page_to_json(PAGE)) == PAGE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda page: page.update(schema_version=9), "schema_version is 9; expected 1"),
        (lambda page: page.pop("title"), "top level lacks title"),
        (lambda page: page["listings"][0]["rows"][1].pop(), "3 headings and a row of 2"),
        (lambda page: page["listings"][0]["rows"][0].__setitem__(0, [1]), r"rows\[0\]\[0\] is \[1\]"),
        (lambda page: page["listings"][0]["crystals"].pop(), "3 crystals of 4 rows"),
        (lambda page: page["listings"][0]["crystals"][0]["cell"].pop(), "9 numbers of a cell"),
        (lambda page: page["charts"][0]["series"][0].update(counts=[]), "counts of which one is over 0"),
        (lambda page: page["scatters"][0]["points"][1].append(1), r"points\[1\] is \[-0.5, 1.0, 1\]; expected two"),
        (lambda page: page["scatters"][0].update(points=[]), "expected a point or more"),
    ],
)
def test_a_damaged_page_is_named_with_its_place(change: object, said: str) -> None:
    document = json.loads(page_to_json(PAGE))
    change(document)  # type: ignore[operator]
    with pytest.raises(ReadError, match=said):
        page_from_json(json.dumps(document))


def test_a_page_without_points_says_nothing_of_them_and_a_width_is_never_kept() -> None:
    plain = Page(title="", listings=(LISTING,), charts=(CHART,))
    assert json.loads(page_to_json(plain)).keys() == {"schema_version", "title", "listings", "charts"}
    assert page_to_json(replace(plain, width=80)) == page_to_json(plain)
    assert page_from_json(page_to_json(plain)).scatters == ()


def test_unasked_it_shows_the_default_columns_of_the_first_rows_and_says_how_many() -> None:
    brief = LISTING.brief()
    assert brief.rows == ((1, -0.5), (2, None), (3, 0.25))
    assert brief.title == "Materials, 3 of 4"
    assert brief.crystals == (CRYSTAL, None, None)


def test_chosen_columns_stand_in_their_order_and_are_shown() -> None:
    view = PAGE.view(("label", "rank"), "", "Mine").brief()
    assert view.title == "Mine"
    assert view.listings[0].rows == (("b", 1), ("a", 2), ("", 3))


@pytest.mark.parametrize(
    ("by", "ranks"), [("energy", [4, 1, 3, 2]), ("-energy", [3, 1, 4, 2]), ("label", [2, 1, 4, 3])]
)
def test_rows_are_sorted_with_nothing_last_and_crystals_beside_them(by: str, ranks: list[int]) -> None:
    listing = PAGE.view((), by, "").listings[0]
    assert [row[0] for row in listing.rows] == ranks
    assert listing.crystals[ranks.index(1)] == CRYSTAL


def test_an_unknown_column_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown column 'energi'.*energy"):
        PAGE.view(("energi",), "", "")
