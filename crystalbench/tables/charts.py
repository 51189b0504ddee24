"""Small charts as SVG: histograms, curves with error bars, named values. No script, no outside resource.

Colours are classes (``s0`` to ``s7``), so that a page can give them its own; `standalone` adds a style sheet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from math import ceil, copysign, floor, log10, sqrt
from typing import Protocol

from crystalbench.tables.text import plain

COLOURS = ("#0b6e69", "#e08e2b", "#3c78b4", "#d1495b", "#7a5aa6", "#4f9d69", "#a0662f", "#5c6770")
LEFT, TOP, BOTTOM, RIGHT = 62, 14, 46, 22  # margins for the numbers of the axes
APART = 24  # pixels between two numbers
DIGIT = 7  # pixels of one of their characters
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1d2327}.axis{stroke:#5c6770;stroke-width:1}"
    ".line{fill:none;stroke-width:1.8}circle{fill:#fff;stroke-width:1.8}.grid{stroke:#dcdfe1;stroke-width:1}"
)


class Scale(StrEnum):
    """How an axis is divided. ``ROOT`` is the square root with its sign: small, large and negative values in one."""

    LINEAR = "linear"
    LOGARITHMIC = "logarithmic"
    ROOT = "root"

    def of(self, value: float) -> float:
        match self:
            case Scale.LOGARITHMIC:
                return log10(value)
            case Scale.ROOT:
                return copysign(sqrt(abs(value)), value)
        return value


@dataclass(frozen=True, slots=True)
class Axis:
    """A map of ``low`` to ``high`` onto pixels ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float
    scale: Scale = Scale.LINEAR

    def at(self, value: float) -> float:
        low, high, x = (self.scale.of(v) for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (x - low) / ((high - low) or 1.0)

    def ticks(self) -> list[float]:
        """Return round values inside the axis, far enough apart for their numbers."""
        slack = 1e-9 * (self.high - self.low)
        inside = [value for value in self._round() if self.low - slack <= value <= self.high + slack]
        if self.scale is Scale.LINEAR:
            return inside
        if self.scale is Scale.LOGARITHMIC and len(inside) < 3:  # a short stretch looks linear
            inside = Axis(self.low, self.high, self.start, self.end).ticks()
        chosen: list[float] = []
        for value in sorted(inside, key=lambda value: (value != 0, -abs(value))):
            if all(abs(self.at(value) - self.at(other)) >= self._apart(value, other) for other in chosen):
                chosen.append(value)
        return sorted(chosen)

    def _apart(self, one: float, other: float) -> float:
        """Pixels that the numbers of two ticks need: their width along the bottom, their height along the side."""
        return APART if self.end < self.start else max(APART, DIGIT * (len(tick(one)) + len(tick(other))) / 2 + 8)

    def _round(self) -> list[float]:
        if self.scale is Scale.LINEAR:
            rough = ((self.high - self.low) or 1.0) / 5
            power = 10.0 ** floor(log10(rough))
            step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
            return [i * step for i in range(floor(self.low / step), ceil(self.high / step) + 1)]
        top = ceil(log10(max(abs(self.low), abs(self.high)) or 1.0))
        values = [m * 10.0**p for p in range(top - 8, top + 1) for m in (1, 2, 5)]
        return [-value for value in values] + [0.0] + values if self.scale is Scale.ROOT else values


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (x, y) and, for each, an interval (low, high) or None. ``dashed`` for a plainer one, ``dots`` on them."""

    name: str
    points: tuple[tuple[float, float], ...]
    intervals: tuple[tuple[float, float] | None, ...] = ()
    colour: int = 0
    dashed: bool = False
    dots: bool = False


class Histogram(Protocol):
    """Counts in bins of equal ``width`` from ``low`` on, and Q10, Q50, Q90 of what was counted."""

    @property
    def name(self) -> str: ...
    @property
    def low(self) -> float: ...
    @property
    def width(self) -> float: ...
    @property
    def counts(self) -> tuple[int, ...]: ...
    @property
    def quantiles(self) -> tuple[float, float, float]: ...


def histograms(series: Sequence[Histogram], unit: str, width: int = 460, height: int = 240) -> str:
    """Draw histograms as steps, each as shares of its own sum, with Q10, Q50 and Q90 as ticks in the legend's order."""
    shares = [[count / sum(item.counts) for count in item.counts] for item in series]
    used = [
        (item.low + i * item.width, item.low + (i + 1) * item.width)
        for item, share in zip(series, shares, strict=True)
        for i, part in enumerate(share)
        if part > 0
    ]
    legend = 16 * len(series)
    x = Axis(min(low for low, _ in used), max(high for _, high in used), LEFT, width - RIGHT)
    y = Axis(0.0, max(part for share in shares for part in share), height - BOTTOM, TOP + legend)
    parts = [*frame(x, y, unit, "share")]
    for number, (item, share) in enumerate(zip(series, shares, strict=True)):
        heights = [0.0, *share, 0.0]
        edges = [item.low + i * item.width for i in range(len(share) + 1)]
        inside = [i for i, edge in enumerate(edges) if x.low - 1e-9 <= edge <= x.high + 1e-9]
        steps = [(x.at(edges[i]), y.at(part)) for i in inside for part in (heights[i], heights[i + 1])]
        parts.append(_path(steps, f"line s{number % len(COLOURS)}"))
        base = TOP + legend + 4
        parts += [
            f'<line class="s{number % len(COLOURS)}" x1="{x.at(q):.1f}" x2="{x.at(q):.1f}" '
            f'y1="{base + 7 * number}" y2="{base + 7 * number + 6}"/>'
            for q in item.quantiles
            if x.low <= q <= x.high
        ]
        q10, q50, q90 = (f"{q:.2f}".replace("-", "−") for q in item.quantiles)
        parts += _key(number, f"{item.name}: Q10 {q10}, Q50 {q50}, Q90 {q90}", LEFT, TOP + 16 * number, number, False)
    return svg(parts, width, height, ", ".join(item.name for item in series))


def curves(
    series: Sequence[Curve],
    across: str,
    upward: str,
    *,
    across_scale: Scale = Scale.LOGARITHMIC,
    upward_scale: Scale = Scale.ROOT,
    width: int = 640,
    height: int = 460,
) -> str:
    """Draw curves with at least a point each; a logarithmic scale takes positive numbers only, the others show zero."""
    xs = [px for curve in series for px, _ in curve.points]
    ys = [y for curve in series for _, y in curve.points]
    ys += [end for curve in series for interval in curve.intervals if interval for end in interval]
    legend = 16 * len(series)
    left = min(xs) if across_scale is Scale.LOGARITHMIC else min(0.0, *xs)
    bottom = min(ys) / 1.05 if upward_scale is Scale.LOGARITHMIC else min(0.0, *ys) * 1.05
    x = Axis(left, max(xs), LEFT, width - RIGHT, across_scale)
    y = Axis(bottom, max(ys) * 1.05, height - BOTTOM, TOP + legend, upward_scale)
    parts = [*frame(x, y, across, upward)]
    for number, curve in enumerate(series):
        css = f"s{curve.colour % len(COLOURS)}"
        shown = [(x.at(px), y.at(v)) for px, v in curve.points]
        parts.append(_path(shown, f"line {css}", curve.dashed))
        parts += [f'<circle class="{css}" cx="{px:.1f}" cy="{py:.1f}" r="3"/>' for px, py in shown if curve.dots]
        for (px, _), interval in zip(shown, curve.intervals, strict=False):
            if interval is not None:
                low, high = map(y.at, interval)
                parts.append(f'<line class="{css}" x1="{px:.1f}" x2="{px:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>')
        parts += _key(number, curve.name, LEFT, TOP + 16 * number, curve.colour, curve.dashed)
    return svg(parts, width, height, upward)


def values(series: Sequence[tuple[str, float]], unit: str, width: int = 800) -> str:
    """Draw named values as points on a line each, their numbers behind them; the axis need not begin at zero."""
    row, left = 20, 440
    base = TOP + row * len(series)
    least, most = min(value for _, value in series), max(value for _, value in series)
    x = Axis(least - 0.05 * (most - least), most, left, width - 3 * RIGHT)
    parts = [*_across(x, base, unit)]
    for number, (name, value) in enumerate(series):
        at, end = TOP + row * number + 9, x.at(value)
        parts.append(f'<text x="{left - 10}" y="{at + 4}" text-anchor="end">{text(name)}</text>')
        parts.append(f'<line class="grid" x1="{left}" x2="{x.end}" y1="{at}" y2="{at}"/>')
        parts.append(f'<circle class="s0" cx="{end:.1f}" cy="{at}" r="4"/>')
        parts.append(f'<text x="{end + 9:.1f}" y="{at + 4}">{tick(value)}</text>')
    return svg(parts, width, base + BOTTOM, unit)


def standalone(svg: str) -> str:
    """Return a chart as a file of its own, on white."""
    colours = "".join(f".s{i}{{stroke:{colour}}}" for i, colour in enumerate(COLOURS))
    head, _, rest = svg.partition(">")
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{STYLE}{colours}</style>{background}{rest}\n'


def frame(x: Axis, y: Axis, across: str, upward: str) -> Iterator[str]:
    """Yield two axes with their numbers and names, and a grid."""
    for value in y.ticks():
        at = y.at(value)
        yield f'<line class="grid" x1="{x.start}" x2="{x.end}" y1="{at:.1f}" y2="{at:.1f}"/>'
        yield f'<text x="{x.start - 6}" y="{at + 4:.1f}" text-anchor="end">{tick(value)}</text>'
    yield from _across(x, y.start, across)
    middle = (y.start + y.end) / 2
    yield f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{text(upward)}</text>'


def _across(x: Axis, base: float, across: str) -> Iterator[str]:
    """The axis along the bottom."""
    for value in x.ticks():
        at = x.at(value)
        yield f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{base}" y2="{base + 4}"/>'
        yield f'<text x="{at:.1f}" y="{base + 17}" text-anchor="middle">{tick(value)}</text>'
    yield f'<line class="axis" x1="{x.start}" x2="{x.end}" y1="{base}" y2="{base}"/>'
    yield f'<text x="{(x.start + x.end) / 2}" y="{base + 36}" text-anchor="middle">{text(across)}</text>'


def _key(number: int, name: str, left: float, top: float, colour: int, dashed: bool) -> Iterator[str]:
    css = f"line s{colour % len(COLOURS)}"
    yield _path([(left + 4, top), (left + 24, top)], css, dashed)
    yield f'<text x="{left + 30}" y="{top + 4}">{text(name)}</text>'


def _path(points: Sequence[tuple[float, float]], css: str, dashed: bool = False) -> str:
    line = "L".join(f"{px:.1f} {py:.1f}" for px, py in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path class="{css}" d="M{line}"{dash}/>'


def svg(parts: Sequence[str], width: float, height: float, label: str) -> str:
    """Return a drawing of so many pixels; ``label`` says what it shows to those who cannot see it."""
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{text(label)}">'
    return "".join((head, *parts, "</svg>"))


def tick(value: float) -> str:
    """Return a number as axes show it, with M for a million."""
    shown = f"{value / 1e6:,.6g} M" if abs(value) >= 1e6 else f"{value:,.6g}"
    return shown.replace("-", "−")


def text(words: str) -> str:
    """Return words of strangers as text of a drawing."""
    return escape(plain(words), quote=True)
