"""Datasets that come with crystalbench and need no network (made by `build_bundled` in this folder)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from crystalbench import DatasetError, DatasetSpec, Split, hookimpl
from crystalbench.crystals.wyckoff import Table
from crystalbench.runs.cache import file_digest
from crystalbench_plugins.datasets import cards
from crystalbench_plugins.datasets.packed import Packed

_REMEDY = "install crystalbench again; this file is part of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A packed file and its card in the package.

    Attributes
    ----------
    unions
        Splits that are other splits one after another.
    reference
        The split that distributions are compared with.
    without_train
        Why there is no training split and what to do; empty where there is one.
    """

    name: str
    title: str
    description: str
    splits: tuple[str, ...]
    cite: tuple[str, ...]
    unions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reference: str = "train"
    without_train: str = ""
    default: bool = False

    @property
    def path(self) -> Path:
        return Path(str(files(__package__) / "data" / f"{self.name}.npz"))

    @property
    def packed(self) -> Packed:
        return Packed(self.name, self.path, _REMEDY)

    def load(self, split: str, table: Table) -> Split:
        """Return one split; raises `DatasetError` where there is none of that name."""
        if split == "train" and self.without_train:
            raise DatasetError(f"dataset {self.name!r} has no training split: {self.without_train}")
        if parts := self.unions.get(split):
            return union([self.load(part, table) for part in parts])
        return self.packed.split(split, table)

    def identity(self) -> str:
        if not self.path.is_file():
            raise DatasetError(f"dataset {self.name!r}: there is no file {self.path}; {_REMEDY}")
        return file_digest(self.path)

    def card(self) -> str:
        return cards.render(self.path.with_suffix(".md").read_text(encoding="utf-8"), self.packed)

    @property
    def spec(self) -> DatasetSpec:
        return DatasetSpec(
            name=self.name,
            version="1",
            title=self.title,
            description=self.description,
            splits=self.splits + tuple(self.unions),
            load=self.load,
            identity=self.identity,
            card=self.card,
            reference=self.reference,
            without_train=self.without_train,
            default=self.default,
            cite=self.cite,
        )


def union(parts: list[Split]) -> Split:
    """Put splits one after another; a part without energies gets NaN where others have them."""
    energies = None
    if any(part.energies is not None for part in parts):
        unknown = (np.full(len(part), np.nan, np.float32) for part in parts)
        columns = zip((part.energies for part in parts), unknown, strict=True)
        energies = np.concatenate([nan if own is None else own for own, nan in columns])
    return Split(
        labels=tuple(label for part in parts for label in part.labels),
        prototypes=tuple(prototype for part in parts for prototype in part.prototypes),
        energies=energies,
    )


BUNDLED = (
    Bundled(
        name="wbm-rebuilt",
        title="WBM, rebuilt labels",
        cite=("wang2021predicting",),
        description="247,814 materials of WBM with DFT formation energies; labels at symprec 0.01, own split",
        splits=("train", "val", "test"),
        default=True,
    ),
    Bundled(
        name="carbon24-bundled",
        title="Carbon-24",
        cite=("pickard2020airss", "xie2022crystal"),
        description="10,153 carbon crystals in the usual split; labels at symprec 0.1; no formation energies",
        splits=("train", "val", "test"),
    ),
    Bundled(
        name="mp20-eval",
        title="MP-20, validation and test",
        cite=("jain2013commentary", "xie2022crystal"),
        description="18,093 Materials Project crystals with formation energies; compares with val, counts no novelty",
        splits=("val", "test"),
        unions={"all": ("val", "test")},
        reference="val",
        without_train="its files hold only MP-20's validation and test materials. For novelty against MP-20 use the "
        "dataset 'mp20' (downloaded on first use), or make one of your own training set with "
        "'crystalbench dataset build'",
    ),
)


@hookimpl
def crystalbench_datasets() -> Iterable[DatasetSpec]:
    return [dataset.spec for dataset in BUNDLED]
