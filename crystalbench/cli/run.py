"""`crystalbench run`."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from crystalbench.cli.debug import debugging, show_trace
from crystalbench.cli.exit_codes import ExitCode, ended
from crystalbench.cli.opening import opening
from crystalbench.cli.options import FILE, PLUGIN_FILES, build_config, run_options
from crystalbench.cli.terminal import width
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import MANIFEST, RunFolder
from crystalbench.runs.plan import Plan, make_plan
from crystalbench.runs.progress import aside
from crystalbench.tables.results import Presentation


@click.command(name="run")
@run_options
@PLUGIN_FILES
@click.option("-o", "--out", type=FILE, help="Results folder.  [default: results/NAMES-KEY]")
@click.option(
    "--resume",
    type=click.Path(exists=True, path_type=Path),
    help="Finish the interrupted run in this folder; takes no option but --workers, --scheduler and --plugins.",
)
@click.pass_context
def command(
    ctx: click.Context, /, out: Path | None, resume: Path | None, files: tuple[Path, ...], **flags: Any
) -> None:
    """Sample, convert, score and report.

    Without sample files, an adapter uses a small example file and its row says so. The same command again takes
    everything from the cache.
    """
    start = time.perf_counter()
    plugins = Plugins.load(files=files)
    for info in plugins.broken:
        click.echo(f"plugin {info.name} is broken and not used: {info.error}", err=True)
        show_trace(info.traceback)
    plan = make_plan(_resumed(resume, out, flags) if resume else build_config(suites=plugins.suites, **flags), plugins)
    folder = RunFolder(resume or out or _default_folder(plan))
    for line in opening(plan, folder.path):
        click.echo(line, err=True)
    if cluster := plan.config.executors.describe():
        click.echo(cluster, err=True)

    from crystalbench.runs.run import Run

    try:
        finished = Run(plan, plugins, folder, log=_log).execute()
    except KeyboardInterrupt:
        click.echo(f"interrupted; finish it with: crystalbench run --resume {folder.path}", err=True)
        ctx.exit(ExitCode.INTERRUPTED)
    except OSError as error:
        if not folder.exists():
            raise
        way_on = f"; when that is mended, finish the run with: crystalbench run --resume {folder.path}"
        raise ended(error, way_on) from error
    for reporter in plugins.reporters.values():
        if reporter.terminal:
            view = Presentation(width=width())
            click.echo(reporter.report(replace(finished.table, presentation=view)))
    click.echo(f"{folder.path} written in {time.perf_counter() - start:.1f} s", err=True)
    if finished.failures:
        click.echo(f"{len(finished.failures)} failed:", err=True)
        times = Counter((one.step, one.plugin, one.error, one.traceback) for one in finished.failures)
        for (step, plugin, what, traceback), count in times.items():
            click.echo(f"  {step} {plugin}: {what}{f' ({count} times)' if count > 1 else ''}", err=True)
            show_trace(traceback)
        if not debugging():
            click.echo(f"where they failed is in {folder.path / MANIFEST}, and shown with --debug", err=True)
        ctx.exit(ExitCode.UNUSABLE if finished.unreadable else ExitCode.FAILED)


def _log(line: str) -> None:
    with aside():
        click.echo(line, err=True)


def _resumed(folder: Path, out: Path | None, flags: dict[str, Any]) -> RunConfig:
    given = {key: value for key, value in flags.items() if value not in (None, ())}
    where = {key: given.pop(key) for key in ("workers", "scheduler") if key in given}
    if given or out is not None:
        raise ConfigError("--resume takes all settings from the run; give only --workers and --scheduler with it")
    return replace(RunFolder(folder).config(), **where)


def _default_folder(plan: Plan) -> Path:
    names = "-".join(g.name for g in plan.generators if g.spec is None or g.spec.scale is None) or "scale"
    safe = "".join(c if c.isalnum() or c in "+-_" else "_" for c in names)[:60]
    return Path("results") / f"{safe}-{plan.key[:8]}"
