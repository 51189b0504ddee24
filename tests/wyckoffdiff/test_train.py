"""Training learns, resumes to the same numbers, is the same on several processes, and stops on what is no number."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.wyckoffdiff.tiny import MODEL, TRAINING, dataset, training
from wyckoffdiff import checkpoint
from wyckoffdiff.checkpoint import TRAINING as KIND
from wyckoffdiff.processes import Processes
from wyckoffdiff.settings import PRESETS, Precision, Prior, TrainingSettings
from wyckoffdiff.setup_training import resume
from wyckoffdiff.train import BEST, LAST, LOG, TrainingError, run
from wyckoffdiff.training_log import read_log


def losses(folder: Path) -> list[tuple[float, ...]]:
    """The numbers of the log, without its times."""
    return [tuple(row[key] for key in row if key not in ("seconds", "kind")) for row in read_log(folder / LOG)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training from its start to its end in one go."""
    folder = tmp_path_factory.mktemp("whole")
    run(training(), folder)
    return folder


def test_training_learns_its_materials_beyond_their_frequencies(tmp_path: Path) -> None:
    begun = training(replace(TRAINING, epochs=25))
    begun.val = begun.train
    before = begun.validate()
    run(begun, tmp_path)
    assert before < 0.2  # the start knows the frequencies; uniform logits would cost log(7) = 1.9
    assert begun.validate() < 0.8 * before


@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_stopped_training_resumes_to_the_same_losses_and_weights(whole: Path, tmp_path: Path, stop: int) -> None:
    """Exactly: in the middle of an epoch too, with the moving average, the optimiser's state and the log."""
    begun = training()
    assert begun.steps_per_epoch > 2
    run(begun, tmp_path, checkpoint_seconds=0, stop_at=stop)
    resumed = resume(dataset(), tmp_path)
    assert resumed.progress.step == stop
    run(resumed, tmp_path)
    assert losses(tmp_path) == losses(whole)
    a, b = (checkpoint.load(folder / LAST, KIND) for folder in (tmp_path, whole))
    for part in ("weights", "average"):
        assert a[part].keys() == b[part].keys()
        assert all(torch.equal(a[part][name], b[part][name]) for name in a[part]), part


def test_log_lines_beyond_the_checkpoint_are_written_anew(whole: Path, tmp_path: Path) -> None:
    run(training(), tmp_path, checkpoint_seconds=0, stop_at=3)
    with (tmp_path / LOG).open("a") as file:
        file.write(json.dumps({"kind": "step", "step": 4, "loss": -1.0, "seconds": 0}) + "\n" + '{"kind": "st')
    run(resume(dataset(), tmp_path), tmp_path)
    assert losses(tmp_path) == losses(whole)


@pytest.mark.slow
def test_a_killed_process_resumes_to_the_same_losses(whole: Path, tmp_path: Path) -> None:
    """SIGKILL at an arbitrary moment of a run that saves after every step."""
    code = (
        "from pathlib import Path; from tests.wyckoffdiff.tiny import training; from wyckoffdiff.train import run\n"
        f"run(training(), Path({str(tmp_path)!r}), checkpoint_seconds=0)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    while not (tmp_path / LAST).exists() and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    resumed = resume(dataset(), tmp_path)
    assert resumed.progress.step < resumed.steps
    run(resumed, tmp_path)
    assert losses(tmp_path) == losses(whole)


def test_two_processes_do_the_steps_of_one(tmp_path: Path) -> None:
    """Under torchrun with gloo; batches of odd sizes too, so the shares of the processes differ."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from tests.wyckoffdiff.tiny import TRAINING, training; from wyckoffdiff.train import run\n"
        "from wyckoffdiff.processes import Processes\n"
        "settings = replace(TRAINING, batch_size=15, epochs=2)\n"
        "with Processes.joined() as processes:\n"
        "    run(training(settings, processes=processes), Path(sys.argv[1]))\n"
    )
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), str(root / "plugins"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "two")], env=environment, cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    run(training(replace(TRAINING, batch_size=15, epochs=2)), tmp_path / "one")
    one, two = (checkpoint.load(tmp_path / count / LAST, KIND) for count in ("one", "two"))
    for name in one["weights"]:
        torch.testing.assert_close(two["weights"][name], one["weights"][name], rtol=1e-3, atol=1e-5)
    for a, b in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        assert a == pytest.approx(b, rel=1e-4)


def test_a_process_that_gets_none_of_the_last_batch_adds_nothing_to_it() -> None:
    """A batch of one material among two processes: the second one's loss and gradient are exactly zero."""
    settings = replace(TRAINING, batch_size=len(training().train) - 1)
    first, second = (training(settings) for _ in range(2))
    second.processes = Processes(rank=1, count=1)  # alone, so that nothing is waited for
    for each in (first, second):
        each.progress.step = 1  # the second batch of the epoch holds what is left
    assert first.step() > 0
    assert second.step() == 0
    assert (first.progress.seen, second.progress.seen) == (1, 1)
    assert all(not p.grad.any() for p in second.model.parameters() if p.grad is not None)


def test_a_loss_that_is_no_number_stops_the_training_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    begun = training()
    run(begun, tmp_path, checkpoint_seconds=0, stop_at=2)
    good = (tmp_path / LAST).read_bytes()
    before = {name: p.detach().clone() for name, p in begun.model.named_parameters()}
    with torch.no_grad():
        begun.model.counts.bias[0] = torch.nan
        before["counts.bias"][0] = torch.nan
    with pytest.raises(TrainingError, match=r"step 2: loss nan.*last good checkpoint"):
        run(begun, tmp_path, checkpoint_seconds=0)
    for name, parameter in begun.model.named_parameters():
        torch.testing.assert_close(parameter.detach(), before[name], rtol=0, atol=0, equal_nan=True)
    with pytest.raises(TrainingError, match=r"counts.bias is not finite"):
        begun.save(tmp_path / LAST)
    assert (tmp_path / LAST).read_bytes() == good


def test_the_validation_loss_is_the_same_every_time_and_that_of_the_average() -> None:
    begun = training()
    for _ in range(5):
        begun.step()
    own = {name: p.detach().clone() for name, p in begun.model.named_parameters()}
    first = begun.validate()
    assert begun.validate() == first
    assert all(torch.equal(own[name], p) for name, p in begun.model.named_parameters())
    begun.average = {}
    assert begun.validate() != first


def test_the_average_starts_at_the_weights_and_follows_them() -> None:
    begun = training(replace(TRAINING, ema=0.5))
    begun.step()
    first = {name: p.detach().clone() for name, p in begun.model.named_parameters()}
    before = {name: value.clone() for name, value in begun.average.items()}
    begun.step()
    for name, parameter in begun.model.named_parameters():
        decay = min(0.5, 2 / 11)  # the second step
        torch.testing.assert_close(begun.average[name], decay * before[name] + (1 - decay) * parameter.detach())
    assert first.keys() == before.keys()


def test_rates_rise_stay_and_fall() -> None:
    settings = TrainingSettings(learning_rate=1.0, warmup=4, decay=0.5)
    rates = [settings.learning_rate_at(step, 20) for step in range(20)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[10:] == pytest.approx([1 - k / 10 for k in range(10)])
    assert {TrainingSettings().learning_rate_at(step, 20) for step in range(20)} == {2e-4}


def test_the_paper_preset_has_nothing_that_the_paper_has_not() -> None:
    settings = PRESETS["paper"].training
    assert (settings.learning_rate, settings.weight_decay, settings.batch_size, settings.epochs) == (2e-4, 0, 256, 1000)
    assert (settings.ema, settings.warmup, settings.decay, settings.clip, settings.informed_start) == (
        0,
        0,
        0,
        0,
        False,
    )
    assert settings.precision is Precision.FLOAT32
    assert PRESETS["paper"].model.max_orbits == 54


@pytest.mark.parametrize("prior", list(Prior))
def test_every_prior_trains(prior: Prior, tmp_path: Path) -> None:
    begun = training(replace(TRAINING, prior=prior, epochs=1))
    run(begun, tmp_path)
    assert (tmp_path / BEST).exists()
    assert begun.progress.val_loss is not None


def test_bf16_trains_to_nearly_the_same_loss(whole: Path, tmp_path: Path) -> None:
    run(training(replace(TRAINING, precision=Precision.BF16)), tmp_path)
    a, b = (read_log(folder / LOG)[-1]["val_loss"] for folder in (whole, tmp_path))
    assert a != b
    assert b == pytest.approx(a, rel=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method.:DeprecationWarning")  # torch's compiler uses it itself
def test_compiled_networks_train_to_the_same_losses(whole: Path, tmp_path: Path) -> None:
    run(training(replace(TRAINING, compile=True)), tmp_path)
    for a, b in zip(losses(whole), losses(tmp_path), strict=True):
        assert a == pytest.approx(b, rel=1e-3)


def test_a_training_is_reproducible_from_its_seed_alone() -> None:
    torch.manual_seed(1)
    first = training().step()
    torch.manual_seed(2)
    assert training().step() == first
    assert training(replace(TRAINING, seed=1)).step() != first


def test_p_comes_from_the_data_where_the_preset_says_so() -> None:
    from wyckoffdiff.setup_training import start

    begun = start(dataset(), MODEL, TRAINING, orbits_from_data=True)
    assert begun.model.settings.max_orbits == begun.train.max_orbits
    assert begun.provenance.n_refused == 0
    few = start(dataset(), replace(MODEL, max_orbits=1), TRAINING, orbits_from_data=False)
    assert few.provenance.n_refused > 0
    assert few.provenance.n_train + few.provenance.n_refused == len(dataset().train)
