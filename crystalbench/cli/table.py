"""`crystalbench table`."""

from pathlib import Path

import click

from crystalbench.cli.completion import record
from crystalbench.errors import ReadError
from crystalbench.plugins import Plugins
from crystalbench.tables.results import Table


@click.command(name="table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "name",
    type=record("reporters"),
    default="markdown",
    show_default=True,
    help="Any reporter: latex, csv, ...",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write.  [default: standard output]")
@click.option("--published", is_flag=True, help="Add rows of published numbers.")
def command(runs: tuple[Path, ...], name: str, out: Path | None, published: bool) -> None:
    """Draw the table of one or several RUNS (folders below results/)."""
    from crystalbench.tables.merge import merge, with_published

    reporter = Plugins.load().reporters[name]
    table = merge([_read(run) for run in runs])
    text = reporter.render(with_published(table) if published else table)
    if out is None:
        click.echo(text)
    else:
        out.write_text(text, encoding="utf-8")


def _read(run: Path) -> Table:
    from crystalbench.tables.results_json import from_json

    path = run / "table.json" if run.is_dir() else run
    try:
        return from_json(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ReadError(f"{path}: no table here ({error.strerror}); name a folder below results/") from error
