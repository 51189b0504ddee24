"""The generator in the core's hands: contract, checkpoints, identity of its samples, void materials, conditions."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crystalbench import ConfigError, Invalid, InvalidReason, Protostructure, SamplerInput, Value
from crystalbench.crystals.wyckoff import Table
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig, check_parameters
from crystalbench.runs.plan import make_plan
from crystalbench.testing import check_generator, example_dataset
from tests.small_plugins import Small
from wyckoffdiff import plugin
from wyckoffdiff.checkpoint import MODEL, Provenance, save
from wyckoffdiff.model import WyckoffGNN
from wyckoffdiff.settings import ModelSettings, TrainingSettings, to_plain
from wyckoffdiff.stream import Stream

SIZES = ModelSettings(
    n_elements=20, max_orbits=3, hidden=8, layers=2, position_features=4, pair_hidden=8, message_hidden=8,
    decoder_hidden=8, timesteps=5,
)  # fmt: skip
GROUPS = {2: 3, 62: 4, 225: 1}


def write_model(path: Path, seed: int = 0, empty_bias: float = 3.0) -> Path:
    """A small untrained model that fills a few variables of a material; ``empty_bias`` sets how few."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = WyckoffGNN(SIZES)
    with torch.no_grad():
        model.constrained_decoder.linear(3).bias[0] += empty_bias
        model.unconstrained_decoder.linear(3).bias.view(SIZES.n_elements, -1)[:, 0] += empty_bias + 3
    provenance = Provenance(
        dataset="example", dataset_identity="0" * 64, materials_digest="0" * 64, n_train=8, n_refused=0,
        spacegroup_counts=tuple(GROUPS.get(group, 0) for group in range(231)),
        constrained_counts=(1,) * (SIZES.n_elements + 1), unconstrained_counts=(1,) * (SIZES.max_orbits + 1),
        size_counts=(0,) * 231, training=TrainingSettings(), versions={},
    )  # fmt: skip
    save(path, MODEL, {"weights": model.state_dict(), "settings": to_plain(SIZES), "provenance": provenance.to_plain()})
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "model.pt")


(SPEC,) = plugin.crystalbench_generators()


def given(checkpoint: Path, **values: Value) -> SamplerInput:
    parameters = check_parameters("wyckoffdiff", {"checkpoint": str(checkpoint), **values}, SPEC.parameters)
    return SamplerInput(parameters=parameters, seed=3, dataset=example_dataset())


def drawn(checkpoint: Path, chunk_size: int = 200, **values: Value) -> list[Protostructure | Invalid]:
    return list(Stream(given(checkpoint, **values), checkpoint, chunk_size).draw(0).items)


def protostructures(items: list[Protostructure | Invalid]) -> list[Protostructure]:
    return [item for item in items if isinstance(item, Protostructure)]


def test_the_generator_keeps_the_contract(checkpoint: Path) -> None:
    check_generator(replace(SPEC, quick={"checkpoint": str(checkpoint)}))


def test_samples_are_legal_protostructures_of_the_trained_groups_at_their_frequency(checkpoint: Path) -> None:
    items = protostructures(drawn(checkpoint, 2000))
    groups = [item.spacegroup for item in items]
    assert set(groups) == set(GROUPS)
    assert groups.count(62) / groups.count(2) == pytest.approx(4 / 3, rel=0.2)
    assert all(Protostructure.parse(item.label) == item for item in items)


def test_a_void_material_is_invalid_with_its_reason(tmp_path: Path) -> None:
    items = drawn(write_model(tmp_path / "void.pt", empty_bias=50.0))
    assert {item.reason for item in items if isinstance(item, Invalid)} == {InvalidReason.EMPTY}
    assert len(items) == 200
    assert all(isinstance(item, Invalid) for item in items)


def test_protostructures_are_canonical_under_the_table_of_the_run(checkpoint: Path) -> None:
    start = given(checkpoint)
    start.dataset.table = Table.PYMATGEN
    items = Stream(start, checkpoint, 50).draw(0).items
    assert {item.table for item in items if isinstance(item, Protostructure)} == {Table.PYMATGEN}


def test_the_time_of_a_chunk_is_measured(checkpoint: Path) -> None:
    timing = Stream(given(checkpoint), checkpoint, 50).draw(0).timing
    assert timing is not None
    assert timing.seconds > 0
    assert (timing.device, timing.threads) == ("cpu", torch.get_num_threads())


def test_a_condition_holds_for_every_sample(checkpoint: Path) -> None:
    items = protostructures(drawn(checkpoint, spacegroups="225", elements="Li,F,O", given="a=Li b="))
    assert len(items) == 200
    for item in items:
        assert item.spacegroup == 225
        assert {"Li"} <= set(item.elements) <= {"Li", "F", "O"}


def test_required_elements_occur_in_every_sample_or_it_says_how_often_was_tried(checkpoint: Path) -> None:
    items = drawn(checkpoint, elements="Li,F", required="Li,F", attempts=3)
    found = protostructures(items)
    assert found
    assert all(set(item.elements) == {"Li", "F"} for item in found)
    missing = [item for item in items if isinstance(item, Invalid)]
    assert len(found) + len(missing) == 200
    assert {item.reason for item in missing} <= {InvalidReason.NOT_WRITTEN}
    assert all("in 3 draws" in item.detail for item in missing)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 6}, "steps must be 0 .* to 5, got 6"),
        ({"spacegroups": "14"}, "none of them occurs in the training set"),
        ({"elements": "Xe"}, "up to atomic number 20"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"spacegroups": "225", "given": "a=Li e=4F"}, "P=3"),
    ],
)
def test_what_the_model_cannot_do_is_refused_before_anything_is_drawn(
    checkpoint: Path, values: dict[str, Value], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Stream(given(checkpoint, **values), checkpoint, 10)


def plan_key(**settings: Value) -> str:
    plugins = Plugins()
    plugins.register(Small(), "small")
    plugins.register(plugin, "wyckoffdiff")
    config = RunConfig.from_mapping(
        {"generators": ["wyckoffdiff"], "dataset": "example", "metrics": ["halide_share"], "reports": ["titles"],
         "generator": {"wyckoffdiff": settings}}
    )  # fmt: skip
    return make_plan(config, plugins).generators[0].replicas[0].key


def test_the_content_of_the_checkpoint_is_part_of_the_samples_identity(tmp_path: Path) -> None:
    first = plan_key(checkpoint=str(write_model(tmp_path / "a.pt", seed=1)))
    assert plan_key(checkpoint=str(tmp_path / "a.pt")) == first
    write_model(tmp_path / "a.pt", seed=2)
    assert plan_key(checkpoint=str(tmp_path / "a.pt")) != first


def test_a_dataset_without_a_shipped_model_is_an_error_of_the_plan_with_its_remedy() -> None:
    with pytest.raises(ConfigError, match=r"'example' is shipped .* generator\.wyckoffdiff\.checkpoint"):
        plan_key()


def test_a_checkpoint_that_is_not_there_is_an_error_of_the_plan() -> None:
    with pytest.raises(ConfigError, match=r"'nowhere\.pt' is neither a file nor a shipped model"):
        plan_key(checkpoint="nowhere.pt")


def test_every_shipped_model_is_declared() -> None:
    assert sorted(plugin.TRAINED_ON) == sorted(path.stem for path in plugin.CHECKPOINTS.glob("*.pt"))


def test_a_shipped_model_is_said_not_to_be_the_papers_and_a_users_own_is_not_judged(checkpoint: Path) -> None:
    (spec,) = plugin.crystalbench_generators()
    defaults = {parameter.name: parameter.default for parameter in plugin.PARAMETERS}
    assert "than the paper's" in spec.note(defaults, "wbm-rebuilt")
    assert "than the paper's" in spec.note(defaults | {"checkpoint": "wbm-rebuilt"}, "example")
    assert spec.note(defaults | {"checkpoint": str(checkpoint)}, "wbm-rebuilt") == ""


@pytest.mark.parametrize("name", ["spacegroups", "elements", "required", "given"])
def test_samples_that_obey_a_condition_are_said_to(checkpoint: Path, name: str) -> None:
    (spec,) = plugin.crystalbench_generators()
    defaults = {parameter.name: parameter.default for parameter in plugin.PARAMETERS}
    note = spec.note(defaults | {"checkpoint": str(checkpoint), name: "62"}, "wbm-rebuilt")
    assert note.startswith("drawn under a condition")


def test_declaring_the_generator_imports_nothing_heavy() -> None:
    code = (
        "import sys; from wyckoffdiff import plugin; list(plugin.crystalbench_generators()); "
        "list(plugin.crystalbench_commands()); print({'torch', 'scipy', 'pandas', 'tqdm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
