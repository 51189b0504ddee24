"""`crystalbench plot`: figures of a run for papers."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import click

from crystalbench import CommandSpec, ConfigError, hookimpl
from crystalbench.cli.completion import Name
from crystalbench.cli.options import names
from crystalbench.errors import unknown_name
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import read_regular
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.progress import bar
from crystalbench.tables.results_json import from_json
from crystalbench_plugins.metrics.size_effect import SIZES, measure
from crystalbench_plugins.plot import materials, values
from crystalbench_plugins.plot.paper import Drawing, style, write
from crystalbench_plugins.reports._layout import layout


class What(StrEnum):
    """Kinds of figures."""

    INTERVALS = "intervals"
    ELEMENTS = "elements"
    SPACEGROUPS = "spacegroups"
    ENERGIES = "energies"
    TRAINING = "training"
    SIZES = "size-effect"


STORED = tuple(what for what in What if what is not What.SIZES)
"""Those that need nothing but what is in the folder of the run."""


@click.command(name="plot")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-f", "--format", "suffix", type=click.Choice(["pdf", "svg", "png"]), default="pdf", show_default=True)
@click.option(
    "--what",
    default=",".join(STORED),
    show_default=True,
    metavar="A,B",
    type=Name(lambda: What, several=True),
    help="Figures to draw; size-effect, which is measured first, takes minutes.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="figures",
    show_default=True,
    help="Folder.",
)
def command(run: Path, suffix: str, what: str, out: Path) -> None:
    """Draw figures of RUN for a paper: one column (3.4 in) or two (7 in) wide, fonts embedded.

    Needs matplotlib: pip install 'crystalbench[plot]'.
    """
    kinds = list(dict.fromkeys(map(_kind, names(what))))
    with style():
        drawn = [(kind, list(_drawings(run, kind))) for kind in kinds]
        out.mkdir(parents=True, exist_ok=True)
        for kind, drawings in drawn:
            if not drawings:
                click.echo(f"no figure of {kind}: {run} has nothing to show in it", err=True)
            for drawing in drawings:
                click.echo(write(drawing, out, suffix))


def _kind(name: str) -> What:
    try:
        return What(name)
    except ValueError:
        raise unknown_name("figure", name, (str(kind) for kind in What)) from None


def _drawings(run: Path, kind: What) -> Iterator[Drawing]:
    path = run / "table.json"
    try:
        sheet = layout(from_json(read_regular(path).decode("utf-8"), str(path)))
    except OSError as error:
        raise ConfigError(f"{run}: no table here; name a folder below results/") from error
    match kind:
        case What.INTERVALS:
            yield from values.intervals(sheet)
        case What.ENERGIES:
            yield from values.energies(sheet)
        case What.ELEMENTS:
            yield from materials.elements(sheet, stored_evidence(RunFolder(run), Plugins.load()))
        case What.SPACEGROUPS:
            yield from materials.spacegroups(sheet, stored_evidence(RunFolder(run), Plugins.load()))
        case What.TRAINING:
            yield from values.training(sheet, stored_evidence(RunFolder(run), Plugins.load()))
        case What.SIZES:
            sizes = [int(size) for size in SIZES.split(",")]
            with bar("measuring", len(sizes) * len(RunFolder(run).manifest()["generators"]), "points") as report:
                points = list(measure(run, sizes, report=report))
            if len({point.n for point in points}) > 1:
                yield values.size_effect(points)


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    where = "crystalbench_plugins.plot.command:command"
    return [CommandSpec(name="plot", help="Draw figures of a run for a paper.", command=where)]
