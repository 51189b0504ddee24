"""Two conversions of one file are compared sample by sample; other files, and what is no yes or no, are not."""

from pathlib import Path

import numpy as np
import pytest

from crystalbench import ConfigError, RawStructure
from crystalbench.plugins import Plugins
from crystalbench.result import compared
from crystalbench.runs.inputs import write_inputs
from crystalbench_baselines import samples as samples_reader
from crystalbench_plugins.metrics import novelty, symmetry, uniqueness, validity
from tests.runs.test_run import execute
from tests.small_plugins import Small


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    for module in (validity, novelty, uniqueness, symmetry, samples_reader):
        plugins.register(module, module.__name__)
    return plugins


def displaced(n: int, size: float) -> list[RawStructure]:
    """Rock salts of which every other one is off its places by up to ``size`` Å."""
    random = np.random.default_rng(3)
    face = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    coords = np.concatenate([face, face + np.array([0.5, 0, 0])])
    moves = [random.uniform(-size, size, coords.shape) / 5.64 * (i % 2) for i in range(n)]
    return [RawStructure.of(5.64 * np.eye(3), coords + move, [11] * 4 + [17] * 4) for move in moves]


def run(plugins: Plugins, folder: Path, file: Path, symprec: float, n: int = 40) -> Path:
    settings = {"generators": ["mine"], "generator": {"mine": {"samples": [str(file)]}}, "n": n}
    metrics = ["validity", "novelty", "uniqueness", "p1_share"]
    assert not execute(plugins, folder, metrics=metrics, conversion={"symprec": symprec}, **settings).failures
    return folder


def test_two_conversions_of_one_file_are_paired(plugins: Plugins, tmp_path: Path) -> None:
    file = tmp_path / "mine.samples"
    write_inputs(file, displaced(40, 0.02))
    wide, tight = (run(plugins, tmp_path / str(s), file, s) for s in (0.1, 0.001))
    ((comparison),) = compared(wide, tight, None, plugins)
    tests = {d.column.key: (d.test, d.verdict) for d in comparison.differences}
    assert tests["p1_share"] == ("McNemar's exact, paired", "different")
    assert tests["novelty"] == ("McNemar's exact, paired", "different")
    assert tests["validity"][0] == "McNemar's exact, paired"
    assert tests["uniqueness"][0] != "McNemar's exact, paired"  # first of its kind is no answer of one sample
    (p1,) = comparison.of("p1_share")
    assert p1.change == pytest.approx(0.5)


def test_other_files_converted_otherwise_do_not_compare(plugins: Plugins, tmp_path: Path) -> None:
    one, other = tmp_path / "one.samples", tmp_path / "other.samples"
    write_inputs(one, displaced(40, 0.02))
    write_inputs(other, displaced(40, 0.03))
    wide, tight = run(plugins, tmp_path / "w", one, 0.1), run(plugins, tmp_path / "t", other, 0.001)
    with pytest.raises(ConfigError, match="the conversion is"):
        compared(wide, tight, None, plugins)
    fewer = run(plugins, tmp_path / "f", one, 0.001, n=30)
    with pytest.raises(ConfigError, match="the conversion is"):
        compared(wide, fewer, None, plugins)
    with pytest.raises(ConfigError, match="the conversion is"):
        compared(wide / "table.json", tight / "table.json", None, plugins)
