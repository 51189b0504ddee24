"""`crystalbench dataset fetch`: download a published dataset before it is needed."""

import click

from crystalbench.cli.completion import Name
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import unknown_name
from crystalbench_plugins.datasets.official import OFFICIAL


@click.command(name="fetch")
@click.argument("name", type=Name(lambda: (dataset.name for dataset in OFFICIAL)))
def command(name: str) -> None:
    """Download dataset NAME, check it and read it once."""
    known = {dataset.name: dataset for dataset in OFFICIAL}
    if name not in known:
        raise unknown_name("published dataset", name, known)
    dataset = known[name]
    for split in dataset.sha256:
        rows = dataset.load(split, Table.AFFINE)
        click.echo(f"{name} {split}: {len(rows):,} rows, {len(rows.label_set):,} protostructures")
    click.echo(f"kept in {dataset.folder}")
