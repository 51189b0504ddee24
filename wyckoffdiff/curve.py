"""The losses of a training as a picture: an SVG file written directly, so that it needs no plotting library."""

import math
from collections.abc import Sequence
from typing import Any

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 16, 46
_COLOURS = {"training": "#0072b2", "validation": "#d55e00"}  # Okabe and Ito: told apart by colour-blind readers too


def draw(log: Sequence[dict[str, Any]]) -> str:
    """Return the picture: loss (logarithmic) over steps, training as logged and validation after each epoch.

    Parameters
    ----------
    log
        Rows of `wyckoffdiff.training_log`; at least one.
    """
    curves = {
        "training": [(row["step"], row["loss"]) for row in log if row["kind"] == "step"],
        "validation": [(row["step"], row["val_loss"]) for row in log if row["kind"] == "epoch"],
    }
    points = [point for curve in curves.values() for point in curve]
    last: int = max(step for step, _ in points)
    low = math.log10(min(loss for _, loss in points)) - 0.02
    high = max(math.log10(max(loss for _, loss in points)), low + 0.1) + 0.02

    def x(step: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / last

    def y(loss: float) -> float:
        place: float = (high - math.log10(loss)) / (high - low)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * place

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        )
    ]
    parts += [
        (
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:g}</text>'
        )
        for loss in _ticks(math.pow(10, low), math.pow(10, high))
    ]
    for k in range(5):
        step = last * k // 4
        anchor = "end" if k == 4 else "middle"
        parts.append(f'<text x="{x(step):.1f}" y="{_HEIGHT - 28}" text-anchor="{anchor}">{step:,}</text>')
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">step</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(
        f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">nats a variable</text>'
    )
    for place, (name, curve) in enumerate(curves.items()):
        colour, at = _COLOURS[name], _TOP + 16 + 18 * place
        path = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in curve)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if name == "validation":
            parts += [f'<circle cx="{x(s):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for s, v in curve]
        parts.append(f'<text x="{_WIDTH - _RIGHT - 8}" y="{at}" text-anchor="end" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high: 1, 2, 5 of each decade, or finer where that gives fewer than three."""
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(k / 10 for k in range(10, 100))):
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [float(f"{digit * math.pow(10, decade):.6g}") for decade in decades for digit in digits]
        found = [tick for tick in ticks if low <= tick <= high]
        if len(found) >= 3:
            return found
    return found
