"""Pictures of the phase diagram around a material, by pymatgen's plotter."""

import logging
from pathlib import Path

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.errors import ConfigError
from crystalbench.materials.hull import Composition, Hull

MOST_ELEMENTS = 3
"""More have no picture: in that of four pymatgen draws no material that lies above the hull."""

SHOWN_ABOVE = 0.05
"""eV/atom; known phases that lie higher above the hull are left out of the picture."""

FONT = 11.0
"""Points, at most."""

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

    within = [row for row, phase in enumerate(hull.compositions) if phase.keys() <= set(elements)]
    known = [(hull.compositions[row], float(hull.energies[row]), "existing") for row in within]
    ends = [({z: 1}, 0.0, "existing") for z in elements]
    entries = [
        PDEntry(_named(phase), energy * sum(phase.values()), attribute=origin)
        for phase, energy, origin in [*ends, *known, (material, formation_energy, "new")]
    ]
    heights = PhaseDiagram(entries)
    near = [one for one in entries[:-1] if heights.get_e_above_hull(one) <= SHOWN_ABOVE]
    plotter = PDPlotter(PhaseDiagram([*near, entries[-1]]), show_unstable=EVERYTHING, backend="matplotlib")
    axes = plotter.get_plot(process_attributes=True)
    for text in axes.texts:  # pymatgen's are so large that neighbours cover one another
        text.set_fontsize(min(text.get_fontsize(), FONT))
    for line in axes.lines:
        line.set_linewidth(min(line.get_linewidth(), 1.0))
    above = hull.distance(material, formation_energy)
    axes.set_title(f"{entries[-1].name}: {formation_energy:.3f} eV/atom, {above:+.3f} from the hull of known phases")
    try:
        axes.figure.savefig(file, bbox_inches="tight", metadata={"Date": None} if file.suffix == ".svg" else None)
    finally:
        plt.close(axes.figure)


def _named(composition: Composition) -> dict[str, int]:
    return {ELEMENTS[z - 1]: number for z, number in composition.items()}
