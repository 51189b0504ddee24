"""`crystalbench convert`."""

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO

import click

from crystalbench.cli.options import parameter_settings
from crystalbench.crystals.samples import Converted, Invalid, Sample
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import atomic_write
from crystalbench.runs.config import RunConfig, check_parameters
from crystalbench.runs.folder import SAMPLE_FIELDS, sample_row
from crystalbench.runs.plan import FILE_CHUNK, detect_reader
from crystalbench.runs.stream import settled


@click.command(name="convert")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="CSV file to write.  [default: standard output]")
@click.option("--reader", help="Format of the file.  [default: detected]")
@click.option("--backend", help="Symmetry search: spglib or moyo.  [default: spglib]")
@click.option("--symprec", type=float, help="Distance tolerance in Å.  [default: 0.1]")
@click.option("--angle-tolerance", type=float, help="Degrees, spglib only.  [default: 5]")
@click.option("--table", help="Letter table: affine, pymatgen, aviary-1.1.1.  [default: affine]")
@click.option("--workers", type=int, help="Worker processes.  [default: all cores]")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="A setting of the reader.")
def command(
    file: Path,
    output: Path | None,
    reader: str | None,
    workers: int | None,
    settings: tuple[str, ...],
    **conversion: object,
) -> None:
    """Turn the crystals in FILE into protostructures.

    Writes one CSV row per crystal in the order of the file: index, protostructure, reason, detail. A crystal without
    a protostructure keeps its row with the reason; a summary goes to standard error.
    """
    plugins = Plugins.load()
    spec = plugins.readers[reader] if reader else detect_reader(file, plugins)
    given = {key: value for key, value in conversion.items() if value is not None}
    config = RunConfig.from_mapping(
        {"generators": [file.name], "conversion": given} | ({"workers": workers} if workers is not None else {})
    )
    parameters = check_parameters(f"reader {spec.name}", parameter_settings(settings), spec.parameters)
    counts: Counter[str] = Counter()
    with _written(output, file) as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(SAMPLE_FIELDS)
        for index, item in enumerate(_converted(spec.read(file, parameters), config)):
            writer.writerow(sample_row(index, item))
            counts[str(item.reason) if isinstance(item, Invalid) else "valid"] += 1
    total = counts.total()
    click.echo(f"{total:,} crystals read by {spec.name}, {counts.pop('valid', 0):,} converted", err=True)
    for reason, count in counts.most_common():
        click.echo(f"  {count:,} {reason}", err=True)


@contextmanager
def _written(output: Path | None, source: Path) -> Iterator[IO[str]]:
    """Standard output, or a file that appears when it is complete."""
    if output is None:
        yield sys.stdout
        return
    if output.exists() and output.samefile(source):
        raise ConfigError(f"{output}: is the file that is read; choose another --output")
    with atomic_write(output) as file:
        text = TextIOWrapper(file, encoding="utf-8", errors="backslashreplace")
        yield text
        text.detach()


def _converted(samples: Iterator[Sample], config: RunConfig) -> Iterator[Converted]:
    from crystalbench.crystals.convert import Converter
    from crystalbench.runs.progress import bar

    done = 0
    with (
        Converter(config.conversion, config.workers) as converter,
        bar("converting", None, "crystals") as progress,
    ):
        while chunk := list(islice(samples, FILE_CHUNK)):
            yield from (settled(item, config.conversion.table) for item in converter.convert(chunk))
            done += len(chunk)
            progress(done)
