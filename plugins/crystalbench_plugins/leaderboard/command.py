"""`crystalbench leaderboard`: one page and one table of many runs."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from crystalbench import CommandSpec, ConfigError, hookimpl
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.config_text import config_text
from crystalbench.runs.folder import MANIFEST, RunFolder, csv_text
from crystalbench.runs.progress import bar
from crystalbench_plugins.leaderboard.boards import ReadRun, boards, read_runs
from crystalbench_plugins.leaderboard.site import FIELDS, markdown, page, rows

PAGE = "index.html"


@click.command(name="leaderboard")
@click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the site."
)
@click.option("--rank-by", default="fwd_corrected", show_default=True, help="Column with an arrow that places are by.")
@click.option("--verify", is_flag=True, help="Recompute every run first, and say on the page what was found.")
def command(root: Path, out: Path, rank_by: str, verify: bool) -> None:
    """Rank the runs in or below ROOT where they compare.

    Writes index.html, leaderboard.md, leaderboard.csv, and runs/NAME with the report, the manifest and the settings of
    each run. Runs of other datasets, numbers of samples, encoders or versions stand on boards of their own.
    """
    found, left_out = read_runs(root)
    made = boards(found, rank_by)
    if out.exists() and any(out.iterdir()) and not (out / PAGE).exists():
        raise ConfigError(f"{out}: holds other files; choose another folder with --out")
    checks = _verified(found) if verify else {}
    shutil.rmtree(out / "runs", ignore_errors=True)
    for run in found:
        folder = out / "runs" / run.name
        folder.mkdir(parents=True)
        for name in ("table.html", MANIFEST):
            if (run.folder / name).is_file():
                shutil.copyfile(run.folder / name, folder / name)
        config = RunConfig.from_mapping(run.manifest["config"])
        (folder / "run.toml").write_text(config_text(config), encoding="utf-8")
    (out / PAGE).write_text(page(made, left_out, checks), encoding="utf-8")
    (out / "leaderboard.md").write_text(markdown(made, left_out), encoding="utf-8")
    (out / "leaderboard.csv").write_text(csv_text(FIELDS, rows(made)), encoding="utf-8")
    for item in left_out:
        click.echo(f"not read: {item.name}: {item.reason}", err=True)
    click.echo(f"{out / PAGE}: {len(found)} runs on {len(made)} boards")


def _verified(runs: Sequence[ReadRun]) -> dict[str, str]:
    from crystalbench.runs.verify import Verification

    plugins = Plugins.load()
    said = {}
    with bar("verifying", len(runs), "runs") as report:
        for done, run in enumerate(runs):
            report(done, run.name)
            found = Counter(check.finding for check in Verification(RunFolder(run.folder), plugins).checks())
            checked = found.total() - found[Finding.RECORDED]
            words = [f"{found[Finding.HOLDS]} of {checked} checks hold"]
            words += [f"{found[kind]} {kind}" for kind in (Finding.DIFFERS, Finding.NOT_CHECKED) if found[kind]]
            said[run.name] = ", ".join(words)
    return said


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    where = "crystalbench_plugins.leaderboard.command:command"
    return [CommandSpec(name="leaderboard", help="One page of many runs, ranked where they compare.", command=where)]
