"""Pipes and devices in the place of a file: refused before anything waits for them."""

import os
from pathlib import Path

import pytest

from crystalbench import ConfigError, ReadError
from crystalbench.plugins import Plugins
from crystalbench.result import read_table
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import read_toml
from crystalbench.runs.detection import detect_reader
from crystalbench.runs.discovery.stored import is_discovery
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.verify import Verification
from tests.baselines.conftest import READERS
from tests.hostile.small_run import execute, small_plugins


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe.cif")
    return tmp_path / "pipe.cif"


def test_no_reader_is_asked_about_a_pipe_or_a_device(pipe: Path) -> None:
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ConfigError, match="neither a file nor a folder"):
            detect_reader(path, Plugins.load())


@pytest.mark.parametrize("name", READERS)
def test_a_named_reader_refuses_a_pipe_and_a_device(name: str, pipe: Path) -> None:
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ReadError, match="neither a file nor a folder"):
            list(READERS[name].read(path, {}))


def test_a_configuration_that_does_not_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="/dev/zero: over 1048576 bytes"):
        read_toml(Path("/dev/zero"))


@pytest.mark.parametrize("name", ["manifest.json", "table.json", "scores.json", "ledger.csv", "samples/halides.0.csv"])
def test_a_pipe_in_the_folder_of_a_run_is_waited_for_by_nobody(name: str, tmp_path: Path) -> None:
    """A folder of strangers' runs may hold anything: each is told with its name, and at once."""
    folder = tmp_path / "run"
    execute(folder)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    if name == "manifest.json":
        with pytest.raises(ConfigError, match="no run here"):
            RunFolder(folder).manifest()
        assert not is_discovery(RunFolder(folder))
        return
    if name == "table.json":
        with pytest.raises(ConfigError, match="no table here"):
            read_table(folder)
    checks = Verification(RunFolder(folder), small_plugins()).checks()
    found = [check for check in checks if check.finding is Finding.DIFFERS]
    assert any(check.what == name for check in found)
