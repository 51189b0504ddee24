"""Novelty and uniqueness seen more coarsely than by protostructure, and novelty taken apart.

A novel sample is new in one of three ways, so that the three shares add up to novelty: its composition (the reduced
formula with its elements) is not in training; it is, but not in that space group; it is in that space group too, but
not on these positions. What a value means shows in the row of the held-out materials.
"""

from collections.abc import Callable, Iterable
from functools import partial

from crystalbench import (
    ColumnSet,
    Direction,
    Given,
    MetricResult,
    MetricSpec,
    Need,
    Protostructure,
    SampleSet,
    ScoreInput,
    hookimpl,
)
from crystalbench_plugins.metrics._proportion import share

Composition = tuple[str, str]


def composition(label: str) -> Composition:
    """Return what two labels share where their reduced compositions are equal: anonymous formula and elements.

    A canonical label names the elements in alphabetical order, ``AB6C_hR24_166_a_h_b:Cs-F-Sn``, and its formula is
    reduced: both together are the composition, and no label of a large training split is taken apart further.
    """
    return label.partition("_")[0], label.rpartition(":")[2]


def _spacegroup(label: str) -> str:
    return label.split("_", 3)[2]


def new_in(level: str, given: ScoreInput) -> MetricResult:
    """Return the samples that are new in one way, composition, space group or structure / all samples."""
    train = given.train
    compositions = {composition(label) for label in train.labels}
    pairs = {(composition(label), _spacegroup(label)) for label in train.labels}
    counts = {"composition": 0, "spacegroup": 0, "structure": 0}
    for label in given.samples.labels:
        own = composition(label)
        if own not in compositions:
            counts["composition"] += 1
        elif (own, _spacegroup(label)) not in pairs:
            counts["spacegroup"] += 1
        elif label not in train.label_set:
            counts["structure"] += 1
    return share(counts[level], len(given.samples), of="samples")


def new_prototypes(given: ScoreInput) -> MetricResult:
    """Return the samples whose prototype is not in training / all samples; duplicates count each."""
    known = given.train.prototype_set
    return share(sum(p.prototype not in known for p in given.samples.valid), len(given.samples), of="samples")


def distinct(kind: Callable[[Protostructure], object], given: ScoreInput) -> MetricResult:
    """Return the distinct kinds of samples / all samples."""
    return share(len({kind(p) for p in given.samples.valid}), len(given.samples), of="samples")


def valid_unique_novel(given: ScoreInput) -> MetricResult:
    """Return distinct novel protostructures / all samples: valid, unique and novel ("V.U.N.") at once.

    Duplicates are handled as in uniqueness: the value falls as the number of samples grows, and the Wilson interval is
    right where duplicates are rare, too wide where they are the rule.
    """
    samples: SampleSet = given.samples
    novel = [label for label in samples.labels if label not in given.train.label_set]
    kinds = len({*novel})
    return share(kinds, len(samples), of="samples", details={"novel": len(novel), "duplicates": len(novel) - kinds})


@hookimpl
def crystalbench_metrics() -> Iterable[MetricSpec]:
    def level(name: str, order: int, title: str, description: str, compute: Callable[[ScoreInput], MetricResult],
              *, train: bool = True, unique: bool = False, prototypes: bool = False) -> MetricSpec:  # fmt: skip
        return MetricSpec(
            name=name, version="1", order=order, within=ColumnSet.ALL, default=False, title=title, latex=title,
            description=description, unit="%", compute=compute,
            direction=Direction.HIGHER if unique else Direction.NONE, size_dependent=unique,
            needs=frozenset({Need.TRAIN}) if train else frozenset(),
            measures=frozenset({Given.PROTOTYPES}) if prototypes else frozenset(),
        )  # fmt: skip

    return (
        level("vun", 55, "V.U.N.", "Distinct protostructures that are not in training, per sample; depends on the "
              "number of samples.", valid_unique_novel, unique=True),
        level("composition_novelty", 130, "New composition", "Share of all samples whose composition is not in the "
              "training split.", partial(new_in, "composition")),
        level("spacegroup_novelty", 131, "New space group", "Share of all samples whose composition is in the training "
              "split, but not in their space group.", partial(new_in, "spacegroup")),
        level("structure_novelty", 132, "New structure", "Share of all samples whose composition is in the training "
              "split in their space group, but on other positions.", partial(new_in, "structure")),
        level("prototype_novelty_share", 133, "Of new prototype", "Share of all samples whose prototype is not in the "
              "training split.", new_prototypes, prototypes=True),
        level("composition_uniqueness", 134, "Unique compositions", "Distinct compositions per sample; depends on the "
              "number of samples.", partial(distinct, lambda p: composition(p.label)), train=False, unique=True),
        level("prototype_uniqueness", 135, "Unique prototypes", "Distinct prototypes per sample; depends on the number "
              "of samples.", partial(distinct, lambda p: p.prototype), train=False, unique=True, prototypes=True),
    )  # fmt: skip
