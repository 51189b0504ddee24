"""Plugins: loaded one by one; what is broken is listed and stops nothing."""

from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from crystalbench import MetricSpec, Parameter, ReaderSpec, ScoreInput, hookimpl
from crystalbench.errors import ConfigError, PluginError
from crystalbench.plugins import Plugins
from tests.small_plugins import Small, count


class Other:
    """Claims the name of a metric of `Small`, and would add another."""

    @hookimpl
    def crystalbench_metrics(self) -> list[MetricSpec]:
        return [_metric("extra"), _metric("novel_count")]


def _reader(parameter: str) -> ReaderSpec:
    (spec,) = Small().crystalbench_readers()
    return replace(spec, parameters=(Parameter(name=parameter, default="", help=""),))


def _metric(name: str) -> MetricSpec:
    return MetricSpec(name=name, version="1", title=name, description="", compute=count)


def test_nobody_takes_the_name_of_a_record_that_comes_with_crystalbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aa_hijack.py").write_text(
        "from crystalbench import *\n@hookimpl\ndef crystalbench_metrics():\n"
        "    return [MetricSpec(name='novelty', version='1', title='', description='', compute=print)]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = [p for p in entry_points(group="crystalbench") if p.name == "novelty"]
    plugins = Plugins.load([EntryPoint("aa", "aa_hijack", "crystalbench"), *own])
    assert plugins.owner("metrics", "novelty").name == "novelty"
    assert "claimed by plugin 'novelty'" in plugins.broken[0].error


def test_a_plugin_that_exits_when_it_is_imported_is_listed_as_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaver.py").write_text("import sys\nsys.exit(0)\n")
    monkeypatch.syspath_prepend(tmp_path)
    (info,) = Plugins.load([EntryPoint("leaver", "leaver", "crystalbench")]).broken
    assert info.error == "SystemExit: 0"


def test_every_installed_plugin_loads() -> None:
    plugins = Plugins.load()
    assert plugins.broken == ()
    assert len(plugins.infos) > 20


def test_a_plugin_that_cannot_be_imported_is_listed_and_the_others_work() -> None:
    points = [
        EntryPoint("absent", "no_such_module", "crystalbench"),
        EntryPoint("bad-attribute", "crystalbench:nothing", "crystalbench"),
        EntryPoint("novelty", "crystalbench_plugins.metrics.novelty", "crystalbench"),
    ]
    plugins = Plugins.load(points)
    assert {info.name for info in plugins.broken} == {"absent", "bad-attribute"}
    assert "no_such_module" in plugins.broken[0].error
    assert "novelty" in plugins.metrics


def test_two_plugins_that_claim_one_name_are_both_named_and_the_second_adds_nothing() -> None:
    plugins = Plugins()
    plugins.register(Small(), "small")
    with pytest.raises(PluginError, match=r"'novel_count' is claimed by plugin 'small' .* and by 'other'"):
        plugins.register(Other(), "other")
    assert "extra" not in plugins.metrics


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ({"crystalbench_metrics": lambda: [3]}, "must give MetricSpec records, not 3"),
        ({"crystalbench_metrics": lambda: [_metric("a"), _metric("a")]}, "declares a twice"),
        ({"crystalbench_metrix": lambda: iter(())}, "crystalbench_metrix"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused(hooks: dict[str, object], message: str) -> None:
    module = SimpleNamespace(**{name: hookimpl(function) for name, function in hooks.items()})
    with pytest.raises(Exception, match=message):
        Plugins().register(module, "bad")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    plugins = Plugins()
    plugins.register(Small(), "small")
    with pytest.raises(ConfigError, match="unknown metric 'novel_cont'; did you mean 'novel_count'"):
        plugins.metrics["novel_cont"]


def test_step_finished_reaches_every_plugin_and_one_that_raises_is_reported() -> None:
    seen = []

    class Listener:
        @hookimpl
        def crystalbench_step_finished(self, step: str, seconds: float) -> None:
            seen.append((step, seconds))

    class Raising:
        @hookimpl
        def crystalbench_step_finished(self) -> None:
            raise ValueError("no")

    plugins = Plugins()
    plugins.register(Raising(), "raising")
    plugins.register(Listener(), "listener")
    (failure,) = plugins.step_finished("score", "novelty", 1.5, False)
    assert (failure.plugin, failure.error) == ("raising", "ValueError: no")
    assert "in crystalbench_step_finished" in failure.traceback
    assert seen == [("score", 1.5)]


def test_hooks_are_documented_with_their_arguments() -> None:
    from crystalbench import hookspecs

    hooks = [f for name, f in vars(hookspecs).items() if name.startswith("crystalbench_")]
    assert len(hooks) == 12
    assert all(hook.__doc__ for hook in hooks)


def test_score_input_refuses_a_reference_that_was_not_declared() -> None:
    from crystalbench.testing import example_samples

    with pytest.raises(LookupError, match="did not declare"):
        _ = ScoreInput(samples=example_samples(), parameters={}, seed=0).reference
