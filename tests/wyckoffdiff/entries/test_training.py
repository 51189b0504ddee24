"""A network of entries is trained, resumed, exported and sampled from like the other one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crystalbench import ConfigError, Protostructure
from tests.wyckoffdiff.test_plugin import given
from tests.wyckoffdiff.tiny import ENTRIES, TRAINING, dataset, training
from wyckoffdiff import checkpoint
from wyckoffdiff.checkpoint import TRAINING as KIND
from wyckoffdiff.checkpoint import export, load_model
from wyckoffdiff.data import Materials
from wyckoffdiff.entries.network import EntryNetwork
from wyckoffdiff.entries.state import shuffled
from wyckoffdiff.model_card import write_card
from wyckoffdiff.processes import Processes
from wyckoffdiff.settings import PRESETS, EntrySettings, Precision, Preset, Prior, TrainingSettings
from wyckoffdiff.setup_training import resume
from wyckoffdiff.stream import Stream
from wyckoffdiff.train import LAST, LOG, Training, run
from wyckoffdiff.training_log import read_log

SETTINGS = replace(TRAINING, augment=False)


def begin(settings: TrainingSettings = SETTINGS, **changes: object) -> Training:
    return training(settings, ENTRIES, **changes)


def losses(folder: Path) -> list[tuple[float, ...]]:
    return [tuple(row[key] for key in row if key not in ("seconds", "kind")) for row in read_log(folder / LOG)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(begin(), folder)
    return folder


def test_training_learns_its_materials_beyond_their_frequencies(tmp_path: Path) -> None:
    begun = begin(replace(SETTINGS, epochs=25))
    begun.val = begun.train
    before = begun.validate()
    run(begun, tmp_path)
    assert begun.validate() < before - 5  # nats a material


def test_a_stopped_training_resumes_to_the_same_losses_and_weights(whole: Path, tmp_path: Path) -> None:
    run(begin(), tmp_path, checkpoint_seconds=0, stop_at=4)
    run(resume(dataset(), tmp_path), tmp_path)
    assert losses(tmp_path) == losses(whole)
    a, b = (checkpoint.load(folder / LAST, KIND) for folder in (tmp_path, whole))
    assert all(torch.equal(a["average"][name], b["average"][name]) for name in b["average"])


def test_bf16_trains_to_nearly_the_same_loss(whole: Path, tmp_path: Path) -> None:
    run(begin(replace(SETTINGS, precision=Precision.BF16)), tmp_path)
    a, b = (read_log(folder / LOG)[-1]["val_loss"] for folder in (whole, tmp_path))
    assert a != b
    assert b == pytest.approx(a, rel=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning")  # torch's compiler uses it itself
def test_compiled_layers_train_to_the_same_losses() -> None:
    plain, compiled = begin(), begin(replace(SETTINGS, compile=True))
    for _ in range(4):
        assert compiled.step() == pytest.approx(plain.step(), rel=1e-3)


def test_the_shares_of_two_processes_add_up_to_the_loss_of_one() -> None:
    begun = begin()
    drawn = begun.objective.draw(begun.train, np.arange(15), torch.Generator().manual_seed(0))
    shares = [begun.objective(begun.objective.share(drawn, rank, 2, begun.device)) for rank in (0, 1)]
    torch.testing.assert_close(shares[0] + shares[1], begun.objective(drawn))


def test_a_process_that_gets_none_of_the_last_batch_adds_nothing_to_it() -> None:
    settings = replace(SETTINGS, batch_size=len(begin().train) - 1)
    idle = begin(settings)
    idle.processes = Processes(rank=1, count=1)
    idle.progress.step = 1
    assert idle.step() == 0
    assert all(not p.grad.any() for p in idle.model.parameters() if p.grad is not None)


def test_every_number_of_known_entries_is_as_frequent_and_every_entry_as_often_known() -> None:
    materials = Materials.of_labels(["A2B_tP6_136_f_a:O-Ti"] * 3000, 94, 6)
    state = shuffled(materials, np.arange(3000), torch.Generator().manual_seed(0))
    assert torch.bincount(state.known, minlength=2).tolist() == pytest.approx([1500, 1500], abs=150)
    assert (state.known + state.missing).unique().tolist() == [2]
    first = state.element[state.known == 1, 0]
    assert int((first == 8).sum()) == pytest.approx(len(first) / 2, abs=150)
    assert {tuple(sorted(row)) for row in state.element.tolist()} == {(8, 22)}


def test_relettering_keeps_the_entries_and_moves_their_positions() -> None:
    materials = Materials.of_labels(["AB_cF8_225_a_b:Cl-Na"] * 200, 94, 6)
    state = shuffled(materials, np.arange(200), torch.Generator().manual_seed(0), np.random.default_rng(0))
    seen = {
        tuple(sorted(zip(*row, strict=True)))
        for row in zip(state.position.tolist(), state.element.tolist(), strict=True)
    }
    assert seen == {((0, 11), (1, 17)), ((0, 17), (1, 11))}


def test_an_exported_model_is_read_back_with_its_sizes_and_draws_legal_materials(whole: Path, tmp_path: Path) -> None:
    export(whole / LAST, tmp_path / "model.pt")
    network, provenance = load_model(tmp_path / "model.pt")
    assert isinstance(network, EntryNetwork)
    assert network.settings == ENTRIES
    stream = Stream(given(tmp_path / "model.pt"), tmp_path / "model.pt", 100)
    items = stream.draw(0).items
    assert stream.draw(0).items == items != stream.draw(1).items
    assert all(isinstance(item, Protostructure) for item in items)
    trained = np.array(provenance.spacegroup_counts)
    assert all(trained[item.spacegroup] for item in items if isinstance(item, Protostructure))


def test_steps_are_refused_by_a_model_that_has_none(whole: Path, tmp_path: Path) -> None:
    export(whole / LAST, tmp_path / "model.pt")
    with pytest.raises(ConfigError, match="entry by entry and has no chain of steps"):
        Stream(given(tmp_path / "model.pt", steps=5), tmp_path / "model.pt", 10)


def test_the_card_says_what_its_losses_are(whole: Path, tmp_path: Path) -> None:
    export(whole / LAST, tmp_path / "model.pt")
    write_card(tmp_path / "model.pt", whole / LOG)
    text = (tmp_path / "model.md").read_text()
    assert "nats a material" in text
    assert "network entries" in text


@pytest.mark.parametrize("prior", [Prior.UNIFORM, Prior.MARGINAL])
def test_only_the_zeros_prior_has_entries(prior: Prior) -> None:
    with pytest.raises(ValueError, match="needs the prior zeros"):
        Preset(model=EntrySettings(), training=TrainingSettings(prior=prior), orbits_from_data=True)


def test_the_preset_fits_its_file() -> None:
    from wyckoffdiff.model import parameter_count

    assert 2 * parameter_count(EntryNetwork(PRESETS["entries"].model)) < 20e6  # bytes in half precision
