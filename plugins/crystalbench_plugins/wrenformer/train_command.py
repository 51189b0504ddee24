"""`crystalbench encoder train`."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from crystalbench import ConfigError
from crystalbench.cli.completion import record
from crystalbench.datasets import Dataset
from crystalbench.plugins import Plugins
from crystalbench_plugins.wrenformer.train import Training, TrainingSettings

DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(TrainingSettings)}
COUNT = click.IntRange(1)
POSITIVE = click.FloatRange(0, min_open=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def _option(name: str, kind: click.ParamType[Any], text: str) -> Callable[[Command], Command]:
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, type=kind, default=DEFAULTS[name], show_default=True, help=text)


@click.command(name="train")
@click.option(
    "-d",
    "--dataset",
    "source",
    type=record("datasets"),
    default="wbm-rebuilt",
    show_default=True,
    help="Data with energies.",
)
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the results."
)
@click.option("--resume", is_flag=True, help="Continue what was interrupted in that folder.")
@_option("epochs", COUNT, "Passes over the training split.")
@click.option(
    "--stop", type=COUNT, help="Epoch to end after; the schedule stays that of --epochs.  [default: the last]"
)
@_option("batch_size", COUNT, "Protostructures in a step.")
@_option("learning_rate", POSITIVE, "Largest learning rate.")
@_option("weight_decay", click.FloatRange(0), "Of AdamW.")
@_option("warmup", COUNT, "Steps of rising learning rate.")
@_option("average", click.FloatRange(0, 1, max_open=True), "Decay per step of the running mean of the weights.")
@_option("seed", click.IntRange(0), "Seed of everything random.")
@_option("prototype_weight", click.FloatRange(0), "Of the second target, the prototype; 0 for energies alone.")
@_option("prototype_rows", COUNT, "Training rows that a prototype must have to be a class.")
@click.option("--composition-only", is_flag=True, help="Train the baseline that sees no Wyckoff positions.")
@click.option("--threads", type=COUNT, help="Threads of torch.  [default: all cores]")
def command(source: str, out: Path, resume: bool, stop: int | None, threads: int | None, **settings: Any) -> None:
    """Train a Wrenformer on the formation energies and prototypes of a dataset.

    \b
    crystalbench encoder train --out DIR
    crystalbench run --set encoder.wrenformer.checkpoint=DIR/encoder.pt
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    click.echo(f"reading {source}", err=True)
    training = Training(Dataset(Plugins.load().datasets[source]), out, TrainingSettings(**settings))
    rows, steps = len(training.splits["train"]), training.steps_per_epoch
    click.echo(f"{rows:,} rows to train on, {training.settings.epochs} epochs of {steps:,} steps", err=True)
    if resume and not training.resume():
        raise ConfigError(f"there is nothing to resume in {out}; leave out --resume")
    if not resume and (out / "state.pt").exists():
        raise ConfigError(f"{out} holds a training; continue it with --resume, or give another folder")
    report = training.run(_show, stop)
    for name, errors in report["errors"].items():  # type: ignore[union-attr]
        click.echo(f"{name}: {errors}")
    click.echo(f"weights: {out / 'encoder.pt'}")


def _show(line: dict[str, Any]) -> None:
    click.echo(
        f"epoch {line['epoch']}: training {line['train_MAE']:.4f}, validation {line['val_MAE']:.4f} eV/atom, "
        f"{line['cpu_seconds']:.0f} s"
    )
