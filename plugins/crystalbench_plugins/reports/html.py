"""The results as one self-contained HTML page: one script, no external resource, all text escaped.

Names, notes and errors come from strangers. Nothing of them is ever markup, a style or an address: the template
(``report.html``) escapes whatever is put into it, and the page's own content policy forbids everything but its inline
style sheet and the one script, ``report.js``, by its hash. What the script adds (sorting, filters, the list of samples,
structures) is comfort: tables, pictures and values are there without it. Own drawings and script rather than a plotting
library: plotly adds 4.8 MB to a page, pymatviz 827 MB to an installation; these are 40 kB.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from crystalbench import (
    Cell,
    Column,
    ColumnSet,
    Direction,
    Evidence,
    MetricResult,
    ReporterSpec,
    RowKind,
    Table,
    hookimpl,
)
from crystalbench.tables.listing import Page
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._browse import browsable
from crystalbench_plugins.reports._details import facts
from crystalbench_plugins.reports._figure_data import with_encoder
from crystalbench_plugins.reports._figures import (
    ProfileFigures,
    dot_plots,
    held_distributions,
    profiles,
)
from crystalbench_plugins.reports._layout import (
    ARROWS,
    FAILED,
    NO_VALUE,
    Entry,
    Line,
    Sheet,
    counts,
    counts_note,
    full_title,
    layout,
    ledger,
    own_group,
    problem_text,
    unit_of,
)
from crystalbench_plugins.reports._materials import drawn, listed
from crystalbench_plugins.reports._numbers import number, scaled
from crystalbench_plugins.reports._size_curves import ABOUT, size_curves
from crystalbench_plugins.reports._splits import funnels, panels
from crystalbench_plugins.reports._training import ABOUT as TRAINING
from crystalbench_plugins.reports._training import training_curves

if TYPE_CHECKING:
    from jinja2 import Template

DIRECTIONS = {
    Direction.HIGHER: "higher is better",
    Direction.LOWER: "lower is better",
    Direction.TARGET: "best is closest to the training set's own value",
    Direction.NONE: "neither high nor low is good in itself",
}
COLOURS = 8  # classes c0 to c7 of the style sheet


def render(table: Table, evidence: Evidence | None = None) -> str:
    """Write the page: table with bars, footnotes, pictures, samples, settings, metrics, every value.

    With the samples at hand it shows what they are made of, and each of them.
    """
    from markupsafe import Markup

    sheet = layout(table)
    declared, table = table.columns, sheet.table
    view = table.presentation
    more = _behind_the_switch(table)
    heads, numbers = counts(sheet)
    reasons = _colours(sheet)
    charts = [
        {"title": title, "about": about, "figures": [(name, Markup(svg)) for name, svg in figures]}
        for about, several in (
            ("", held_distributions(sheet)),
            (ABOUT, size_curves(sheet)),
            (TRAINING, [] if evidence is None else training_curves(sheet, evidence)),
        )
        for title, figures in several
    ]
    return _template().render(
        title=view.caption or table.title,
        **_surroundings(),
        more=len(more),
        heads=[
            _head(column, marks, column.key in more) for column, marks in zip(table.columns, sheet.heads, strict=True)
        ],
        groups=[
            {
                "kind": group.kind.value,
                "heading": group.heading,
                "marks": group.marks,
                "rows": [
                    {"title": line.title, "marks": line.marks, "cells": list(_cells(table, line, more))}
                    for line in group.lines
                ],
            }
            for group in sheet.groups
        ],
        legend=" ".join((*sheet.legend, "Bars: 0 to 100 %, or to the largest value.")),
        footnotes=sheet.footnotes,
        notes=table.notes,
        plots=[(name, Markup(svg)) for name, svg in dot_plots(sheet)],
        profiles=[] if evidence is None else [_drawn(figures) for figures in profiles(sheet, evidence)],
        compared="" if evidence is None else f"{evidence.dataset.spec.reference} of {evidence.dataset.name}",
        browse="" if evidence is None else Markup(browsable(sheet, evidence)),
        charts=charts,
        materials=[] if evidence is None else list(_materials(sheet, evidence)),
        panels=[*panels(sheet), *funnels(sheet)],
        samples=[_samples(line, row, reasons) for line, row in zip(sheet.counted, numbers, strict=True)],
        counts=heads,
        counts_note=counts_note(heads),
        reasons=[(css, reason) for reason, css in reasons.items()],
        settings={} if view.settings is False else table.settings,
        metrics=[
            {
                "title": with_encoder(full_title(column), column),
                "arrow": ARROWS[column.direction],
                "key": column.key,
                "description": column.description,
                "direction": f"{DIRECTIONS[column.direction].capitalize()}.",
            }
            for column in declared
        ],
        values=list(_values(sheet)),
    )


def _surroundings() -> dict[str, str]:
    """Style sheet and script of every page, with the hash of the script."""
    from markupsafe import Markup

    script = files(__package__).joinpath("report.js").read_text(encoding="utf-8")
    return {
        "script": Markup(script),
        "script_hash": "sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
        "style": Markup(files(__package__).joinpath("report.css").read_text(encoding="utf-8")),
    }


def _materials(sheet: Sheet, evidence: Evidence) -> Iterator[dict[str, object]]:
    """Yield what was made of the samples of each generator."""
    for line in sheet.counted:
        row = evidence.rows.get(line.row.generator)
        if row is not None and row.materials:
            pages = [{"title": page.title, **_listings(page)} for page in row.materials]
            yield {"title": line.title, "kind": line.row.kind.value, "pages": pages}


def _listings(page: Page) -> dict[str, object]:
    from markupsafe import Markup

    return {
        "listings": [(listing, Markup(crystals)) for listing, crystals in listed(page)],
        "charts": [(title, Markup(svg)) for title, svg in drawn(page)],
    }


def _drawn(figures: ProfileFigures) -> dict[str, object]:
    from markupsafe import Markup

    drawings = ("elements", "spacegroups", "n_elements", "n_sites")
    return {
        "title": figures.title,
        "kind": figures.kind.value,
        **{name: Markup(getattr(figures, name)) for name in drawings},
    }


@cache
def _template(name: str = "report.html") -> "Template":
    """Return the template: every value is put on one line of printable text, and escaped unless it is markup."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(lambda name: files(__package__).joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    return environment.get_template(name)


# --- the table ----------------------------------------------------------------------------------------------------


def _behind_the_switch(table: Table) -> frozenset[str]:
    """Return the columns that are not shown at first; all are where none is in the default set."""
    more = frozenset(column.key for column in table.columns if not ColumnSet.DEFAULT.holds(column.within))
    return more if len(more) < len(table.columns) else frozenset()


def _head(column: Column, marks: tuple[str, ...], more: bool) -> dict[str, object]:
    return {
        "css": "more" if more else "",
        "group": own_group(column),
        "title": column.title,
        "marks": marks,
        "arrow": ARROWS[column.direction],
        "unit": unit_of(column),
        "hover": f"{column.description} ({DIRECTIONS[column.direction]})",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """One cell: ``bar`` is its length in percent, None for a cell without a value; ``key`` is what it is sorted by."""

    value: str
    beside: str
    marks: tuple[str, ...]
    best: bool
    css: str
    hover: str
    bar: float | None
    key: str


def _cells(table: Table, line: Line, more: frozenset[str]) -> Iterator[_Shown]:
    for column, entry in zip(table.columns, line.entries, strict=True):
        cell = line.row.cells.get(column.key, Cell())
        there = entry.value not in (NO_VALUE, FAILED)
        top = _top(table, column)
        state = "failed" if entry.failed else "none" if not there else "best" if entry.best else ""
        yield _Shown(
            value=entry.value.replace("-", "−"),
            beside=entry.beside.replace("-", "−"),
            marks=entry.marks,
            best=entry.best,
            css=" ".join(filter(None, (state, "more" if column.key in more else ""))),
            hover="; ".join(_hover(line, column, cell, entry)),
            key="" if cell.mean is None else f"{cell.mean:.10g}",
            bar=100 * min(1.0, abs(cell.mean or 0.0) / top) if there and top else 0.0 if there else None,
        )


def _top(table: Table, column: Column) -> float:
    """Return the value at which a bar is full: 100 % of a share, else the largest value here."""
    means = [abs(cell.mean) for row in table.rows if (cell := row.cells.get(column.key)) and cell.mean is not None]
    top = max(means, default=0.0)
    return 1.0 if column.unit == "%" and top <= 1 else top


def _hover(line: Line, column: Column, cell: Cell, entry: Entry) -> Iterator[str]:
    unit = f" {column.unit}" if column.unit else ""
    if entry.value in (NO_VALUE, FAILED):
        yield problem_text(line.row, cell)
    if cell.published is not None:
        yield "printed in the source, not measured here"
    for replica, outcome in enumerate(cell.outcomes):
        if isinstance(outcome, MetricResult):
            name = f"replica {replica}: " if len(cell.outcomes) > 1 else ""
            interval = _interval(outcome, column)
            spread = f", 95 % sampling interval {interval}" if interval else ""
            yield f"{name}{number(outcome.value, column)}{unit}, n = {outcome.n:,}{spread}"
            yield from outcome.notes


def _interval(outcome: MetricResult, column: Column) -> str:
    if outcome.interval is None:
        return ""
    low, high = outcome.interval
    return f"{number(low, column)} to {number(high, column)}"


# --- what the numbers rest on -------------------------------------------------------------------------------------


def _colours(sheet: Sheet) -> dict[str, str]:
    """Return the colour class of every reason why samples are invalid, the most frequent reason first."""
    totals: Counter[str] = Counter()
    for line in sheet.counted:
        totals.update(dict(ledger(line.row)))
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return {reason: f"c{i % COLOURS}" for i, (reason, _) in enumerate(ordered)}


def _samples(line: Line, numbers: tuple[int | None, ...], colours: Mapping[str, str]) -> dict[str, object]:
    """Return one generator's counts, and the parts of its bar: valid samples, then the reasons of the others."""
    row, bad = line.row, ledger(line.row)
    parts = [("valid", row.valid, "valid"), *((reason, count, colours[reason]) for reason, count in bad)]
    return {
        "title": line.title,
        "marks": ("†",) if row.kind is RowKind.EXAMPLE else (),
        "counts": ["–" if count is None else f"{count:,}" for count in numbers],
        "parts": [
            {"reason": reason, "count": f"{count:,}", "css": css, "share": 100 * count / row.drawn}
            for reason, count, css in parts
            if row.drawn and count > 0
        ],
        "words": (", ".join(f"{reason} {count:,}" for reason, count in bad) or "all valid")
        if row.drawn
        else "no samples",
    }


def _values(sheet: Sheet) -> Iterator[dict[str, object]]:
    """Yield every outcome in full, for readers without a pointer to hover with and for those who check."""
    for line in sheet.counted:
        for column in sheet.table.columns:
            for replica, outcome in enumerate(line.row.cells.get(column.key, Cell()).outcomes):
                place = {
                    "generator": line.title,
                    "metric": with_encoder(full_title(column), column),
                    "replica": replica,
                }
                if isinstance(outcome, MetricResult):
                    yield place | {
                        "problem": "",
                        "value": f"{scaled(outcome.value, column):.10g}",
                        "unit": column.unit,
                        "n": f"{outcome.n:,}",
                        "interval": _interval(outcome, column),
                        "facts": list(facts(outcome.details)),
                    }
                else:
                    yield place | {"problem": problem_text(line.row, Cell(outcomes=(outcome,)))}


def render_page(page: Page) -> str:
    """Write plain tables as one page of the same looks."""
    return _template("page.html").render(title=page.title, **_surroundings(), **_listings(page))


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (
        ReporterSpec(
            name="html",
            version="7",
            title="HTML report",
            suffix=".html",
            render=render,
            illustrated=render,
            page=render_page,
        ),
    )
