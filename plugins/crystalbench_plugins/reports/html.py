"""The results as one self-contained HTML page: no script, no external resource, all text escaped.

Names, notes and errors come from strangers. Nothing of them is ever markup, a style or an address, and the page's
own content policy forbids everything but its inline style sheet.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files

from crystalbench import Cell, Column, Direction, MetricResult, ReporterSpec, RowKind, Table, hookimpl
from crystalbench.tables.charts import histograms
from crystalbench.tables.distribution import Distribution, distributions
from crystalbench.tables.results import Outcome
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import (
    ARROWS,
    FAILED,
    HEADINGS,
    NO_VALUE,
    Entry,
    Line,
    Sheet,
    full_title,
    layout,
    ledger,
    number,
    own_group,
    problem_text,
    scaled,
)

DIRECTIONS = {
    Direction.HIGHER: "higher is better",
    Direction.LOWER: "lower is better",
    Direction.TARGET: "best is closest to the training set's own value",
    Direction.NONE: "neither high nor low is good in itself",
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LEFT = ' class="left"'
FOLDED = 200  # longer details are folded
COLOURS = 8  # classes c0 to c7 of the style sheet


def render(table: Table) -> str:
    """Write the page: table with bars, footnotes, ledger of invalid samples, settings, metrics, every value."""
    sheet = layout(table)
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    title = text(table.title)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        f"<style>\n{style}</style></head><body><main>",
        f'<header><p class="kicker">crystalbench</p><h1>{title}</h1></header>',
        *_results(sheet),
        *_footnotes(sheet),
        *_distributions(sheet),
        *_ledger(sheet),
        *_settings(table),
        *_metrics(table),
        *_values(sheet),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def text(value: str) -> str:
    """Return text that is text and nothing else, in an element or a quoted attribute."""
    return escape(plain(value), quote=True)


# --- the table ----------------------------------------------------------------------------------------------------


def _results(sheet: Sheet) -> Iterator[str]:
    columns = sheet.table.columns
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Results"><table class="results"><thead><tr>'
    yield '<th scope="col">Generator</th>'
    for column, marks in zip(columns, sheet.heads, strict=True):
        group = f'<span class="group">{text(own_group(column))}</span>' if own_group(column) else ""
        arrow = f'&nbsp;<span class="arrow">{ARROWS[column.direction]}</span>' if ARROWS[column.direction] else ""
        unit = f'<span class="unit">{text(column.unit)}</span>' if column.unit else ""
        hover = text(f"{column.description} ({DIRECTIONS[column.direction]})")
        yield f'<th scope="col" title="{hover}">{group}{text(column.title)}{_marks(marks)}{arrow}{unit}</th>'
    yield "</tr></thead>"
    ranges = [_range(sheet.table, column) for column in columns]
    for kind, lines in sheet.groups:
        yield f'<tbody class="{kind.value}">'
        heading = f'<th scope="colgroup" colspan="{len(columns) + 1}"><span>{HEADINGS[kind]}</span></th>'
        yield f'<tr class="heading">{heading}</tr>'
        for line in lines:
            yield f'<tr><th scope="row">{text(line.title)}{_marks(line.marks)}</th>'
            for column, entry, top in zip(columns, line.entries, ranges, strict=True):
                yield _cell(line, column, entry, top)
            yield "</tr>"
        yield "</tbody>"
    yield "</table></div>"


def _range(table: Table, column: Column) -> float:
    """Return the value at which a bar is full: 100 % of a share, else the largest value here."""
    means = [abs(cell.mean) for row in table.rows if (cell := row.cells.get(column.key)) and cell.mean is not None]
    top = max(means, default=0.0)
    return 1.0 if column.unit == "%" and top <= 1 else top


def _cell(line: Line, column: Column, entry: Entry, top: float) -> str:
    cell = line.row.cells.get(column.key, Cell())
    hover = text("; ".join(_hover(line, column, cell)))
    if entry.value in (NO_VALUE, FAILED):
        state = "failed" if entry.failed else "none"
        return f'<td class="{state}" title="{hover}">{entry.value}{_marks(entry.marks)}</td>'
    value = entry.value.replace("-", "−")
    spread = f'<span class="spread">{entry.beside.replace("-", "−")}</span>' if entry.beside else ""
    value = f"<strong>{value}</strong>" if entry.best else value
    mean = cell.mean or 0.0
    share = 100 * min(1.0, abs(mean) / top) if top else 0.0
    bar = f'<span class="bar"><i style="width:{share:.1f}%"></i></span>'
    best = ' class="best"' if entry.best else ""
    return f'<td{best} title="{hover}">{value}{spread}{_marks(entry.marks)}{bar}</td>'


def _hover(line: Line, column: Column, cell: Cell) -> Iterator[str]:
    unit = f" {column.unit}" if column.unit else ""
    if cell.mean is None:
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


def _marks(marks: tuple[str, ...]) -> str:
    return f"<sup>{','.join(marks)}</sup>" if marks else ""


def _footnotes(sheet: Sheet) -> Iterator[str]:
    legend = " ".join((*sheet.legend, "Bars: 0 to 100 %, or to the largest value."))
    yield f'<p class="legend">{text(legend)}</p>'
    if sheet.footnotes:
        yield '<dl class="footnotes">'
        for mark, note in sheet.footnotes:
            yield f"<dt>{mark}</dt><dd>{text(note)}</dd>"
        yield "</dl>"
    for note in sheet.table.notes:
        yield f"<p>{text(note)}</p>"


# --- what the numbers rest on -------------------------------------------------------------------------------------


def _ledger(sheet: Sheet) -> Iterator[str]:
    """Write one stacked bar per generator: valid samples, then the reasons of the others."""
    if not sheet.counted:
        return
    totals: Counter[str] = Counter()
    for line in sheet.counted:
        totals.update(dict(ledger(line.row)))
    order = {reason: i for i, (reason, _) in enumerate(sorted(totals.items(), key=lambda item: (-item[1], item[0])))}
    yield "<section><h2>Samples</h2>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Samples"><table class="ledger"><thead><tr>'
    yield '<th scope="col">Generator</th><th scope="col">asked</th><th scope="col">drawn</th>'
    yield '<th scope="col">valid</th><th scope="col" class="left">valid and invalid samples, share of drawn</th>'
    yield "</tr></thead><tbody>"
    for line in sheet.counted:
        row = line.row
        mark = _marks(("†",)) if row.kind is RowKind.EXAMPLE else ""
        counts = "".join(f"<td>{count:,}</td>" for count in (row.asked, row.drawn, row.valid))
        parts = [("valid", row.valid, "valid"), *((r, n, f"c{order[r] % COLOURS}") for r, n in ledger(row))]
        segments = "".join(
            f'<i class="{css}" style="width:{100 * count / row.drawn:.3f}%" title="{text(reason)}: {count:,}"></i>'
            for reason, count, css in parts
            if row.drawn and count > 0
        )
        words = ", ".join(f"{text(reason)} {count:,}" for reason, count in ledger(row)) or "all valid"
        words = words if row.drawn else "no samples"
        yield f'<tr><th scope="row">{text(line.title)}{mark}</th>{counts}'
        yield f'<td class="left"><span class="stack">{segments}</span><small>{words}</small></td></tr>'
    yield "</tbody></table></div>"
    keys = "".join(f'<li><i class="c{i % COLOURS}"></i>{text(reason)}</li>' for reason, i in order.items())
    yield f'<ul class="key"><li><i class="valid"></i>valid</li>{keys}</ul></section>'


def _distributions(sheet: Sheet) -> Iterator[str]:
    """Write one chart per generator of what its results hold as distributions, those of one encoder together."""
    charts: dict[tuple[str, str], list[str]] = {}
    for line in sheet.counted:
        for (title, unit), series in _series(line, sheet.table.columns).items():
            name = f"<figcaption>{text(line.title)}</figcaption>"
            charts.setdefault((title, unit), []).append(f"<figure>{name}{histograms(series, unit)}</figure>")
    for (title, _), figures in charts.items():
        yield f'<section><h2>{text(title)}</h2><div class="charts">{"".join(figures)}</div></section>'


def _series(line: Line, columns: Iterable[Column]) -> dict[tuple[str, str], list[Distribution]]:
    """Return the distributions of one generator by title and unit; of several replicas the first is shown."""
    found: dict[tuple[str, str], dict[str, Distribution]] = {}
    for column in columns:
        outcomes = line.row.cells.get(column.key, Cell()).outcomes
        if outcomes and isinstance(outcomes[0], MetricResult):
            series = found.setdefault((_with_encoder(column.title, column), plain(column.unit)), {})
            for item in distributions(outcomes[0].details):
                series.setdefault(item.name, item)
    return {key: list(series.values()) for key, series in found.items() if series}


def _with_encoder(title: str, column: Column) -> str:
    return plain(f"{title} ({column.encoder})" if column.encoder else title)


def _settings(table: Table) -> Iterator[str]:
    if table.settings:
        yield '<section><h2>Settings</h2><dl class="settings">'
        for key, value in table.settings.items():
            yield f"<div><dt>{text(key)}</dt><dd>{text(value)}</dd></div>"
        yield "</dl></section>"


def _metrics(table: Table) -> Iterator[str]:
    yield '<section><h2>Metrics</h2><dl class="metrics">'
    for column in table.columns:
        arrow = ARROWS[column.direction]
        yield f"<dt>{text(_with_encoder(full_title(column), column))} {arrow} <code>{text(column.key)}</code></dt>"
        end = f"{DIRECTIONS[column.direction]}."
        yield f"<dd>{text(column.description)} <em>{end[0].upper()}{end[1:]}</em></dd>"
    yield "</dl></section>"


def _values(sheet: Sheet) -> Iterator[str]:
    """Write every outcome in full, for readers without a pointer to hover with and for those who check."""
    yield "<section><details><summary>Every value, its denominator and its interval</summary>"
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Every value"><table class="values"><thead><tr>'
    heads = ("Generator", "Metric", "Replica", "Value", "Unit", "n", "95 % sampling interval", "Details")
    words = {"Generator", "Metric", "Unit", "Details"}
    for head in heads:
        yield f'<th scope="col"{LEFT if head in words else ""}>{head}</th>'
    yield "</tr></thead><tbody>"
    for line in sheet.counted:
        for column in sheet.table.columns:
            for replica, outcome in enumerate(line.row.cells.get(column.key, Cell()).outcomes):
                yield f'<tr><th scope="row">{text(line.title)}</th><td{LEFT}>{text(column.key)}</td><td>{replica}</td>'
                yield f"{_outcome(line, column, outcome)}</tr>"
    yield "</tbody></table></div></details></section>"


def _outcome(line: Line, column: Column, outcome: Outcome) -> str:
    if not isinstance(outcome, MetricResult):
        return f'<td colspan="5"{LEFT}>{text(problem_text(line.row, Cell(outcomes=(outcome,))))}</td>'
    details = f"<code>{text(json.dumps(dict(outcome.details)))}</code>" if outcome.details else ""
    if len(details) > FOLDED:
        details = f"<details><summary>{len(outcome.details)} entries</summary>{details}</details>"
    return (
        f"<td>{scaled(outcome.value, column):.10g}</td><td{LEFT}>{text(column.unit)}</td><td>{outcome.n:,}</td>"
        f"<td>{_interval(outcome, column)}</td><td{LEFT}>{details}</td>"
    )


@hookimpl
def crystalbench_reporters() -> Iterable[ReporterSpec]:
    return (ReporterSpec(name="html", version="1", title="HTML report", suffix=".html", render=render),)
