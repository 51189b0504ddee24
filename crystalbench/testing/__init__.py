"""The public contract as executable checks: call them in a plugin's own tests, or `crystalbench plugin check NAME`.

Each function raises `AssertionError` with the rule that is broken. They run the real code of the record.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name

import numpy as np

from crystalbench.crystals.make import fault, not_finite
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, Sample, SampleSet
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.datasets import Dataset, DatasetSpec, Split
from crystalbench.encoded import Encoded
from crystalbench.errors import NotComputable, ReadError
from crystalbench.interfaces import (
    CommandSpec,
    Draw,
    EncoderSpec,
    GeneratorSpec,
    MetricSpec,
    Need,
    ReaderSpec,
    ReporterSpec,
    SamplerInput,
    ScoreInput,
    Subset,
    Timing,
)
from crystalbench.isolation import isolated
from crystalbench.plugins import PluginInfo, Plugins
from crystalbench.runs.config import check_parameters
from crystalbench.runs.embeddings import CachedEncoder
from crystalbench.runs.encoder_plan import plan_encoder
from crystalbench.tables.results import (
    Cell,
    Column,
    Direction,
    Failure,
    MetricResult,
    Missing,
    Outcome,
    Row,
    RowKind,
    Table,
)
from crystalbench.testing.behind import ExampleEnergies, example_geometries
from crystalbench.testing.citations import check_cite
from crystalbench.testing.hulls import check_hull
from crystalbench.testing.potentials import check_potential
from crystalbench.testing.realisers import check_realiser
from crystalbench.testing.suites import check_suite

__all__ = [
    "CHECKS", "Checked", "CountingEncoder", "check_cite", "check_command", "check_dataset", "check_encoder",
    "check_generator", "check_hull", "check_metric", "check_plugin", "check_potential", "check_reader",
    "check_realiser", "check_reporter", "check_suite", "example_dataset", "example_encoder", "example_samples",
    "example_table",
]  # fmt: skip


def example_dataset(repeats: int = 1) -> Dataset:
    """A dataset of four real crystals in every split, for checks that must not depend on any installed one.

    Each is there ``repeats`` times, for metrics that need more rows.
    """
    made = [Protostructure(225, [("Cu", "a")]), Protostructure(225, [("Na", "a"), ("Cl", "b")]),
            Protostructure(136, [("O", "f"), ("Ti", "a")]),
            Protostructure(221, [("Ba", "a"), ("Ti", "b"), ("O", "c")])]  # fmt: skip
    made *= repeats
    split = Split(labels=tuple(p.label for p in made), prototypes=tuple(p.prototype for p in made))
    spec = DatasetSpec(
        name="example", version="1", title="Example", description="Four real crystals.",
        splits=("train", "val", "test"), load=lambda name, table: split, identity=lambda: "0" * 64, card=lambda: "",
    )  # fmt: skip
    return Dataset(spec)


def example_samples() -> SampleSet:
    """Six samples: two from the training split, a duplicate, two novel ones and an invalid one."""
    dataset = example_dataset()
    known = dataset.train.protostructure(0), dataset.train.protostructure(1)
    novel = Protostructure(225, [("K", "a"), ("Br", "b")]), Protostructure(227, [("Si", "a")])
    return SampleSet.of([*known, known[0], *novel, Invalid(InvalidReason.OVERLAPPING_ATOMS, "0.1 Å")])


class CountingEncoder:
    """Embeds a protostructure as what can be counted in it: an encoder for checks, that no trained weights are in."""

    d = 5

    def encode(self, labels: Sequence[str], /) -> Encoded:
        """Return space group, orbits, elements, sites and free coordinates, and minus the orbits as energy."""
        made = [Protostructure.from_canonical(label) for label in labels]
        rows = [(p.spacegroup, len(p.orbits), len(p.elements), p.n_atoms, p.degrees_of_freedom) for p in made]
        embeddings = np.array(rows, np.float32).reshape(-1, self.d)
        return Encoded(embeddings, -embeddings[:, 1])


def example_encoder() -> CachedEncoder:
    """An encoder for checks that must not depend on any installed one."""
    spec = EncoderSpec(
        name="counting", version="1", title="Counts", description="What can be counted in a protostructure.",
        load=lambda parameters: CountingEncoder(), identity=lambda parameters: "0" * 64,
        label=lambda parameters: "counts",
    )  # fmt: skip
    return CachedEncoder(spec, {}, spec.identity({}))


def check_metric(spec: MetricSpec) -> None:
    """A metric is finite, repeatable, indifferent to the order of samples, and defined or `NotComputable` for none."""
    parameters = check_parameters(spec.name, {}, spec.parameters)
    samples = SampleSet.of([*example_samples()] * 4)  # enough for blocks, neighbours, a covariance of the novel ones
    if spec.subset is Subset.NOVEL:
        known = example_dataset().train.label_set
        samples = SampleSet.of(p for p in samples.valid if p.label not in known)

    compares = bool({Need.REFERENCE, Need.TRAIN} & spec.needs) or spec.subset is Subset.NOVEL

    def compute(items: SampleSet) -> MetricResult:
        return spec.compute(
            ScoreInput(
                samples=items,
                parameters=parameters,
                seed=0,
                dataset=example_dataset(8) if compares else None,
                timing=Timing(seconds=60.0) if Need.TIMING in spec.needs else None,
                encoder=example_encoder() if Need.ENCODER in spec.needs else None,
                run_energies=ExampleEnergies(items) if Need.ENERGY in spec.needs else None,
                run_geometries=example_geometries(items) if Need.GEOMETRY in spec.needs else None,
            )
        )

    result = compute(samples)
    assert isinstance(result, MetricResult), f"{spec.name}: compute returned {result!r}, not a MetricResult"
    assert compute(samples) == result, f"{spec.name}: two calls on the same samples differ"
    shuffled = list(samples)
    random.Random(0).shuffle(shuffled)
    again = compute(SampleSet.of(shuffled))
    assert again.value == result.value, f"{spec.name}: depends on the order of the samples"
    if spec.unit == "%":
        assert 0 <= result.value <= 1, f"{spec.name}: a value in % is a fraction, printed times 100; got {result.value}"
    with suppress(NotComputable):
        compute(SampleSet.of([]))


def check_encoder(spec: EncoderSpec) -> None:
    """An encoder has an identity and a label, and gives each protostructure one finite row that depends on it alone.

    An encoder of which something is missing here is not checked.
    """
    parameters = check_parameters(spec.name, {}, spec.parameters)
    if spec.missing(parameters):
        return
    plan_encoder(spec, parameters)
    encoder = spec.load(parameters)
    labels = list(dict.fromkeys(p.label for p in example_samples().valid)) + list(example_dataset().train.labels[2:])
    whole = encoder.encode(labels)
    assert isinstance(whole, Encoded), f"{spec.name}: encode returned {type(whole).__name__}, not Encoded"
    assert whole.embeddings.shape == (len(labels), encoder.d), f"{spec.name}: embeddings {whole.embeddings.shape}"
    assert whole.embeddings.dtype == whole.energies.dtype == np.float32, f"{spec.name}: rows must be float32"
    assert np.isfinite(whole.embeddings).all(), f"{spec.name}: an embedding that is not finite"
    assert np.isfinite(whole.energies).all(), f"{spec.name}: an energy that is not finite"
    assert len(encoder.encode([])) == 0, f"{spec.name}: rows for no labels"
    for order in (range(len(labels)), reversed(range(len(labels)))):
        rows = list(order)
        turned = encoder.encode([labels[row] for row in rows])
        assert _close(turned, whole, rows), f"{spec.name}: a row depends on the order of the labels"
    for row, label in enumerate(labels):
        assert _close(encoder.encode([label]), whole, [row]), f"{spec.name}: a row depends on the other labels"


def _close(some: Encoded, whole: Encoded, rows: list[int]) -> bool:
    scale = max(1.0, float(np.abs(whole.embeddings).max()), float(np.abs(whole.energies).max()))
    return all(
        np.allclose(a, b[rows], rtol=0, atol=1e-5 * scale)
        for a, b in ((some.embeddings, whole.embeddings), (some.energies, whole.energies))
    )


def check_generator(spec: GeneratorSpec, dataset: Dataset | None = None) -> None:
    """Chunks have the stated size, hold samples, and depend on nothing but the sampler's input and their number."""
    if spec.start is None:
        assert spec.reader, f"{spec.name}: give start, or the name of a reader"
        assert spec.example is None or spec.example().exists(), f"{spec.name}: the example file is not there"
        return
    start = spec.start
    given = SamplerInput(
        parameters=check_parameters(spec.name, spec.quick, spec.parameters),
        seed=0,
        dataset=dataset or example_dataset(),
    )
    for file in spec.files(given.parameters, given.dataset.name):
        assert isinstance(file, Path), f"{spec.name}: files must be paths, got {file!r}"
    first, second = start(given), start(given)
    chunk: object = first.draw(0)
    assert chunk is not None, f"{spec.name}: an empty stream"
    assert isinstance(chunk, Draw), f"{spec.name}: draw returned {type(chunk).__name__}, not a Draw"
    assert len(chunk.items) <= spec.chunk_size, f"{spec.name}: a chunk of {len(chunk.items)} > {spec.chunk_size}"
    assert not (wrong := _faults(chunk.items)), f"{spec.name}: sample {wrong}"
    for place, item in enumerate(chunk.items):
        assert not (array := not_finite(item)), (
            f"{spec.name}: sample {place}: {array} holds numbers that are not finite; give "
            "Invalid(InvalidReason.NON_FINITE) for a sample that came out so"
        )
    ahead, later = second.draw(1), first.draw(1)
    assert _same(ahead, later), f"{spec.name}: chunk 1 depends on whether 0 was drawn"
    assert _same(chunk, second.draw(0)), f"{spec.name}: chunk 0 is not repeatable"
    if len(chunk.items) < spec.chunk_size:
        assert later is None, f"{spec.name}: chunk 0 is short, so the stream must have ended"


def check_reader(spec: ReaderSpec, path: Path) -> None:
    """A reader detects its file, yields samples, reads the same twice, and refuses what is no such file."""
    assert spec.detect(path), f"{spec.name}: does not detect {path}"
    parameters = check_parameters(spec.name, {}, spec.parameters)
    first, second = list(spec.read(path, parameters)), list(spec.read(path, parameters))
    assert first, f"{spec.name}: no samples in {path}"
    assert not (wrong := _faults(first)), f"{spec.name}: sample {wrong}"
    assert _same(Draw(tuple(first)), Draw(tuple(second))), f"{spec.name}: reading twice gives different samples"
    absent = path.with_name(path.name + ".absent")
    assert not spec.detect(absent), f"{spec.name}: detects a file that does not exist"
    message = ""
    try:
        list(spec.read(absent, parameters))
    except ReadError as error:
        message = str(error)
    assert absent.name in message, f"{spec.name}: no ReadError that names the file, where there is none"


def check_dataset(spec: DatasetSpec) -> None:
    """Splits load, labels are canonical, columns have one length, and the card is not empty.

    Of a dataset that would have to be downloaded, only the identity and the card are checked.
    """
    identity: object = spec.identity()
    assert isinstance(identity, str), f"{spec.name}: identity must be text, got {identity!r}"
    assert re.fullmatch(r"[0-9a-f]{64}", identity), f"{spec.name}: identity must be a SHA-256 in hex, got {identity!r}"
    card: object = spec.card()
    assert isinstance(card, str), f"{spec.name}: the card must be text, got {type(card).__name__}"
    assert card.strip(), f"{spec.name}: the card is empty"
    if not spec.ready():
        return
    for name in spec.splits:
        split: object = spec.load(name, LetterTable.AFFINE)
        assert isinstance(split, Split), f"{spec.name}/{name}: load returned {type(split).__name__}, not a Split"
        assert len(split) > 0, f"{spec.name}/{name}: empty"
        for texts in (split.labels, split.prototypes):
            assert isinstance(texts, tuple), f"{spec.name}/{name}: labels and prototypes must be tuples"
            wrong = next((text for text in texts if not isinstance(text, str)), None)
            assert wrong is None, f"{spec.name}/{name}: labels and prototypes must be text, got {wrong!r}"
        if split.energies is not None:
            assert isinstance(split.energies, np.ndarray), f"{spec.name}/{name}: energies must be a numpy array"
            assert split.energies.dtype == np.float32, f"{spec.name}/{name}: energies must be float32"
            assert not np.isinf(split.energies).any(), f"{spec.name}/{name}: an infinite energy; NaN says unknown"
        for row in range(0, len(split), max(1, len(split) // 100)):
            made = Protostructure.parse(split.labels[row])
            assert made.label == split.labels[row], (
                f"{spec.name}/{name} row {row}: {split.labels[row]} is not canonical"
            )
            assert made.prototype == split.prototypes[row], f"{spec.name}/{name} row {row}: prototype"


def check_reporter(spec: ReporterSpec) -> None:
    """A report of odd names, missing values and failures is the same twice, and says what its numbers are made with."""
    table = example_table()
    assert spec.suffix.startswith("."), f"{spec.name}: suffix must be an ending such as .txt, got {spec.suffix!r}"
    text: object = spec.render(table)
    assert isinstance(text, str), f"{spec.name}: render returned {type(text).__name__}, not text"
    assert text.strip(), f"{spec.name}: empty report"
    assert spec.render(table) == text, f"{spec.name}: two reports of one table differ"
    for column in table.columns:
        assert column.encoder in text, f"{spec.name}: does not print the encoder of a column ({column.encoder})"


def check_command(spec: CommandSpec) -> None:
    """A command is found under the ``"module:function"`` that names it."""
    from click import Command

    found = resolve_name(spec.command)
    assert isinstance(found, Command), f"{spec.name}: {spec.command} is {found!r}, no click command"


def example_table() -> Table:
    """A small table with every kind of row and cell."""
    columns = (
        Column(key="novelty", title="Novelty", latex="Nov.", unit="%", direction=Direction.HIGHER),
        Column(key="distance@small-1a2b", title="Distance", latex="", show_interval=True),
    )
    outcomes: dict[str, Outcome] = {
        "plain": MetricResult(value=0.5, n=10, interval=(0.2, 0.8)),
        "<b>&_%$#{}~^\\": MetricResult(value=0.25, n=10),
        "nothing": Missing("no novel samples"),
        "broken": Failure("score", "novelty", "ValueError: no"),
    }
    rows = [
        Row(generator=name, title=name, kind=RowKind.MEASURED, asked=10, drawn=10, valid=10,
            cells={column.key: Cell(outcomes=(outcome,)) for column in columns})
        for name, outcome in outcomes.items()
    ]  # fmt: skip
    return Table(title="Example", columns=columns, rows=tuple(rows), settings={"dataset": "example"})


CHECKS: dict[str, Callable[..., None]] = {
    "metrics": check_metric,
    "encoders": check_encoder,
    "potentials": check_potential,
    "generators": check_generator,
    "hulls": check_hull,
    "realisers": check_realiser,
    "datasets": check_dataset,
    "reporters": check_reporter,
    "suites": check_suite,
    "commands": check_command,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, what is wrong ("" for nothing), and where the code of the plugin raised, if it did."""

    what: str
    problem: str = ""
    traceback: str = ""


def check_plugin(info: PluginInfo, plugins: Plugins, samples: Path | None = None) -> Iterator[Checked]:
    """Check everything that a plugin declares, one record after the other."""
    if info.error:
        yield Checked("loads", info.error, info.traceback)
        return
    checks: list[tuple[str, Callable[[], None]]] = []
    for kind, check_one in CHECKS.items():
        registry = getattr(plugins, kind)
        names = info.declares.get(kind, ())
        checks += [(f"{kind.removesuffix('s')} {name}", partial(check_one, registry[name])) for name in names]
    for kind, names in info.declares.items():
        for spec in (getattr(plugins, kind)[name] for name in names):
            if getattr(spec, "cite", ()):
                checks.append((f"citations of {kind.removesuffix('s')} {spec.name}", partial(check_cite, spec)))
    for name in info.declares.get("readers", ()):
        if (file := samples or _example_of(name, plugins)) is not None:
            checks.append((f"reader {name}", partial(check_reader, plugins.readers[name], file)))
        else:
            yield Checked(f"reader {name} (give a file with --samples to read one)")
    for what, check in checks:
        failed = isolated("check", info.name, check)
        if isinstance(failed, Failure):
            yield Checked(what, failed.error.removeprefix("AssertionError: "), failed.traceback)
        else:
            yield Checked(what)


def _example_of(reader: str, plugins: Plugins) -> Path | None:
    specs = (spec for spec in plugins.generators.values() if spec.reader == reader and spec.example is not None)
    return next((spec.example() for spec in specs if spec.example is not None), None)


def _faults(items: Iterable[object]) -> str:
    """Number of the first item that is not well made, and what is wrong with it; "" where all are."""
    return next((f"{place}: {problem}" for place, item in enumerate(items) if (problem := fault(item))), "")


def _same(first: Draw | None, second: Draw | None) -> bool:
    if first is None or second is None:
        return first is second
    return list(map(_content, first.items)) == list(map(_content, second.items))


def _content(item: Sample) -> bytes | Converted:
    return item.digest() if isinstance(item, RawStructure) else item
