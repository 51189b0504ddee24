"""Pipes and devices in the place of a file: refused before anything waits for them."""

import os
from pathlib import Path

import pytest

from crystalbench import ConfigError, ReadError
from crystalbench.plugins import Plugins
from crystalbench.runs.config import read_toml
from crystalbench.runs.detection import detect_reader
from tests.baselines.conftest import READERS


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
