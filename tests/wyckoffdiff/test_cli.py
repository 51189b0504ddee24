"""`crystalbench wyckoffdiff train` and `export`, as a user calls them."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from crystalbench import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.training_file import read_training
from tests.wyckoffdiff.tiny import dataset
from wyckoffdiff.checkpoint import load_model
from wyckoffdiff.cli import command, configured
from wyckoffdiff.model_card import draw
from wyckoffdiff.settings import PRESETS, ModelSettings
from wyckoffdiff.training_log import read_log

SMALL = [
    "--max-orbits=6", "--epochs=2", "--threads=1", "--set", "hidden=16", "--set", "pair_hidden=8", "--set",
    "message_hidden=16", "--set", "decoder_hidden=16", "--set", "timesteps=50", "--set", "batch_size=16",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _tiny_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = Plugins()
    plugins.datasets["tiny"] = dataset().spec
    monkeypatch.setattr(Plugins, "load", lambda files=(): plugins)


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_train_resume_and_export(tmp_path: Path) -> None:
    out, model = tmp_path / "out", tmp_path / "models" / "tiny.pt"
    done = call("train", "--dataset", "tiny", "--out", out, *SMALL)
    assert done.exit_code == 0, done.output
    assert "46 materials to train on, 0 beyond N_a = 100 or P = 6" in done.output
    assert "epoch 2/2" in done.output
    done = call("train", "--dataset", "tiny", "--out", out, "--resume", "--epochs", "3")
    assert done.exit_code == 0, done.output
    assert "epoch 3/3" in done.output
    done = call("export", out, "--out", model)
    assert done.exit_code == 0, done.output
    network, found = load_model(model)
    assert network.settings.hidden == 16
    assert found.epochs == 3
    card = model.with_suffix(".md").read_text()
    for fact in ("`tiny`", "46; 0 more", "3.0 of 3 epochs", f"{found.val_loss:.6f}", "![losses](tiny.svg)"):
        assert fact in card
    assert card.count("\n| 1 |") + card.count("\n| 2 |") + card.count("\n| 3 |") == 3
    curve = read_training(model.with_suffix(".training.csv"))
    assert curve is not None
    assert curve.epochs == (1, 2, 3)
    assert curve.columns["validation"][-1] == round(found.val_loss, 5)
    picture = ET.fromstring(model.with_suffix(".svg").read_text())
    assert picture.get("aria-label") == "nats a variable"
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 3


def test_a_card_of_an_unfinished_training_says_so(tmp_path: Path) -> None:
    call("train", "--dataset", "tiny", "--out", tmp_path, *SMALL)
    from wyckoffdiff.setup_training import resume
    from wyckoffdiff.train import run

    run(resume(dataset(), tmp_path, epochs=5), tmp_path, stop_at=8, checkpoint_seconds=0)
    done = call("export", tmp_path, "--out", tmp_path / "cut.pt")
    assert done.exit_code == 0, done.output
    assert "2.7 of 5 epochs" in (tmp_path / "cut.md").read_text()
    assert "was not finished" in (tmp_path / "cut.md").read_text()


def test_a_model_of_entries_is_trained_and_its_card_says_what_it_draws(tmp_path: Path) -> None:
    small = [f"--set={name}" for name in ("hidden=16", "heads=2", "layers=1", "readings=1", "batch_size=16")]
    out, model = tmp_path / "out", tmp_path / "tiny.pt"
    done = call("train", "--dataset", "tiny", "--preset", "entries", "--epochs=1", "--threads=1", "--out", out, *small)
    assert done.exit_code == 0, done.output
    done = call("export", out, "--out", model, "--marginals", "50")
    assert done.exit_code == 0, done.output
    card = model.with_suffix(".md").read_text()
    assert "valid samples of 50, seed 0." in card.partition("## What it draws")[2]
    assert card.count("\n| total variation: ") == 3
    assert 'aria-label="nats a material"' in model.with_suffix(".svg").read_text()


def test_a_second_training_does_not_overwrite_the_first(tmp_path: Path) -> None:
    assert call("train", "--dataset", "tiny", "--out", tmp_path, *SMALL).exit_code == 0
    before = (tmp_path / "last.pt").read_bytes()
    done = call("train", "--dataset", "tiny", "--out", tmp_path, *SMALL)
    assert isinstance(done.exception, ConfigError)
    assert "--resume" in str(done.exception)
    assert (tmp_path / "last.pt").read_bytes() == before


def test_settings_other_than_the_length_cannot_change_on_resuming(tmp_path: Path) -> None:
    assert call("train", "--dataset", "tiny", "--out", tmp_path, *SMALL).exit_code == 0
    done = call("train", "--dataset", "tiny", "--out", tmp_path, "--resume", "--prior", "uniform")
    assert isinstance(done.exception, ConfigError)
    assert "prior cannot be changed (there: prior=zeros)" in str(done.exception)
    done = call("train", "--dataset", "tiny", "--out", tmp_path, "--resume", "--set", "hiddn=16")
    assert "did you mean 'hidden'" in str(done.exception)


def test_a_training_resumes_by_the_command_that_began_it(tmp_path: Path) -> None:
    """Settings that are equal are no change."""
    command = ("train", "--dataset", "tiny", "--out", tmp_path, *SMALL, "--prior", "zeros")
    assert call(*command).exit_code == 0
    done = call(*command, "--resume")
    assert done.exit_code == 0, done.output


def test_a_training_can_begin_with_an_exported_model(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert call("train", "--dataset", "tiny", "--out", first, *SMALL).exit_code == 0
    assert call("export", first, "--out", tmp_path / "first.pt").exit_code == 0
    again = ("--from", tmp_path / "first.pt", "--epochs", "1", "--threads", "1", "--set", "batch_size=16")
    done = call("train", "--dataset", "tiny", "--out", second, *again)
    assert done.exit_code == 0, done.output
    assert call("export", second, "--out", tmp_path / "second.pt").exit_code == 0
    (before, old), (after, new) = (load_model(tmp_path / f"{name}.pt") for name in ("first", "second"))
    assert after.settings == before.settings
    # three steps of warm-up at 1e-3 / 500 and less leave the weights where they were
    for a, b in zip(after.parameters(), before.parameters(), strict=True):
        assert (a - b).abs().max() < 1e-3
    assert old.started_from == ""
    assert "trained for 2.0 epochs" in new.started_from
    assert "trained for 2.0 epochs" in (tmp_path / "second.md").read_text()
    done = call("train", "--dataset", "tiny", "--out", tmp_path / "third", *again, "--set", "hidden=32")
    assert isinstance(done.exception, ConfigError)
    assert "hidden cannot be chosen" in str(done.exception)
    done = call("train", "--dataset", "tiny", "--out", second, "--resume", "--from", tmp_path / "first.pt")
    assert isinstance(done.exception, ConfigError)


def test_an_unknown_setting_names_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hidden'"):
        configured(PRESETS["small"], {"hiden": 3})


@pytest.mark.parametrize("given", [{"hidden": 0}, {"hidden": 1.5}, {"ema": 1.0}, {"prior": "none"}, {"epochs": 0}])
def test_bad_values_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        configured(PRESETS["small"], given)


def test_p_is_54_for_the_paper_from_the_data_for_small_and_what_was_given_where_it_was() -> None:
    paper, small = PRESETS["paper"], PRESETS["small"]
    assert (paper.model, paper.orbits_from_data) == (ModelSettings(), False)
    assert small.orbits_from_data
    given = configured(small, {"max_orbits": 12})
    assert (given.model.max_orbits, given.orbits_from_data) == (12, False)


def test_exporting_to_another_suffix_is_refused(tmp_path: Path) -> None:
    done = call("export", tmp_path, "--out", tmp_path / "model.bin")
    assert isinstance(done.exception, ConfigError)


@pytest.mark.parametrize("losses", [[2.4], [0.05, 0.04], [0.0301, 0.0302, 0.0301]])
def test_a_picture_of_the_losses_has_round_ticks_and_its_points_lie_inside(losses: list[float]) -> None:
    log = [{"kind": "epoch", "step": 50 * (k + 1), "val_loss": loss} for k, loss in enumerate(losses)]
    picture = ET.fromstring(draw(log, "nats a variable"))
    svg = "{http://www.w3.org/2000/svg}"
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in picture.iter(f"{svg}circle")]
    assert len(dots) == len(losses)
    assert all(0 <= x <= 640 and 0 <= y <= 460 for x, y in dots)
    assert len([line for line in picture.iter(f"{svg}line") if line.attrib["class"] == "grid"]) >= 2


def test_a_log_that_was_cut_off_loses_its_last_line_only(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"kind": "step", "step": 50}\n{"kind": "st')
    assert read_log(tmp_path / "log.jsonl") == [{"kind": "step", "step": 50}]
