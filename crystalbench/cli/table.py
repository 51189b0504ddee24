"""`crystalbench table`."""

from pathlib import Path

import click
from click.core import ParameterSource

from crystalbench.cli.completion import record
from crystalbench.cli.options import COLUMNS, NAMES, OUT_FILE, SORT, names
from crystalbench.cli.output import written
from crystalbench.cli.terminal import width
from crystalbench.errors import ConfigError
from crystalbench.interfaces import ReporterSpec
from crystalbench.plugins import Plugins
from crystalbench.tables.results import Presentation


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
@click.option(
    "--width", "characters", type=click.IntRange(min=20), help="Of text.  [default: the terminal's; else 119]"
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
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
    """Draw the table of one or several RUNS (folders below results/).

    The folder of a discovery has its ranked materials, whose --columns are those of its materials.csv.
    """
    from dataclasses import replace

    from crystalbench.result import read_table
    from crystalbench.runs.discovery.stored import is_discovery, stored_page
    from crystalbench.runs.evidence import stored_evidence
    from crystalbench.runs.folder import RunFolder
    from crystalbench.tables.view import View

    plugins = Plugins.load()
    reporter = plugins.reporters[name]
    characters = characters or (width() if out is None else None)
    if any(is_discovery(RunFolder(run)) for run in runs):
        _only_of_pages(ctx, runs, reporter)
        page = stored_page(RunFolder(runs[0]))
        with written(out) as file:
            shown = replace(page.view(names(columns or ""), sort or "", caption), width=characters)
            click.echo(reporter.draw(shown), file, nl=out is None)
        return
    view = View(
        columns=names(columns or ""),
        metrics=names(metrics or ""),
        generators=names(generators or ""),
        sort=sort or "",
        published=published,
    )
    table = view.of({str(run): read_table(run) for run in runs})
    presentation = Presentation(width=characters, caption=caption, label=label, settings=settings)
    evidence = None
    if reporter.illustrated is not None and len(runs) == 1 and runs[0].is_dir():
        evidence = stored_evidence(RunFolder(runs[0]), plugins)
    text = reporter.report(replace(table, presentation=presentation), evidence)
    with written(out) as file:
        click.echo(text, file, nl=out is None)


def _only_of_pages(ctx: click.Context, runs: tuple[Path, ...], reporter: ReporterSpec) -> None:
    """Refuse what ranked materials have not."""
    if len(runs) > 1:
        raise ConfigError("the materials of a discovery stand alone; name its folder and no other")
    if reporter.page is None:
        raise ConfigError(f"--format {reporter.name}: does not draw ranked materials")
    for name in ("published", "generators", "metrics", "label", "settings"):
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise ConfigError(f"--{name}: is for tables of runs; {runs[0]} holds a discovery")
