"""The effect of the number of samples on FWD: the same numbers as the metric's, as data and as a picture."""

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from test_metric_fwd import crystals

from crystalbench import ConfigError, Dataset, DatasetSpec, EncoderSpec, SampleSet, ScoreInput, Split, hookimpl
from crystalbench.config import RunConfig
from crystalbench.folder import RunFolder
from crystalbench.plan import make_plan
from crystalbench.plugins import Plugins
from crystalbench.run import Run
from crystalbench.testing import example_encoder
from crystalbench_plugins import fwd, reference_generators, size_effect

ROWS = crystals(3000, seed=0)
SPLIT = Split(tuple(p.label for p in ROWS), tuple(p.prototype for p in ROWS))


class Part:
    """A dataset large enough for several sizes, and the encoder that counts."""

    @hookimpl
    def crystalbench_datasets(self) -> list[DatasetSpec]:
        return [
            DatasetSpec(
                name="binaries", version="1", title="Binaries", description="Made up.", splits=("train", "test"),
                load=lambda name, table: SPLIT, identity=lambda: "0" * 64, card=lambda: "", default=True,
            )
        ]  # fmt: skip

    @hookimpl
    def crystalbench_encoders(self) -> list[EncoderSpec]:
        return [example_encoder().spec]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    plugins = Plugins()
    for name, module in {"part": Part(), "fwd": fwd, "reference": reference_generators}.items():
        plugins.register(module, name)
    monkeypatch.setattr(Plugins, "load", classmethod(lambda cls: plugins))
    config = RunConfig(generators=("element-swap",), n=600, encoders=("counting",), workers=1)
    Run(make_plan(config, plugins), plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    return tmp_path / "run"


def test_its_numbers_are_those_of_the_metric_on_the_first_samples(run: Path) -> None:
    points = list(size_effect.measure(run, [100, 600, 5000]))
    assert [(p.generator, p.n) for p in points] == [(name, n) for name in ("train", "element-swap") for n in (100, 600)]
    plugins = Plugins.load()
    dataset = Dataset(plugins.datasets["binaries"])
    drawn = RunFolder(run).read_samples("samples/element-swap.0.csv", dataset.table)
    given = ScoreInput(
        samples=SampleSet(drawn.items[:100]), parameters={}, seed=0, dataset=dataset, encoder=example_encoder()
    )
    plain, better = fwd.compute(given), fwd.compute_corrected(given)
    assert (points[2].fwd, points[2].corrected) == (plain.value, better.value)
    assert (points[2].low, points[2].high) == better.interval
    assert points[2].floor == plain.details["floor"]


def test_the_command_writes_data_and_a_picture(run: Path, tmp_path: Path) -> None:
    command = [str(run), "--sizes", "600,100", "--out", str(tmp_path / "figures")]
    done = CliRunner().invoke(size_effect.command, command, catch_exceptions=False)
    assert "4 points" in done.output
    rows = list(csv.DictReader((tmp_path / "figures" / "size-effect.csv").read_text().splitlines()))
    assert [row["n"] for row in rows] == ["100", "600"] * 2
    assert all(np.isfinite(float(row["corrected"])) for row in rows)
    picture = ElementTree.parse(tmp_path / "figures" / "size-effect.svg")
    words = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Training copy: FWD", "Training copy: FWD∞", "Element swap: FWD", "500"} <= words


@pytest.mark.parametrize(
    ("sizes", "message"), [("many", "whole numbers"), ("3", "at least 4"), ("5000", "no generator")]
)
def test_sizes_that_give_nothing_are_an_error_of_the_user(sizes: str, message: str, run: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(size_effect.command, [str(run), "--sizes", sizes], catch_exceptions=False)
