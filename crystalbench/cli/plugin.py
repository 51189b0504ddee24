"""`crystalbench plugin check`."""

from pathlib import Path

import click

from crystalbench.plugins import Plugins


@click.group(name="plugin")
def command() -> None:
    """Check a plugin against the public contract."""


@command.command()
@click.argument("name")
@click.option("--samples", type=click.Path(exists=True, path_type=Path), help="A file for the readers of the plugin.")
@click.pass_context
def check(ctx: click.Context, name: str, samples: Path | None) -> None:
    """Run the contract tests of crystalbench.testing on everything that plugin NAME declares."""
    from crystalbench.errors import unknown_name
    from crystalbench.testing import check_plugin

    plugins = Plugins.load()
    infos = {info.name: info for info in plugins.infos}
    if name not in infos:
        raise unknown_name("plugin", name, infos)
    problems = 0
    for what, problem in check_plugin(infos[name], plugins, samples):
        click.echo(f"{'FAIL' if problem else 'ok  '} {what}{': ' + problem if problem else ''}")
        problems += bool(problem)
    if problems:
        ctx.exit(1)
