"""Which pictures a report has: intervals of values, what samples are made of, distributions that results hold."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crystalbench import Cell, Column, ColumnSet, Evidence, MetricResult, RowKind
from crystalbench.tables.charts import Scale, histograms
from crystalbench.tables.distribution import Distribution, distributions
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import Line, Sheet, full_title, unit_of
from crystalbench_plugins.reports._numbers import scaled
from crystalbench_plugins.reports._pictures import count_bars, dot_plot, periodic_table, spacegroup_spectrum
from crystalbench_plugins.reports._profile import Profile, profile

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


def with_encoder(title: str, column: Column) -> str:
    """Return the title of a column with the encoder behind its values."""
    return plain(f"{title} ({column.encoder})" if column.encoder else title)


def dot_plots(sheet: Sheet) -> Iterator[tuple[str, str]]:
    """Yield title and drawing of each column that is shown at first or never without its interval.

    At least two rows have one there.
    """
    for column in sheet.table.columns:
        if not ColumnSet.DEFAULT.holds(column.within) and not column.show_interval:
            continue
        rows = []
        for line in sheet.counted:
            cell = line.row.cells.get(column.key, Cell())
            if cell.mean is None:
                continue
            ends = cell.confidence
            interval = None if ends is None else (scaled(ends[0], column), scaled(ends[1], column))
            rows.append((line.title, scaled(cell.mean, column), interval))
        if sum(interval is not None for _, _, interval in rows) < 2:
            continue
        target = sheet.table.target(column)
        yield (
            with_encoder(full_title(column), column),
            dot_plot(
                rows,
                None if target is None else scaled(target, column),
                Scale.LINEAR if column.unit == "%" else Scale.ROOT,
                unit_of(column),
                f"{full_title(column)} of each generator with its interval",
            ),
        )


def profiles(sheet: Sheet, evidence: Evidence) -> Iterator[ProfileFigures]:
    """Yield what the valid samples of each generator are made of; those of all replicas together."""
    training: Profile | None = None
    for line in sheet.counted:
        row = evidence.rows.get(line.row.generator)
        if row is None or line.row.kind is RowKind.TRAINING:
            continue
        own = profile(label for samples in row.samples for label in samples.labels)
        if not own.n:
            continue
        training = training or profile(evidence.dataset.reference.labels)
        yield ProfileFigures(
            title=line.title,
            kind=line.row.kind,
            elements=periodic_table(own, training),
            spacegroups=spacegroup_spectrum(own, training),
            n_elements=count_bars(own.n_elements, training.n_elements, "elements", MOST_ELEMENTS),
            n_sites=count_bars(own.n_sites, training.n_sites, "atoms", MOST_SITES),
        )


def held_distributions(sheet: Sheet) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield titles and charts, one per generator, of what results hold as distributions; one encoder's together."""
    charts: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for line in sheet.counted:
        for (title, unit), series in _series(line, sheet.table.columns).items():
            charts.setdefault((title, unit), []).append((line.title, histograms(series, unit)))
    for (title, _), figures in charts.items():
        yield title, figures


def _series(line: Line, columns: Iterable[Column]) -> dict[tuple[str, str], list[Distribution]]:
    """Return the distributions of one generator by title and unit; of several replicas the first is shown."""
    found: dict[tuple[str, str], dict[str, Distribution]] = {}
    for column in columns:
        outcomes = line.row.cells.get(column.key, Cell()).outcomes
        if outcomes and isinstance(outcomes[0], MetricResult):
            series = found.setdefault((with_encoder(column.title, column), plain(column.unit)), {})
            for item in distributions(outcomes[0].details):
                series.setdefault(item.name, item)
    return {key: list(series.values()) for key, series in found.items() if series}
