"""What the table of a run rests on, as its reports are given it: from the run itself, or from its folder."""

from collections.abc import Mapping, Sequence
from typing import Any

from crystalbench.crystals.wyckoff import Table as LetterTable
from crystalbench.datasets import Dataset
from crystalbench.errors import CrystalbenchError
from crystalbench.evidence import Evidence, RowEvidence
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.material_pages import Firsts, stored_pages
from crystalbench.runs.plan import plan_run_energies
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.verify_energies import stored_book
from crystalbench.tables.listing import Listing, Page
from crystalbench.tables.results import Failure


def evidence_of(
    dataset: Dataset,
    replicas: Mapping[str, Sequence[ReplicaSamples | Failure]],
    materials: Mapping[str, tuple[Page, ...]],
) -> Evidence:
    """Return what the table of these samples rests on; ``materials`` by generator, as of `firsts_of`."""
    rows = {}
    for name, group in replicas.items():
        drawn = [samples for samples in group if isinstance(samples, ReplicaSamples)]
        first = next(iter(group), None)
        rows[name] = RowEvidence(
            samples=tuple(samples.asked for samples in drawn),
            structures=first.structures if isinstance(first, ReplicaSamples) else {},
            materials=materials.get(name, ()),
            training=tuple(samples.training for samples in drawn),
        )
    return Evidence(dataset=dataset, rows=rows)


def firsts_of(replicas: Mapping[str, Sequence[ReplicaSamples | Failure]]) -> dict[str, ReplicaSamples]:
    """Return the first replica of each generator that could be drawn."""
    firsts = {name: next(iter(group), None) for name, group in replicas.items()}
    return {name: first for name, first in firsts.items() if isinstance(first, ReplicaSamples)}


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
    return evidence_of(dataset, replicas, _materials(folder, manifest, plugins, dataset, firsts_of(replicas)))


def _materials(
    folder: RunFolder, manifest: Mapping[str, Any], plugins: Plugins, dataset: Dataset, firsts: Firsts
) -> dict[str, tuple[Page, ...]]:
    """Judge the materials of a run again; where its hull is not there, say so in their place."""
    if "energies" not in manifest:
        return {}
    config = RunConfig.from_mapping(manifest["config"])
    known = {one["name"]: one["identity"] for one in manifest["energies"]["potentials"]}
    try:
        book = stored_book(folder, plan_run_energies(config, plugins, known), config.seed)
        return stored_pages(folder, book, firsts, dataset)
    except (CrystalbenchError, LookupError) as error:
        nothing = Listing(title="Materials", headings=(), rows=(), notes=(f"Cannot be judged again: {error}.",))
        return {name: (Page(title="Materials", listings=(nothing,)),) for name in firsts}
