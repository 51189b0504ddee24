"""Suites: settings that stand where nothing else is given, and a run that says what it does otherwise."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from crystalbench import Protostructure, SuiteSpec, evaluate
from crystalbench.cli import main
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.suite import suite_problem, with_suite
from crystalbench.testing import check_suite

SUITE = SuiteSpec(
    name="one", version="3", title="One", description="",
    settings={"n": 50, "metrics": ["novelty"], "conversion": {"symprec": 0.1, "backend": "spglib"}},
)  # fmt: skip
SUITES = {"one": SUITE}


def test_settings_of_a_suite_stand_where_nothing_else_is_given() -> None:
    found = with_suite({"suite": "one", "seed": 4, "conversion": {"table": "affine"}}, SUITES)
    assert found["suite"] == "one 3"
    assert (found["n"], found["seed"]) == (50, 4)
    assert found["conversion"] == {"symprec": 0.1, "backend": "spglib", "table": "affine"}


def test_what_deviates_from_the_suite_is_said_leaf_by_leaf() -> None:
    given = {"suite": "one", "n": 60, "metrics": ("novelty",), "conversion": {"symprec": 0.01}}
    assert with_suite(given, SUITES)["suite"] == "one 3, deviates: n, conversion.symprec"


def test_what_a_manifest_says_is_read_again_as_the_same() -> None:
    once = with_suite({"suite": "one", "n": 60}, SUITES)
    assert with_suite(once, SUITES) == once


def test_a_run_without_a_suite_has_the_settings_and_the_key_that_it_had() -> None:
    assert "suite" not in RunConfig(generators=("a",)).to_mapping()
    assert with_suite({"n": 3}, SUITES) == {"n": 3}


def test_an_unknown_suite_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="unknown suite 'quik'; did you mean 'quick'"):
        with_suite({"suite": "quik"}, Plugins.load().suites)


def test_a_suite_that_another_version_made_is_not_judged() -> None:
    plugins = Plugins()
    assert suite_problem("one 3", {}, plugins.suites) == ("suite one is not installed", False)
    plugins.suites["one"] = SUITE
    assert suite_problem("one 3", SUITE.settings, plugins.suites) == ("", True)
    assert suite_problem("one 2", SUITE.settings, plugins.suites)[1] is False
    assert suite_problem("one 3, deviates: n", SUITE.settings, plugins.suites)[1] is True


@pytest.mark.parametrize(
    ("settings", "problem"),
    [({"m": 3}, "unknown setting 'm'"), ({"generators": ["a"]}, "does not set generators"), ({}, "sets nothing")],
)
def test_a_suite_that_breaks_the_contract_is_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        check_suite(replace(SUITE, settings=settings))


def test_every_suite_names_metrics_and_a_dataset_that_there_are() -> None:
    plugins = Plugins.load()
    assert {"paper-table1", "paper-table1-offline", "paper-table4", "quick"} <= plugins.suites.keys()
    for spec in plugins.suites.values():
        assert spec.settings["dataset"] in plugins.datasets
        assert set(spec.settings["metrics"]) <= plugins.metrics.keys()


def test_a_run_of_a_suite_names_it_in_table_and_manifest_and_is_verified(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("AB_cF8_225_a_b:Br-K\nA_cF8_227_a:Si\n")
    runner, out = CliRunner(), tmp_path / "out"
    flags = ["--suite", "quick", "--samples", f"mine={tmp_path / 'mine.txt'}", "-n", "20", "--workers", "1"]
    done = runner.invoke(main, ["run", *flags, "--reports", "markdown,json", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert RunFolder(out).manifest()["config"]["suite"] == "quick 1, deviates: n"
    assert "quick 1, deviates: n" in (out / "table.md").read_text()
    done = runner.invoke(main, ["verify", str(out), "--verbose"])
    assert "manifest suite: holds" in done.output
    assert done.exit_code == 0, done.output


def test_evaluate_takes_the_number_of_a_suite() -> None:
    result = evaluate({"mine": [Protostructure(227, [("Si", "a")])]}, suite="quick", metrics="validity", progress=False)
    assert result.table.settings["suite"] == "quick 1, deviates: metrics"
    assert result.table.rows[-1].asked == 200
