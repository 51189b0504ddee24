"""Distances taken apart: a panel with a row for each generator and a column for each part that its results tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crystalbench import Cell, MetricResult
from crystalbench.tables.results import JSON
from crystalbench_plugins.reports._layout import Sheet, full_title
from crystalbench_plugins.reports._numbers import number

SPLIT, FUNNEL = "split", "funnel"  # keys in the details of a result


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
            if outcomes and isinstance(outcomes[0], MetricResult) and (parts := _parts(outcomes[0].details, SPLIT)):
                found.append((line.title, number(outcomes[0].value, column), parts))
        if found:
            keys = list(dict.fromkeys(key for *_, parts in found for key in parts))
            yield Panel(
                title=f"{full_title(column)}, taken apart",
                heads=("whole", *(key.replace("_", " ") for key in keys)),
                rows=tuple((title, (whole, *(_text(parts.get(key)) for key in keys))) for title, whole, parts in found),
            )


def funnels(sheet: Sheet) -> Iterator[Panel]:
    """Yield the counts that shares are left of, step by step; columns of the same counts together."""
    titles: dict[tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]], list[str]] = {}
    for column in sheet.table.columns:
        found: list[tuple[str, Mapping[str, float | None]]] = []
        for line in sheet.counted:
            outcomes = line.row.cells.get(column.key, Cell()).outcomes
            if outcomes and isinstance(outcomes[0], MetricResult) and (steps := _parts(outcomes[0].details, FUNNEL)):
                found.append((line.title, steps))
        heads = tuple(dict.fromkeys(step for _, steps in found for step in steps))
        rows = tuple((title, tuple(_text(steps.get(head)) for head in heads)) for title, steps in found)
        if rows:
            titles.setdefault((heads, rows), []).append(full_title(column))
    for (heads, rows), columns in titles.items():
        yield Panel(title=f"{', '.join(columns)}: from samples to materials", heads=heads, rows=rows)


def _parts(details: Mapping[str, JSON], name: str) -> Mapping[str, float | None]:
    """Return the numbers of a part of the details; anything else in a stranger's table is none."""
    split = details.get(name)
    if not isinstance(split, dict):
        return {}
    return {key: value for key, value in split.items() if value is None or isinstance(value, int | float)}


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
