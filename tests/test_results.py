"""What is committed under results/: pictures follow from numbers, and nothing names a place on a machine."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crystalbench.tables.charts import standalone

RESULTS = Path(__file__).parents[1] / "results"
RUNS = ("start", "wbm-rebuilt", "carbon24-bundled", "carbon24-priors", "carbon24-steps")


def pictures() -> Iterator[tuple[str, str]]:
    spec = importlib.util.spec_from_file_location("draw", RESULTS / "figures" / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.pictures()


def test_the_pictures_are_what_the_script_draws_from_the_committed_numbers() -> None:
    drawn = dict(pictures())
    there = {path.name for path in (RESULTS / "figures").glob("*.svg")} - {"size-effect.svg"}
    assert drawn.keys() == there
    for name, picture in drawn.items():
        assert (RESULTS / "figures" / name).read_text(encoding="utf-8") == standalone(picture), name
        assert f"figures/{name}" in (RESULTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("run", RUNS)
def test_a_committed_run_names_no_place_on_a_machine(run: str) -> None:
    manifest = json.loads((RESULTS / run / "manifest.json").read_text(encoding="utf-8"))
    sources = [one["source"] for generator in manifest["generators"] for one in generator["replicas"]]
    settings = json.dumps([manifest["config"], [generator["parameters"] for generator in manifest["generators"]]])
    assert [source for source in sources if source and Path(source).is_absolute()] == []
    assert re.findall(r'"(?:/|~|[A-Z]:)[^"]*"', settings) == []
