"""The card of an exported model: what it was trained on, how, for how long, and how well; nothing in it is typed in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crystalbench.evidence import TrainingCurve
from crystalbench.runs.cache import atomic_write
from crystalbench.runs.training_file import SUFFIX, training_text
from crystalbench.tables.charts import Curve, Scale, curves, standalone
from wyckoffdiff.checkpoint import Provenance, load_model
from wyckoffdiff.model import parameter_count
from wyckoffdiff.settings import EntrySettings, ModelSettings, NetworkSettings, to_plain
from wyckoffdiff.training_log import read_log

_DEPARTURE: dict[type, str] = {
    ModelSettings: "",
    EntrySettings: "It departs from the paper: the number of occupied variables is drawn at its training frequency, "
    "as the space group is; they then come one by one, from a network that attends to those that are there and that "
    "learned the variational bound (`wyckoffdiff/entries`).\n\n",
}
_UNIT: dict[type, str] = {ModelSettings: "nats a variable", EntrySettings: "nats a material"}
_MEANING: dict[type, str] = {
    ModelSettings: "the mean cross-entropy of x_0 given x_t in nats a variable, t uniform on 1..T; nearly all "
    "variables are empty positions, so small differences matter.",
    EntrySettings: "the variational bound on -log p(x_0) given the space group and the number of entries, in nats a "
    "material.",
}


def write_card(model: Path, log: Path, drawn: str = "") -> None:
    """Write the card (.md), the curve (.svg) and its epochs (.training.csv) beside an exported model (.pt).

    Parameters
    ----------
    log
        Of its training.
    drawn
        What `wyckoffdiff.marginals` says of its samples; may be left out.
    """
    network, found = load_model(model)
    rows = [row for row in read_log(log) if row["step"] <= found.steps]
    picture = model.with_suffix(".svg")
    if rows:
        _write(picture, draw(rows, _UNIT[type(network.settings)]))
    epochs = [row for row in rows if row["kind"] == "epoch"]
    text = _text(found, network.settings, parameter_count(network), model)
    if rows:
        text += f"\n![losses]({picture.name})\n"
    if epochs:
        text += "\n| epoch | training | validation | bound | minutes |\n|---:|---:|---:|---:|---:|\n"
        text += "".join(
            f"| {row['epoch']} | {row['train_loss']:.5f} | {row['val_loss']:.5f} | {_bound(row['val_bound'])} "
            f"| {row['seconds'] / 60:.0f} |\n"
            for row in epochs
        )
        _write(model.with_suffix(SUFFIX), training_text(_curve(epochs)))
    if drawn:
        text += f"\n## What it draws\n\n{drawn}"
    _write(model.with_suffix(".md"), text)


def _curve(epochs: Sequence[dict[str, Any]]) -> TrainingCurve:
    """The epochs as reports show them, in the digits of the card."""
    digits = {"training": ("train_loss", 5), "validation": ("val_loss", 5), "bound": ("val_bound", 3)}
    columns = {
        name: tuple(None if row[key] is None else round(row[key], places) for row in epochs)
        for name, (key, places) in digits.items()
    }
    return TrainingCurve(epochs=tuple(row["epoch"] for row in epochs), columns=columns)


def draw(log: Sequence[dict[str, Any]], unit: str) -> str:
    """Return the losses of a training as a picture (SVG): over steps as logged, on the validation split each epoch.

    Parameters
    ----------
    log
        Rows of `wyckoffdiff.training_log`; at least one.
    unit
        Of the losses.
    """
    training = tuple((row["step"], row["loss"]) for row in log if row["kind"] == "step")
    validation = tuple((row["step"], row["val_loss"]) for row in log if row["kind"] == "epoch")
    series = [Curve("training", training), Curve("validation", validation, colour=1, dots=True)]
    shown = [curve for curve in series if curve.points]
    return standalone(curves(shown, "step", unit, across_scale=Scale.LINEAR, upward_scale=Scale.LOGARITHMIC))


def _text(found: Provenance, settings: NetworkSettings, parameters: int, model: Path) -> str:
    training = found.training
    average = f"exponential moving average of the weights ({training.ema:g} a step)" if training.ema else "the weights"
    done = f"{found.epochs:.1f} of {training.epochs} epochs"
    unfinished = "" if found.epochs >= training.epochs else " The training was not finished at this state."
    rows = {
        "dataset": f"`{found.dataset}`, content {found.dataset_identity[:16]}; training split only",
        "materials": f"{found.n_train:,}; {found.n_refused:,} more are beyond N_a = {settings.n_elements} or "
        f"P = {settings.max_orbits} and were left out",
        "digest of the encoded materials": found.materials_digest[:16],
        "prior": str(training.prior),
        "network": f"{parameters:,} parameters: "
        + ", ".join(f"{name} {size}" for name, size in to_plain(settings).items()),
        "optimiser": f"AdamW, learning rate {training.learning_rate:g}, beta_2 {training.beta_2:g}, batch "
        f"{training.batch_size}, weight decay {training.weight_decay:g}, warm-up {training.warmup} steps, "
        f"decay over the last {training.decay:.0%}, "
        f"clipping at {training.clip:g}, {training.precision}, seed {training.seed}",
        "trained": f"{done}, {found.steps:,} steps, {found.seconds / 3600:.2f} h on {found.device} with "
        f"{found.threads} thread{'s' if found.threads > 1 else ''}.{unfinished}",
        "started from": found.started_from or "random weights",
        "stored": f"{average}, half precision, {model.stat().st_size / 1e6:.1f} MB",
        "training loss, last whole epoch": _loss(found.train_loss),
        "validation loss, with the stored average": _loss(found.val_loss),
        "bound on -log p(x_0) given the space group, validation": f"{_bound(found.val_bound)} nats a material",
        "versions": ", ".join(f"{name} {version}" for name, version in found.versions.items()),
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    return (
        f"# WyckoffDiff, {training.prior} prior, {found.dataset}\n\n"
        "A discrete diffusion model of protostructures: it draws space group, elements and Wyckoff positions, no "
        "coordinates (Ekström Kelvinius et al., *WyckoffDiff*, ICML 2025; this is an independent implementation).\n\n"
        f"{_DEPARTURE[type(settings)]}"
        f"| | |\n|---|---|\n{table}\n\n"
        f"Losses are {_MEANING[type(settings)]} Validation uses the same noise after every epoch.\n\n"
        "The model repeats its data: elements, space groups and the errors of the labels are those of the dataset. "
        "Nothing says that a drawn material exists or is stable.\n"
    )


def _loss(value: float | None) -> str:
    return "before the first whole epoch" if value is None else f"{value:.6f}"


def _bound(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text.encode())
