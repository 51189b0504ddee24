"""FWD against the number of samples, as results hold it: a straight line over 1 / N, of which FWD∞ is the intercept."""

from collections.abc import Iterator, Mapping

from crystalbench import Cell, MetricResult
from crystalbench.tables.charts import Curve, Scale, curves
from crystalbench.tables.results import JSON
from crystalbench_plugins.reports._figure_data import with_encoder
from crystalbench_plugins.reports._layout import Sheet, full_title

SIZES = "sizes"  # the key in the details of a result
LARGEST = 1e9  # of what a stranger's table may hold
ABOUT = (
    "Horizontally 1000 / N: many samples on the left, infinitely many at 0. A finite number adds about c / N to the "
    "distance, so FWD∞ is where the dashed line meets the axis; the bar is its 95 % interval. Dots: means over parts "
    "of the samples, against as many rows of the split that is compared with."
)


def size_curves(sheet: Sheet) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield title and drawings, one for each generator, of each column that has them, of the first replica."""
    for column in sheet.table.columns:
        found = []
        for line in sheet.counted:
            outcomes = line.row.cells.get(column.key, Cell()).outcomes
            if outcomes and isinstance(outcomes[0], MetricResult) and (points := _points(outcomes[0].details)):
                found.append((line.title, _drawn(outcomes[0], points)))
        if found:
            yield f"{with_encoder(full_title(column), column)}: FWD against the number of samples", found


def _drawn(whole: MetricResult, points: tuple[tuple[float, float], ...]) -> str:
    limit = (0.0, whole.value)
    parts = tuple((1000 / n, value) for n, value in points)
    series = (
        Curve("FWD of N samples", parts, dots=True),
        Curve("from all samples to infinitely many", (limit, parts[0]), colour=1, dashed=True),
        Curve("FWD∞ with its 95 % interval", (limit,), (whole.interval,), colour=1, dots=True),
    )
    return curves(
        series, "1000 / N", "FWD", across_scale=Scale.LINEAR, upward_scale=Scale.LINEAR, width=460, height=250
    )


def _points(details: Mapping[str, JSON]) -> tuple[tuple[float, float], ...]:
    """Return (n, distance) as a result holds them; anything malformed in a stranger's table is nothing."""
    listed = details.get(SIZES)
    points = []
    for item in listed if isinstance(listed, list) else ():
        numbers = [x for x in item if isinstance(x, int | float) and abs(x) < LARGEST] if isinstance(item, list) else []
        if len(numbers) != 2 or numbers[0] < 1:
            return ()
        points.append((float(numbers[0]), float(numbers[1])))
    return tuple(points)
