"""Pictures of the phase diagram around a material, by pymatgen's plotter."""

import logging
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.errors import ConfigError
from crystalbench.materials.hull import Composition, Hull, reduced

MOST_ELEMENTS = 3
"""More have no picture: in that of four pymatgen draws no material that lies above the hull."""

SHOWN_ABOVE = 0.05
"""eV/atom; known phases that lie higher above the hull are left out of the picture."""

FONT = 11.0
"""Points, at most."""

MARK = 6.0
"""Points from the middle of a phase's mark to its edge, with some air."""

DISTANCES = (18.0, 24.0, 32.0, 42.0, 54.0, 68.0)
"""Points from a phase to the middle of its label: the first at which it covers nothing."""

TURNS = tuple(np.radians([0, 30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180]))
"""From the direction that leads away from the middle of the picture."""

EVERYTHING = 100.0
"""eV/atom: what is given to the plotter is drawn, the material too, however high it lies."""


def draw(hull: Hull, material: Composition, formation_energy: float, file: Path) -> None:
    """Write the phase diagram of a material's elements with the material in it; the suffix says the format.

    The material is a green star where it is on the hull that it makes together with the known phases, and a red square
    with its name otherwise, as are known phases close above it.

    Parameters
    ----------
    hull
        Of the energy scheme of ``formation_energy``.
    material
        Atoms by atomic number; of two or three elements.
    formation_energy
        eV/atom.
    file
        Ends in ``.svg``, ``.png`` or ``.pdf``.

    Raises
    ------
    ConfigError
        If pymatgen is absent, or the material has one element or more than four.
    ValueError
        If an element has no reference (`Hull.gap` says so beforehand).
    """
    elements = sorted(material)
    if not 2 <= len(elements) <= MOST_ELEMENTS:
        raise ConfigError(f"a phase diagram of {len(elements)} elements cannot be drawn; expected two or three")
    try:
        import matplotlib as mpl
        from pymatgen.analysis.phase_diagram import PDEntry, PDPlotter, PhaseDiagram
    except ImportError:
        raise ConfigError("phase diagrams need pymatgen; pip install 'crystalbench[discover]'") from None
    mpl.use("Agg")  # no window, whatever the machine has
    logging.getLogger("matplotlib.axes").setLevel(logging.ERROR)  # it remarks on limits that pymatgen sets
    import matplotlib.pyplot as plt

    lowest: dict[frozenset[tuple[str, int]], tuple[Composition, float, str]] = {}
    for row in np.argsort(hull.energies, kind="stable").tolist():  # a higher phase of a formula would cover its lowest
        if (phase := hull.compositions[row]).keys() <= set(elements):
            formula = frozenset(_named(reduced(phase)).items())
            lowest.setdefault(formula, (phase, float(hull.energies[row]), "existing"))
    known = list(lowest.values())
    ends = [({z: 1}, 0.0, "existing") for z in elements]
    entries = [
        PDEntry(_named(phase), energy * sum(phase.values()), attribute=origin)
        for phase, energy, origin in [*ends, *known, (material, formation_energy, "new")]
    ]
    heights = PhaseDiagram(entries)
    near = [one for one in entries[:-1] if heights.get_e_above_hull(one) <= SHOWN_ABOVE]
    plotter = PDPlotter(PhaseDiagram([*near, entries[-1]]), show_unstable=EVERYTHING, backend="matplotlib")
    axes = plotter.get_plot(process_attributes=True)
    for text in (axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_fontsize(min(text.get_fontsize(), FONT))
    for line in axes.lines:
        line.set_linewidth(min(line.get_linewidth(), 1.0))
    above = hull.distance(material, formation_energy)
    axes.set_title(f"{entries[-1].name}: {formation_energy:.3f} eV/atom, {above:+.3f} from the hull of known phases")
    try:
        _place_labels(axes)
        axes.figure.savefig(file, bbox_inches="tight", metadata={"Date": None} if file.suffix == ".svg" else None)
    finally:
        plt.close(axes.figure)


def _place_labels(axes: Any) -> None:
    """Put the label of each phase where it covers no other and no point; a line leads to one that is far from its own.

    pymatgen puts each at the same distance from its point, so that on a dense edge they lie upon one another.
    """
    import matplotlib.patheffects as effects
    from matplotlib.transforms import Bbox

    renderer = axes.figure.canvas.get_renderer()
    labels = list(axes.texts)
    points = [axes.transData.transform(label.xy) for label in labels]
    pixels = axes.figure.dpi / 72
    taken = [Bbox.from_bounds(x - MARK * pixels, y - MARK * pixels, *[2 * MARK * pixels] * 2) for x, y in points]
    middle = np.mean(points, axis=0)
    for label, point in zip(labels, points, strict=True):
        outward = np.arctan2(*(point - middle)[::-1])
        label.set(
            fontsize=FONT, ha="center", va="center", path_effects=[effects.withStroke(linewidth=2, foreground="w")]
        )
        best = (np.inf, (0.0, 0.0))
        for far, turn in product(DISTANCES, TURNS):
            way = (far * np.cos(outward + turn), far * np.sin(outward + turn))
            label.set_position(way)
            box = label.get_window_extent(renderer)
            covered = sum(box.overlaps(other) for other in taken)
            best = min(best, (covered, way), key=lambda one: one[0])
            if not covered:
                break
        label.set_position(best[1])
        taken.append(label.get_window_extent(renderer))
        if np.hypot(*best[1]) > DISTANCES[1]:
            line = {"arrowstyle": "-", "linewidth": 0.5, "color": "0.5", "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=label.xy, xytext=best[1], textcoords="offset points", arrowprops=line, zorder=0)


def _named(composition: Composition) -> dict[str, int]:
    return {ELEMENTS[z - 1]: number for z, number in composition.items()}
