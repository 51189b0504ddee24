"""The datasets that the authors of WyckoffDiff publish, downloaded on first use.

Address and SHA-256 of each file as in the authors' released code (github.com/httk/wyckoffdiff,
``wyckoff_generation/datasets/dataset.py`` at 0aeac177): a file is used only if it is byte for byte that one. The files
are tables in CSV, compressed by bzip2, with labels in the column ``wyckoff_spglib`` as aviary made them.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from crystalbench import CommandSpec, DatasetError, DatasetSpec, Split, hookimpl
from crystalbench.crystals.wyckoff import TABLE_VERSION, Table
from crystalbench.runs.cache import cache_dir, content_key, file_digest
from crystalbench.tables.results import JSON
from crystalbench_plugins._download import download
from crystalbench_plugins.datasets import cards
from crystalbench_plugins.datasets.packed import FORMAT, Packed, pack
from crystalbench_plugins.datasets.rows import Rows, read_labels, write_ledger

BASE_URL = "https://public.openmaterialsdb.se/wyckoffdiff/data"
LABEL_COLUMN = "wyckoff_spglib"
MAX_REJECTED = 0.02
"""Largest share of rows without a valid label; beyond it the file is something else than expected.

Some are: for crystals of one element the labelling function may state twice the orbits that the cell holds
(``A_oI8_74_2h``), which it does for 56 of the 10,153 crystals of Carbon-24.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """One published dataset.

    Attributes
    ----------
    sha256
        Digest of the compressed file of each split.
    energy_column
        Column of the formation energy in eV/atom; empty where there is none.
    timeout
        Seconds that the server may stay silent.
    """

    name: str
    title: str
    description: str
    sha256: Mapping[str, str]
    cite: tuple[str, ...]
    energy_column: str = ""
    timeout: float = 30.0

    @property
    def folder(self) -> Path:
        return cache_dir() / "datasets" / self.name

    def raw(self, split: str) -> Path:
        """Where the published file of a split is kept, or put by hand."""
        return self.folder / f"{self.name}_{split}.csv.bz2"

    def url(self, split: str) -> str:
        base = os.environ.get("CRYSTALBENCH_DATA_URL", BASE_URL).rstrip("/")
        return f"{base}/{self.name}/raw/{self.raw(split).name}"

    def packed(self, split: str) -> Packed:
        """The split in our format. The name holds all that it depends on besides the code that reads labels."""
        key = content_key(source=self.sha256[split], format=FORMAT, letter_table=TABLE_VERSION)
        path = self.folder / f"{self.name}_{split}.{key[:16]}.npz"
        return Packed(self.name, path, f"delete {path} to have it made again")

    def identity(self) -> str:
        """Digest of the published digests: known before the download."""
        return content_key(name=self.name, sha256=dict(self.sha256))

    def ready(self) -> bool:
        """False where `load` must download."""
        return all(self.raw(split).is_file() or self.packed(split).path.is_file() for split in self.sha256)

    def load(self, split: str, table: Table) -> Split:
        """Return one split, downloading and reading its file on first use."""
        if split not in self.sha256:
            raise DatasetError(f"dataset {self.name!r} has no split {split!r}; its splits: {', '.join(self.sha256)}")
        packed = self.packed(split)
        if not packed.path.is_file():
            self._make(split, packed.path)
        return packed.split(split, table)

    def _make(self, split: str, target: Path) -> None:
        raw = self.raw(split)
        if not raw.is_file():
            download(self.url(split), raw, self.sha256[split], timeout=self.timeout)
        elif (found := file_digest(raw)) != self.sha256[split]:
            raise DatasetError(
                f"{raw} is not the published file: its sha256 is {found}, expected {self.sha256[split]}; delete "
                "it to have it downloaded again"
            )
        self._convert(split, raw, target)

    def _convert(self, split: str, raw: Path, target: Path) -> None:
        import pandas as pd

        wanted = {LABEL_COLUMN, self.energy_column, "material_id"}
        frame = pd.read_csv(raw, usecols=lambda column: column in wanted, dtype={LABEL_COLUMN: str})
        absent = {LABEL_COLUMN, self.energy_column} - {""} - set(frame.columns)
        if absent:
            raise DatasetError(f"{raw} has no column {', '.join(sorted(absent))}; report this as a bug")
        labels = frame[LABEL_COLUMN].fillna("")
        # line 1 holds the names of the columns
        places = (f"{raw.name} row {row + 2}" for row in range(len(frame)))
        good, structures, rejected = read_labels(labels, places, Table.AVIARY)
        if rejected:
            first = f"first: {rejected[0].place}, {rejected[0].text!r}: {rejected[0].reason}"
            if len(rejected) > MAX_REJECTED * len(frame):
                raise DatasetError(f"{raw}: {len(rejected)} of {len(frame)} labels are invalid; {first}")
            ledger = target.with_suffix(".rejected.csv")
            write_ledger(rejected, ledger)
            _log.warning("%s: left out %d of %d rows (%s); all in %s", raw, len(rejected), len(frame), first, ledger)
        energies = frame[self.energy_column].to_numpy(np.float64)[good] if self.energy_column else None
        ids = frame["material_id"].astype(str).to_numpy()[good].tolist() if "material_id" in frame else ()
        about: dict[str, JSON] = {"sources": {raw.name: self.sha256[split]}, "rejected": len(rejected)}
        pack({split: Rows.of(structures, energies, ids)}, about, target)

    def card(self) -> str:
        """Prose, and the counts of the splits that are there."""
        prose = files(__package__).joinpath("data", f"{self.name}.md").read_text(encoding="utf-8")
        there = [packed for split in self.sha256 if (packed := self.packed(split)).path.is_file()]
        return cards.render(prose, *there)

    @property
    def spec(self) -> DatasetSpec:
        return DatasetSpec(
            name=self.name,
            version="1",
            title=self.title,
            description=self.description,
            splits=tuple(self.sha256),
            load=self.load,
            identity=self.identity,
            card=self.card,
            ready=self.ready,
            cite=(*self.cite, "ekstrom2025wyckoffdiff"),
        )


OFFICIAL = (
    Official(
        name="wbm",
        title="WBM",
        cite=("wang2021predicting",),
        description="WBM as in the WyckoffDiff paper, with its split; downloaded on first use",
        energy_column="e_form_per_atom_wbm",
        sha256={
            "train": "a0898053c5c124484d97030738e25e0567d33896c3be0a65b1bc22e701807ca6",
            "val": "61afbb7ea3031b269a3ac5bcd5499078e1d83480b6a214d3185c4e4797382ec3",
            "test": "f6aea31b07148f8d9e6f91e84d0a474aa830b4fa70d09f053e476f1822b2bae9",
        },
    ),
    Official(
        name="mp20",
        title="MP-20",
        cite=("jain2013commentary", "xie2022crystal"),
        description="MP-20 as the authors of WyckoffDiff publish it; downloaded on first use",
        energy_column="formation_energy_per_atom",
        sha256={
            "train": "aa9ccf4cf83a58e2aba3492e12f0eaf75bdf2946a7c90fa5bbeea94d731b721a",
            "val": "6b73a81761a74ccf19eb066d4e2cc39a3aae9a0d149d61bd0f966fbf6584a230",
            "test": "716a2dfef434e03e43ac94d195729d4fd8ee9677f3fd11918bb2895e6c8be13a",
        },
    ),
    Official(
        name="carbon24",
        title="Carbon-24",
        cite=("pickard2020airss", "xie2022crystal"),
        description="Carbon-24 as in the WyckoffDiff paper; downloaded on first use; no formation energies",
        sha256={
            "train": "fcee223e4e99939a2600a710faae4e26c7bfcf087192735129ba53f85851e693",
            "val": "8ce62b2977d9f172e26376255a0496ac281e6d113a572f6cd8d150ac22730442",
            "test": "df5995fa0dce33b65ec1fe983e5b68e1fb2bacdcee882285052ac4ef08f38096",
        },
    ),
)


@hookimpl
def crystalbench_datasets() -> Iterable[DatasetSpec]:
    return [dataset.spec for dataset in OFFICIAL]


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    return [
        CommandSpec(
            name="dataset fetch",
            help="Download a published dataset.",
            command="crystalbench_plugins.datasets.fetch_command:command",
        )
    ]
