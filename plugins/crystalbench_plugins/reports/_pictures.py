"""Drawings of the HTML report: intervals beside one another, and the counts of samples against those of training.

Colours are classes of the page's style sheet: ``own`` for the samples, ``other`` for training, ``h0`` to ``h8`` for
shares that are far below (0) or above (8) training's.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log2

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.tables.charts import Axis, Scale, svg, text, tick
from crystalbench_plugins.reports._profile import Profile

SYSTEMS = {
    "triclinic": 1, "monoclinic": 3, "orthorhombic": 16, "tetragonal": 75, "trigonal": 143, "hexagonal": 168,
    "cubic": 195,
}  # fmt: skip
"""First space group of each crystal system."""
FEW = 5  # materials below which a ratio of shares says nothing


def dot_plot(
    rows: Sequence[tuple[str, float, tuple[float, float] | None]],
    target: float | None,
    scale: Scale,
    unit: str,
    label: str,
) -> str:
    """Draw a value with its interval for each (name, value, interval), and a line at the training set's own."""
    left, step, width = 150, 22, 460
    ends = [end for _, value, interval in rows for end in (value, *(interval or ()))]
    ends += [] if target is None else [target]
    low, high = min(0.0, *ends), max(0.0, *ends)
    x = Axis(low, high * 1.03 if high > low else low + 1, left, width - 14, scale)
    bottom = 8 + step * len(rows)
    parts = []
    for value in x.ticks():
        at = f"{x.at(value):.1f}"
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="4" y2="{bottom}"/>')
        parts.append(f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{tick(value)}</text>')
    if target is not None:
        at = f"{x.at(target):.1f}"
        parts.append(f'<line class="target" x1="{at}" x2="{at}" y1="4" y2="{bottom}"/>')
    for i, (name, value, interval) in enumerate(rows):
        y = 8 + step * (i + 0.5)
        shown = name if len(name) <= 22 else name[:21] + "…"
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{text(shown)}</text>')
        if interval:
            ends_at = [f"{x.at(end):.1f}" for end in interval]
            parts.append(f'<line class="range" x1="{ends_at[0]}" x2="{ends_at[1]}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<circle class="own" cx="{x.at(value):.1f}" cy="{y:.1f}" r="4"/>')
    parts.append(f'<text x="{(left + width) / 2}" y="{bottom + 34}" text-anchor="middle">{text(unit)}</text>')
    return svg(parts, width, bottom + (40 if unit else 22), label)


def spacegroup_spectrum(own: Profile, training: Profile) -> str:
    """Draw the share of each of the 230 groups, on a scale of square roots: samples upward, training downward."""
    width, half, left = 953, 92, 52
    wide = (width - left - 14) / 230
    top = max(shares_of(own.spacegroups, own.n).values(), default=0.0)
    top = max(top, *shares_of(training.spacegroups, training.n).values())
    middle = 18 + half
    parts = []
    starts = [*SYSTEMS.values(), 231]
    for i, (name, start) in enumerate(SYSTEMS.items()):
        x = left + (start - 1) * wide
        if i:
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="16" y2="{middle + half}"/>')
        shown = name if (starts[i + 1] - start) * wide > 7 * len(name) else ""
        centre = x + (starts[i + 1] - start) * wide / 2
        parts.append(f'<text x="{centre:.1f}" y="11" text-anchor="middle">{shown}</text>')
    for profile, css, sign in ((own, "own", -1), (training, "other", 1)):
        shares = shares_of(profile.spacegroups, profile.n)
        bars = "".join(
            f"M{left + (group - 1) * wide:.1f} {middle}v{sign * half * (share / top) ** 0.5:.1f}h{wide:.2f}V{middle}z"
            for group, share in sorted(shares.items())
        )
        parts.append(f'<path class="{css}" d="{bars}"/>')
        for share in (top, top / 10):
            y = middle + sign * half * (share / top) ** 0.5
            parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{percent(share)}</text>')
    bottom = middle + half
    for group in (*SYSTEMS.values(), 230):
        at = left + (group - 0.5) * wide
        if group not in (1, 168):
            parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{group}</text>')
    label = "Share of each space group: samples upward, training downward"
    return svg(parts, width, bottom + 22, label)


def count_bars(own: Mapping[int, int], training: Mapping[int, int], across: str, most: int) -> str:
    """Draw shares by a whole number, 1 to ``most`` and beyond: bars for the samples, ticks for training."""
    width, height, left, bottom = 460, 190, 46, 40
    numbers = [n for n in range(1, most + 1) if any(k >= n for k in (*own, *training))]
    folded = [_folded(shares_of(counts, sum(counts.values())), most) for counts in (own, training)]
    top = max(share for shares in folded for share in shares.values())
    y = Axis(0.0, top, height - bottom, 10)
    wide = (width - left - 8) / len(numbers)
    parts = []
    for value in y.ticks():
        at = f"{y.at(value):.1f}"
        parts.append(f'<line class="grid" x1="{left}" x2="{width - 8}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{left - 6}" y="{y.at(value) + 4:.1f}" text-anchor="end">{percent(value)}</text>')
    every = 1 if len(numbers) <= 12 else 5
    for i, n in enumerate(numbers):
        x = left + i * wide
        own_share, other = (shares.get(n, 0.0) for shares in folded)
        if own_share:
            corner = f"{x + 0.15 * wide:.1f} {y.start}V{y.at(own_share):.1f}h{0.7 * wide:.1f}V{y.start}"
            parts.append(f'<path class="own" d="M{corner}z"/>')
        if other:
            at = f"{y.at(other):.1f}"
            parts.append(f'<line class="mark" x1="{x + 1:.1f}" x2="{x + wide - 1:.1f}" y1="{at}" y2="{at}"/>')
        if n % every == 0 or n == 1 or n == numbers[-1]:
            name = f"{n}+" if n == most and any(k > most for k in (*own, *training)) else str(n)
            parts.append(f'<text x="{x + wide / 2:.1f}" y="{y.start + 15}" text-anchor="middle">{name}</text>')
    parts.append(f'<text x="{(left + width) / 2}" y="{y.start + 33}" text-anchor="middle">{text(across)}</text>')
    return svg(parts, width, height, f"Shares by {across}: samples as bars, training as ticks")


def periodic_table(own: Profile, training: Profile) -> str:
    """Draw the elements in their places, coloured by the share of samples that contain one against training's."""
    cell, gap = 50, 3
    parts = []
    for symbol, (row, column) in places():
        mine, other = own.elements[symbol], training.elements[symbol]
        x, y = column * (cell + gap) + 1, row * (cell + gap) + (11 if row > 6 else 1)
        parts.append(
            f'<g><rect class="{heat(own, training, symbol)}" x="{x}" y="{y}" width="{cell}" height="{cell}" rx="4"/>'
        )
        parts.append(f'<text class="symbol" x="{x + cell / 2}" y="{y + 23}" text-anchor="middle">{symbol}</text>')
        if mine or other:
            share = percent(mine / own.n) if own.n else "–"
            parts.append(f'<text class="small" x="{x + cell / 2}" y="{y + 40}" text-anchor="middle">{share}</text>')
        parts.append(
            f"<title>{symbol}: {mine:,} of {own.n:,} samples, {other:,} of {training.n:,} in training</title></g>"
        )
    return svg(parts, 18 * (cell + gap), 9 * (cell + gap) + 10, "Elements: share of samples against training's")


def heat(own: Profile, training: Profile, symbol: str) -> str:
    """Class of an element: steps of the ratio of shares, by the square root of 2 from ``h4``, equal; "" for absent."""
    mine, other = own.elements[symbol], training.elements[symbol]
    if not mine and not other:
        return "absent"
    expected = other * own.n / training.n
    if mine < FEW and expected < FEW:
        return "rare"
    ratio = (mine + 0.5) / (expected + 0.5)
    return f"h{min(8, max(0, round(2 * log2(ratio)) + 4))}"


def places() -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield symbols with row and column; lanthanides and actinides stand below."""
    for number, symbol in enumerate(ELEMENTS, 1):
        if 57 <= number <= 71 or 89 <= number <= 103:
            yield symbol, (7 if number < 89 else 8, 2 + (number - 57) % 32)
            continue
        start, row = max((start, row) for row, start in enumerate((1, 3, 11, 19, 37, 55, 87)) if start <= number)
        inside = number - start
        late = 18 - ({0: 2, 1: 8, 2: 8, 3: 18, 4: 18}.get(row, 32) - inside)
        early = 2 if 0 < row < 5 else 1 if row == 0 else 3
        yield symbol, (row, inside if inside < early else late)


def shares_of(counts: Mapping[int, int], n: int) -> dict[int, float]:
    return {key: count / n for key, count in counts.items() if count} if n else {}


def _folded(shares: Mapping[int, float], most: int) -> dict[int, float]:
    folded: dict[int, float] = {}
    for key, share in shares.items():
        folded[min(key, most)] = folded.get(min(key, most), 0.0) + share
    return folded


def percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else "100 %"
