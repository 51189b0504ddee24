"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # how long an example takes says something of the machine only
settings.load_profile("no deadline")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real crystals and other generators' files; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("CRYSTALBENCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared test data at {folder}; set CRYSTALBENCH_SHARED to the folder that holds data/")
    return folder / "data"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's cache."""
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
