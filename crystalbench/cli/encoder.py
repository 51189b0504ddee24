"""`crystalbench encoder`."""

import click

from crystalbench.cli.groups import PluginGroup
from crystalbench.plugins import Plugins


@click.group(name="encoder", cls=PluginGroup)
def command() -> None:
    """List and train encoders: the networks behind FWD and energies."""


@command.command(name="list")
def list_() -> None:
    """List all encoders."""
    for spec in Plugins.load().encoders.values():
        click.echo(f"{spec.name:<18} {spec.title}{'  (default)' if spec.default else ''}")
        click.echo(f"    {spec.description}")
        for parameter in spec.parameters:
            click.echo(f"    {parameter.name}: {parameter.help}")
