"""HTML of a whole run: what the samples are made of, each of them, their structures; used in a real browser."""

import json
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crystalbench import (
    Cell,
    Column,
    Evidence,
    Invalid,
    InvalidReason,
    MetricResult,
    Protostructure,
    RawStructure,
    Row,
    RowEvidence,
    RowKind,
    SampleSet,
    Table,
)  # fmt: skip
from crystalbench.evidence import TrainingCurve
from crystalbench.tables.results import JSON
from crystalbench.testing import example_dataset, example_samples
from crystalbench_plugins.reports._pictures import SYSTEMS, count_bars, heat, places
from crystalbench_plugins.reports._profile import Profile, profile
from crystalbench_plugins.reports.html import render
from tests.plugins.reports.report_table import of

EVIL = "</script><script>alert(1)</script><!-- & <img src=x onerror=alert(1)>"
SALT = RawStructure.of(
    5.64 * np.eye(3),
    [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0.5]],
    [11] * 4 + [17] * 4,
)


def sized(value: float) -> Cell:
    """A value with what it is of fewer samples."""
    (outcome,) = of(value, interval=(0, 9)).outcomes
    assert isinstance(outcome, MetricResult)
    sizes: JSON = [[100, value + 9], [500, value + 2], [1000, value + 1]]
    return Cell(outcomes=(replace(outcome, details={"sizes": sizes}),))


def run_table() -> Table:
    column = Column(key="x", title="Far", latex="", digits=1)
    rows = [
        Row(generator=name, title=name.upper(), kind=kind, drawn=6, valid=5, cells={"x": sized(value)})
        for name, kind, value in (
            ("train", RowKind.TRAINING, 1.0), ("b", RowKind.MEASURED, 3.0), ("a", RowKind.MEASURED, 2.0),
            ("c", RowKind.MEASURED, 5.0),
        )
    ]  # fmt: skip
    return Table(title="t", columns=(column,), rows=(*rows, Row(generator="d", title="D", kind=RowKind.MEASURED)))


def evidence(samples: SampleSet | None = None) -> Evidence:
    own = samples or SampleSet.of([*example_samples(), Invalid(InvalidReason.UNREADABLE, EVIL)])
    curve = TrainingCurve(epochs=(1, 2, 3), columns={"training": (3, 2, 1.5), "validation": (2.5, 2, None)})
    row = RowEvidence(samples=(own,), structures={1: SALT}, training=(curve,))
    return Evidence(dataset=example_dataset(), rows=dict.fromkeys(("train", "a", "b"), row))


def data_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="samples-data">(.*?)</script>', page, flags=re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def test_counts_of_labels_are_those_of_their_protostructures() -> None:
    made = example_samples().valid
    counted = profile(item.label for item in made)
    assert counted.n == len(made)
    for item in set(made):
        assert counted.spacegroups[item.spacegroup] == sum(other.spacegroup == item.spacegroup for other in made)
        for element in item.elements:
            assert counted.elements[element] == sum(element in other.elements for other in made)
        same = [other for other in made if other.n_sites_primitive == item.n_sites_primitive]
        assert counted.n_sites[item.n_sites_primitive] == len(same)
        assert counted.n_elements[len(item.elements)] == sum(len(o.elements) == len(item.elements) for o in made)


def test_every_element_has_a_place_of_its_own_in_the_periodic_table() -> None:
    found = dict(places())
    assert len(found) == len(set(found.values())) == 118
    assert [found[symbol] for symbol in ("H", "He", "C", "Fe")] == [(0, 0), (0, 17), (1, 13), (3, 7)]
    assert [found[symbol] for symbol in ("Hf", "La", "Lr")] == [(5, 3), (7, 2), (8, 16)]
    assert list(SYSTEMS.values()) == sorted(SYSTEMS.values())


def test_elements_are_coloured_by_the_ratio_of_their_shares() -> None:
    training = profile(["AB_cF8_225_a_b:Cl-Na"] * 400 + ["A_cF4_225_a:Cu"] * 400)

    def colour(sodium: int, copper: int) -> str:
        own = profile(["AB_cF8_225_a_b:Cl-Na"] * sodium + ["A_cF4_225_a:Cu"] * copper)
        return heat(own, training, "Na")

    assert colour(50, 50) == "h4"
    assert colour(100, 0) == "h6"
    assert colour(25, 75) == "h2"
    assert colour(6, 94) == "h0"
    assert colour(2, 2) == "rare"
    assert heat(training, training, "Fe") == "absent"


def test_what_lies_beyond_the_last_bar_is_in_it() -> None:
    drawn = count_bars({1: 1, 9: 1, 12: 2}, {1: 4}, "elements", 8)
    assert ">8+</text>" in drawn
    assert drawn.count('class="own"') == 2
    assert ">8+</text>" not in count_bars({1: 1, 8: 1}, {1: 4}, "elements", 8)


def test_a_page_lists_every_sample_with_what_training_has_of_it() -> None:
    data = data_of(render(run_table(), evidence()))
    assert [row["title"] for row in data["rows"]] == ["B", "A"]  # the training set lists itself
    lines = data["rows"][0]["samples"].split("\n")
    assert len(lines) == 7
    for line, item in zip(lines, (*example_samples(), None), strict=True):
        if item is None or isinstance(item, Invalid):
            assert line.startswith("!")
            continue
        number, elements = line.split(" ")
        part, prototype, times = data["parts"][int(number)]
        assert f"{part}:{elements}" == item.label
        assert (prototype or part) == item.prototype
        assert times == example_dataset().train.prototypes.count(item.prototype)
    known = {str(i) for i, item in enumerate(example_samples()) if not isinstance(item, Invalid)
             and item.label in example_dataset().train.label_set}  # fmt: skip
    assert set(data["rows"][0]["known"]) == known
    assert data["rows"][0]["structures"]["1"][1] == SALT.numbers.tolist()


def test_no_text_of_a_sample_ends_its_data() -> None:
    page = render(run_table(), evidence())
    assert EVIL not in page
    assert page.count("<script") == 2
    assert EVIL[:60] in data_of(page)["rows"][0]["samples"]


def test_a_page_of_100000_samples_is_below_ten_megabytes() -> None:
    random.seed(0)
    elements = ("Na", "K", "Rb", "Cs", "Cl", "Br", "I", "F", "O", "S", "Ba", "Ti", "Fe", "Al")
    made = [
        Protostructure(225, [(a, "a"), (b, "b"), (c, "e"), (d, "c")])
        for a, b, c, d in (random.sample(elements, 4) for _ in range(2000))
    ]
    page = render(run_table(), evidence(SampleSet.of(made * 25)))
    assert sum(row["samples"].count("\n") + 1 for row in data_of(page)["rows"]) == 100_000
    assert len(page.encode()) < 5e6


def test_without_valid_samples_there_is_nothing_to_draw_and_the_reasons_are_listed() -> None:
    nothing = SampleSet.of([Invalid(InvalidReason.EMPTY)] * 3)
    page = render(run_table(), evidence(nothing))
    assert "What is generated" not in page
    assert data_of(page)["rows"][0]["samples"] == "!empty \n!empty \n!empty "


def test_a_profile_of_nothing_has_no_shares() -> None:
    assert profile([]) == Profile(n=0)


# --- in a browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    file = tmp_path / "table.html"
    file.write_text(render(run_table(), evidence()), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if "table.html" not in request.url else None)
    page.goto(file.as_uri())
    yield page
    assert problems == []
    context.close()


def titles(page: Any) -> list[str]:
    return list(page.locator("tbody.measured th[scope=row]:visible").all_inner_texts())


@pytest.mark.slow
def test_the_table_sorts_within_a_kind_and_back(page: Any) -> None:
    assert titles(page) == ["B", "A", "C", "D"]
    head = page.locator("thead .sort").first
    head.click()
    assert titles(page) == ["C", "B", "A", "D"]  # what has no value stands last
    head.press("Enter")
    assert titles(page) == ["A", "B", "C", "D"]
    assert page.locator("thead th[aria-sort=ascending]").count() == 1
    head.click()
    assert titles(page) == ["B", "A", "C", "D"]


@pytest.mark.slow
def test_rows_are_filtered_and_columns_hidden(page: Any) -> None:
    page.get_by_label("Filter generators").fill("a")
    assert titles(page) == ["A"]
    page.get_by_label("Filter generators").fill("")
    page.locator(".columns summary").click()
    page.locator(".columns input").first.uncheck()
    assert page.locator("table.results td:visible").count() == 0


@pytest.mark.slow
def test_samples_are_listed_filtered_and_drawn(page: Any) -> None:
    rows = page.locator("#samples tbody tr")
    assert rows.count() == 7
    page.get_by_label("Which samples").select_option(label="novel")
    assert rows.count() == 2
    page.get_by_label("Which samples").select_option(label="invalid")
    assert EVIL[:60] in unescape(rows.last.inner_text())
    page.get_by_label("Which samples").select_option(label="all samples")
    page.get_by_label("Filter: formula").fill("clna")
    page.get_by_role("button", name="view").click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator("circle").count() == 27  # 14 of one and 13 of the other, with their images on the faces
    before = dialog.locator("circle").first.get_attribute("cx")
    dialog.locator("svg").press("ArrowLeft")
    assert dialog.locator("circle").first.get_attribute("cx") != before
    page.keyboard.press("Escape")
    assert dialog.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("title", ["Far: FWD against the number of samples", "Training of the models"])
def test_curves_are_seen_whole_on_a_desktop_and_on_a_phone(page: Any, title: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    section = page.locator("section", has=page.get_by_role("heading", name=title))
    pictures = section.locator("figure svg")
    assert pictures.count() >= 2
    for i in range(pictures.count()):
        pictures.nth(i).scroll_into_view_if_needed()
        box = pictures.nth(i).bounding_box()
        assert box["width"] > 250
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert pictures.nth(i).locator("path.line").first.is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_of_wcag_aa(page: Any, scheme: str) -> None:
    """Relative luminance after WCAG 2.1; the pairs are all that stand on each other."""
    page.emulate_media(color_scheme=scheme)

    def luminance(name: str) -> float:
        colour = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light = ("page", "head", "best")
    pairs = [(text, ground) for text in ("ink", "soft", "accent", "failed") for ground in light]
    pairs += [("ink", f"h{i}") for i in range(1, 8)] + [("page", "h0"), ("page", "h8")]
    for text, ground in pairs:
        one, two = sorted((luminance(text), luminance(ground)))
        assert (two + 0.05) / (one + 0.05) >= 4.5, (text, ground)
