"""Training: it learns, can be interrupted, and refuses data it cannot learn from."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from crystalbench import ConfigError, Dataset, DatasetError, DatasetSpec, EncoderError, Split
from crystalbench.cli import main
from crystalbench.crystals.wyckoff import Table
from crystalbench.plugins import Plugins
from crystalbench_plugins.wrenformer import train_command
from crystalbench_plugins.wrenformer.featurise import buckets
from crystalbench_plugins.wrenformer.infer import predict
from crystalbench_plugins.wrenformer.prototypes import RARE, SMOOTHING, PrototypeTarget, elements_in, exchanged
from crystalbench_plugins.wrenformer.train import Training, TrainingSettings
from crystalbench_plugins.wrenformer.weights import FORMAT, Weights, write
from tests.plugins.wrenformer.wrenformer_inputs import TINY, sample

BAD = {"format": FORMAT, "architecture": {"depth": 3}, "state": {}, "mean": 0.0, "std": 1.0, "table": "affine"}
SHORT = TrainingSettings(epochs=3, batch_size=16, warmup=10, learning_rate=3e-3, average=0.9)


def dataset(energies: bool = True, name: str = "part") -> Dataset:
    """300 rows of the bundled data set."""
    whole = Plugins.load().datasets["wbm-rebuilt"]

    def load(split: str, table: Table) -> Split:
        rows = whole.load("test", table)
        start, stop = {"train": (0, 200), "val": (200, 250), "test": (250, 300)}[split]
        values = rows.energies
        assert values is not None
        chosen = np.random.default_rng(0).permutation(len(rows))[start:stop]  # the file is sorted by label
        labels, prototypes = ([column[row] for row in chosen] for column in (rows.labels, rows.prototypes))
        return Split(tuple(labels), tuple(prototypes), values[chosen] if energies else None)

    spec = DatasetSpec(
        name=name, version="1", title="", description="", splits=("train", "val", "test"), load=load,
        identity=lambda: name, card=lambda: "",
    )  # fmt: skip
    return Dataset(spec)


def training(folder: Path, settings: TrainingSettings = SHORT) -> Training:
    return Training(dataset(), folder, settings, TINY)


def test_the_error_falls_and_ends_below_that_of_the_mean(tmp_path: Path) -> None:
    report = training(tmp_path, replace(SHORT, epochs=12, prototype_weight=0.0)).run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert lines[-1]["train_MAE"] < 0.7 * lines[0]["train_MAE"]
    assert report["errors"]["test"]["MAE"] < 0.8 * report["mean_predictor"]["test"]["MAE"]
    assert json.loads((tmp_path / "report.json").read_text()) == report
    assert ElementTree.parse(tmp_path / "curve.svg").getroot().tag.endswith("svg")


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = training(tmp_path / "whole")
    whole.run()
    interrupted = training(tmp_path / "parts")

    def stop(line: dict[str, object]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted.run(stop)
    resumed = training(tmp_path / "parts")
    assert resumed.resume()
    assert resumed.epoch == 1
    resumed.run()
    for name, tensor in whole.weights().state.items():
        assert torch.equal(tensor, resumed.weights().state[name]), name
    kept = [(tmp_path / folder / "log.jsonl").read_text().splitlines() for folder in ("whole", "parts")]
    for name in ("val_MAE", "val_prototype_accuracy"):
        assert [json.loads(line)[name] for line in kept[0]] == [json.loads(line)[name] for line in kept[1]]


def test_ending_early_gives_the_weights_of_that_epoch(tmp_path: Path) -> None:
    early = training(tmp_path)
    assert early.run(stop=2)["epochs_done"] == 2
    (log,) = [(tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(log) == 2
    assert training(tmp_path).resume()
    assert early.run()["epochs_done"] == SHORT.epochs


def test_a_line_that_was_logged_but_not_saved_is_written_anew(tmp_path: Path) -> None:
    first = training(tmp_path, replace(SHORT, epochs=1))
    first.run()
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"epoch": 2')
    again = training(tmp_path, replace(SHORT, epochs=1))
    assert again.resume()
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 1


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    assert not training(tmp_path).resume()


@pytest.mark.parametrize("change", [{"seed": 1}, {"epochs": 4}, {"composition_only": True}, {"prototype_weight": 0.0}])
def test_other_settings_do_not_continue_a_training(tmp_path: Path, change: dict[str, int]) -> None:
    training(tmp_path, replace(SHORT, epochs=1)).run()
    with pytest.raises(ConfigError, match="other settings or data"):
        training(tmp_path, replace(SHORT, **change)).resume()


def test_data_without_energies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="part, split train: no formation energies"):
        Training(dataset(energies=False), tmp_path, SHORT, TINY)


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"the loss is nan in step \d+; choose a smaller learning rate"):
        training(tmp_path, replace(SHORT, learning_rate=1e30)).run()


def test_the_learning_rate_rises_then_falls_to_nothing(tmp_path: Path) -> None:
    run = training(tmp_path)
    rates = []
    total = SHORT.epochs * run.steps_per_epoch
    for step in (0, 9, 10, (10 + total) // 2, total):
        run._set_rate(step)
        rates.append(run.optimizer.param_groups[0]["lr"] / SHORT.learning_rate)
    assert rates == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0], abs=0.05)


def test_every_row_is_seen_once_in_an_epoch_in_another_order_each_time(tmp_path: Path) -> None:
    run = training(tmp_path)
    epochs = []
    for epoch in range(2):
        run.epoch = epoch
        random = np.random.default_rng(epoch)
        epochs.append(np.concatenate([rows for _, rows in run._batches(random)]).tolist())
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(200))
    assert epochs[0] != epochs[1]
    assert run.steps_per_epoch == len(list(run._batches(np.random.default_rng(0))))


# --- the second target --------------------------------------------------------------------------------------------


def test_prototypes_are_learned_beside_the_energies(tmp_path: Path) -> None:
    run = training(tmp_path, replace(SHORT, epochs=12, prototype_weight=3.0))
    report = run.run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    counts = Counter(run.splits["train"].prototypes)
    assert report["prototypes"] == sum(n >= SHORT.prototype_rows for n in counts.values()) > 5
    assert lines[-1]["train_cross_entropy"] < 0.8 * lines[0]["train_cross_entropy"]
    assert lines[-1]["train_MAE"] < 0.8 * lines[0]["train_MAE"]
    commonest = max(counts.values()) / len(run.splits["train"])
    assert run.errors("train")["prototype_accuracy"] > 2 * commonest


@pytest.mark.parametrize("change", [{"prototype_weight": 0.0}, {"composition_only": True}])
def test_without_a_second_target_there_is_no_layer_for_it(tmp_path: Path, change: dict[str, float]) -> None:
    run = training(tmp_path, replace(SHORT, epochs=1, **change))
    report = run.run()
    assert report["prototypes"] == 0
    assert report["errors"]["test"].keys() == {"MAE", "RMSE"}
    assert list(run.modules) == ["network"]


def test_too_few_prototypes_to_tell_apart_are_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"part: 0 prototypes have 1000 training rows.*--prototype-weight 0"):
        training(tmp_path, replace(SHORT, prototype_rows=1000))


def test_the_weights_to_use_are_those_of_the_network_alone(tmp_path: Path) -> None:
    run = training(tmp_path, replace(SHORT, epochs=1))
    run.run()
    assert Weights.read(tmp_path / "encoder.pt").state.keys() == TINY.build().state_dict().keys()
    assert list(run.modules) == ["network", "prototypes"]


def test_rare_prototypes_teach_nothing_and_are_never_told() -> None:
    target = PrototypeTarget(["a", "a", "b", "c", "c"], least=2)
    assert target.names == ["a", "c"]
    assert target.classes.tolist() == [0, 0, RARE, 1, 1]
    head = torch.nn.Linear(3, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]]))
        head.bias.zero_()
    embeddings = np.array([[9, 1, 0], [-9, 1, 0], [0, 9, 0]], np.float32)
    assert target.accuracy(head, embeddings, ["a", "c", "b"]) == pytest.approx(2 / 3)
    loss = target.loss(head, torch.from_numpy(embeddings), np.array([0, 2, 3]))
    expected = torch.nn.functional.cross_entropy(
        torch.tensor([[9.0, 1], [0, 9]]), torch.tensor([0, 1]), reduction="sum", label_smoothing=SMOOTHING
    )
    assert loss.item() == pytest.approx(expected.item())


def test_exchanging_elements_keeps_all_but_them_and_which_are_equal() -> None:
    labels = sample(200)
    elements = elements_in(labels)
    random = np.random.default_rng(0)
    images = set()
    for bucket in buckets(labels, Table.AFFINE):
        tokens = bucket.all_settings(np.arange(len(bucket.rows)))
        other = exchanged(tokens, elements, random)
        pairs = set(zip(tokens.elements.ravel().tolist(), other.elements.ravel().tolist(), strict=True))
        assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
        assert {b for _, b in pairs} <= set(elements.tolist())
        assert (other.positions is tokens.positions, other.counts is tokens.counts) == (True, True)
        images |= pairs
    assert len(images) > 2 * len(elements)  # another permutation for every batch


def test_weights_survive_the_file_within_half_precision(tmp_path: Path) -> None:
    run = training(tmp_path, replace(SHORT, epochs=2))
    run.run()
    rows = run.splits["test"].labels
    kept = Weights.read(tmp_path / "encoder.pt")
    assert (kept.architecture, kept.table, kept.mean, kept.std) == (TINY, Table.AFFINE, run.mean, run.std)
    before = predict(run.weights().build(), buckets(rows, Table.AFFINE), len(rows))
    after = predict(kept.build(), buckets(rows, Table.AFFINE), len(rows))
    scale = before.embeddings.std()
    assert np.abs(before.embeddings - after.embeddings).max() < 0.02 * scale
    assert math.isclose(before.energies.mean(), after.energies.mean(), abs_tol=5e-3)


@pytest.mark.parametrize("content", [{"format": "other"}, {"state": {}}, [1, 2], {"format": FORMAT}, BAD])
def test_a_file_that_no_training_wrote_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "x.pt"
    torch.save(content, path)
    with pytest.raises(EncoderError, match=r"x\.pt"):
        Weights.read(path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    write(path, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(EncoderError, match=r"x\.pt: no readable checkpoint"):
        Weights.read(path)


def test_the_command_trains_resumes_and_refuses_to_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_command, "Dataset", lambda spec: dataset())
    arguments = ["--out", str(tmp_path / "run"), "--epochs", "1", "--batch-size", "64", "--threads", "1"]
    runner = CliRunner()
    done = runner.invoke(train_command.command, arguments)
    assert done.exit_code == 0, done.output
    assert "epoch 1: training" in done.output
    assert (tmp_path / "run" / "encoder.pt").stat().st_size < 10_000_000
    assert "holds a training" in str(runner.invoke(train_command.command, arguments).exception)
    assert runner.invoke(train_command.command, [*arguments, "--resume"]).exit_code == 0
    nothing = ["--out", str(tmp_path / "other"), "--resume"]
    assert "nothing to resume" in str(runner.invoke(train_command.command, nothing).exception)


def test_the_list_of_encoders_names_their_settings() -> None:
    shown = CliRunner().invoke(main, ["encoder", "list"])
    assert shown.exit_code == 0, shown.output
