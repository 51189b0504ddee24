"""A sweep as Markdown, as tidy data, as JSON, and as a picture for each column."""

import json
import re
from collections.abc import Iterator

from crystalbench import Cell, Column, Failure, RowKind
from crystalbench.tables.charts import Curve, Scale, curves, standalone
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._figure_data import with_encoder
from crystalbench_plugins.reports._layout import FAILED, MARKS, NO_VALUE, full_title, unit_of
from crystalbench_plugins.reports._numbers import bounds, number, scaled
from crystalbench_plugins.reports.markdown import escape, pipe_table
from crystalbench_plugins.sweep.moves import largest, size_of
from crystalbench_plugins.sweep.sweep import SHARES, Sweep, Swept, name_of, title_of

SCHEMA = 1
FIELDS = (
    "generator", "kind", "column", "unit", "backend", "symprec", "own", "samples", "value", "low", "high", "move",
    "half_widths",
)  # fmt: skip


def markdown(sweep: Sweep) -> str:
    """Return a table for each row: a line for each column, a cell for each setting, and the largest move."""
    lines = [f"# {escape(plain(sweep.title))}: symmetry search", "", statement(sweep), ""]
    for swept in sweep.rows:
        lines += [f"## {escape(_title(swept))}, {swept.row.drawn:,} samples", "", *_lines(sweep, swept), ""]
    lines += [
        "Largest move: in half widths of the 95 % interval at the run's own setting, which stands beside its value.",
        f"Labels of {sweep.dataset}, which the samples are compared with, are as they were made: its card says how.",
    ]
    if sweep.unmoved:
        lines.append(f"Labels already, so no setting moves them: {escape(', '.join(map(plain, sweep.unmoved)))}.")
    if any(swept.row.kind is RowKind.EXAMPLE for swept in sweep.rows):
        lines.append(f"{MARKS[RowKind.EXAMPLE]} A small example file; no result of that generator.")
    lines += [f"Warning: {escape(plain(note))}" for note in sweep.notes]
    return "\n".join(lines) + "\n"


def _lines(sweep: Sweep, swept: Swept) -> Iterator[str]:
    """Yield the table of one row of the run, and which columns have no value there."""
    heads = [f"{title_of(one)}{'' if i else ' (the run)'}" for i, one in enumerate(sweep.settings)]
    table = [["", *heads, "largest move"]]
    empty = []
    for column in sweep.columns:
        cells = swept.cells[column.key]
        if not any(cell.values or isinstance(cell.problem, Failure) for cell in cells):
            empty.append(_name(column))
            continue
        moved = largest(sweep, swept, column)
        shown = [_shown(cell, column, first=not i) for i, cell in enumerate(cells)]
        table.append([escape(_name(column)), *shown, "" if moved is None else f"{moved.size:.2g} ×"])
    yield pipe_table([*zip(*table, strict=True)])
    if empty:
        yield ""
        yield f"Without a value: {escape(', '.join(empty))}."


def statement(sweep: Sweep) -> str:
    """Return the sentence on the largest move of all."""
    move = largest(sweep)
    if move is None:
        return "No value has an interval to hold a move against."
    if not move.size:
        return "No value that has an interval moves."
    own, other = (move.swept.cells[move.column.key][i] for i in (0, move.setting))
    assert own.confidence is not None
    assert own.mean is not None
    assert other.mean is not None
    unit = unit_of(move.column)
    where = f"{escape(_name(move.column))} of {escape(_title(move.swept))}"
    before = f"{number(own.mean, move.column)} [{', '.join(bounds(own.confidence, move.column))}]"
    after = f"{number(other.mean, move.column)}{unit and f' {unit}'} with {title_of(sweep.settings[move.setting])}"
    return f"Largest move: {where}, from {before} to {after}: {move.size:.2g} half widths of its 95 % interval."


def tidy(sweep: Sweep) -> Iterator[tuple[object, ...]]:
    """Yield every value, as `FIELDS` say; shares are fractions."""
    for swept in sweep.rows:
        for column in sweep.columns:
            own = swept.cells[column.key][0]
            for place, (one, cell) in enumerate(zip(sweep.settings, swept.cells[column.key], strict=True)):
                if cell.mean is not None:
                    low, high = cell.confidence or ("", "")
                    size = size_of(own, cell)
                    yield (
                        swept.row.generator, swept.row.kind.value, column.key,
                        "fraction" if column.unit == "%" else column.unit, one.backend.value, one.symprec,
                        int(place == 0), swept.row.drawn, cell.mean, low, high,
                        "" if own.mean is None else cell.mean - own.mean, "" if size is None else size,
                    )  # fmt: skip


def document(sweep: Sweep) -> str:
    """Return everything as JSON."""
    move = largest(sweep)
    values = [dict(zip(FIELDS, line, strict=True)) for line in tidy(sweep)]
    made = {
        "schema_version": SCHEMA,
        "title": sweep.title,
        "dataset": sweep.dataset,
        "settings": [dict(one.identity()) | {"name": name_of(one)} for one in sweep.settings],
        "own": name_of(sweep.settings[0]),
        "unmoved": list(sweep.unmoved),
        "notes": list(sweep.notes),
        "largest_move": None
        if move is None
        else {
            "generator": move.swept.row.generator,
            "column": move.column.key,
            "setting": name_of(sweep.settings[move.setting]),
            "half_widths": move.size,
        },
        "values": [{key: None if value == "" else value for key, value in one.items()} for one in values],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def pictures(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """Yield file name and picture of each column that has values under several tolerances: dashed with moyo."""
    for column in sweep.columns:
        series = [curve for colour, swept in enumerate(sweep.rows) for curve in _curves(sweep, swept, column, colour)]
        if len({x for curve in series for x, _ in curve.points}) > 1:
            unit = unit_of(column)
            upward = f"{with_encoder(full_title(column), column)}{unit and f', {unit}'}"
            scale = Scale.LINEAR if column.unit == "%" else Scale.ROOT
            drawn = curves(series, "symprec, Å", upward, upward_scale=scale, height=380)
            yield re.sub(r"[^A-Za-z0-9_.-]", "_", column.key) + ".svg", standalone(drawn)


def _curves(sweep: Sweep, swept: Swept, column: Column, colour: int) -> Iterator[Curve]:
    """Yield the curve of each backend."""
    backends = list(dict.fromkeys(one.backend for one in sorted(sweep.settings, key=lambda one: one.backend.value)))
    for backend in backends:
        cells = zip(sweep.settings, swept.cells[column.key], strict=True)
        own = sorted((one.symprec, cell) for one, cell in cells if one.backend is backend and cell.mean is not None)
        if own:
            yield Curve(
                name=plain(f"{_title(swept)}, {backend}"),
                points=tuple((x, scaled(cell.mean or 0.0, column)) for x, cell in own),
                intervals=tuple(
                    None if (ends := cell.confidence) is None else (scaled(ends[0], column), scaled(ends[1], column))
                    for _, cell in own
                ),
                colour=colour,
                dashed=backend is not sweep.settings[0].backend,
                dots=True,
            )


def _title(swept: Swept) -> str:
    mark = MARKS.get(swept.row.kind, "")
    return f"{plain(swept.row.title)}{mark and f' ({mark})'}"


def _name(column: Column) -> str:
    unit = unit_of(column)
    return with_encoder(full_title(column), column) + (f" {unit}" if unit else "")


def _shown(cell: Cell, column: Column, *, first: bool) -> str:
    if cell.mean is None:
        return FAILED if isinstance(cell.problem, Failure) else NO_VALUE
    own = first and column is not SHARES[-1]  # which is zero by definition
    beside = f" [{', '.join(bounds(cell.confidence, column))}]" if own and cell.confidence else ""
    return number(cell.mean, column) + beside
