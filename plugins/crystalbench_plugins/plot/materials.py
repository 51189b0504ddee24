"""Figures of what samples are made of: elements in the periodic table, space groups against training."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from crystalbench import Evidence
from crystalbench_plugins.plot.paper import COLOURS, DOUBLE, GREY, INK, LIGHT, Drawing
from crystalbench_plugins.plot.values import file_name
from crystalbench_plugins.reports._figure_data import profiled
from crystalbench_plugins.reports._layout import Sheet
from crystalbench_plugins.reports._pictures import SYSTEMS, heat, percent, places, shares_of
from crystalbench_plugins.reports._profile import Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAT = ("#8c510a", "#bf812d", "#dfc27d", "#f0e2c4", "#f2f2f2", "#cfe9e5", "#80cdc1", "#35978f", "#01665e")
"""Far below training's share to far above: BrBG of ColorBrewer, which colour-blind readers can follow."""
STEPS = ("1/4", "1/2.8", "1/2", "1/1.4", "1", "1.4", "2", "2.8", "4")
"""Ratios of shares of the steps; the first and the last one hold all beyond."""


def elements(sheet: Sheet, evidence: Evidence) -> Iterator[Drawing]:
    """Yield, for each generator, the periodic table coloured by share of samples over share of training rows."""
    for line, own, training in profiled(sheet, evidence):
        name = file_name("elements", line.row.generator)
        yield Drawing(name=name, width=DOUBLE, height=4.0, draw=partial(_table, line.title, own, training))


def _table(title: str, own: Profile, training: Profile, figure: "Figure") -> None:
    from matplotlib.patches import Rectangle

    axes = figure.add_subplot()
    axes.set(xlim=(0, 18), ylim=(9.3, 0), aspect="equal")
    axes.set_axis_off()
    for symbol, (row, column) in places():
        css = heat(own, training, symbol)
        step = int(css[1:]) if css[1:].isdecimal() else None
        y = row + (0.2 if row > 6 else 0)
        face = "none" if step is None else HEAT[step]
        edge = LIGHT if step is None else "none"
        axes.add_patch(Rectangle((column + 0.03, y + 0.03), 0.94, 0.94, facecolor=face, edgecolor=edge, linewidth=0.5))
        colour = GREY if css == "absent" else "white" if step in (0, 8) else INK
        axes.text(column + 0.5, y + 0.4, symbol, ha="center", va="center", fontsize=8, color=colour)
        if own.elements[symbol] or training.elements[symbol]:
            share = percent(own.elements[symbol] / own.n)
            axes.text(column + 0.5, y + 0.77, share, ha="center", va="center", fontsize=4.5, color=colour)
    for step, colour in enumerate(HEAT):
        axes.add_patch(Rectangle((3.5 + step * 0.85, 0.85), 0.85, 0.28, facecolor=colour, edgecolor="none"))
        axes.text(3.925 + step * 0.85, 1.36, STEPS[step], ha="center", va="center", fontsize=5.5)
    axes.text(3.5, 0.55, f"{title}: share of samples with the element, over training's", fontsize=6.5, va="center")


def spacegroups(sheet: Sheet, evidence: Evidence) -> Iterator[Drawing]:
    """Yield, for each generator, the share of each space group: samples upward, training downward."""
    for line, own, training in profiled(sheet, evidence):
        name = file_name("spacegroups", line.row.generator)
        yield Drawing(name=name, width=DOUBLE, height=2.0, draw=partial(_spectrum, line.title, own, training))


def _spectrum(title: str, own: Profile, training: Profile, figure: "Figure") -> None:
    axes = figure.add_subplot()
    top = 0.0
    for profile, sign, colour in ((own, 1, COLOURS[0]), (training, -1, GREY)):
        shares = shares_of(profile.spacegroups, profile.n)
        roots = {group: share**0.5 for group, share in shares.items()}
        axes.bar(list(roots), [sign * root for root in roots.values()], width=1.0, color=colour, linewidth=0)
        top = max(top, *roots.values())
    starts = [*SYSTEMS.values(), 231]
    for name, first, after in zip(SYSTEMS, starts, starts[1:], strict=False):
        if first > 1:
            axes.axvline(first - 0.5, color=LIGHT, linewidth=0.5, zorder=0)
        if after - first > 2:
            axes.text((first + after) / 2 - 0.5, 1.13 * top, name, ha="center", va="bottom", fontsize=6)
    axes.axhline(0, color=GREY, linewidth=0.5)
    marks = [top, (0.1**0.5) * top]
    axes.set_yticks([*marks, 0, *(-mark for mark in marks)], labels=[
        *(percent(mark**2) for mark in marks), "0", *(percent(mark**2) for mark in marks),
    ])  # fmt: skip
    axes.set_xticks([1, 16, 75, 143, 195, 230], labels=["1", "16", "75", "143", "195", "230"])
    axes.set(xlim=(0, 231), ylim=(-1.1 * top, 1.1 * top), xlabel="space group (share on a scale of square roots)")
    axes.text(80, 1.05 * top, title, va="top", color=COLOURS[0])  # few crystals are in the groups there
    axes.text(80, -1.05 * top, "training", va="bottom", color=GREY)
