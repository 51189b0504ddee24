"""What stands behind a table: for reports that show samples and distributions, not numbers alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crystalbench.crystals.samples import RawStructure, SampleSet
from crystalbench.datasets import Dataset
from crystalbench.tables.listing import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCurve:
    """How a model was trained: ``epochs`` that rise, and by name a value for each of them, None where it has none."""

    epochs: tuple[float, ...]
    columns: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEvidence:
    """What the row of one generator rests on.

    Attributes
    ----------
    samples
        The samples that were asked for, of each replica that could be drawn.
    structures
        Of the first replica, the first samples that came with coordinates, as they came, by their place.
    materials
        Of the first replica, the best materials that were made of its samples, a page for each potential.
    training
        How the model of each replica was trained that could be drawn; None where nothing says it.
    """

    samples: tuple[SampleSet, ...]
    structures: Mapping[int, RawStructure] = field(default_factory=dict)
    materials: tuple[Page, ...] = ()
    training: tuple[TrainingCurve | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The samples of a run by generator, and the dataset that they were compared with."""

    dataset: Dataset
    rows: Mapping[str, RowEvidence]
