"""`crystalbench table`."""

from pathlib import Path

import click

from crystalbench.cli.completion import record
from crystalbench.cli.options import COLUMNS, NAMES, OUT_FILE, SORT, names
from crystalbench.cli.output import written
from crystalbench.cli.terminal import width
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.tables.results import Presentation, Table


@click.command(name="table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "-f",
    "--format",
    "name",
    type=record("reporters"),
    default="markdown",
    show_default=True,
    help="Any reporter: latex, csv, ...",
)
@click.option("-o", "--out", type=OUT_FILE, help="File to write.  [default: standard output]")
@click.option("--published", is_flag=True, help="Add rows of published numbers.")
@click.option("-g", "--generators", metavar=NAMES, help="Rows to show, in this order, below the training set's.")
@click.option("-m", "--metrics", metavar=NAMES, help="Metrics to show, in this order, and no other.")
@COLUMNS
@SORT
@click.option("--caption", default="", help="Caption.  [default: dataset and number of samples]")
@click.option("--label", default="", help="Label in LaTeX.  [default: tab:crystalbench]")
@click.option("--settings/--no-settings", default=None, help="Print the settings.  [default: not in LaTeX]")
@click.option("--width", "characters", type=click.IntRange(min=20), help="Of text.  [default: the terminal's, or 119]")
def command(
    runs: tuple[Path, ...],
    name: str,
    out: Path | None,
    published: bool,
    generators: str | None,
    metrics: str | None,
    columns: str | None,
    sort: str | None,
    caption: str,
    label: str,
    settings: bool | None,
    characters: int | None,
) -> None:
    """Draw the table of one or several RUNS (folders below results/)."""
    from dataclasses import replace

    from crystalbench.runs.evidence import stored_evidence
    from crystalbench.runs.folder import RunFolder
    from crystalbench.tables import merge, selection

    plugins = Plugins.load()
    reporter = plugins.reporters[name]
    tables = {str(run): _read(run) for run in runs}
    if metrics:
        selection.check_columns(tables.values(), names(metrics))
        tables = {run: selection.select(table, names(metrics)) for run, table in tables.items()}
    table = merge.merge(tables)
    selection.check_columns([table], [*names(columns or ""), *([sort.removeprefix("-")] if sort else [])])
    table = merge.with_published(table) if published else table
    table = selection.choose_rows(table, names(generators)) if generators else table
    table = selection.sort(table, sort) if sort else table
    table = selection.select(table, names(columns or metrics or "")) if columns or metrics else table
    view = Presentation(
        width=characters or (width() if out is None else None), caption=caption, label=label, settings=settings
    )
    evidence = None
    if reporter.illustrated is not None and len(runs) == 1 and runs[0].is_dir():
        evidence = stored_evidence(RunFolder(runs[0]), plugins)
    text = reporter.report(replace(table, presentation=view), evidence)
    with written(out) as file:
        click.echo(text, file, nl=out is None)


def _read(run: Path) -> Table:
    from crystalbench.tables.results_json import from_json

    path = run / "table.json" if run.is_dir() else run
    try:
        return from_json(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{run}: no table here; name a folder below results/") from error
