"""Samples and training splits small enough to count by hand."""

from collections.abc import Callable, Iterable

from hypothesis import strategies as st

from crystalbench import (
    Dataset,
    DatasetSpec,
    Invalid,
    InvalidReason,
    MetricSpec,
    Parameters,
    Protostructure,
    SampleSet,
    ScoreInput,
    Split,
    Timing,
)
from crystalbench.crystals.samples import Converted

SALT = Protostructure(225, [("Na", "a"), ("Cl", "b")])
IODIDE = Protostructure(225, [("K", "a"), ("I", "b")])  # SALT's prototype
RUTILE = Protostructure(136, [("Ti", "a"), ("O", "f")])
BRASS = Protostructure(221, [("Cu", "a"), ("Zn", "b")])
SILICON = Protostructure(227, [("Si", "a")])
TRICLINIC = Protostructure(1, [("Li", "a"), ("O", "a")])
MONOCLINIC = Protostructure(15, [("Mg", "e"), ("S", "e")])
CRASH = Invalid(InvalidReason.CRASH, "worker died")
EMPTY = Invalid(InvalidReason.EMPTY)

POOL = (SALT, IODIDE, RUTILE, BRASS, SILICON, TRICLINIC, MONOCLINIC, CRASH, EMPTY)
samples = st.lists(st.sampled_from(POOL), max_size=30)
references = st.lists(st.sampled_from([item for item in POOL if isinstance(item, Protostructure)]), min_size=1)


def dataset(rows: Iterable[Protostructure]) -> Dataset:
    """Return a dataset whose training split has these rows."""
    rows = tuple(rows)
    split = Split(tuple(row.label for row in rows), tuple(row.prototype for row in rows))
    return Dataset(
        DatasetSpec(
            name="handmade",
            version="1",
            title="Handmade",
            description="A few crystals",
            splits=("train",),
            load=lambda name, table: split,
            identity=lambda: "0",
            card=lambda: "",
        )
    )


def inputs(
    items: Iterable[Converted],
    train: Iterable[Protostructure] = (),
    timing: Timing | None = None,
    seed: int = 0,
    **parameters: str,
) -> ScoreInput:
    """Return what the core would give a metric."""
    given: Parameters = parameters
    return ScoreInput(samples=SampleSet.of(items), parameters=given, seed=seed, dataset=dataset(train), timing=timing)


def spec(hook: Callable[[], Iterable[MetricSpec]], name: str) -> MetricSpec:
    """Return the record that a plugin declares under this name."""
    return {item.name: item for item in hook()}[name]
