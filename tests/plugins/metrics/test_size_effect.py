"""The effect of the number of samples on FWD: the same numbers as the metric's, as data and as a picture."""

import csv
from pathlib import Path
from pkgutil import resolve_name
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from crystalbench import ConfigError, Dataset, DatasetSpec, EncoderSpec, SampleSet, ScoreInput, Split, hookimpl
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Run
from crystalbench.testing import example_encoder
from crystalbench_plugins import reference_generators
from crystalbench_plugins.metrics import fwd, size_effect
from crystalbench_plugins.metrics._embedded import reference_rows
from crystalbench_plugins.metrics._frechet import distance, fit
from tests.plugins.metrics.test_fwd import crystals

ROWS = crystals(3000, seed=0)
NAMES = ("train", "test", "random", "element-swap")
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
    monkeypatch.setattr(Plugins, "load", classmethod(lambda cls, files=(): plugins))
    config = RunConfig(generators=("element-swap",), n=600, encoders=("counting",), workers=1)
    Run(make_plan(config, plugins), plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    return tmp_path / "run"


def score_input(run: Path, rows: slice) -> ScoreInput:
    dataset = Dataset(Plugins.load().datasets["binaries"])
    drawn = RunFolder(run).read_samples("samples/element-swap.0.csv", dataset.table)
    samples = SampleSet(drawn.items[rows])
    return ScoreInput(samples=samples, parameters={}, seed=0, dataset=dataset, encoder=example_encoder())


def test_its_numbers_are_those_of_the_metric_on_as_many_samples(run: Path) -> None:
    points = list(size_effect.measure(run, [100, 600, 5000]))
    assert [(p.generator, p.n, p.blocks) for p in points] == [
        (name, n, blocks) for name in NAMES for n, blocks in ((100, 6), (600, 1))
    ]
    given = score_input(run, slice(600))
    plain, better = fwd.compute(given), fwd.compute_corrected(given)
    assert points[7].fwd == pytest.approx(plain.value)
    assert points[7].corrected == pytest.approx(better.value)
    assert (points[7].low, points[7].high) == better.interval
    assert points[7].floor == plain.details["floor"]
    assert points[7].fwd_std == ""


def test_blocks_share_neither_samples_nor_reference_rows(run: Path) -> None:
    point = list(size_effect.measure(run, [100]))[3]
    values = []
    for block in range(6):
        given = score_input(run, slice(100 * block, 100 * (block + 1)))
        rows = reference_rows(given, 100, skip=100 * block)
        own = given.encode(sorted(p.label for p in given.samples.valid)).embeddings
        values.append(distance(fit(own), fit(given.encode(rows).embeddings)))
    assert point.fwd == pytest.approx(np.mean(values))
    assert point.fwd_std == pytest.approx(np.std(values, ddof=1))


def test_the_command_writes_data_and_a_picture(run: Path, tmp_path: Path) -> None:
    command = [str(run), "--sizes", "600,100", "--out", str(tmp_path / "figures")]
    done = CliRunner().invoke(size_effect.command, command, catch_exceptions=False)
    assert "8 points" in done.output
    rows = list(csv.DictReader((tmp_path / "figures" / "size-effect.csv").read_text().splitlines()))
    assert [row["n"] for row in rows] == ["100", "600"] * len(NAMES)
    assert all(np.isfinite(float(row["corrected"])) for row in rows)
    picture = ElementTree.parse(tmp_path / "figures" / "size-effect.svg")
    words = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Training copy: FWD", "Training copy: FWD∞", "Element swap: FWD", "500"} <= words
    assert "FWD (counts-0000), square-root scale" in words
    assert {row["encoder"] for row in rows} == {"counts-0000"}


def test_the_command_line_has_the_command() -> None:
    assert resolve_name(Plugins.load().commands["size-effect"].command) is size_effect.command


@pytest.mark.parametrize(
    ("sizes", "message"), [("many", "whole numbers"), ("3", "at least 4"), ("5000", "no generator")]
)
def test_sizes_that_give_nothing_are_an_error_of_the_user(sizes: str, message: str, run: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        CliRunner().invoke(size_effect.command, [str(run), "--sizes", sizes], catch_exceptions=False)
