"""What a dataset is to metrics and generators: splits of materials, and which of them samples are compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.prototype import occupation
from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.errors import DatasetError, PluginError


@dataclass(frozen=True)
class Split:
    """One split of a dataset, a row per material.

    Attributes
    ----------
    labels
        Canonical AFLOW labels under the letter table that was asked for; duplicates stay.
    prototypes
        Canonical prototype label of each row.
    energies
        (n,) float32, formation energy in eV/atom, or None; NaN where a row has none.
    """

    labels: tuple[str, ...]
    prototypes: tuple[str, ...]
    energies: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.labels)
        if len(self.prototypes) != n:
            raise ValueError(f"{n} labels and {len(self.prototypes)} prototypes; expected one of each per row")
        if self.energies is not None and np.shape(self.energies) != (n,):
            raise ValueError(f"{n} labels and energies of shape {np.shape(self.energies)}; expected ({n},)")

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def label_set(self) -> frozenset[str]:
        return frozenset(self.labels)

    @cached_property
    def prototype_set(self) -> frozenset[str]:
        return frozenset(self.prototypes)

    @cached_property
    def occupation_set(self) -> frozenset[str]:
        """Occupations of the rows: their prototypes without colours (`Protostructure.occupation`)."""
        return frozenset(map(occupation, self.prototype_set))

    @cached_property
    def spacegroups(self) -> NDArray[np.int16]:
        """(n,) int16, space-group number of each row: the third field of its label."""
        return np.array([label.split("_", 3)[2] for label in self.labels], dtype=np.int16)

    def protostructure(self, row: int) -> Protostructure:
        return Protostructure.from_canonical(self.labels[row])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """Materials in splits: ``train`` is what novelty is counted against.

    Attributes
    ----------
    reference
        The split that distributions are compared with: the training split, or another that is drawn as it is.
    without_train
        Where there is no training split: why, and where to get one. Cells that need it say so.
    load
        Returns one split with labels canonical under the given letter table; raises `DatasetError`.
    identity
        SHA-256 that changes with the content of the dataset; cheap, and known before any download.
    card
        Markdown: source, licence, attribution, counts, caveats.
    ready
        False where the first ``load`` must download.
    cite
        What to cite, as in `crystalbench.interfaces`.
    """

    name: str
    version: str
    title: str
    description: str
    splits: tuple[str, ...]
    load: Callable[[str, LetterTable], Split]
    identity: Callable[[], str]
    card: Callable[[], str]
    ready: Callable[[], bool] = lambda: True
    reference: str = "train"
    without_train: str = ""
    default: bool = False  # the dataset of a run that names none and whose generators name none
    cite: tuple[str, ...] = ()

    @property
    def held_out(self) -> str:
        """The split that nothing is compared with: what a perfect model would give; "" for none."""
        return "test" if "test" in self.splits and self.reference != "test" else ""

    @property
    def no_train(self) -> str:
        """Why novelty cannot be counted; "" where it can."""
        if "train" in self.splits:
            return ""
        remedy = f": {self.without_train}" if self.without_train else ""
        return f"dataset {self.name} has no training split to count novelty against{remedy}"


class Dataset:
    """A dataset as metrics and generators see it: splits are loaded on first use and kept.

    ``identity`` is that of the content which was planned with; "" takes any.
    """

    def __init__(self, spec: DatasetSpec, table: LetterTable = LetterTable.AFFINE, identity: str = "") -> None:
        self.spec = spec
        self.name = spec.name
        self.table = table
        self.identity = identity
        self._splits: dict[str, Split] = {}

    def split(self, name: str) -> Split:
        """Return a split.

        Raises
        ------
        PluginError
            The dataset does not give one.
        DatasetError
            The dataset is another than it was.
        """
        if name not in self._splits:
            split: object = self.spec.load(name, self.table)
            if not isinstance(split, Split):
                raise PluginError(f"dataset {self.name}: load must return a Split, not {type(split).__name__}")
            if self.identity and self.spec.identity() != self.identity:
                raise DatasetError(f"dataset {self.name}: was changed during the run; run again")
            self._splits[name] = split
        return self._splits[name]

    @property
    def train(self) -> Split:
        """What novelty is counted against."""
        return self.split("train")

    @property
    def reference(self) -> Split:
        """What distributions are compared with: the training split, or the one that the dataset names for it."""
        return self.split(self.spec.reference)

    @property
    def held_out(self) -> Split | None:
        """Rows that nothing is compared with; None where there are none."""
        return self.split(self.spec.held_out) if self.spec.held_out else None
