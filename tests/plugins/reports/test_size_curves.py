"""The curve of FWD against the number of samples in the HTML report; nothing of a stranger's table breaks it."""

import pytest

from crystalbench import Cell, Column, MetricResult, Row, RowKind, Table
from crystalbench_plugins.reports._layout import layout
from crystalbench_plugins.reports._size_curves import ABOUT, size_curves
from crystalbench_plugins.reports.html import render


def table(sizes: object) -> Table:
    result = MetricResult(value=2.0, n=1000, interval=(0.0, 6.0), details={"sizes": sizes})  # type: ignore[dict-item]
    column = Column(key="fwd_corrected@a-1", title="FWD∞", latex="")
    row = Row(generator="a", title="<A>", kind=RowKind.MEASURED, drawn=9, valid=9,
              cells={column.key: Cell(outcomes=(result,))})  # fmt: skip
    return Table(title="t", columns=(column,), rows=(row,))


def test_each_generator_has_its_curve_and_what_it_means_stands_below() -> None:
    page = render(table([[1000, 10.0], [500, 17.5], [333, 25.0]]))
    assert "FWD∞ (a-1): FWD against the number of samples" in page
    assert page.count(ABOUT) == 1
    ((_, figures),) = size_curves(layout(table([[1000, 10.0], [500, 17.5]])))
    ((title, svg),) = figures
    assert title == "<A>"
    assert svg.count("<circle") == 3  # two parts and the limit
    assert 'stroke-dasharray="5 4"' in svg


@pytest.mark.parametrize(
    "sizes",
    [None, "1", [], [[1000]], [[1000, "x"]], [[1000, 1.0], "x"], [[0, 1.0]], [[1000, 1e300]], [[1000, 1.0, 2.0]], {}],
)
def test_what_is_no_curve_is_not_drawn(sizes: object) -> None:
    assert not list(size_curves(layout(table(sizes))))
    assert ABOUT not in render(table(sizes))
