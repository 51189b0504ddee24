"""`crystalbench convert`."""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from crystalbench.cli.completion import record
from crystalbench.cli.options import OUT_FILE, build_conversion, conversion_options, parameter_settings
from crystalbench.cli.output import written
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, Sample, nothing_valid
from crystalbench.errors import ConfigError, ReadError
from crystalbench.plugins import Plugins
from crystalbench.runs.chunks import settled
from crystalbench.runs.config import RunConfig, check_parameters
from crystalbench.runs.detection import detect_reader, named_reader
from crystalbench.runs.folder import SAMPLE_FIELDS, sample_row
from crystalbench.runs.plan import FILE_CHUNK


@click.command(name="convert")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-o",
    "--out",
    type=OUT_FILE,
    help="CSV file to write.  [default: standard output]",
)
@click.option("--reader", type=record("readers"), help="Format of the file.  [default: detected]")
@conversion_options
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="A setting of the reader.")
def command(
    file: Path,
    out: Path | None,
    reader: str | None,
    workers: int | None,
    scheduler: str | None,
    settings: tuple[str, ...],
    **conversion: Any,
) -> None:
    """Turn the crystals in FILE into protostructures.

    Writes one CSV row per crystal in the order of the file: index, protostructure, reason, detail. A crystal without
    a protostructure keeps its row with the reason; a summary goes to standard error.
    """
    plugins = Plugins.load()
    spec = named_reader(reader, file, plugins) if reader else detect_reader(file, plugins)
    given = build_conversion(conversion)
    where = {key: value for key, value in {"workers": workers, "scheduler": scheduler}.items() if value is not None}
    config = RunConfig.from_mapping({"generators": [file.name], "conversion": given, **where})
    parameters = check_parameters(f"reader {spec.name}", parameter_settings(settings), spec.parameters)
    if cluster := config.executors.describe():
        click.echo(cluster, err=True)
    counts: Counter[InvalidReason] = Counter()
    valid, first = 0, Invalid(InvalidReason.EMPTY)
    if out is not None and out.exists() and out.samefile(file):
        raise ConfigError(f"{out}: is the file that is read; choose another --out")
    with written(out) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(SAMPLE_FIELDS)
        for index, item in enumerate(_converted(spec.read(file, parameters), config)):
            writer.writerow(sample_row(index, item))
            if isinstance(item, Invalid):
                first = first if counts else item
                counts[item.reason] += 1
            else:
                valid += 1
    click.echo(f"{valid + counts.total():,} crystals read by {spec.name}, {valid:,} converted", err=True)
    for reason, count in counts.most_common():
        click.echo(f"  {count:,} {reason}", err=True)
    for note in spec.notes(file):
        click.echo(f"note: {note}", err=True)
    if counts and not valid:
        raise click.ClickException(nothing_valid(str(file), counts, first))
    if not valid:
        raise ReadError(f"{file}: holds no samples")


def _converted(samples: Iterator[Sample], config: RunConfig) -> Iterator[Converted]:
    from crystalbench.crystals.convert import Converter
    from crystalbench.runs.progress import bar

    done = 0
    size = FILE_CHUNK * config.executors.slots()
    with (
        Converter(config.conversion, config.executors) as converter,
        bar("converting", None, "crystals") as report,
    ):

        def progress(finished: int) -> None:
            nonlocal done
            done += finished
            report(done)

        while chunk := list(islice(samples, size)):
            for item in converter.convert(chunk, progress):
                yield settled(item, config.conversion.table)
