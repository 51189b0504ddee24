"""The results folder of one run: enough to recompute every cell of its table.

inputs/               samples that were in memory, as the run read them
manifest.json         the resolved configuration, versions, hardware, digests of the other files
samples/NAME.R.csv    every sample of replica R in order: protostructure, or the reason why there is none
samples/NAME.0.structures.json   the first samples that came with coordinates, for the report
samples/NAME.R.geometry.csv      what the samples measure, where a metric asks for it
samples/NAME.R.training.csv      how the model was trained, where a table beside it says so
ledger.csv            the invalid samples of all generators with their reasons
scores.json           every cell at full precision, with its denominator and interval
table.*               the table, in every report format
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, SampleSet
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ConfigError, ReadError
from crystalbench.interfaces import Timing
from crystalbench.runs.cache import atomic_write, content_key, file_digest, read_regular
from crystalbench.runs.chunks import to_json
from crystalbench.runs.config import RunConfig
from crystalbench.runs.geometry_file import SUFFIX as GEOMETRY
from crystalbench.runs.geometry_file import read_geometries
from crystalbench.runs.inputs import INPUTS, SUFFIX, placed, portable
from crystalbench.runs.manifest_shape import Status, check_shape
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.training_file import SUFFIX as TRAINING
from crystalbench.runs.training_file import read_training
from crystalbench.tables.results import JSON, Failure

MANIFEST_SCHEMA = 4
MANIFEST = "manifest.json"
LEDGER = "ledger.csv"
STRUCTURES = ".structures.json"
SAMPLE_FIELDS = ("index", "protostructure", "reason", "detail")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Reads and writes the files of one run; every write is atomic."""

    path: Path

    def write_text(self, name: str, text: str) -> None:
        with atomic_write(self.path / name) as file:
            file.write(text.encode("utf-8", "backslashreplace"))  # a title may hold what no file can

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        self.write_text(name, json.dumps(document, indent=1) + "\n")

    def write_samples(self, name: str, samples: SampleSet) -> None:
        self.write_text(name, samples_text(samples))

    def read_samples(self, name: str, table: Table) -> SampleSet:
        """Read samples back; every label is checked as strictly as a stranger's."""
        text = io.StringIO(read_regular(self.path / name).decode("utf-8"), newline="")
        return SampleSet.of(_item(row, table) for row in csv.DictReader(text))

    def write_structures(self, name: str, structures: Mapping[int, RawStructure]) -> None:
        self.write_json(name, {"structures": {str(place): to_json(item) for place, item in structures.items()}})

    def read_structures(self, name: str) -> dict[int, RawStructure]:
        """Read structures back; there are none where there is no such file.

        Raises
        ------
        ReadError
            The file is damaged.
        """
        try:
            document = json.loads(read_regular(self.path / name).decode("utf-8"))
            return {
                int(place): RawStructure.of(item["lattice"], item["frac_coords"], item["numbers"])
                for place, item in document["structures"].items()
            }
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ReadError(f"{self.path / name}: no structures of a run; run again") from error

    def read_replica(self, name: str, written: Mapping[str, Any], table: Table) -> ReplicaSamples:
        """Read a replica back: ``written`` is what the manifest says of it, ``name`` its generator and number."""
        return ReplicaSamples(
            name=name,
            drawn=self.read_samples(written["samples"], table),
            n=written["n"],
            timing=Timing(**written["timing"]) if written["timing"] else None,
            notes=tuple(written["notes"]),
            structures=self.read_structures(written["samples"].removesuffix(".csv") + STRUCTURES),
            geometries=read_geometries(
                self.path / (written["samples"].removesuffix(".csv") + GEOMETRY), min(written["n"], written["drawn"])
            ),
            training=read_training(self.path / (written["samples"].removesuffix(".csv") + TRAINING)),
        )

    def manifest(self) -> dict[str, Any]:
        """Read the manifest; raises `ConfigError` where there is no run, `ReadError` for a damaged one."""
        path = self.path / MANIFEST
        try:
            document = json.loads(read_regular(path).decode("utf-8"))
        except OSError as error:
            raise ConfigError(f"{self.path}: no run here, nor a discovery; name a folder below results/") from error
        except (ValueError, RecursionError) as error:
            raise ReadError(f"{path}: no JSON, so no manifest; run again") from error
        if isinstance(document, dict) and document.get("kind") == "discovery":
            raise ConfigError(f"{self.path}: holds a discovery, no run; 'crystalbench table' and 'verify' take it")
        if not isinstance(document, dict) or document.get("schema_version") != MANIFEST_SCHEMA:
            raise ReadError(f"{path}: not of schema version {MANIFEST_SCHEMA}; run again with this crystalbench")
        check_shape(document, str(path))
        return placed(document, self.path)

    def config(self) -> RunConfig:
        """Return the settings of the run; raises what `manifest` raises."""
        return RunConfig.from_mapping(self.manifest()["config"])

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write what is known of the run, with a digest of it where it has ended."""
        document = portable(manifest, self.path)
        if document["status"] == Status.FINISHED:
            document["digest"] = digest_of(document)
        self.write_json(MANIFEST, document)

    def written(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Return a manifest that was read as it stands in its file."""
        return portable(manifest, self.path)

    def claim(self, key: str) -> None:
        """Refuse to write the run of a key over another run or other files; raises `ConfigError`."""
        if self.exists() and self.manifest()["key"] != key:
            raise ConfigError(
                f"{self.path}: holds a run with other settings, another dataset or other versions of plugins; "
                "choose another folder with --out"
            )
        if not self.exists() and self.holds_files():
            raise ConfigError(f"{self.path}: holds other files; choose another folder with --out")

    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.path / MANIFEST).exists()

    def holds_files(self) -> bool:
        """Whether there is anything here but inputs of a run and what an interrupted write left."""
        return self.path.exists() and any(
            not path.name.startswith(".") and path.name != INPUTS for path in self.path.iterdir()
        )

    def remove_reports(self) -> None:
        """Remove the tables of an earlier execution, which may have had other formats or titles."""
        for path in self.path.glob("table.*"):
            path.unlink()

    def digests(self) -> dict[str, JSON]:
        """SHA-256 of every file but the manifest and what an interrupted write left, by name."""
        files = sorted(
            p for p in self.path.rglob("*") if p.is_file() and p.name != MANIFEST and not p.name.startswith(".")
        )
        return {p.relative_to(self.path).as_posix(): file_digest(p) for p in files}


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest but for its own ``digest``: it tells of damage, not of forgery."""
    return content_key(manifest={key: value for key, value in manifest.items() if key != "digest"})


def samples_name(generator: str, replica: int) -> str:
    """File of one replica, relative to the run; generator names may hold anything and be of any length."""
    return f"samples/{_safe(generator)}.{replica}.csv"


def input_name(generator: str, replica: int) -> str:
    """File of the samples that a replica was given in memory, relative to the run."""
    return f"{INPUTS}/{_safe(generator)}.{replica}{SUFFIX}"


def _safe(generator: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9_+-]", lambda m: f"%{ord(m.group()):X}", generator)
    return safe if len(safe) <= 100 else f"{safe[:80]}-{content_key(name=safe)[:16]}"


def structures_name(generator: str, replica: int) -> str:
    """File of the structures of one replica, beside its samples."""
    return samples_name(generator, replica).removesuffix(".csv") + STRUCTURES


def geometry_name(generator: str, replica: int) -> str:
    """File of what the samples of one replica measure, beside them."""
    return samples_name(generator, replica).removesuffix(".csv") + GEOMETRY


def training_name(generator: str, replica: int) -> str:
    """File of how the model of one replica was trained, beside its samples."""
    return samples_name(generator, replica).removesuffix(".csv") + TRAINING


def csv_text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows with a line that names their columns."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def samples_text(samples: SampleSet) -> str:
    """The samples of one replica, as CSV."""
    return csv_text(SAMPLE_FIELDS, (sample_row(i, item) for i, item in enumerate(samples)))


def ledger_text(replicas: Mapping[str, Sequence[ReplicaSamples | Failure]]) -> str:
    """The invalid samples of all generators, as CSV."""
    rows = (
        (generator, index, place, str(item.reason), item.detail)
        for generator, group in replicas.items()
        for index, samples in enumerate(group)
        if not isinstance(samples, Failure)
        for place, item in enumerate(samples.drawn)
        if isinstance(item, Invalid)
    )
    return csv_text(("generator", "replica", "index", "reason", "detail"), rows)


def sample_row(index: int, item: Converted) -> tuple[object, ...]:
    """One sample as a CSV row of `SAMPLE_FIELDS`."""
    if isinstance(item, Invalid):
        return index, "", str(item.reason), item.detail
    return index, item.label, "", ""


def _item(row: Mapping[str, str], table: Table) -> Converted:
    from crystalbench.crystals.protostructure import Protostructure

    if row["reason"]:
        return Invalid(InvalidReason(row["reason"]), row["detail"])
    return Protostructure.parse(row["protostructure"], table)
