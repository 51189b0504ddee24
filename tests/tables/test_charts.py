"""Charts: axes are divided at round numbers, and every point is where it belongs."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crystalbench.tables.charts import Axis, Curve, Scale, curves, standalone, tick
from crystalbench.tables.scatter import scatter
from crystalbench.tables.text import plain

SVG = "{http://www.w3.org/2000/svg}"


def test_curves_show_points_intervals_and_names() -> None:
    series = [Curve("plain", ((500, 1.0), (5000, 0.1)), dashed=True),
              Curve("corrected", ((500, 0.1), (5000, -0.01)), ((0.05, 0.2), None), colour=1)]  # fmt: skip
    ElementTree.fromstring(standalone(curves(series, "N", "FWD")))
    root = ElementTree.fromstring(curves(series, "N", "FWD"))
    words = {e.text for e in root.iter("text")}
    assert {"plain", "corrected", "N", "FWD", "500", "1,000", "5,000", "0", "1"} <= words
    assert len([e for e in root.iter("line") if e.get("class") == "s1"]) == 1


@given(st.floats(-50, 0), st.floats(0.01, 1e4), st.sampled_from(list(Scale)))
def test_larger_values_are_farther_along_an_axis_and_its_ends_are_its_ends(
    low: float, high: float, scale: Scale
) -> None:
    axis = Axis(low if scale is not Scale.LOGARITHMIC else high / 100, high, 0, 300, scale)
    assert axis.at(axis.low) == pytest.approx(0, abs=1e-6)
    assert axis.at(axis.high) == pytest.approx(300)
    ticks = axis.ticks()
    assert ticks
    assert [axis.at(tick) for tick in ticks] == sorted(axis.at(tick) for tick in ticks)


@given(st.floats(-1, 0), st.floats(1e-4, 1e4), st.sampled_from([Scale.ROOT, Scale.LOGARITHMIC]))
@example(-0.0011, 0.0013, Scale.ROOT)
@example(-0.5, 0.01, Scale.ROOT)
def test_numbers_along_the_bottom_do_not_touch(low: float, high: float, scale: Scale) -> None:
    axis = Axis(low if scale is Scale.ROOT else high / 1000, high, 150, 446, scale)
    shown = [(axis.at(value), len(tick(value))) for value in axis.ticks()]
    for (at, length), (next_at, next_length) in pairwise(shown):
        assert next_at - at > 7 * (length + next_length) / 2


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_an_axis_has_a_few_round_ticks_inside_it(low: float, length: float) -> None:
    ticks = Axis(low, low + length, 0, 100).ticks()
    assert 2 <= len(ticks) <= 8
    assert all(low - 1e-6 * length <= tick <= low + length * (1 + 1e-6) for tick in ticks)


def test_dots_mark_the_points_of_a_curve_that_asks_for_them() -> None:
    series = [Curve("a", ((1, 1.0), (2, 2.0))), Curve("b", ((1, 2.0), (2, 1.0), (3, 1.5)), colour=1, dots=True)]
    picture = ElementTree.fromstring(standalone(curves(series, "x", "y", across_scale=Scale.LINEAR)))
    assert [dot.get("class") for dot in picture.iter(f"{SVG}circle")] == ["s1"] * 3


@given(st.lists(st.tuples(st.floats(1e-3, 1e5), st.floats(1e-3, 1e5)), min_size=1, max_size=9), st.sampled_from(Scale))
def test_all_points_lie_inside_the_picture_on_any_scale(points: list[tuple[float, float]], scale: Scale) -> None:
    text = curves([Curve("x", tuple(points), dots=True)], "x", "y", across_scale=scale, upward_scale=scale)
    dots = [
        (float(dot.get("cx", "nan")), float(dot.get("cy", "nan")))
        for dot in ElementTree.fromstring(text).iter("circle")
    ]
    assert len(dots) == len(points)
    assert all(0 <= x <= 640 and 0 <= y <= 460 for x, y in dots)


def test_the_text_of_strangers_is_one_line_without_controls() -> None:
    assert plain(" a\n\tb\x1b[0m\u202ec ") == "a b\ufffd[0m\ufffdc"


def test_numbers_of_an_axis_are_short_also_beyond_a_million() -> None:
    assert [tick(value) for value in (-0.5, 500_000, 1e6, 2.5e6)] == ["−0.5", "500,000", "1 M", "2.5 M"]


@given(st.lists(st.tuples(st.floats(-2, 5), st.floats(-2, 5)), min_size=1, max_size=20))
def test_points_of_a_scatter_lie_above_the_diagonal_where_the_second_value_is_larger(
    points: list[tuple[float, float]],
) -> None:
    root = ElementTree.fromstring(scatter(points, "one (eV)", "two (eV)", 0.1))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    (x1, y1), (x2, y2) = next(
        ((float(e.attrib["x1"]), float(e.attrib["y1"])), (float(e.attrib["x2"]), float(e.attrib["y2"])))
        for e in root.iter("line")
        if e.attrib["x1"] != e.attrib["x2"] and e.attrib["y1"] != e.attrib["y2"]
    )
    circles = [(float(e.attrib["cx"]), float(e.attrib["cy"])) for e in root.iter("circle")]
    assert len(circles) == len(points)
    for (x, y), (cx, cy) in zip(points, circles, strict=True):
        assert 0 <= cx <= width
        assert 0 <= cy <= height
        on_diagonal = y1 + (cx - x1) * (y2 - y1) / (x2 - x1)
        if abs(y - x) > 0.05:
            assert (cy < on_diagonal) == (y > x)
