"""`crystalbench cite`."""

from pathlib import Path

import click

from crystalbench.cli.options import OUT_FILE, PLUGIN_FILES
from crystalbench.cli.output import written
from crystalbench.plugins import Plugins


@click.command(name="cite")
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", type=OUT_FILE, help="File to write.  [default: standard output]")
@PLUGIN_FILES
def command(runs: tuple[Path, ...], out: Path | None, files: tuple[Path, ...]) -> None:
    """Print what to cite for RUNS, as BibTeX: datasets, generators, metrics, encoders, libraries, crystalbench.

    Every entry is one that a plugin of these runs declares; those that declare none are named in a comment.
    """
    from crystalbench.runs.bibliography import bibliography
    from crystalbench.runs.folder import RunFolder

    text = bibliography([RunFolder(run).manifest() for run in runs], Plugins.load(files=files))
    with written(out) as stream:
        stream.write(text)
