"""`crystalbench wyckoffdiff`: train a model, export it."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crystalbench import ConfigError, Dataset, Protostructure, SamplerInput
from crystalbench.cli.completion import record
from crystalbench.cli.options import OUT_FILE, parameter_settings
from crystalbench.errors import unknown_name
from crystalbench.plugins import Plugins
from wyckoffdiff.settings import PRESETS, Precision, Preset, Prior

if TYPE_CHECKING:
    from wyckoffdiff.processes import Processes
    from wyckoffdiff.train import Training


@click.group(name="wyckoffdiff")
def command() -> None:
    """Train WyckoffDiff models and export them for sampling."""


@command.command(name="train")
@click.option("-d", "--dataset", type=record("datasets"), required=True, help="Dataset with the splits train and val.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="small", show_default=True)
@click.option(
    "--prior",
    type=click.Choice([prior.value for prior in Prior]),
    help="Distribution that the noise ends in.  [default: zeros]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder of the training.")
@click.option("--resume", is_flag=True, help="Go on where the last checkpoint in --out left it.")
@click.option(
    "--from", "begin_with", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Exported model to begin with instead of random weights; its sizes hold.",
)  # fmt: skip
@click.option("--epochs", type=int, help="Passes over the training split; may be changed on --resume.")
@click.option("--max-orbits", type=int, help="P.  [default: 54 for paper, else from the data]")
@click.option(
    "--precision",
    type=click.Choice([p.value for p in Precision]),
    help="Arithmetic of the products.  [default: float32]",
)
@click.option("--compile", "compiled", is_flag=True, help="Compile the networks (needs a C++ compiler on CPUs).")
@click.option("--seed", type=int, help="Of everything random.  [default: 0]")
@click.option("--threads", type=int, help="CPU threads of a process.  [default: all cores]")
@click.option("--checkpoint-minutes", type=float, default=10.0, show_default=True)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True,
    help="Any other setting of the model or the training, for example hidden=128 or learning_rate=0.001.",
)  # fmt: skip
def train_command(
    dataset: str,
    preset: str,
    out: Path,
    resume: bool,
    threads: int | None,
    checkpoint_minutes: float,
    settings: tuple[str, ...],
    compiled: bool,
    begin_with: Path | None,
    **options: Any,
) -> None:
    """Train a model on a dataset.

    Writes into --out: last.pt (the state to resume from), best.pt (by validation loss) and log.jsonl. A killed
    training goes on with --resume, to the same losses. On several GPUs or processes start it with torchrun.

    \b
    crystalbench wyckoffdiff train --dataset wbm-rebuilt --preset small --out my-model
    torchrun --nproc-per-node 4 -m crystalbench wyckoffdiff train --dataset wbm-rebuilt --preset paper --out my-model
    """
    given = {key: value for key, value in options.items() if value is not None} | parameter_settings(settings)
    if compiled:
        given["compile"] = True
    data = Dataset(Plugins.load().datasets[dataset])
    import torch

    from crystalbench.runs.progress import bar
    from wyckoffdiff.processes import Processes
    from wyckoffdiff.train import run

    if threads is not None:
        torch.set_num_threads(threads)
    with Processes.joined() as processes:
        main = processes.rank == 0
        if resume and begin_with:
            raise ConfigError("--resume goes on with a training, --from begins a new one; give one of them")
        if resume:
            training = _resumed(data, out, given, processes)
        else:
            training = _new(data, out, preset, given, begin_with, processes)
        if not main:
            run(training, out)
            return
        click.echo(_summary(training), err=True)
        with bar("training", training.steps - training.progress.step, "steps") as show:
            run(
                training,
                out,
                checkpoint_seconds=60 * checkpoint_minutes,
                report=lambda line: click.echo(line, err=True),
                show=show,
            )


def _new(
    data: Dataset, out: Path, preset: str, given: dict[str, Any], begin_with: Path | None, processes: "Processes"
) -> "Training":
    from wyckoffdiff.setup_training import start
    from wyckoffdiff.train import LAST

    if (out / LAST).exists():
        raise ConfigError(f"{out} already holds a training; go on with it by --resume, or choose another --out")
    if begin_with and (sizes := given.keys() & {f.name for f in fields(PRESETS[preset].model)}):
        raise ConfigError(f"--from takes the sizes of the model from it; {', '.join(sorted(sizes))} cannot be chosen")
    chosen = configured(PRESETS[preset], given)
    return start(
        data,
        chosen.model,
        chosen.training,
        orbits_from_data=chosen.orbits_from_data,
        processes=processes,
        begin_with=begin_with,
    )


def _resumed(data: Dataset, out: Path, given: dict[str, Any], processes: "Processes") -> "Training":
    from wyckoffdiff.setup_training import resume

    training = resume(data, out, epochs=given.get("epochs"), decay=given.get("decay"), processes=processes)
    held = asdict(training.model.settings) | asdict(training.settings)
    for name in given:
        if name not in held:
            raise unknown_name("setting", name, held)
    if other := [name for name in sorted(given) if given[name] != held[name]]:
        raise ConfigError(
            f"--resume goes on with the settings of the training; {', '.join(other)} cannot be changed (there: "
            f"{', '.join(f'{name}={held[name]}' for name in other)}), only epochs and decay can"
        )
    return training


def configured(preset: Preset, given: dict[str, Any]) -> Preset:
    """Return a preset with settings of its model and its training replaced; raises `ConfigError`."""
    known = {f.name for part in (preset.model, preset.training) for f in fields(part)}
    for name in given:
        if name not in known:
            raise unknown_name("setting", name, known)
    model, training = (
        {f.name: given[f.name] for f in fields(part) if f.name in given} for part in (preset.model, preset.training)
    )
    try:
        return Preset(
            model=replace(preset.model, **model),
            training=replace(preset.training, **training),
            orbits_from_data=preset.orbits_from_data and "max_orbits" not in given,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"wyckoffdiff train: {error}") from None


def _summary(training: "Training") -> str:
    from wyckoffdiff.model import parameter_count

    found, settings = training.provenance, training.model.settings
    return (
        f"{found.dataset}: {found.n_train:,} materials to train on, {found.n_refused:,} beyond N_a = "
        f"{settings.n_elements} or P = {settings.max_orbits}, {len(training.val):,} to validate; "
        f"{parameter_count(training.model):,} parameters; step {training.progress.step:,} of {training.steps:,}"
    )


@command.command(name="export")
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--out", type=OUT_FILE, required=True, help="File to write, ending in .pt.")
@click.option("--best/--last", default=False, help="Of least validation loss, or the last.  [default: last]")
@click.option("--marginals", type=click.IntRange(0), default=0, help="Samples to draw for the card's tables of them.")
def export_command(folder: Path, out: Path, best: bool, marginals: int) -> None:
    """Write the model of the training in FOLDER for sampling, with its card and its curve.

    It holds the weights in half precision, the settings and the provenance; beside it stand the card (.md), the
    picture of the losses (.svg) and its epochs for reports (.training.csv). With --marginals 2000 the card also says
    where so many samples of it differ from training: numbers of elements, formulas, prototypes.
    """
    from wyckoffdiff.checkpoint import export
    from wyckoffdiff.model_card import write_card
    from wyckoffdiff.train import BEST, LAST, LOG

    if out.suffix != ".pt":
        raise ConfigError(f"--out {out}: must end in .pt; the card takes its name with .md")
    export(folder / (BEST if best else LAST), out)
    write_card(out, folder / LOG, _marginals(out, marginals) if marginals else "")
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB", err=True)


def _marginals(model: Path, n: int) -> str:
    from wyckoffdiff.checkpoint import load_model
    from wyckoffdiff.marginals import marginals
    from wyckoffdiff.plugin import PARAMETERS
    from wyckoffdiff.stream import Stream

    data = Dataset(Plugins.load().datasets[load_model(model)[1].dataset])
    values = {parameter.name: parameter.default for parameter in PARAMETERS}
    drawn = Stream(SamplerInput(parameters=values, seed=0, dataset=data), model, n).draw(0).items
    valid = [item for item in drawn if isinstance(item, Protostructure)]
    held_out = data.split(data.spec.held_out) if data.spec.held_out else None
    return f"{len(valid):,} valid samples of {n:,}, seed 0.\n\n{marginals(valid, data.train, held_out)}"


@command.command(name="import")
@click.argument("parameters", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-d", "--dataset", type=record("datasets"), required=True, help="What the model was trained on, for example wbm."
)
@click.option("-o", "--out", type=OUT_FILE, required=True, help="File to write, ending in .pt.")
def import_command(parameters: Path, dataset: str, out: Path) -> None:
    """Convert a parameters.pt of the authors' released code into a model to sample from."""
    data = Dataset(Plugins.load().datasets[dataset])
    from wyckoffdiff.authors import convert

    provenance = convert(parameters, data, out)
    click.echo(f"{out}: prior {provenance.training.prior}, {provenance.epochs:g} epochs", err=True)
