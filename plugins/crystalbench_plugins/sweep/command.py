"""`crystalbench sweep`: how the numbers of a run move with the settings of the symmetry search."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from crystalbench import CommandSpec, ConfigError, hookimpl
from crystalbench.cli.completion import Name
from crystalbench.cli.debug import show_trace
from crystalbench.cli.exit_codes import ExitCode
from crystalbench.cli.options import names, sample_files
from crystalbench.crystals.convert import Backend
from crystalbench.plugins import Plugins
from crystalbench.runs.folder import csv_text
from crystalbench_plugins.sweep.sweep import swept
from crystalbench_plugins.sweep.written import FIELDS, document, markdown, pictures, tidy

DATA = "sweep.json"


@click.command(name="sweep")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--symprec", default="0.01,0.05,0.1,0.2", show_default=True, metavar="A,B", help="Distance tolerances in Å."
)
@click.option(
    "--backend",
    default="spglib,moyo",
    show_default=True,
    metavar="A,B",
    type=Name(lambda: Backend, several=True),
    help="Symmetry libraries.",
)
@click.option(
    "-s",
    "--samples",
    metavar="NAME=FILE[,FILE]",
    multiple=True,
    help="Where the sample files of a generator are now, if they have moved.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for tables, pictures, and the runs.  [default: the table is printed]",
)
@click.pass_context
def command(
    ctx: click.Context, /, run: Path, symprec: str, backend: str, samples: tuple[str, ...], out: Path | None
) -> None:
    """Convert the crystals of RUN with other tolerances, and score them again.

    Prints how each metric, the shares of invalid samples and of space group 1, and the labels move. Samples are read
    again from their files, or drawn again; what came as labels is not converted, and does not move.
    """
    if out and out.exists() and any(out.iterdir()) and not (out / DATA).exists():
        raise ConfigError(f"{out}: holds other files; choose another folder with --out")
    if out:
        for made in ("runs", "figures"):
            shutil.rmtree(out / made, ignore_errors=True)
    moved = {name: tuple(files) for name, files in sample_files(samples).items()}
    runs = out / "runs" if out else None
    sweep = swept(run, _numbers(symprec), names(backend), Plugins.load(), moved, runs)
    text = markdown(sweep)
    click.echo(text)
    if out:
        (out / "figures").mkdir(parents=True)
        (out / "sweep.md").write_text(text, encoding="utf-8")
        (out / "sweep.csv").write_text(csv_text(FIELDS, tidy(sweep)), encoding="utf-8")
        (out / DATA).write_text(document(sweep), encoding="utf-8")
        for name, picture in pictures(sweep):
            (out / "figures" / name).write_text(picture, encoding="utf-8")
    for failure in sweep.failures:
        click.echo(f"failed: {failure.step} {failure.plugin}: {failure.error}", err=True)
        show_trace(failure.traceback)
    if sweep.failures:
        ctx.exit(ExitCode.FAILED)


def _numbers(text: str) -> Sequence[float]:
    try:
        return [float(word) for word in names(text)]
    except ValueError:
        raise ConfigError(f"--symprec {text}: expected numbers of Å with commas between them") from None


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    where = "crystalbench_plugins.sweep.command:command"
    return [CommandSpec(name="sweep", help="Convert and score a run again with other tolerances.", command=where)]
