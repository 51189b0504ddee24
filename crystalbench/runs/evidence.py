"""What the table of a run rests on, as its reports are given it: from the run itself, or from its folder."""

from collections.abc import Mapping, Sequence

from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.datasets import Dataset
from crystalbench.evidence import Evidence, RowEvidence
from crystalbench.plugins import Plugins
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.tables.results import Failure


def evidence_of(dataset: Dataset, replicas: Mapping[str, Sequence[ReplicaSamples | Failure]]) -> Evidence:
    """Return what the table of these samples rests on."""
    rows = {}
    for name, group in replicas.items():
        drawn = [samples for samples in group if isinstance(samples, ReplicaSamples)]
        first = next(iter(group), None)
        structures = first.structures if isinstance(first, ReplicaSamples) else {}
        rows[name] = RowEvidence(samples=tuple(samples.asked for samples in drawn), structures=structures)
    return Evidence(dataset=dataset, rows=rows)


def stored_evidence(folder: RunFolder, plugins: Plugins) -> Evidence:
    """Return what the table in a folder rests on, read back from it.

    Raises
    ------
    CrystalbenchError
        There is no run, a file of it is damaged, or its dataset is not there.
    OSError
        A file of it is missing.
    """
    manifest = folder.manifest()
    table = LetterTable(manifest["config"]["conversion"]["table"])
    dataset = Dataset(plugins.datasets[manifest["dataset"]["name"]], table, manifest["dataset"]["identity"])
    replicas: dict[str, list[ReplicaSamples | Failure]] = {}
    for row in manifest["generators"]:
        group = replicas.setdefault(row["name"], [])
        for index, written in enumerate(row["replicas"]):
            if "samples" not in written:
                group.append(Failure(**written["failure"]))
                continue
            group.append(folder.read_replica(f"{row['name']}/{index}", written, table))
    return evidence_of(dataset, replicas)
