"""`crystalbench plugin check`."""

from pathlib import Path

import click

from crystalbench.cli.completion import PLUGIN
from crystalbench.cli.debug import show_trace
from crystalbench.cli.exit_codes import ExitCode
from crystalbench.plugins import Plugins


@click.group(name="plugin")
def command() -> None:
    """Check a plugin against the public contract."""


@command.command()
@click.argument("name", type=PLUGIN)
@click.option("--samples", type=click.Path(exists=True, path_type=Path), help="A file for the readers of the plugin.")
@click.pass_context
def check(ctx: click.Context, name: str, samples: Path | None) -> None:
    """Run the contract tests of crystalbench.testing on everything that plugin NAME, or a FILE.py, declares."""
    from crystalbench.errors import unknown_name
    from crystalbench.testing import check_plugin

    own = Path(name) if name.endswith(".py") else None
    plugins = Plugins.load(files=[own] if own else [])
    name = own.stem if own else name
    infos = {info.name: info for info in plugins.infos}
    if name not in infos:
        raise unknown_name("plugin", name, infos)
    problems = 0
    for checked in check_plugin(infos[name], plugins, samples):
        problem = f": {checked.problem}" if checked.problem else ""
        click.echo(f"{'FAIL' if problem else 'ok  '} {checked.what}{problem}")
        show_trace(checked.traceback)
        problems += bool(problem)
    if problems:
        ctx.exit(ExitCode.FAILED)
