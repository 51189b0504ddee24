"""A checkpoint holds all that sampling and resuming need, runs nothing, and says what is wrong with a bad file."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crystalbench import ConfigError, ReadError
from tests.wyckoffdiff.tiny import MODEL, TRAINING, dataset, training
from wyckoffdiff import checkpoint
from wyckoffdiff.checkpoint import export, load_model
from wyckoffdiff.settings import Prior
from wyckoffdiff.setup_training import resume
from wyckoffdiff.train import LAST, Training, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    run(training(replace(TRAINING, epochs=1)), folder)
    return folder


@pytest.fixture
def model(folder: Path, tmp_path: Path) -> Path:
    export(folder / LAST, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_an_exported_model_is_the_moving_average_in_half_precision(folder: Path, model: Path) -> None:
    network, _ = load_model(model)
    average = checkpoint.load(folder / LAST, checkpoint.TRAINING)["average"]
    for name, parameter in network.named_parameters():
        assert parameter.dtype is torch.float32
        torch.testing.assert_close(parameter, average[name], rtol=2**-10, atol=1e-7)
    assert not network.training
    assert network.settings == MODEL


def test_without_a_moving_average_it_is_the_weights(tmp_path: Path) -> None:
    begun = training(replace(TRAINING, ema=0.0))
    begun.step()
    begun.save(tmp_path / LAST)
    export(tmp_path / LAST, tmp_path / "model.pt")
    network, _ = load_model(tmp_path / "model.pt")
    for (name, own), saved in zip(begun.model.named_parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(saved, own.detach(), rtol=2**-10, atol=1e-7, msg=name)


def test_half_precision_changes_the_validation_loss_by_less_than_a_thousandth(folder: Path, model: Path) -> None:
    exact = resume(dataset(), folder)
    loss = exact.validate()
    exact.average = {name: p.detach() for name, p in load_model(model)[0].named_parameters()}
    assert exact.validate() == pytest.approx(loss, rel=1e-3)


def test_its_provenance_says_what_it_was_trained_on_and_how_far(model: Path) -> None:
    begun, (_, found) = training(), load_model(model)
    assert (found.dataset, found.dataset_identity) == ("tiny", dataset().spec.identity())
    assert found.materials_digest == begun.train.digest
    assert found.training == replace(TRAINING, epochs=1)
    assert found.training.prior is Prior.ZEROS
    assert (found.epochs, found.steps) == (1.0, begun.steps_per_epoch)
    assert found.seconds > 0
    assert found.val_loss is not None
    assert sum(found.spacegroup_counts) == found.n_train == len(begun.train)
    assert len(found.constrained_counts) == MODEL.n_elements + 1
    assert len(found.unconstrained_counts) == MODEL.max_orbits + 1
    assert type(found.versions["torch"]) is str


def test_a_model_is_a_fraction_of_its_training(folder: Path, model: Path) -> None:
    assert model.stat().st_size < 0.3 * (folder / LAST).stat().st_size


def test_a_training_is_no_model_and_says_what_to_do(folder: Path) -> None:
    with pytest.raises(ReadError, match=r"holds 'training', not a model.*export"):
        load_model(folder / LAST)


def test_a_missing_checkpoint_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no such checkpoint.*wyckoffdiff train"):
        load_model(tmp_path / "none.pt")


def test_a_file_that_was_cut_off_is_refused(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-1000])
    with pytest.raises(ReadError, match="cannot be read as a checkpoint"):
        load_model(model)


class Hostile:
    """Would make a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value, 2))])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, write) -> None:
    path, trap = tmp_path / "model.pt", tmp_path / "trap"
    write({"format": 1, "kind": "model", "weights": Hostile(trap)}, path)
    with pytest.raises(ReadError, match="is no checkpoint of crystalbench"):
        load_model(path)
    assert not trap.exists()


def test_weights_that_do_not_fit_the_settings_are_refused(model: Path) -> None:
    content = torch.load(model, weights_only=True)
    content["settings"]["hidden"] += 1
    torch.save(content, model)
    with pytest.raises(ReadError, match="do not fit together"):
        load_model(model)


def test_weights_beyond_half_precision_are_not_exported(tmp_path: Path) -> None:
    begun = training(replace(TRAINING, ema=0.0))
    with torch.no_grad():
        begun.model.counts.bias[0] = 1e6
    begun.save(tmp_path / LAST)
    with pytest.raises(ReadError, match=r"counts\.bias is not finite in half precision"):
        export(tmp_path / LAST, tmp_path / "model.pt")
    assert not (tmp_path / "model.pt").exists()


def test_a_training_is_resumed_on_its_own_data_only(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"was trained on 'tiny'.*which 'tiny' here"):
        resume(dataset(4000), folder)


def test_a_training_of_other_settings_than_this_version_has_is_refused(folder: Path, tmp_path: Path) -> None:
    content = torch.load(folder / LAST, weights_only=True)
    content["settings"]["heads"] = 8
    torch.save(content, tmp_path / LAST)
    with pytest.raises(ReadError, match=r"last\.pt: its settings are not those of this version.*heads"):
        resume(dataset(), tmp_path)


def test_epochs_can_be_added_on_resuming(folder: Path) -> None:
    longer = resume(dataset(), folder, epochs=2, decay=0.0)
    assert isinstance(longer, Training)
    assert longer.steps == 2 * longer.steps_per_epoch
    assert longer.settings.decay == 0
    longer.step()
