"""`crystalbench verify`."""

from collections import Counter
from pathlib import Path

import click

from crystalbench.cli.exit_codes import ExitCode
from crystalbench.cli.options import FILE, PLUGIN_FILES, parameter_settings, sample_files
from crystalbench.plugins import Plugins
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.progress import aside, bar


@click.command(name="verify")
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--redraw", is_flag=True, help="Make the samples again too, from their files or seeds.")
@click.option(
    "-s",
    "--samples",
    metavar="NAME=FILE[,FILE]",
    multiple=True,
    help="Where the sample files of a generator are now, for --redraw.",
)
@click.option("--hull", type=FILE, help="Where the file of the hull is now.")
@click.option(
    "--set",
    "settings",
    metavar="KEY=FILE",
    multiple=True,
    help="Where another file is now, as its setting: potential.mace.checkpoint=FILE.",
)
@PLUGIN_FILES
@click.option("-v", "--verbose", is_flag=True, help="List what holds, too.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    runs: tuple[Path, ...],
    redraw: bool,
    samples: tuple[str, ...],
    hull: Path | None,
    settings: tuple[str, ...],
    files: tuple[Path, ...],
    verbose: bool,
) -> None:
    """Recompute what follows in finished RUNS, without the cache: plan, cells, notes, tables, reports.

    The folder of a discovery is judged and ranked again from its stored materials; --redraw relaxes some again.

    Exit code 1 if anything differs. What cannot be checked, for example because a sample file is gone, is listed.
    What was measured cannot be computed again: times, and what a run says of its machine, stand as they were written.
    """
    from crystalbench.runs.checks import Finding
    from crystalbench.runs.discovery.stored import is_discovery
    from crystalbench.runs.discovery.verify import DiscoveryVerification
    from crystalbench.runs.stored import Moved
    from crystalbench.runs.verify import Verification

    plugins = Plugins.load(files=files)
    where = parameter_settings(settings)
    moved = Moved(samples=sample_files(samples), hull=str(hull.absolute()) if hull else "", settings=where)
    findings: Counter[Finding] = Counter()
    for run in runs:
        folder = RunFolder(run)
        verification = (
            DiscoveryVerification(folder=folder, plugins=plugins, redraw=redraw, moved=moved)
            if is_discovery(folder)
            else Verification(folder, plugins, redraw, moved)
        )
        with bar(f"verifying {run}", verification.size(), "checks") as report:
            for done, check in enumerate(verification.checks(), 1):
                report(done, check.what)
                findings[check.finding] += 1
                if check.finding is not Finding.HOLDS or verbose:
                    with aside():
                        click.echo(f"{run}: {check.what}: {check.finding}{': ' + check.detail if check.detail else ''}")
    checked = findings.total() - findings[Finding.RECORDED]
    click.echo(f"{findings[Finding.HOLDS]} of {checked} checks hold", nl=False)
    rest = {finding: findings[finding] for finding in (Finding.DIFFERS, Finding.NOT_CHECKED) if findings[finding]}
    click.echo("".join(f", {count} {finding}" for finding, count in rest.items()))
    if findings[Finding.DIFFERS]:
        ctx.exit(ExitCode.FAILED)
