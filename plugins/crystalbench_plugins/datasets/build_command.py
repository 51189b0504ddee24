"""`crystalbench dataset build`: a dataset of the user's own labels or crystals."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from crystalbench import CommandSpec, hookimpl
from crystalbench.cli.completion import record
from crystalbench.cli.options import build_conversion, conversion_options
from crystalbench.crystals.columns import CRYSTAL_COLUMNS
from crystalbench.crystals.convert import ConversionSettings
from crystalbench.executors import Executors
from crystalbench.runs.config import default_workers


@click.command(name="build")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, help="Name of the dataset.")
@click.option(
    "--column",
    "--label",
    default="",
    help=f"Column of labels or CIF texts in a CSV file.  [default: the one named {', '.join(CRYSTAL_COLUMNS)}]",
)
@click.option("--energy", default="", help="Column of formation energies in a CSV file, eV/atom.")
@click.option("--id", "id_", default="", help="Column of identifiers in a CSV file.")
@click.option("--split", default="", help="Column of a CSV file that names the split of each row.  [default: random]")
@click.option("--reader", type=record("readers"), default="", help="Format of the crystals.  [default: detected]")
@conversion_options
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of rows held out for validation.")
@click.option("--test", type=float, default=0.1, show_default=True, help="Share of rows held out for testing.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random split.")
@click.option("--overwrite", is_flag=True, help="Replace a dataset of that name.")
def command(
    source: Path,
    *,
    name: str,
    column: str,
    energy: str,
    id_: str,
    split: str,
    reader: str,
    val: float,
    test: float,
    seed: int,
    workers: int | None,
    scheduler: str | None,
    overwrite: bool,
    **conversion: Any,
) -> None:
    """Make a dataset of SOURCE: labels or CIF texts in a CSV file, crystals, or a folder with train, val and test.

    --table is the letter table under which the labels are canonical; converted crystals serve all. Rows that have no
    protostructure are written to rejected.csv beside the dataset.
    """
    from crystalbench_plugins.datasets.custom import build_dataset
    from crystalbench_plugins.datasets.table_file import Columns

    settings = ConversionSettings(**build_conversion(conversion))
    folder = build_dataset(
        source,
        name,
        columns=Columns(crystal=column, energy=energy, id=id_, split=split),
        table=settings.table,
        reader=reader,
        settings=settings,
        executors=Executors(workers=workers or default_workers(), scheduler=scheduler or ""),
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
