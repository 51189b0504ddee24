"""Distances taken apart: a panel with a row for each generator and a column for each part that its results tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crystalbench import Cell, MetricResult
from crystalbench.tables.results import JSON
from crystalbench_plugins.reports._layout import Sheet, full_title
from crystalbench_plugins.reports._numbers import number

SPLIT = "split"  # the key in the details of a result


@dataclass(frozen=True, slots=True)
class Panel:
    """The parts of one column: ``rows`` are titles, each with the whole value and a text for each of ``heads``."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def panels(sheet: Sheet) -> Iterator[Panel]:
    """Yield a panel for each column of which a result is taken apart; of several replicas the first is shown."""
    for column in sheet.table.columns:
        found: list[tuple[str, str, Mapping[str, float | None]]] = []
        for line in sheet.counted:
            outcomes = line.row.cells.get(column.key, Cell()).outcomes
            if outcomes and isinstance(outcomes[0], MetricResult) and (parts := _parts(outcomes[0].details)):
                found.append((line.title, number(outcomes[0].value, column), parts))
        if found:
            keys = list(dict.fromkeys(key for *_, parts in found for key in parts))
            yield Panel(
                title=f"{full_title(column)}, taken apart",
                heads=("whole", *(key.replace("_", " ") for key in keys)),
                rows=tuple((title, (whole, *(_text(parts.get(key)) for key in keys))) for title, whole, parts in found),
            )


def _parts(details: Mapping[str, JSON]) -> Mapping[str, float | None]:
    """Return the numbers of a split; anything else in a stranger's table is none."""
    split = details.get(SPLIT)
    if not isinstance(split, dict):
        return {}
    return {key: value for key, value in split.items() if value is None or isinstance(value, int | float)}


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
