"""`crystalbench run`."""

import time
from pathlib import Path
from typing import Any

import click

from crystalbench.cli.options import build_config, run_options
from crystalbench.config import RunConfig
from crystalbench.folder import RunFolder
from crystalbench.plan import Plan, make_plan
from crystalbench.plugins import Plugins


@click.command(name="run")
@run_options
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Results folder.  [default: results/NAMES-KEY]")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, exists=True),
    help="Finish the interrupted run in this folder.",
)
@click.pass_context
def command(ctx: click.Context, /, out: Path | None, resume: Path | None, **flags: Any) -> None:
    """Sample, convert, score and report.

    Without sample files, an adapter uses a small example file and its row says so. The same command again takes
    everything from the cache.
    """
    start = time.perf_counter()
    plugins = Plugins.load()
    for info in plugins.broken:
        click.echo(f"plugin {info.name} is broken and not used: {info.error}", err=True)
    if resume is not None:
        if any(value not in (None, ()) for value in flags.values()) or out is not None:
            raise click.UsageError("--resume takes all settings from the run; give no other option with it")
        config = RunConfig.from_mapping(RunFolder(resume).manifest()["config"])
    else:
        config = build_config(**flags)
    plan = make_plan(config, plugins)
    folder = RunFolder(resume or out or _default_folder(plan))

    from crystalbench.run import Run

    finished = Run(plan, plugins, folder, log=lambda line: click.echo(line, err=True)).execute()
    if "markdown" in plugins.reporters:
        click.echo(plugins.reporters["markdown"].render(finished.table))
    click.echo(f"{folder.path} written in {time.perf_counter() - start:.1f} s", err=True)
    if finished.failures:
        click.echo(f"{len(finished.failures)} failed:", err=True)
        for failure in finished.failures:
            click.echo(f"  {failure.step} {failure.plugin}: {failure.error}", err=True)
        ctx.exit(1)


def _default_folder(plan: Plan) -> Path:
    names = "-".join(g.name for g in plan.generators if g.name in plan.config.generators)
    safe = "".join(c if c.isalnum() or c in "+-_" else "_" for c in names)[:60]
    return Path("results") / f"{safe}-{plan.key[:8]}"
