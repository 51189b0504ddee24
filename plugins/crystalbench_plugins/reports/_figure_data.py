"""What the pictures of a table show, before anything is drawn: intervals, profiles of samples, distributions."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crystalbench import Cell, Column, ColumnSet, Evidence, MetricResult, RowKind
from crystalbench.tables.distribution import Distribution, distributions
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import Line, Sheet, full_title, unit_of
from crystalbench_plugins.reports._numbers import scaled
from crystalbench_plugins.reports._profile import Profile, profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """The values of one column as they are printed: (title, value, interval) of each row, and the training set's own.

    ``linear`` is False where small and large values stand beside one another: then on a scale of square roots.
    """

    key: str
    title: str
    label: str
    unit: str
    rows: tuple[tuple[str, float, tuple[float, float] | None], ...]
    target: float | None
    linear: bool


def with_encoder(title: str, column: Column) -> str:
    """Return the title of a column with the encoder behind its values."""
    return plain(f"{title} ({column.encoder})" if column.encoder else title)


def dots(sheet: Sheet) -> Iterator[Dots]:
    """Yield each column that is shown at first or never without its interval.

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
        yield Dots(
            key=column.key,
            title=with_encoder(full_title(column), column),
            label=full_title(column),
            unit=unit_of(column),
            rows=tuple(rows),
            target=None if target is None else scaled(target, column),
            linear=column.unit == "%",
        )


def profiled(sheet: Sheet, evidence: Evidence) -> Iterator[tuple[Line, Profile, Profile]]:
    """Yield each row with what its valid samples are made of, those of all replicas together, and the split's own."""
    training: Profile | None = None
    for line in sheet.counted:
        row = evidence.rows.get(line.row.generator)
        if row is None or line.row.kind is RowKind.TRAINING:
            continue
        own = profile(label for samples in row.samples for label in samples.labels)
        if own.n:
            training = training or profile(evidence.dataset.reference.labels)
            yield line, own, training


def held(sheet: Sheet) -> dict[tuple[str, str], list[tuple[Line, list[Distribution]]]]:
    """Return by title and unit what results hold as distributions, a list for each row; one encoder's together."""
    found: dict[tuple[str, str], list[tuple[Line, list[Distribution]]]] = {}
    for line in sheet.counted:
        for key, series in _series(line, sheet.table.columns).items():
            found.setdefault(key, []).append((line, series))
    return found


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
