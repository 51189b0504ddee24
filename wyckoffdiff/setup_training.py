"""A training from the name of a dataset and settings: everything before the first step, new or resumed."""

from dataclasses import replace
from pathlib import Path

import torch

from crystalbench import ConfigError, Dataset, DatasetError, ReadError
from crystalbench.runs.cache import file_digest
from wyckoffdiff import checkpoint
from wyckoffdiff.checkpoint import Provenance
from wyckoffdiff.data import Materials
from wyckoffdiff.processes import Processes
from wyckoffdiff.settings import NetworkSettings, TrainingSettings, from_plain
from wyckoffdiff.train import LAST, Training, new_model


def start(
    dataset: Dataset,
    model: NetworkSettings,
    training: TrainingSettings,
    *,
    orbits_from_data: bool,
    processes: Processes | None = None,
    begin_with: Path | None = None,
) -> Training:
    """Return a training at step 0.

    Parameters
    ----------
    orbits_from_data
        Replace ``model.max_orbits`` by the most that the training split has.
    begin_with
        An exported model: its sizes take the place of ``model``, and its weights that of random ones.

    Raises
    ------
    ReadError
        If ``begin_with`` is no exported model.
    DatasetError
        If the dataset has no train and val splits, or a split has no material within N_a and P.
    """
    begun_with = checkpoint.load_model(begin_with) if begin_with else None
    if begun_with:
        model, orbits_from_data = begun_with[0].settings, False
    train = _materials(dataset, "train", model.n_elements, None if orbits_from_data else model.max_orbits)
    if orbits_from_data:
        model = replace(model, max_orbits=train.max_orbits)
    provenance = Provenance.of(dataset, train, model, training)
    if begin_with and begun_with:
        provenance = replace(provenance, started_from=_described(begin_with, begun_with[1]))
    begun = _training(dataset, model, provenance, train, processes or Processes())
    if begun_with:
        begun.model.load_state_dict(begun_with[0].state_dict())
    elif training.informed_start:
        constrained, unconstrained = train.variable_counts(model.n_elements, model.max_orbits)
        begun.model.start_from(torch.from_numpy(constrained), torch.from_numpy(unconstrained))
    begun.start_average()
    return begun


def _described(path: Path, found: Provenance) -> str:
    earlier = f", itself started from {found.started_from}" if found.started_from else ""
    return (
        f"a model of SHA-256 {file_digest(path)[:16]} trained for {found.epochs:.1f} epochs "
        f"({found.seconds / 3600:.2f} h) on {found.dataset}{earlier}"
    )


def resume(
    dataset: Dataset,
    folder: Path,
    *,
    epochs: int | None = None,
    decay: float | None = None,
    processes: Processes | None = None,
) -> Training:
    """Return the training in ``folder`` where its last checkpoint left it; ``epochs`` and ``decay`` may be changed.

    Raises
    ------
    ReadError
        If there is no readable checkpoint.
    ConfigError
        If the dataset is not what it was trained on.
    """
    path = folder / LAST
    content = checkpoint.load(path, checkpoint.TRAINING)
    try:
        provenance = Provenance.from_plain(content["provenance"])
        model = from_plain(content["settings"])
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(f"{path}: its settings are not those of this version of crystalbench: {error}") from error
    settings = provenance.training
    settings = replace(settings, epochs=epochs or settings.epochs, decay=settings.decay if decay is None else decay)
    train = _materials(dataset, "train", model.n_elements, model.max_orbits)
    if train.digest != provenance.materials_digest:
        raise ConfigError(
            f"{path} was trained on {provenance.dataset!r} with content {provenance.materials_digest[:12]}, which "
            f"{dataset.name!r} here ({train.digest[:12]}) is not; resume with that dataset, or choose another --out"
        )
    training = _training(dataset, model, replace(provenance, training=settings), train, processes or Processes())
    training.restore(content)
    return training


def _training(
    dataset: Dataset, model: NetworkSettings, provenance: Provenance, train: Materials, processes: Processes
) -> Training:
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    return Training(
        model=new_model(model, provenance.training.seed),
        settings=provenance.training,
        provenance=provenance,
        train=train,
        val=_materials(dataset, "val", model.n_elements, model.max_orbits),
        processes=processes,
        device=device,
    )


def _materials(dataset: Dataset, split: str, n_elements: int, max_orbits: int | None) -> Materials:
    materials = Materials.of_labels(dataset.split(split).labels, n_elements, max_orbits)
    if not len(materials):
        raise DatasetError(f"split {split!r} of dataset {dataset.name!r} has no material within N_a and P")
    return materials
