"""Which pictures a report has: intervals of values, what samples are made of, distributions that results hold."""

from collections.abc import Iterator
from dataclasses import dataclass

from crystalbench import Evidence, RowKind
from crystalbench.tables.charts import Scale, histograms
from crystalbench_plugins.reports._figure_data import dots, held, profiled
from crystalbench_plugins.reports._layout import Sheet
from crystalbench_plugins.reports._pictures import count_bars, dot_plot, periodic_table, spacegroup_spectrum

MOST_ELEMENTS, MOST_SITES = 8, 40  # beyond these numbers one bar holds the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFigures:
    """Drawings of one generator's samples against the split that they are compared with."""

    title: str
    kind: RowKind
    elements: str
    spacegroups: str
    n_elements: str
    n_sites: str


def dot_plots(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Yield title and drawing of each column whose intervals are shown."""
    for one in dots(sheet):
        scale = Scale.LINEAR if one.linear else Scale.ROOT
        label = f"{one.label} of each generator with its interval"
        yield one.title, dot_plot(one.rows, one.target, scale, one.unit, label)


def profiles(sheet: Sheet, evidence: Evidence) -> Iterator[ProfileFigures]:
    """Yield what the valid samples of each generator are made of."""
    for line, own, training in profiled(sheet, evidence):
        yield ProfileFigures(
            title=line.title,
            kind=line.row.kind,
            elements=periodic_table(own, training),
            spacegroups=spacegroup_spectrum(own, training),
            n_elements=count_bars(own.n_elements, training.n_elements, "elements", MOST_ELEMENTS),
            n_sites=count_bars(own.n_sites, training.n_sites, "atoms", MOST_SITES),
        )


def held_distributions(sheet: Sheet) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield titles and charts, one per generator, of what results hold as distributions."""
    for (title, unit), rows in held(sheet).items():
        yield title, [(line.title, histograms(series, unit)) for line, series in rows]
