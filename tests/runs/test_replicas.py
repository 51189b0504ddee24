"""Rows that are one generator under several names, and replicas that are the values of one parameter."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crystalbench import GeneratorSpec, Parameter, SamplerInput, hookimpl
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import Plan, make_plan
from tests.runs.test_run import FINE, execute, labels_file, row, verify
from tests.small_plugins import CHUNK, Halides, Small


class Trained(Halides):
    """Halides, from wherever the checkpoint says on."""

    def __init__(self, given: SamplerInput) -> None:
        super().__init__(given)
        self.seed += int(Path(str(given.parameters["checkpoint"])).read_text())


def checkpoint(parameters: Any, dataset: str) -> list[Path]:
    path = Path(str(parameters["checkpoint"]))
    if not path.is_file():
        raise ConfigError(f"{path}: no such checkpoint")
    return [path]


class Models:
    @hookimpl
    def crystalbench_generators(self) -> Iterator[GeneratorSpec]:
        parameters = (
            Parameter(name="checkpoint", default="", help="A file with a number."),
            Parameter(name="speed", default=1, help="Of nothing."),
        )
        spec = GeneratorSpec(
            name="trained", version="1", title="Trained", description="", start=Trained, chunk_size=CHUNK,
            files=checkpoint, parameters=parameters, trained_on=("example",),
        )  # fmt: skip
        yield spec
        yield replace(spec, name="known", reference=True)


@pytest.fixture
def plugins() -> Plugins:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(Models(), "models")
    return plugins


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"seed{i}.txt" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_text(str(5 * i))
    return list(map(str, paths))


def plan(plugins: Plugins, **settings: Any) -> Plan:
    return make_plan(RunConfig.from_mapping({"dataset": "example", "workers": 1, **settings}), plugins)


def test_a_list_of_checkpoints_makes_a_replica_of_each_which_verify_draws_again(
    plugins: Plugins, files: list[str], tmp_path: Path
) -> None:
    finished = execute(plugins, tmp_path / "run", generator={"trained": {"checkpoint": files}}, n=15)
    got = row(finished, "trained")
    assert (got.replicas, got.asked, got.cells["halide_share"].std) == (3, 45, 0)
    (written,) = RunFolder(tmp_path / "run").manifest()["generators"]
    assert written["parameters"] == {"checkpoint": files, "speed": 1}
    assert [one["inputs"]["parameters"]["checkpoint"] for one in written["replicas"]] == files
    assert len({one["inputs"]["files"][0] for one in written["replicas"]}) == 3
    assert len({one["digest"] for one in written["replicas"]}) == 3
    assert [check for check in verify(plugins, tmp_path / "run", redraw=True) if check.finding not in FINE] == []


def test_where_a_checkpoint_is_absent_verify_says_so_and_checks_what_follows_from_the_samples(
    plugins: Plugins, files: list[str], tmp_path: Path
) -> None:
    execute(plugins, tmp_path / "run", generator={"trained": {"checkpoint": files}}, n=15)
    Path(files[1]).unlink()
    checks = verify(plugins, tmp_path / "run", redraw=True)
    unsure = {check.what: check.detail for check in checks if check.finding not in FINE}
    assert {check.finding for check in checks if check.finding not in FINE} == {Finding.NOT_CHECKED}
    assert unsure["generator trained"] == f"{files[1]}: no such checkpoint"
    assert {"trained/0 halide_share", "trained/2 halide_share"} <= {check.what for check in checks} - unsure.keys()


def test_settings_that_are_not_the_defaults_are_a_footnote_files_apart(
    plugins: Plugins, files: list[str], tmp_path: Path
) -> None:
    settings = {"trained": {"checkpoint": files, "speed": 3}, "plain": {"generator": "trained", "checkpoint": files[0]}}
    finished = execute(plugins, tmp_path / "run", generator=settings, n=5)
    assert [note for note in row(finished, "trained").notes if "speed" in note] == ["with speed 3"]
    assert not [note for note in row(finished, "plain").notes if note.startswith("with ")]


def test_another_content_of_one_checkpoint_is_other_samples(plugins: Plugins, files: list[str], tmp_path: Path) -> None:
    before = plan(plugins, generator={"trained": {"checkpoint": files}})
    Path(files[2]).write_text("7")
    after = plan(plugins, generator={"trained": {"checkpoint": files}})
    first, then = ([replica.key for replica in one.generators[0].replicas] for one in (before, after))
    assert (first[:2], first[2] != then[2]) == (then[:2], True)
    assert before.key != after.key


def test_rows_of_one_generator_under_several_names_share_their_samples_and_are_told_apart(
    plugins: Plugins, files: list[str], tmp_path: Path
) -> None:
    rows = {
        "one": {"generator": "trained", "checkpoint": files[:1]},
        "fast": {"generator": "trained", "checkpoint": files[0], "speed": 2},
        "trained": {"checkpoint": files[0], "title": "As it comes"},
    }
    finished = execute(plugins, tmp_path / "run", generator=rows, n=15)
    assert [r.title for r in finished.table.rows] == ["Trained one", "Trained fast", "As it comes"]
    generators = {g.name: g for g in plan(plugins, generator=rows).generators}
    keys = {name: generator.replicas[0].key for name, generator in generators.items()}
    assert keys["one"] == keys["trained"] != keys["fast"]
    assert [check for check in verify(plugins, tmp_path / "run", redraw=True) if check.finding not in FINE] == []


def test_a_row_under_another_name_has_the_dataset_of_its_generator(plugins: Plugins, files: list[str]) -> None:
    settings = {"generator": "trained", "checkpoint": files[0]}
    config = RunConfig.from_mapping({"generator": {"mine": settings}})
    assert make_plan(config, plugins).comparison.reason == "mine is usually trained on it"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"checkpoint": []}, r"trained\.checkpoint: a list needs values, each once; got \[\]"),
        ({"checkpoint": ["FILE", "FILE"]}, "each once"),
        ({"checkpoint": ["FILE", "none.pt"]}, r"none\.pt: no such checkpoint"),
        ({"checkpoint": ["FILE", 3.5]}, "must be of type str, got 3.5"),
        ({"checkpoint": ["FILE"], "replicas": 2}, "leave replicas=2 out"),
        ({"checkpoint": ["FILE"], "speed": [1, 2]}, "checkpoint and speed are lists"),
        ({"samples": ["FILE"], "reader": "json-labels", "skip": [0, 1]}, "generator without files"),
        ({"generator": "trainde"}, "did you mean 'trained'"),
        ({"generator": "halides"}, "'trained' is a generator itself; give the row of halides another name"),
    ],
)
def test_what_makes_no_replicas_or_rows_is_refused(
    plugins: Plugins, files: list[str], settings: dict[str, Any], message: str
) -> None:
    def put(value: Any) -> Any:
        return [put(item) for item in value] if isinstance(value, list) else files[0] if value == "FILE" else value

    with pytest.raises(ConfigError, match=message):
        plan(plugins, generator={"trained": {key: put(value) for key, value in settings.items()}})


@pytest.mark.parametrize("settings", [{"replicas": 2}, {"skip": [0, 1]}])
def test_the_example_file_of_a_generator_makes_one_replica(
    plugins: Plugins, tmp_path: Path, settings: dict[str, Any]
) -> None:
    class Shown:
        @hookimpl
        def crystalbench_generators(self) -> list[GeneratorSpec]:
            example = labels_file(tmp_path, 4)
            return [
                GeneratorSpec(
                    name="shown", version="1", title="Shown", description="", reader="json-labels",
                    example=lambda: example,
                )
            ]  # fmt: skip

    plugins.register(Shown(), "shown")
    assert len(plan(plugins, generators=["shown"]).generators[-1].replicas) == 1
    with pytest.raises(ConfigError, match="its samples are files"):
        plan(plugins, generator={"shown": settings})


def test_a_reference_generator_has_no_row_under_another_name(plugins: Plugins, files: list[str]) -> None:
    with pytest.raises(ConfigError, match="one row, of its own name"):
        plan(plugins, generator={"mine": {"generator": "known", "checkpoint": files[0]}})
