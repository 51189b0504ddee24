"""Figures of values: intervals as dots, energies as histograms, FWD against the number of samples."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from crystalbench import Evidence
from crystalbench.runs.folder import samples_name
from crystalbench.tables.charts import Axis, Scale
from crystalbench.tables.distribution import Distribution
from crystalbench_plugins.metrics.size_effect import Point
from crystalbench_plugins.plot.paper import (
    COLOURS,
    GREY,
    INK,
    LIGHT,
    SINGLE,
    Drawing,
    number,
    root_scale,
    ticks_of,
)
from crystalbench_plugins.reports._figure_data import Dots, dots, held
from crystalbench_plugins.reports._layout import Sheet
from crystalbench_plugins.reports._training import Trained, trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE = 0.17  # inches of a line of text
PIXELS = 300  # of an axis, for the distance between its ticks


def file_name(*words: str) -> str:
    """Return words that may hold anything as the name of a file that LaTeX can include, never the same for two."""
    return PurePath(samples_name("-".join(words), 0)).name.removesuffix(".0.csv").replace("%", "=")


def intervals(sheet: Sheet) -> Iterator[Drawing]:
    """Yield a dot plot of each column whose intervals are shown."""
    for one in dots(sheet):
        height = 0.5 + LINE * len(one.rows)
        yield Drawing(name=file_name("intervals", one.key), width=SINGLE, height=height, draw=partial(_dots, one))


def _dots(one: Dots, figure: "Figure") -> None:
    axes = figure.add_subplot()
    ends = [end for _, value, interval in one.rows for end in (value, *(interval or ()))]
    ends += [0.0] if one.target is None else [0.0, one.target]
    low, high = min(ends), max(ends)
    if not one.linear:
        root_scale(axes, "x")
    axes.set_xlim(low if low == 0 else 1.05 * low, 1.05 * high if high > low else low + 1)
    ticks_of(axes, "x", Axis(low, high, 0, PIXELS, Scale.LINEAR if one.linear else Scale.ROOT).ticks())
    axes.grid(visible=True, axis="x", color=LIGHT, linewidth=0.4)
    axes.set_axisbelow(True)
    if one.target is not None:
        axes.axvline(one.target, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    for place, (_, value, interval) in enumerate(one.rows):
        if interval is not None:
            axes.plot(interval, (place, place), color=COLOURS[0], linewidth=1.4, solid_capstyle="round", clip_on=False)
        axes.plot(value, place, "o", color=COLOURS[0], markersize=3.4, clip_on=False)
    axes.set_yticks(range(len(one.rows)), labels=[_short(title) for title, _, _ in one.rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(one.rows) - 0.5, -0.5)
    axes.set_xlabel(f"{one.title} ({one.unit})" if one.unit else one.title)


def energies(sheet: Sheet) -> Iterator[Drawing]:
    """Yield, for each generator, histograms of the energies of its samples, of the novel ones and of training rows."""
    for (title, unit), rows in held(sheet).items():
        for line, series in rows:
            name = file_name("energies", line.row.generator, *re.findall(r"\(([^()]+)\)$", title))
            yield Drawing(name=name, width=SINGLE, height=2.1, draw=partial(_histograms, title, unit, series))


def _histograms(title: str, unit: str, series: Sequence[Distribution], figure: "Figure") -> None:
    """Draw shares of each one's own sum (paper, Fig. 2), training filled; medians as ticks on the axis."""
    axes = figure.add_subplot()
    ordered = sorted(series, key=lambda item: item.name != "training")
    edges = []
    for item in ordered:
        used = [i for i, count in enumerate(item.counts) if count]
        edges += [item.low + used[0] * item.width, item.low + (used[-1] + 1) * item.width]
    for place, item in enumerate(ordered):
        bins = [item.low + i * item.width for i in range(len(item.counts) + 1)]
        shares = [count / sum(item.counts) for count in item.counts]
        filled = item.name == "training"
        colour = GREY if filled else COLOURS[place % len(COLOURS)]
        axes.stairs(
            shares, bins, color=LIGHT if filled else colour, fill=filled, linewidth=1.0, zorder=1 if filled else 2
        )
        axes.plot(
            item.quantiles[1], 0, "|", color=colour, markersize=9, markeredgewidth=1.2, clip_on=False, zorder=3,
        )  # fmt: skip
        axes.text(
            0.02, 0.98 - 0.095 * place, f"{item.name}, median {number(round(item.quantiles[1], 2))}",
            color=INK if filled else colour, transform=axes.transAxes, va="top",
        )  # fmt: skip
    axes.set_xlim(min(edges), max(edges))
    axes.set_ylim(0, axes.get_ylim()[1] * 1.18)
    axes.set(xlabel=f"{title.replace('Median energy', 'Formation energy')}, {unit}", ylabel="share")
    axes.xaxis.set_major_formatter(number)
    axes.yaxis.set_major_formatter(number)


def training(sheet: Sheet, evidence: Evidence) -> Iterator[Drawing]:
    """Yield the losses of each row's models over the epochs, and every other quantity of them."""
    for one in trained(sheet, evidence):
        name = file_name("training", one.title, one.quantity)
        yield Drawing(name=name, width=SINGLE, height=2.2, draw=partial(_epochs, one))


def _epochs(one: Trained, figure: "Figure") -> None:
    axes = figure.add_subplot()
    for curve in one.curves:
        axes.plot(
            *zip(*curve.points, strict=True), color=COLOURS[curve.colour % len(COLOURS)], label=_short(curve.name),
            linestyle=(0, (3, 2)) if curve.dashed else "-", marker="o" if curve.dots else "", markersize=2,
        )  # fmt: skip
    if one.scale is Scale.LOGARITHMIC:
        axes.set_yscale("log")
        ends = [y for curve in one.curves for _, y in curve.points]
        ticks_of(axes, "y", Axis(min(ends), max(ends), 0, PIXELS / 2, Scale.LOGARITHMIC).ticks())
    axes.set(xlabel="epoch", ylabel=f"{one.quantity}, {_short(one.title)}")
    axes.xaxis.set_major_formatter(number)
    axes.legend(frameon=False, fontsize=6)


def size_effect(points: Sequence[Point]) -> Drawing:
    """Return FWD, plain (dashed) and extrapolated, against the number of samples."""
    return Drawing(name="size-effect", width=SINGLE, height=2.6, draw=partial(_sizes, points))


def _sizes(points: Sequence[Point], figure: "Figure") -> None:
    axes = figure.add_subplot()
    root_scale(axes, "y")
    axes.set_xscale("log")
    titles = list(dict.fromkeys(point.title for point in points))
    for place, title in enumerate(titles):
        colour, own = COLOURS[place % len(COLOURS)], [point for point in points if point.title == title]
        sizes = [point.n for point in own]
        axes.plot(sizes, [point.fwd for point in own], color=colour, linestyle=(0, (3, 2)))
        errors = [
            [max(0.0, point.corrected - point.low) for point in own],
            [max(0.0, point.high - point.corrected) for point in own],
        ]
        axes.errorbar(
            sizes,
            [point.corrected for point in own],
            yerr=errors,
            color=colour,
            marker="o",
            markersize=3,
            elinewidth=0.8,
        )
    ends = [end for point in points for end in (point.fwd, point.corrected, point.low, point.high)]
    axes.set_ylim(min(0.0, *ends) * 1.1, max(ends) * 1.1)
    ticks_of(axes, "y", Axis(min(0.0, *ends), max(ends), 0, PIXELS / 2, Scale.ROOT).ticks())
    ticks_of(axes, "x", sorted({float(point.n) for point in points}))
    axes.set(xlabel="number of samples, and of reference rows", ylabel=f"FWD ({points[0].encoder})")
    for place, title in enumerate(titles):
        axes.text(
            1.02, 0.98 - 0.075 * place, _short(title), color=COLOURS[place % len(COLOURS)], va="top",
            transform=axes.transAxes,
        )  # fmt: skip


def _short(title: str) -> str:
    return title if len(title) <= 28 else f"{title[:27]}…"
