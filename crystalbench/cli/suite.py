"""`crystalbench suite`."""

import click

from crystalbench.cli.completion import record
from crystalbench.cli.groups import PluginGroup
from crystalbench.plugins import Plugins


@click.group(name="suite", cls=PluginGroup)
def command() -> None:
    """List named settings of runs, and show what one of them sets."""


@command.command(name="list")
def list_() -> None:
    """List all suites."""
    from tabulate import tabulate

    rows = [(spec.name, spec.version, spec.description) for spec in Plugins.load().suites.values()]
    click.echo(tabulate(rows, headers=("suite", "version", "sets"), disable_numparse=True))


@command.command()
@click.argument("name", type=record("suites"))
def show(name: str) -> None:
    """Show the settings of suite NAME, as a configuration file has them."""
    from crystalbench.runs.config_text import toml_text

    click.echo(toml_text(Plugins.load().suites[name].settings), nl=False)
