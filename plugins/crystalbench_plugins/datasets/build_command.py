"""`crystalbench dataset build`: a dataset of the user's own labels or crystals."""

from collections.abc import Iterable
from pathlib import Path

import click

from crystalbench import CommandSpec, hookimpl
from crystalbench.crystals.convert import Backend, ConversionSettings
from crystalbench.crystals.wyckoff import Table


@click.command(name="build")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the dataset.")
@click.option("--label", default="", help="Column of labels in a CSV file.  [default: protostructure, ...]")
@click.option("--energy", default="", help="Column of formation energies, eV/atom.")
@click.option("--id", "id_", default="", help="Column of identifiers.")
@click.option("--split", default="", help="Column that names the split of each row.  [default: at random]")
@click.option("--reader", default="", help="Reader of crystals.  [default: cif for a folder]")
@click.option(
    "--table",
    type=click.Choice(list(Table)),
    default=Table.AFFINE,
    show_default=True,
    help="Letter table of the labels.",
)
@click.option("--backend", type=click.Choice(list(Backend)), default=Backend.SPGLIB, show_default=True)
@click.option("--symprec", type=float, default=0.1, show_default=True, help="Distance tolerance in Å.")
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of rows held out for validation.")
@click.option("--test", type=float, default=0.1, show_default=True, help="Share of rows held out for testing.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random split.")
@click.option("--workers", type=int, default=2, show_default=True, help="Worker processes.")
@click.option("--overwrite", is_flag=True, help="Replace a dataset of that name.")
def command(
    source: Path,
    *,
    name: str,
    label: str,
    energy: str,
    id_: str,
    split: str,
    reader: str,
    table: Table,
    backend: Backend,
    symprec: float,
    val: float,
    test: float,
    seed: int,
    workers: int,
    overwrite: bool,
) -> None:
    """Make a dataset of SOURCE: labels in a CSV file, crystals, or a folder that holds train, val and test.

    Rows that have no protostructure are written to rejected.csv beside the dataset.
    """
    from crystalbench_plugins.datasets.custom import Columns, build_dataset

    folder = build_dataset(
        source,
        name,
        columns=Columns(label=label, energy=energy, id=id_, split=split),
        table=Table(table),
        reader=reader,
        settings=ConversionSettings(backend=Backend(backend), symprec=symprec),
        workers=workers,
        held_out={"val": val, "test": test},
        seed=seed,
        overwrite=overwrite,
    )
    rejected = len((folder / "rejected.csv").read_text(encoding="utf-8").splitlines()) - 1
    click.echo((folder / "card.md").read_text(encoding="utf-8"))
    click.echo(f"{rejected:,} rows rejected; dataset and ledger are in {folder}")
    click.echo(f"use it with: crystalbench run --dataset {name} ...")


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    return [CommandSpec(name="dataset build", help="Make a dataset of your own.", command=f"{__name__}:command")]
