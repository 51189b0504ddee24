"""`crystalbench discover`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from crystalbench.cli.completion import Name, record
from crystalbench.cli.exit_codes import ExitCode
from crystalbench.cli.options import CONVERSION_FLAGS, FILE, NAMES, build_config, names, sample_files, sample_options
from crystalbench.cli.terminal import width
from crystalbench.errors import ConfigError, unknown_name
from crystalbench.materials.elements import References
from crystalbench.materials.search import OwnGeometry
from crystalbench.materials.selection import Block
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig, merged
from crystalbench.runs.discovery.settings import DiscoverySettings, Order
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.progress import aside

WHERE = ("workers", "scheduler")
"""Options that change no number."""


@click.command(name="discover")
@click.argument("run", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("-g", "--generator", type=record("generators"), help="Whose samples.  [default: the run's only one]")
@sample_options
@click.option("--top", type=int, help="Candidates to relax, at most.  [default: 200]")
@click.option(
    "--order",
    type=Name(lambda: Order),
    help="Which first: by predicted energy above hull, predicted energy, or as sampled (hull, energy, sample).  "
    "[default: hull]",
)
@click.option("--known", is_flag=True, default=None, help="Keep protostructures of the training split, too.")
@click.option("--blocks", metavar="s,p,d,f", help="Blocks of the elements that are allowed.  [default: s,p,d]")
@click.option("--noble-gases", is_flag=True, default=None, help="Allow noble gases.")
@click.option(
    "--potential",
    metavar=NAMES,
    type=record("potentials", several=True),
    help="Interatomic potentials: the first one ranks, others stand beside it.  [default: the one marked so]",
)
@click.option(
    "--hull", type=record("hulls"), help="Known phases: a name, or a CSV or JSON file.  [default: the one marked so]"
)
@click.option(
    "--references",
    type=Name(lambda: References),
    help="Whose energies of the elements formation energies are counted from: those of the hull, from DFT, or the "
    "potential's own (hull, own).  [default: hull]",
)
@click.option("--tries", type=int, help="Relaxations of one candidate, at most.  [default: 10]")
@click.option("--agreement", type=float, help="eV/atom within which the two lowest end them.  [default: 0.01]")
@click.option("--own", type=Name(lambda: OwnGeometry), help="A sample's own geometry: enough, first or ignored.")
@click.option("--diagrams", type=click.IntRange(min=0), help="Phase diagrams, at most.  [default: 5]")
@click.option("--vasp-inputs", type=FILE, help="Folder for inputs of VASP, without pseudopotentials.")
@click.option(
    "--energies",
    type=FILE,
    help="Rank by these formation energies instead: the energies.csv of --vasp-inputs, filled in.",
)
@click.option("-o", "--out", type=FILE, help="Folder to write.  [default: results/discover-NAME-KEY]")
@click.option(
    "--resume",
    type=click.Path(exists=True, path_type=Path),
    help="Finish the discovery in this folder, or rank it by --energies; takes no setting, but --workers, "
    "--scheduler, --vasp-inputs.",
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: Path | None,
    generator: str | None,
    out: Path | None,
    diagrams: int | None,
    vasp_inputs: Path | None,
    energies: Path | None,
    resume: Path | None,
    **flags: Any,
) -> None:
    """Make materials of a generator's samples: realise, relax, rank by energy above the convex hull.

    RUN is the folder of a finished run; without it, samples are drawn or read as by `crystalbench run`. A discovery
    that was interrupted goes on with the same command, or --resume: at most the structures in work are lost.
    """
    start = time.perf_counter()
    plugins = Plugins.load()
    from crystalbench.runs.discovery.discovery import Discovery
    from crystalbench.runs.discovery.returned import read_returned
    from crystalbench.runs.discovery.stored import asked_of, manifest_of

    folder = RunFolder(out) if out else None
    if resume is not None:
        given = {"RUN": run, "generator": generator, "diagrams": diagrams, **flags}
        _only_where(given, folder if energies is None else None)
        config, settings, of_run, name, diagrams = asked_of(RunFolder(resume))
        config = replace(config, **{key: flags[key] for key in WHERE if flags[key] is not None})
        if energies is None:
            if manifest_of(RunFolder(resume))["returned"]:
                raise ConfigError(f"{resume}: is ranked by energies of a file; give it again with --energies")
            folder = RunFolder(resume)
    else:
        settings = _settings(flags)
        config, name = _config(run, generator, flags)
        of_run = RunFolder(run) if run else None
    discovery = Discovery(
        config=config,
        settings=settings,
        plugins=plugins,
        folder=folder,
        log=_log,
        run=of_run,
        generator=name,
        returned=read_returned(energies) if energies else None,
        diagrams=5 if diagrams is None else diagrams,
    )
    try:
        found = discovery.execute()
    except KeyboardInterrupt:
        way_on = f"crystalbench discover --resume {discovery.folder.path}" if discovery.folder else "the same command"
        click.echo(f"interrupted; go on with: {way_on}", err=True)
        ctx.exit(ExitCode.INTERRUPTED)
    from crystalbench.runs.discovery import output

    if vasp_inputs is not None:
        output.vasp_inputs(found, vasp_inputs)
    terminal = next((r for r in plugins.reporters.values() if r.terminal and r.page), None)
    if terminal is not None:
        click.echo(terminal.draw(replace(output.report(found), width=width())))
    written = discovery.folder.path if discovery.folder else ""
    click.echo(f"{written} written in {time.perf_counter() - start:.1f} s", err=True)


def _only_where(given: dict[str, Any], out: RunFolder | None) -> None:
    """Refuse settings beside --resume: they are those of the folder."""
    wrong = [key for key, value in given.items() if key not in WHERE and value not in (None, ())]
    wrong += ["out"] if out is not None else []
    if wrong:
        shown = wrong[0] if wrong[0] == "RUN" else f"--{wrong[0].replace('_', '-')}"
        raise ConfigError(f"{shown}: --resume takes all settings from the folder; leave it out")


def _settings(flags: dict[str, Any]) -> DiscoverySettings:
    given: dict[str, Any] = {key: flags.pop(key) for key in ("top", "order", "known", "blocks", "noble_gases")}
    if given["blocks"] is not None:
        given["blocks"] = tuple(_member(Block, "block", name) for name in names(given["blocks"]))
    if given["order"] is not None:
        given["order"] = _member(Order, "order", given["order"])
    return DiscoverySettings(**{key: value for key, value in given.items() if value is not None})


def _config(run: Path | None, generator: str | None, flags: dict[str, Any]) -> tuple[RunConfig, str]:
    """Return the configuration and whose samples are taken ("": the only one's of the run)."""
    energies: dict[str, Any] = {key: flags.pop(key) for key in ("hull", "references", "tries", "agreement", "own")}
    potential = flags.pop("potential")
    energies = {key: value for key, value in energies.items() if value is not None}
    energies |= {"potentials": names(potential)} if potential else {}
    if run is None:
        sampled = list(sample_files(flags["samples"]))
        if len({*sampled, *filter(None, [generator])}) != 1:
            raise ConfigError("whose samples? name one generator with --generator or --samples, or the folder of a run")
        name = generator or sampled[0]
        config = build_config(generators=name, **flags)
        return _with(config, energies), name
    own = ("samples", "reader", "generated", "replicas", "dataset", "n", "novel", "max_draws", *CONVERSION_FLAGS)
    if given := [key for key in own if flags[key] not in (None, ())]:
        raise ConfigError(f"--{given[0].replace('_', '-')}: the samples are those of {run}")
    settings = RunFolder(run).manifest()["config"]
    asked = build_config(generators="any", **flags).to_mapping()
    changes: dict[str, Any] = {
        key: asked[key] for key in ("energies", "potential", "hull", "realiser", "encoder") if key in asked
    }
    changes |= {"encoders": asked["encoders"]} if asked["encoders"] else {}
    changes |= {key: flags[key] for key in ("seed", "workers", "scheduler") if flags.get(key) is not None}
    return _with(RunConfig.from_mapping(merged(settings, changes)), energies), generator or ""


def _with(config: RunConfig, energies: dict[str, Any]) -> RunConfig:
    """Put flags over the section of energies; checked as those of a file."""
    data = merged(config.to_mapping(), {"energies": energies} if energies else {})
    return RunConfig.from_mapping(data | {"workers": config.workers, "scheduler": config.scheduler})


def _member(kind: type[Any], what: str, value: str) -> Any:
    try:
        return kind(value)
    except ValueError:
        raise unknown_name(what, value, [str(member) for member in kind]) from None


def _log(line: str) -> None:
    with aside():
        click.echo(line, err=True)
