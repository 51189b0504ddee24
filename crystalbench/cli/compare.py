"""`crystalbench compare`."""

from pathlib import Path

import click

from crystalbench.cli.exit_codes import ExitCode
from crystalbench.cli.options import OUT_FILE, names
from crystalbench.cli.output import written
from crystalbench.errors import ConfigError

FORMATS = ("markdown", "csv", "json")


@click.command(name="compare")
@click.argument("first", type=click.Path(exists=True, path_type=Path))
@click.argument("second", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--rows", metavar="A,B", help="A row of the first run and one of the second, or two of one run.  [default: all]"
)
@click.option(
    "--fail-if",
    "bounds",
    metavar="METRIC:±X[%]",
    multiple=True,
    help="Exit code 1 where a metric rose (+) or fell (-) by more than X, in its printed unit or in % of the first.",
)
@click.option("-f", "--format", "name", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("-o", "--out", type=OUT_FILE, help="File to write.  [default: standard output]")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    first: Path,
    second: Path | None,
    rows: str | None,
    bounds: tuple[str, ...],
    name: str,
    out: Path | None,
) -> None:
    """Compare rows of two runs (or of one, with --rows) cell by cell: difference, interval, test.

    \b
    crystalbench compare results/before results/after --fail-if 'fwd_corrected:+5%'
    crystalbench compare results/mine --rows my_model,wyckoffdiff

    Two conversions of one file (--symprec, --backend) are compared sample by sample; everything else as independent
    samples. Cells that do not compare (another version, encoder, number of samples) say why. A bound of --fail-if is
    broken when the change is beyond it and the test sees a difference.
    """
    from crystalbench.result import compared
    from crystalbench.tables.bounds import Bound, broken
    from crystalbench.tables.differences_text import FORMATS as TEXTS

    parsed = [Bound.parse(text) for text in bounds]
    chosen = names(rows or "")
    if rows and len(chosen) != 2:
        raise ConfigError(f"--rows {rows}: expected two names, A,B")
    if second is None and not chosen:
        raise ConfigError("name a second run, or two rows of this one with --rows A,B")
    pairs = {chosen[0]: chosen[1]} if chosen else None
    comparisons = compared(first, second or first, pairs)
    text = TEXTS[name](comparisons)
    with written(out) as file:
        click.echo(text, file)
    problems = [*broken(parsed, comparisons)]
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        ctx.exit(ExitCode.FAILED)
