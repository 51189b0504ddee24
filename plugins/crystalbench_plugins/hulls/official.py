"""The convex hull of the Materials Project joined with WBM, from the tables of matbench-discovery, on first use.

Addresses and digests as in github.com/janosh/matbench-discovery, ``matbench_discovery/data-files.yml`` at 02c292db,
which states MD5 digests and no others. Licence of the data: CC BY 4.0.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crystalbench import CrystalbenchError, Hull, HullSpec, hookimpl
from crystalbench.runs.cache import atomic_write, cache_dir, content_key, file_digest
from crystalbench_plugins._download import download
from crystalbench_plugins.hulls.bundled import TABLE
from crystalbench_plugins.hulls.compositions import Key, key, lowest, uncovered
from crystalbench_plugins.hulls.packed import FORMAT, Phases, pack, read_references, unpack

BASE_URL = "https://figshare.com/files"
MIRROR = "CRYSTALBENCH_HULL_URL"
"""Environment variable: an address under which the files are served by their names."""


class HullError(CrystalbenchError):
    """Tables of a hull that are absent, damaged or not those that were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One compressed CSV file with a column ``formula``.

    Attributes
    ----------
    number
        Of the file at figshare.
    energy, above_hull
        Columns, eV/atom; their difference is a point of the hull. Without the second the rows themselves are points.
    """

    source: str
    name: str
    number: str
    md5: str
    energy: str
    above_hull: str = ""

    @property
    def path(self) -> Path:
        """Where it is kept, or put by hand."""
        return cache_dir() / "hulls" / self.name

    def fetch(self) -> None:
        """Download it unless it is there; raises `HullError` if it is another file than the published one."""
        if not self.path.is_file():
            mirror = os.environ.get(MIRROR)
            url = f"{mirror.rstrip('/')}/{self.name}" if mirror else f"{BASE_URL}/{self.number}"
            download(url, self.path, self.md5, error=HullError, mirror=MIRROR, algorithm="md5")

    def points(self) -> dict[Key, float]:
        """Return the lowest point of each composition, eV/atom."""
        import pandas as pd

        columns = [name for name in ("formula", self.energy, self.above_hull) if name]
        try:
            frame = pd.read_csv(self.path, usecols=columns, keep_default_na=False, na_values={self.energy: [""]})
        except (ValueError, OSError, EOFError) as error:
            raise HullError(f"{self.path}: {error}; delete it to have it downloaded again") from error
        frame = frame.dropna()  # a row without an energy is no point
        heights = frame[self.energy] - (frame[self.above_hull].astype(float) if self.above_hull else 0.0)
        return lowest(frame["formula"].map(key), heights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """A hull of published tables."""

    name: str
    title: str
    tables: tuple[PublishedTable, ...]

    @property
    def packed(self) -> Path:
        """The hull in our format. The name holds all that it depends on."""
        return cache_dir() / "hulls" / f"{self.name}.{self.identity()[:16]}.npz"

    def load(self) -> Hull:
        """Return the hull, downloading and reading its tables on first use."""
        if not self.packed.is_file():
            points = {}
            for table in self.tables:
                table.fetch()
                points[table.source] = table.points()
            # what lies above the elements is no vertex
            kept = {source: {c: e for c, e in found.items() if e < 0} for source, found in points.items()}
            charted = uncovered((c for found in points.values() for c in found), (c for k in kept.values() for c in k))
            parts = [
                Phases(source, list(found), np.array(list(found.values())), charted) for source, found in kept.items()
            ]
            with atomic_write(self.packed) as file:
                pack(parts, read_references(TABLE), file)
        return unpack(self.packed, tuple(table.source for table in self.tables), "delete it to have it made again")

    def identity(self) -> str:
        """Digest of the published digests: known before the download."""
        return content_key(
            md5={table.source: table.md5 for table in self.tables}, elements=file_digest(TABLE), format=FORMAT
        )

    def card(self) -> str:
        files = "\n".join(f"- `{table.name}` md5 `{table.md5}`" for table in self.tables)
        return _CARD.format(name=self.name, title=self.title, files=files)

    @property
    def spec(self) -> HullSpec:
        return HullSpec(
            name=self.name,
            version="1",
            title=self.title,
            load=lambda parameters: self.load(),
            identity=lambda parameters: self.identity(),
            card=self.card,
            cite=("jain2013commentary", "wang2021predicting"),
            ready=lambda: all(table.path.is_file() for table in self.tables) or self.packed.is_file(),
            caveat=f"{self.title}, tables of matbench-discovery; elemental references of the Materials Project",
        )


_CARD = """# {name}: {title}

All compositions in two tables of matbench-discovery, downloaded on first use: of the Materials Project the height of
its hull, formation energy minus energy above hull; of WBM the formation energies with the corrections MP2020. Elemental
references: those of the bundled hulls (Materials Project, 2023-02-07).

**Licence.** CC BY 4.0, attribution to the Materials Project and to WBM (Materials Cloud 2021.68).

{files}
"""

OFFICIAL = (
    Official(
        name="mp-wbm",
        title="Materials Project (2025-02-01) + WBM",
        tables=(
            PublishedTable(
                source="mp",
                name="2025-02-01-mp-energies.csv.gz",
                number="52080797",
                md5="7eb0c49fc169ba92783f2f6d0d19d741",
                energy="formation_energy_per_atom",
                above_hull="energy_above_hull",
            ),
            PublishedTable(
                source="wbm",
                name="2023-12-13-wbm-summary.csv.gz",
                number="64706751",
                md5="1555268d3aa59d20262cb9d01ce0994b",
                energy="e_form_per_atom_mp2020_corrected",
            ),
        ),
    ),
)


@hookimpl
def crystalbench_hulls() -> Iterable[HullSpec]:
    return [hull.spec for hull in OFFICIAL]
