"""HTML: one page with one script of ours and no outside resource, and nothing in a name is markup."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Cell, Column, Failure, MetricResult, Row, RowKind, Table
from crystalbench.tables.distribution import Distribution
from crystalbench.tables.results import JSON
from crystalbench.tables.text import plain
from crystalbench_plugins.reports.html import render
from tests.plugins.reports.report_table import rich_table

VOID = {"meta", "input"}
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "title", "scope", "colspan", "style", "tabindex",
    "role", "aria-label", "viewbox", "type", "id", "for", "data-title", "data-value", "hidden",
    "cx", "cy", "r", "x", "y", "x1", "x2", "y1", "y2", "d", "text-anchor", "transform",
}  # fmt: skip
ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "<!--",
    "&lt;script&gt;",
    "]]>",
    "url(https://example.org/x)",
)


class Page(HTMLParser):
    """Collects elements, attributes and text; fails on elements that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def script_of(text: str) -> str:
    (found,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    return str(found)


def hostile(text: str) -> Table:
    """The rich table with the text in every place that a stranger fills."""
    table = rich_table()
    columns = tuple(
        replace(
            column,
            key=f"{column.key}@{text}",
            title=text,
            latex=text,
            description=text,
            group=text,
            unit=unit,
        )
        for column, unit in zip(table.columns, (text, text, "%", "%", "%", text, text, text), strict=True)
    )
    drawn = Distribution(text, 0.0, 0.1, (1, 2, 3), (0.1, 0.2, 0.3)).to_json()
    details: dict[str, JSON] = {text: text, "distributions": [drawn, drawn | {"name": f"{text}, too"}]}
    result = MetricResult(value=1.0, n=3, interval=(0.9, 1.1), details=details, notes=(text,))
    cell = Cell(outcomes=(result, Failure(text, text, text)))
    rows = tuple(
        replace(row, generator=text, title=text, notes=(text,), reasons={text: 3}, cells={c.key: cell for c in columns})
        for row in table.rows
    )
    return Table(title=text, columns=columns, rows=rows, settings={text: text}, notes=(text,))


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    text = render(hostile("name"))
    page = Page(text)
    assert "svg" in page.tags
    assert page.tags.count("script") == 1
    assert not {"link", "img", "iframe", "object", "embed", "base", "form", "a"} & set(page.tags)
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    own = script_of(text)
    assert not re.search(r"url\(|@import|https?:|//", text.replace(own, ""))
    assert set(re.findall(r"https?://[^\"]*", own)) == {"http://www.w3.org/2000/svg"}  # the name of a language
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp|import|src", own)
    assert "default-src 'none'" in unescape(text)


def test_the_content_policy_lets_our_script_run_and_no_other() -> None:
    text = render(hostile("name"))
    digest = b64encode(sha256(script_of(text).encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*);", unescape(text)) == [f"'sha256-{digest}'"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_text_of_a_stranger_is_markup(attack: str) -> None:
    harmless, page = Page(render(hostile("name"))), Page(render(hostile(attack)))
    assert page.tags == harmless.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert sum(attack in words for words in page.words) > 20  # it is there to read, as text


@given(st.text())
def test_any_name_is_shown_as_text(name: str) -> None:
    table = rich_table()
    page = Page(render(replace(table, title=name)))
    assert page.tags.count("script") == 1
    assert not plain(name) or plain(name) in page.words


def test_styles_are_widths_only() -> None:
    styles = [value for name, value in Page(render(rich_table())).attributes if name == "style"]
    assert styles
    assert all(re.fullmatch(r"width:\d+\.\d+%", value or "") for value in styles)


def test_the_ledger_bars_of_a_generator_add_up_to_its_draws() -> None:
    text = render(rich_table())
    stacks = re.findall(r'<span class="stack">(.*?)</span>', text)
    assert len(stacks) == 6
    for stack in stacks:
        widths = [float(width) for width in re.findall(r"width:([\d.]+)%", stack)]
        assert sum(widths) == pytest.approx(100, abs=0.01)


def test_intervals_and_denominators_are_in_the_page_without_hovering() -> None:
    words = Page(render(rich_table())).words
    assert "0.79 to 0.88" in words
    assert "9,402" in words


def test_both_colour_schemes_define_the_same_colours() -> None:
    style = re.search(r"<style>(.*)</style>", render(rich_table()), flags=re.DOTALL)
    assert style is not None
    light, dark = (
        set(re.findall(r"--[a-z0-9]+(?=:)", part)) for part in style[1].split("@media (prefers-color-scheme")[:2]
    )
    assert light == dark


def test_a_distance_that_is_taken_apart_has_a_panel_and_what_is_no_number_in_it_is_left_out() -> None:
    split = {"in_group_1": 1200, "without_group_1": None, "symmetry": 3.14159, "<b>": 1, "odd": ["<i>"]}
    cells = {"x": Cell(outcomes=(MetricResult(value=7.5, n=10, details={"split": split}),))}
    column = Column(key="x", title="Far", latex="", digits=2)
    row = Row(generator="a", title="A", kind=RowKind.MEASURED, drawn=10, valid=10, cells=cells)
    page = render(Table(title="t", columns=(column,), rows=(row,)))
    panel = page[page.index("Far, taken apart") :].partition("</section>")[0]
    heads = ("whole", "in group 1", "without group 1", "symmetry", "&lt;b&gt;")
    assert all(f'<th scope="col">{head}</th>' in panel for head in heads)
    assert all(f"<td>{text}</td>" in panel for text in ("7.50", "1,200", "–", "3.14", "1"))
    assert "odd" not in panel
    assert "taken apart" not in render(Table(title="t", columns=(column,), rows=()))
