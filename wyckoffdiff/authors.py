"""Models of the authors' released code (httk/wyckoffdiff) as models of this package.

Their ``parameters.pt`` is a `torch.save` of ``{"epoch", "model_state_dict", "config", "optimizer_state_dict"}``, read
here with ``weights_only=True``: tensors and plain values, never code. What is not in the file comes from a dataset: the
frequencies of space groups and, for the `marginal` prior, of states (their code holds its own tables of both).

Their chain ends one step early, at our time 1, so the network is never asked at t = 1 and that row of its time
embedding was never trained; it is given the values of t = 2. ``last_step="reference"`` ends where theirs does and
never uses it.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crystalbench import Dataset, ReadError
from crystalbench.torch_files import UNREADABLE, reason
from wyckoffdiff.checkpoint import MODEL, Provenance, save
from wyckoffdiff.data import Materials
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.settings import ModelSettings, Prior, TrainingSettings, to_plain

PRIORS = {"uniform": Prior.UNIFORM, "marginal": Prior.MARGINAL, "zeros_init": Prior.ZEROS}

NAMES = {
    "zero_dof_embedding": "element",
    "inf_dof_embedding": "count",
    "inf_dof_linear": "counts",
    "dof_embedding": "dof",
    "pos_embedding": "letter",
    "sg_embedding": "spacegroup",
    "time_embedding": "time",
    "multiplicity_embedding": "multiplicity",
    "zero_df_out_mlp": "constrained_decoder",
    "inf_df_out_mlp": "unconstrained_decoder",
    "a_mlp": "score",
    "psi_mlp": "message",
}
"""Their names of the parts of the network, and ours. The rest of a name (layer, weight or bias) is the same."""


def convert(parameters: Path, dataset: Dataset, output: Path) -> Provenance:
    """Write the model in their file as one of ours.

    Parameters
    ----------
    parameters
        Their ``parameters.pt``.
    dataset
        What the model was trained on; for the published models, the authors' own split.
    output
        File to write.

    Raises
    ------
    ReadError
        If the file is none of theirs, or holds a network that this package cannot express.
    """
    content = _load(parameters)
    settings, weights = translate(content["model_state_dict"], content["config"], str(parameters))
    config = content["config"]
    train = Materials.of_labels(dataset.train.labels, settings.n_elements, settings.max_orbits)
    training = TrainingSettings(
        prior=PRIORS[config["d3pm_transition"]],
        epochs=int(config.get("epochs") or 1),
        batch_size=int(config.get("batch_size") or 256),
        learning_rate=float(config.get("lr") or 2e-4),
        weight_decay=float(config.get("l2_reg") or 0.0),
        seed=int(config.get("seed") or 0),
    )
    ours = Provenance.of(dataset, train, settings, training)
    versions = {**ours.versions, "converted from": "httk/wyckoffdiff"}
    provenance = replace(ours, epochs=float(content.get("epoch", 0)) + 1, versions=versions)
    save(output, MODEL, {"weights": weights, "settings": to_plain(settings), "provenance": provenance.to_plain()})
    return provenance


def _load(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ReadError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise ReadError(f"{path}: cannot be read as tensors and plain values: {reason(error)}") from error
    if not isinstance(content, dict) or not {"model_state_dict", "config"} <= content.keys():
        raise ReadError(
            f"{path}: not a checkpoint of the released code, which holds model_state_dict and config; "
            f"give its parameters.pt"
        )
    return content


def translate(
    state: Mapping[str, Tensor], config: Mapping[str, Any], where: str
) -> tuple[ModelSettings, dict[str, Tensor]]:
    """Return our settings and weights of their network.

    Parameters
    ----------
    state
        Their ``model_state_dict``.
    config
        Their ``config``: all options of the training.
    where
        File, for messages.

    Raises
    ------
    ReadError
        If a setting or a weight is missing, or differs from what WyckoffGNN is.
    """
    _check(config, where)
    try:
        hidden, features = int(config["hidden_dim"]), int(config["dof_pos_sg_emb_size"])
        settings = ModelSettings(
            n_elements=int(config["num_elements"]),
            max_orbits=int(config["max_num_atoms"]),
            hidden=hidden,
            layers=int(config["num_gnn_layers"]),
            position_features=features,
            pair_hidden=2 * (hidden + features),
            message_hidden=2 * (hidden + features),
            decoder_hidden=2 * hidden,
            timesteps=int(config["t_max"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ReadError(f"{where}: its config has no usable {error}") from error
    weights = {_name(key): tensor.float() for key, tensor in state.items() if key.startswith("model.")}
    if len(degrees := weights.get("dof.weight", torch.empty(4))) == 2:  # 1 = constrained, 0 = not
        weights["dof.weight"] = degrees[[1, 0, 0, 0]]
    weights.setdefault("multiplicity.weight", torch.zeros(193, features))
    _check_shapes(settings, weights, where)
    time = weights["time.weight"].clone()
    if len(time) > 1:
        time[0] = time[1]
    return settings, weights | {"time.weight": time}


def _check(config: Mapping[str, Any], where: str) -> None:
    if config.get("no_softmax", True):
        raise ReadError(f"{where}: a network without softmax over messages (the paper's earlier one): not supported")
    for key, wanted in (("mlp_hidden_layers", 2), ("mlp_activation", "SiLU"), ("gnn_activation", "SiLU")):
        if config.get(key) != wanted:
            raise ReadError(f"{where}: {key}={config.get(key)!r}; only {wanted!r}, as in the paper, is supported")
    if config.get("d3pm_transition") not in PRIORS:
        raise ReadError(f"{where}: d3pm_transition={config.get('d3pm_transition')!r}; known: {', '.join(PRIORS)}")


def _name(key: str) -> str:
    """``model.layers.0.a_mlp.2.weight`` -> ``layers.0.score.2.weight``."""
    return ".".join(NAMES.get(part, part) for part in key.removeprefix("model.").split("."))


def _check_shapes(settings: ModelSettings, weights: Mapping[str, Tensor], where: str) -> None:
    with torch.device("meta"):
        wanted = WyckoffGNN(settings).state_dict()
    for name, tensor in wanted.items():
        if name not in weights:
            raise ReadError(f"{where}: no weights for {name}, shape {tuple(tensor.shape)}")
        if weights[name].shape != tensor.shape:
            raise ReadError(f"{where}: {name} has shape {tuple(weights[name].shape)}, not {tuple(tensor.shape)}")
    if extra := weights.keys() - wanted.keys():
        raise ReadError(f"{where}: weights that WyckoffGNN does not have: {', '.join(sorted(extra))}")
