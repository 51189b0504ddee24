"""The contract checks themselves, and every installed plugin held to them."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crystalbench import (
    Draw,
    Encoded,
    EncoderSpec,
    Evaluated,
    Hull,
    HullSpec,
    Invalid,
    InvalidReason,
    MetricResult,
    MetricSpec,
    PluginError,
    RawStructure,
    ReporterSpec,
    ScoreInput,
    Split,
    Table,
)
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.materials.realise import Realised
from crystalbench.plugins import Plugins
from crystalbench.testing import (
    CountingEncoder,
    check_dataset,
    check_encoder,
    check_generator,
    check_hull,
    check_metric,
    check_plugin,
    check_potential,
    check_reader,
    check_realiser,
    check_reporter,
    example_dataset,
)
from crystalbench_plugins.realisers.random_orbits import crystalbench_realisers
from tests.materials.morse import SPEC, Morse
from tests.small_plugins import Halides, Small, rock_salt

PLUGINS = Plugins.load()


@pytest.mark.parametrize("name", [info.name for info in PLUGINS.infos if not info.name.startswith("datasets")])
def test_every_plugin_keeps_the_contract(name: str) -> None:
    info = next(info for info in PLUGINS.infos if info.name == name)
    assert [checked for checked in check_plugin(info, PLUGINS) if checked.problem] == []


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


CELL, PLACES = np.eye(3) * 4, np.zeros((1, 3))
BADLY_MADE = {
    "must be a Protostructure, RawStructure or Invalid, not str": rock_salt(0).label,
    "lattice must be a numpy array, not list": RawStructure([[4, 0, 0], [0, 4, 0], [0, 0, 4]], PLACES, np.array([11])),  # type: ignore[arg-type]
    "lattice must be float64, not float32": RawStructure(CELL.astype(np.float32), PLACES, np.array([11])),  # type: ignore[arg-type]
    "numbers must be int64, not float64": RawStructure(CELL, PLACES, np.array([11.0])),  # type: ignore[arg-type]
    r"have shapes \(\(3, 3\), \(1, 3\), \(2,\)\)": RawStructure(CELL, PLACES, np.array([11, 17])),
    "reason must be a member of InvalidReason, not str": Invalid("overlap"),  # type: ignore[arg-type]
    "detail must be text, not NoneType": Invalid(InvalidReason.EMPTY, None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("message", BADLY_MADE)
def test_a_sample_that_is_not_well_made_is_found_wherever_it_comes_from(message: str, tmp_path: Path) -> None:
    class Bad(Halides):
        def draw(self, chunk: int) -> Draw:
            return Draw((rock_salt(chunk), BADLY_MADE[message]))  # type: ignore[arg-type]

    (spec,) = (s for s in Small().crystalbench_generators() if s.name == "halides")
    with pytest.raises(AssertionError, match=f"sample 1: .*{message}"):
        check_generator(replace(spec, start=Bad, chunk_size=2))
    (reader,) = Small().crystalbench_readers()
    (tmp_path / "a.json").write_text("[]")
    bad = replace(reader, detect=lambda path: path.exists(), read=lambda path, parameters: iter([BADLY_MADE[message]]))  # type: ignore[list-item]
    with pytest.raises(AssertionError, match=f"sample 0: .*{message}"):
        check_reader(bad, tmp_path / "a.json")
    with Converter(ConversionSettings()) as converter, pytest.raises(PluginError, match=f"sample 0: .*{message}"):
        converter.convert([BADLY_MADE[message]])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["lattice", "frac_coords"])
def test_a_live_generator_says_itself_that_a_sample_is_not_finite(name: str) -> None:
    class Diverged(Halides):
        def draw(self, chunk: int) -> Draw:
            made = RawStructure.of(CELL, PLACES, [11])
            getattr(made, name)[0, 0] = np.nan
            return Draw((made,))

    (spec,) = (s for s in Small().crystalbench_generators() if s.name == "halides")
    with pytest.raises(AssertionError, match=f"sample 0: {name} holds numbers that are not finite"):
        check_generator(replace(spec, start=Diverged, chunk_size=1))


def _encoded(encoder: object) -> EncoderSpec:
    return EncoderSpec(
        name="e", version="1", title="E", description="", load=lambda parameters: encoder,  # type: ignore[arg-type, return-value]
        identity=lambda parameters: "0" * 64, label=lambda parameters: "e",
    )  # fmt: skip


def test_an_encoder_that_returns_no_rows_of_its_own_kind_is_found() -> None:
    class Bare(CountingEncoder):
        def encode(self, labels: Sequence[str], /) -> Encoded:
            found = super().encode(labels)
            return found.embeddings, found.energies  # type: ignore[return-value]

    class Double(CountingEncoder):
        def encode(self, labels: Sequence[str], /) -> Encoded:
            found = super().encode(labels)
            return Encoded(found.embeddings.astype(float), found.energies)  # type: ignore[arg-type]

    for encoder, message in ((Bare(), "returned tuple, not Encoded"), (Double(), "must be float32")):
        with pytest.raises(AssertionError, match=message):
            check_encoder(_encoded(encoder))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ((("A_cF4_225_a:Cu",), ("A_cF4_225_a",)), "returned tuple, not a Split"),
        (Split(["A_cF4_225_a:Cu"], ("A_cF4_225_a",)), "must be tuples"),  # type: ignore[arg-type]
        (Split((rock_salt(0),), ("A_cF4_225_a",)), "must be text"),  # type: ignore[arg-type]
        (Split(("A_cF4_225_a:Cu",), ("A_cF4_225_a",), np.array([0.5])), "must be float32"),  # type: ignore[arg-type]
        (Split(("A_cF4_225_a:Cu",), ("A_cF4_225_a",), np.array([np.inf], np.float32)), "infinite energy"),
        (Split(("A_cF4_225_a:Cu",), ("AB_cF8_225_a_b",)), "row 0: prototype"),
    ],
)
def test_a_dataset_that_is_not_well_made_is_found(split: object, message: str) -> None:
    spec = replace(example_dataset().spec, load=lambda name, table: split, card=lambda: "A card.")  # type: ignore[arg-type, return-value]
    with pytest.raises(AssertionError, match=message):
        check_dataset(spec)


def test_a_split_whose_columns_differ_in_length_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="1 labels and 2 prototypes"):
        Split(("a",), ("b", "c"))
    with pytest.raises(ValueError, match=r"energies of shape \(2,\)"):
        Split(("a",), ("b",), np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("render", "suffix", "message"),
    [(lambda table: b"counts", ".txt", "returned bytes, not text"), (lambda table: "x", "txt", "an ending")],
)
def test_a_reporter_that_renders_no_text_is_found(render: object, suffix: str, message: str) -> None:
    spec = ReporterSpec(name="r", version="1", title="R", suffix=suffix, render=render)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=message):
        check_reporter(spec)


def _spoilt(**change: object) -> type[Morse]:
    class Spoilt(Morse):
        def _one(self, structure: RawStructure) -> Evaluated:
            seen = super()._one(structure)
            return replace(seen, **{name: spoil(seen) for name, spoil in change.items()})  # type: ignore[operator, arg-type]

    return Spoilt


class Dependent(Morse):
    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        return [replace(seen, energy=seen.energy + i) for i, seen in enumerate(super().evaluate(structures))]


@pytest.mark.parametrize(
    ("potential", "message"),
    [
        (_spoilt(forces=lambda seen: -seen.forces), "forces are not minus the derivative"),
        (_spoilt(stress=lambda seen: -seen.stress), "the derivative of the energy by strain"),
        (_spoilt(stress=lambda seen: seen.stress * 1.1), "the derivative of the energy by strain"),
        (_spoilt(forces=lambda seen: seen.forces[:1]), "forces of shape"),
        (_spoilt(energy=lambda seen: np.float32(seen.energy)), "must be a float"),
        (_spoilt(stress=lambda seen: seen.stress * np.nan), "not finite"),
        (Dependent, "depends on the order"),
    ],
)
def test_a_potential_that_breaks_the_contract_is_found(potential: type[Morse], message: str) -> None:
    check_potential(SPEC)
    with pytest.raises(AssertionError, match=message):
        check_potential(replace(SPEC, load=lambda parameters: potential()))


def salts(**more: object) -> HullSpec:
    phases = Hull([{11: 1, 17: 1}], np.array([-2.1]), {11: -1.3, 17: -1.8})
    spec = HullSpec(
        name="salts",
        version="1",
        title="Salts",
        load=lambda parameters: phases,
        identity=lambda parameters: "0" * 64,
        card=lambda: "# Salts\n",
        caveat="one salt",
    )
    return replace(spec, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"caveat": " "}, "the caveat is empty"),
        ({"card": lambda: None}, "the card must be text"),
        ({"identity": lambda parameters: "1"}, "a SHA-256 in hex"),
        ({"load": lambda parameters: None}, "not a Hull"),
        ({"load": lambda parameters: Hull([], np.zeros(0), {})}, "no element has a reference"),
        ({"load": lambda parameters: Hull([], np.zeros(0), {11: np.nan})}, "the reference of Na is nan"),
        ({"load": lambda parameters: Hull([{11: 2}], np.array([-0.1]), {11: -1.3})}, "lies below its reference"),
        ({"load": lambda parameters: Hull([{11: 1, 17: 1}], np.array([-2.0]), {11: -1.3})}, "has an unknown element"),
    ],
)
def test_a_hull_that_breaks_the_contract_is_found(more: dict[str, object], message: str) -> None:
    check_hull(salts())
    with pytest.raises(AssertionError, match=message):
        check_hull(salts(**more))


def _proposed(edge: float) -> Realised:
    return RawStructure.of(edge * np.eye(3), ROCK_SALT, [11] * 4 + [17] * 4)


ROCK_SALT = [
    [0, 0, 0],
    [0, 0.5, 0.5],
    [0.5, 0, 0.5],
    [0.5, 0.5, 0],
    [0.5, 0.5, 0.5],
    [0.5, 0, 0],
    [0, 0.5, 0],
    [0, 0, 0.5],
]


@pytest.mark.parametrize(
    ("propose", "message"),
    [
        (lambda protostructure, seed, parameters: None, "returned NoneType"),
        (lambda protostructure, seed, parameters: _proposed(next(EDGES)), "differs with one seed"),
        (lambda protostructure, seed, parameters: _proposed(1.0), "none of 20 tries gave AB_cF8_225_a_b:Cl-Na"),
        (lambda protostructure, seed, parameters: _proposed(5.6), "none of 20 tries gave A2B_tP6_136_f_a:O-Ti"),
        (
            lambda p, seed, parameters: next(iter(crystalbench_realisers())).propose(p, 1, {"clearance": 0.8}),
            "every seed gives one",
        ),
    ],
)
def test_a_realiser_that_breaks_the_contract_is_found(propose: Callable[..., Realised], message: str) -> None:
    spec = next(iter(crystalbench_realisers()))
    check_realiser(spec)
    with pytest.raises(AssertionError, match=message):
        check_realiser(replace(spec, propose=propose))


EDGES = itertools.count(5.0, 0.1)
