"""`crystalbench verify`."""

from pathlib import Path

import click

from crystalbench.folder import RunFolder
from crystalbench.plugins import Plugins


@click.command(name="verify")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--redraw", is_flag=True, help="Make the samples again too, from their files or seeds.")
@click.option("-v", "--verbose", is_flag=True, help="List what holds, too.")
@click.pass_context
def command(ctx: click.Context, runs: tuple[Path, ...], redraw: bool, verbose: bool) -> None:
    """Recompute every cell of finished RUNS, without the cache; exit code 1 if one differs."""
    from crystalbench.verify import verify

    plugins = Plugins.load()
    problems = total = 0
    for run in runs:
        for check in verify(RunFolder(run), plugins, redraw=redraw):
            total += 1
            problems += bool(check.problem)
            if check.problem or verbose:
                click.echo(f"{run}: {check.what}: {check.problem or 'holds'}")
    click.echo(f"{total - problems} of {total} checks hold")
    if problems:
        ctx.exit(1)
