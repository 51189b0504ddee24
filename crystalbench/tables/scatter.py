"""One quantity by two sources as SVG: a point for each thing, and the diagonal where both say the same."""

from collections.abc import Sequence

from crystalbench.tables.charts import BOTTOM, LEFT, RIGHT, TOP, Axis, Scale, frame, svg


def scatter(
    points: Sequence[tuple[float, float]],
    across: str,
    upward: str,
    limit: float,
    *,
    width: int = 460,
    height: int = 440,
) -> str:
    """Draw points on two axes of one range and of square roots; ``limit`` is a line on both."""
    values = [value for point in points for value in point]
    low, high = min(0.0, *values), max(limit, *values) * 1.05
    x = Axis(low, high, LEFT, width - RIGHT, Scale.ROOT)
    y = Axis(low, high, height - BOTTOM, TOP, Scale.ROOT)
    dashed = 'class="axis" stroke-dasharray="4 3"'
    parts = [
        *frame(x, y, across, upward),
        f'<line class="axis" x1="{x.start}" y1="{y.start}" x2="{x.end}" y2="{y.end}"/>',
        f'<line {dashed} x1="{x.at(limit):.1f}" x2="{x.at(limit):.1f}" y1="{y.start}" y2="{y.end}"/>',
        f'<line {dashed} x1="{x.start}" x2="{x.end}" y1="{y.at(limit):.1f}" y2="{y.at(limit):.1f}"/>',
        *(f'<circle class="s0" cx="{x.at(a):.1f}" cy="{y.at(b):.1f}" r="3.5"/>' for a, b in points),
    ]
    return svg(parts, width, height, f"{upward} against {across}, {len(points)} points")
