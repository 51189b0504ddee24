"""The contract checks themselves, and every installed plugin held to them."""

from dataclasses import replace

import pytest

from crystalbench import MetricResult, MetricSpec, ReporterSpec, ScoreInput, Table
from crystalbench.plugins import Plugins
from crystalbench.testing import check_generator, check_metric, check_plugin, check_reporter
from tests.small_plugins import Halides, Small, rock_salt

PLUGINS = Plugins.load()


@pytest.mark.parametrize("name", [info.name for info in PLUGINS.infos if not info.name.startswith("datasets")])
def test_every_plugin_keeps_the_contract(name: str) -> None:
    info = next(info for info in PLUGINS.infos if info.name == name)
    assert [(what, problem) for what, problem in check_plugin(info, PLUGINS) if problem] == []


def _spec(compute: object) -> MetricSpec:
    return MetricSpec(name="m", version="1", title="M", description="", compute=compute)  # type: ignore[arg-type]


def _by_place(given: ScoreInput) -> MetricResult:
    weighted = sum(place * len(str(item)) for place, item in enumerate(given.samples))
    return MetricResult(value=weighted, n=len(given.samples))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (_spec(lambda given: 0.5), "not a MetricResult"),
        (_spec(_by_place), "depends on the order"),
        (replace(_spec(lambda given: MetricResult(value=50, n=1)), unit="%"), "is a fraction"),
    ],
)
def test_a_metric_that_breaks_the_contract_is_found(spec: MetricSpec, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_metric(spec)


def test_a_report_that_does_not_say_which_encoder_is_behind_a_column_is_found() -> None:
    def titles(table: Table) -> str:
        return " ".join(column.title for column in table.columns)

    spec = ReporterSpec(name="titles", version="1", title="Titles", suffix=".txt", render=titles)
    with pytest.raises(AssertionError, match="does not print the encoder of a column"):
        check_reporter(spec)


def test_a_generator_whose_chunks_depend_on_history_is_found() -> None:
    class Counting(Halides):
        drawn = 0

        def draw(self, chunk: int):  # type: ignore[no-untyped-def]
            draw = super().draw(chunk)
            self.drawn += 1
            return replace(draw, items=tuple(rock_salt(self.drawn + i) for i in range(10)))

    (spec,) = (s for s in Small().crystalbench_generators() if s.name == "halides")
    check_generator(spec)
    with pytest.raises(AssertionError, match="depends on whether 0 was drawn"):
        check_generator(replace(spec, start=Counting))
