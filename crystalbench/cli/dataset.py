"""`crystalbench dataset`."""

import click

from crystalbench.cli.completion import record
from crystalbench.cli.groups import PluginGroup
from crystalbench.plugins import Plugins


@click.group(name="dataset", cls=PluginGroup)
def command() -> None:
    """List, describe and build datasets."""


@command.command(name="list")
def list_() -> None:
    """List all datasets."""
    from tabulate import tabulate

    rows = [
        (spec.name, spec.title, ", ".join(spec.splits), "here" if spec.ready() else "downloaded on first use")
        for spec in Plugins.load().datasets.values()
    ]
    click.echo(tabulate(rows, headers=("dataset", "title", "splits", "files")))


@command.command()
@click.argument("name", type=record("datasets"))
@click.option("--counts", is_flag=True, help="Load the splits and count rows, protostructures and prototypes.")
def info(name: str, counts: bool) -> None:
    """Show the card of dataset NAME: source, licence, counts, caveats."""
    from crystalbench.datasets import Dataset

    spec = Plugins.load().datasets[name]
    click.echo(spec.card())
    if counts:
        dataset = Dataset(spec)
        for split in spec.splits:
            rows = dataset.split(split)
            click.echo(
                f"{split}: {len(rows):,} rows, {len(rows.label_set):,} protostructures, "
                f"{len(rows.prototype_set):,} prototypes"
            )
