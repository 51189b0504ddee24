"""A plugin in a file: no packaging, the same contract, and its content is part of what a run is."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from crystalbench import ConfigError, Failure, PluginError
from crystalbench.cli import main
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import Plan, make_plan
from crystalbench.runs.run import Run
from crystalbench.runs.verify import Verification
from tests.small_plugins import Small

SOURCE = """
from crystalbench import MetricResult, MetricSpec, hookimpl

def compute(given):
    return MetricResult(value=len(given.samples) + 0, n=len(given.samples))

@hookimpl
def crystalbench_metrics():
    return [MetricSpec(name="mine", version="1", title="Mine", description="How many.", compute=compute)]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my metric.py"
    path.write_text(SOURCE)
    return path


def known(*files: Path) -> Plugins:
    plugins = Plugins.load(points=[], files=files)
    plugins.register(Small(), "small")
    return plugins


def planned(known: Plugins, **more: object) -> Plan:
    settings = {"generators": ["halides"], "dataset": "example", "metrics": ["mine"], "workers": 1, "n": 20}
    return make_plan(RunConfig.from_mapping(settings | more), known)


def test_its_metric_is_in_the_table_and_verified_where_the_file_is_given(file: Path, tmp_path: Path) -> None:
    plugins = known(file)
    run = Run(planned(plugins), plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    assert next(row for row in run.table.rows if row.generator == "halides").cells["mine"].mean == 20
    there = list(Verification(RunFolder(tmp_path / "run"), plugins).checks())
    assert {check.finding for check in there} <= {Finding.HOLDS, Finding.RECORDED}
    without = list(Verification(RunFolder(tmp_path / "run"), known()).checks())
    said = {check.what: check.detail for check in without if check.finding is Finding.NOT_CHECKED}
    assert "the run had my metric.py (sha256 " in said["plugins of files"]
    assert "given no plugin of a file; name them with --plugins" in said["plugins of files"]
    assert said["metric mine"] == "is not installed"


def test_its_content_is_part_of_the_key_and_its_place_is_not(file: Path, tmp_path: Path) -> None:
    key = planned(known(file)).key
    (tmp_path / "there").mkdir()
    moved = tmp_path / "there" / file.name
    moved.write_text(SOURCE)
    assert planned(known(moved)).key == key
    moved.write_text(SOURCE.replace("+ 0", "+ 1"))
    changed = known(moved)
    assert planned(changed).key != key
    with pytest.raises(ConfigError, match=r"the run had my metric\.py .* name them with --plugins"):
        planned(changed, plugins=list(known(file).files))


def test_cells_of_other_content_are_not_taken_from_the_cache(file: Path, tmp_path: Path) -> None:
    values = []
    for number, text in enumerate((SOURCE, SOURCE.replace("+ 0", "+ 1"))):
        file.write_text(text)
        plugins = known(file)
        run = Run(planned(plugins), plugins, RunFolder(tmp_path / str(number)), log=lambda _: None).execute()
        values.append(run.table.rows[0].cells["mine"].mean)
    assert values == [20, 21]


def test_what_is_wrong_with_a_file_is_an_error_that_names_it(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.py: no such file"):
        known(tmp_path / "nothing.py")
    file.write_text("1 / 0")
    with pytest.raises(PluginError, match=r"my metric\.py failed in load: ZeroDivisionError"):
        known(file)
    file.write_text(SOURCE.replace('"mine"', '"novelty"'))
    with pytest.raises(PluginError, match="metric 'novelty' is claimed by plugin"):
        Plugins.load(files=[file])


def test_it_is_isolated_as_any_plugin_is(file: Path, tmp_path: Path) -> None:
    file.write_text(SOURCE.replace("return MetricResult", "raise SystemExit(3)\n    return MetricResult"))
    plugins = known(file)
    run = Run(planned(plugins), plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    assert all(isinstance(failure, Failure) and "SystemExit: 3" in failure.error for failure in run.failures)
    assert run.failures


def test_the_contract_is_checked_on_a_file(file: Path) -> None:
    shown = CliRunner().invoke(main, ["plugin", "check", str(file)])
    assert "ok   metric mine" in shown.output
    assert shown.exit_code == 0
