"""What a run compares with: the dataset and why, the rows of every table, and a warning for what is off the scale."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from crystalbench import (
    DatasetSpec,
    Direction,
    GeneratorSpec,
    Given,
    MetricResult,
    MetricSpec,
    Missing,
    Need,
    NotComputable,
    Scale,
    ScoreInput,
    Subset,
    hookimpl,
)
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.compared import choose_dataset, trained_elsewhere
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Finished, Run
from crystalbench.runs.verify import Verification
from crystalbench.testing import example_dataset
from tests.small_plugins import Halides, Small, rock_salt

GROUPS = {Given.SPACEGROUPS: "as in training"}
ABSENT = "its files hold only two splits; get the training split elsewhere"


def distance(given: ScoreInput) -> MetricResult:
    """Return the share of samples without sodium, as if it were a distance."""
    far = sum("Na" not in item.elements for item in given.samples.valid) / len(given.samples)
    return MetricResult(value=far, n=len(given.samples), interval=(far - 0.01, far + 0.01))


def reference_rows(given: ScoreInput) -> MetricResult:
    return MetricResult(value=len(given.reference), n=len(given.samples))


def training_rows(given: ScoreInput) -> MetricResult:
    return MetricResult(value=len(given.train), n=len(given.samples))


class Far(Halides):
    """Lithium salts."""

    def draw(self, chunk: int):  # type: ignore[no-untyped-def]
        draw = super().draw(chunk)
        return replace(draw, items=tuple(rock_salt(5 * i) for i in range(10)))


class Near(Halides):
    """Sodium salts."""

    def draw(self, chunk: int):  # type: ignore[no-untyped-def]
        draw = super().draw(chunk)
        return replace(draw, items=tuple(rock_salt(5 * i + 1) for i in range(10)))


class Comparing:
    """Datasets with and without a training split, one that must be downloaded, and generators that name them."""

    @hookimpl
    def crystalbench_datasets(self) -> list[DatasetSpec]:
        whole = example_dataset().spec
        return [
            replace(whole, name="first", default=True),
            replace(whole, name="remote", ready=lambda: False),
            replace(whole, name="partial", splits=("val", "test"), reference="val", without_train=ABSENT),
            replace(whole, name="lone", splits=("test",), reference="test"),
        ]

    @hookimpl
    def crystalbench_generators(self) -> list[GeneratorSpec]:
        def live(name: str, start: type, **more: object) -> GeneratorSpec:
            return GeneratorSpec(name=name, version="1", title=name.title(), description=name, start=start, **more)  # type: ignore[arg-type]

        return [
            live("copy", Halides, reference=True, scale=Scale.REFERENCE, chunk_size=10),
            live("rest", Near, reference=True, scale=Scale.HELD_OUT, chunk_size=10),
            live("blind", Halides, reference=True, scale=Scale.CHANCE, chunk_size=10),
            live(
                "far", Far, trained_on=("remote", "partial"), chunk_size=10, given={Given.SPACEGROUPS: "as in training"}
            ),
            live("near", Near, trained_on=("first", "partial"), chunk_size=10),
        ]

    @hookimpl
    def crystalbench_metrics(self) -> list[MetricSpec]:
        def metric(name: str, compute: object, **more: object) -> MetricSpec:
            return MetricSpec(name=name, version="1", title=name.title(), description=name, compute=compute, **more)  # type: ignore[arg-type]

        return [
            metric("distance", distance, direction=Direction.LOWER, distance=True),
            metric("groups", distance, direction=Direction.HIGHER, measures=frozenset({Given.SPACEGROUPS})),
            metric("reference", reference_rows, needs=frozenset({Need.REFERENCE})),
            metric("train", training_rows, needs=frozenset({Need.TRAIN})),
            metric("novel", reference_rows, needs=frozenset({Need.REFERENCE}), subset=Subset.NOVEL),
        ]


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Comparing(), "comparing")
    return plugins


def config(*generators: str, **settings: object) -> RunConfig:
    return RunConfig.from_mapping({"generators": generators, "workers": 1, "n": 20, **settings})


def execute(plugins: Plugins, folder: Path, told: list[str], *generators: str, **settings: object) -> Finished:
    plan = make_plan(config(*generators, **settings), plugins)
    return Run(plan, plugins, RunFolder(folder), log=told.append).execute()


@pytest.mark.parametrize(
    ("generators", "settings", "dataset", "reason"),
    [
        (("far",), {"dataset": "first"}, "first", "it was named"),
        (("far",), {}, "partial", "far is usually trained on it"),
        (("far", "near", "blind"), {}, "partial", "far and near are usually trained on it"),
        (("near",), {}, "first", "near is usually trained on it"),
        (("blind",), {}, "first", "no dataset was named, and it is the default"),
    ],
)
def test_a_dataset_is_named_or_that_of_all_generators_or_the_default(
    plugins: Plugins, generators: tuple[str, ...], settings: dict[str, object], dataset: str, reason: str
) -> None:
    chosen = choose_dataset(config(*generators, **settings), plugins)
    assert (chosen.dataset.name, chosen.reason) == (dataset, reason)


def test_a_generator_of_which_nothing_is_known_leaves_the_default(plugins: Plugins, tmp_path: Path) -> None:
    plugins.register(Small(), "small")
    (tmp_path / "own.json").write_text(json.dumps([rock_salt(0).label]))
    settings = {"generator": {"own": {"samples": [str(tmp_path / "own.json")]}}}
    assert choose_dataset(config("far", "own", **settings), plugins).dataset.name == "first"


def test_the_ends_of_the_scale_are_in_every_table_as_far_as_the_dataset_has_them(plugins: Plugins) -> None:
    def rows(dataset: str) -> list[str]:
        return [generator.name for generator in make_plan(config("near", dataset=dataset), plugins).generators]

    assert rows("first") == rows("partial") == ["copy", "rest", "blind", "near"]
    assert rows("lone") == ["copy", "blind", "near"]
    named = make_plan(config("near", "rest", dataset="first"), plugins).generators
    assert [generator.name for generator in named] == ["copy", "blind", "near", "rest"]


def test_without_a_training_split_distributions_have_a_reference_and_novelty_says_what_is_absent(
    plugins: Plugins, tmp_path: Path
) -> None:
    finished = execute(plugins, tmp_path / "run", [], "near", dataset="partial")
    cells = next(row for row in finished.table.rows if row.generator == "near").cells
    assert cells["reference"].mean == 4
    for name in ("train", "novel"):
        problem = cells[name].problem
        assert isinstance(problem, Missing)
        assert problem.reason == f"dataset partial has no training split to count novelty against: {ABSENT}"
    (copy,) = (row for row in finished.table.rows if row.generator == "copy")
    assert copy.notes == ("rows of the split that is compared with, val of partial",)
    assert finished.failures == ()


def test_a_search_for_novel_samples_without_a_training_split_is_refused_before_anything_is_drawn(
    plugins: Plugins,
) -> None:
    with pytest.raises(ConfigError, match="novel=5: dataset partial has no training split"):
        make_plan(config("near", dataset="partial", novel=5), plugins)


def test_a_run_says_what_it_is_compared_with_and_why(plugins: Plugins, tmp_path: Path) -> None:
    told: list[str] = []
    finished = execute(plugins, tmp_path / "run", told, "far")
    assert told[0] == "compared with partial, split val: far is usually trained on it"
    assert finished.table.settings["compared with"] == "its split val"
    assert finished.table.settings["dataset chosen"] == "far is usually trained on it"
    manifest = RunFolder(tmp_path / "run").manifest()["dataset"]
    assert (manifest["reference"], manifest["reason"]) == ("val", "far is usually trained on it")


def test_a_row_says_that_its_generator_is_usually_trained_on_another_dataset(plugins: Plugins, tmp_path: Path) -> None:
    finished = execute(plugins, tmp_path / "run", [], "far", "near", dataset="first")
    notes = {row.generator: row.notes for row in finished.table.rows}
    assert notes["far"] == ("Far is usually trained on remote or partial, and compared with first here",)
    assert notes["near"] == ()
    assert list(trained_elsewhere(None, "first")) == []
    verified = Verification(RunFolder(tmp_path / "run"), plugins).checks()
    assert [check for check in verified if check.finding is Finding.DIFFERS] == []


def test_what_a_generator_is_given_has_a_footnote_and_is_never_best(plugins: Plugins, tmp_path: Path) -> None:
    """``far`` has the higher value in ``groups`` by far, but was given the groups."""
    table = execute(plugins, tmp_path / "run", [], "far", "near", dataset="first").table
    cells = {row.generator: row.cells["groups"] for row in table.rows}
    assert cells["far"].notes == ("no achievement: space groups are given to Far, as in training",)
    assert cells["near"].notes == ()
    (column,) = (column for column in table.columns if column.key == "groups")
    assert table.best(column) == frozenset()
    assert all("no achievement" not in note for row in table.rows for note in row.cells["distance"].notes)


def test_the_core_measures_cpu_time_and_load_where_a_sampler_has_a_clock_of_the_wall_only(
    plugins: Plugins, tmp_path: Path
) -> None:
    execute(plugins, tmp_path / "run", [], "near", dataset="first")
    (written,) = RunFolder(tmp_path / "run").manifest()["generators"][-1]["replicas"]
    assert written["timing"]["cpu_seconds"] >= 0
    assert written["timing"]["load"] >= 0


def test_samples_beyond_chance_draw_a_warning_and_nearer_ones_do_not(plugins: Plugins, tmp_path: Path) -> None:
    """Blind rows are at 0.8, those of ``far`` at 1, those of ``near`` and the held-out ones at 0."""
    told: list[str] = []
    finished = execute(plugins, tmp_path / "run", told, "far", "near", dataset="first")
    (note,) = finished.table.notes
    assert note.startswith("Far: Distance of 0.99 to 1.01 is beyond chance (0.79 to 0.81, its own held-out rows at -0")
    assert "another dataset than first made these samples: name that one with --dataset" in note
    assert note.endswith("0% of them are in space group 1")
    assert f"warning: {note}" in told


def test_overlap_with_chance_draws_no_warning(plugins: Plugins, tmp_path: Path) -> None:
    def wide(given: ScoreInput) -> MetricResult:
        return MetricResult(value=1.0, n=1, interval=(0.0, 2.0))

    def none(given: ScoreInput) -> MetricResult:
        raise NotComputable("nothing to see")

    specs = [replace(plugins.metrics["distance"], name=compute.__name__, compute=compute) for compute in (wide, none)]
    plugins.register(SimpleNamespace(crystalbench_metrics=hookimpl(lambda: specs)), "other")
    for name in ("wide", "none"):
        settings = {"dataset": "first", "metrics": [name]}
        assert execute(plugins, tmp_path / name, [], "far", **settings).table.notes == ()
