"""The samples that a discovery begins with: of a finished run, or drawn now as `crystalbench run` draws them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crystalbench.crystals.samples import RawStructure, SampleSet
from crystalbench.datasets import Dataset
from crystalbench.errors import ConfigError, CrystalbenchError, unknown_name
from crystalbench.isolation import required
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.compared import choose_dataset
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.plan import plan_generator
from crystalbench.runs.progress import bar
from crystalbench.runs.stored import Moved, stored_config
from crystalbench.runs.stream import Convert, Stream, draw_replica

Own = Callable[[Sequence[int]], Mapping[int, RawStructure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Samples of one generator, all replicas in a row.

    Attributes
    ----------
    own
        Returns the geometries that samples came with, by row.
    origin
        Where they are from, as the manifest says it.
    notes
        What a reader must know of them.
    """

    generator: str
    title: str
    dataset: Dataset
    samples: SampleSet
    own: Own
    origin: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def of_run(
    folder: RunFolder,
    name: str,
    plugins: Plugins,
    convert: Convert,
    cache: Cache,
    moved: Mapping[str, Sequence[str]] | None = None,
) -> Source:
    """Return the samples of a generator of a finished run; the only measured one where none is named.

    ``moved`` says where the sample files of a generator are now.

    Raises
    ------
    ConfigError
        If there is no such run or generator, or several come into question.
    """
    manifest = folder.manifest()
    if manifest["status"] != Status.FINISHED:
        raise ConfigError(f"{folder.path}: was interrupted; finish it with: crystalbench run --resume {folder.path}")
    rows = {row["name"]: row for row in manifest["generators"]}
    measured = [row["name"] for row in manifest["generators"] if row["kind"] == "measured"]
    if not name and len(measured) != 1:
        raise ConfigError(f"{folder.path}: say which with --generator; it has {', '.join(rows)}")
    name = name or measured[0]
    if name not in rows:
        raise unknown_name("generator", name, rows)
    config = stored_config(manifest, Moved(samples=moved or {}))
    dataset = Dataset(plugins.datasets[manifest["dataset"]["name"]], config.conversion.table)
    parts, replicas = [], rows[name]["replicas"]
    for replica in replicas:
        if "failure" in replica:
            raise ConfigError(f"{folder.path}: {name} failed in this run: {replica['failure']['error']}")
        parts.append(folder.read_samples(replica["samples"], config.conversion.table))
    own, note = _own_of_run(config, name, manifest, plugins, dataset, parts, convert, cache)
    return Source(
        generator=name,
        title=rows[name]["title"],
        dataset=dataset,
        samples=SampleSet.of(item for part in parts for item in part),
        own=own,
        origin={"run": str(folder.path), "key": manifest["key"], "digests": [r["digest"] for r in replicas]},
        notes=(*(note for replica in replicas for note in replica["notes"]), *filter(None, [note])),
    )


def drawn(config: RunConfig, name: str, plugins: Plugins, convert: Convert, cache: Cache) -> Source:
    """Draw the samples of a generator as a run does."""
    comparison = choose_dataset(config, plugins)
    identity = required("identity", f"dataset {comparison.dataset.name}", comparison.dataset.identity)
    dataset = Dataset(comparison.dataset, config.conversion.table, identity)
    plan = plan_generator(name, replace(config, dataset=dataset.name), plugins, identity)
    streams = [Stream(plan, replica, dataset, cache, convert, lambda *_: None) for replica in plan.replicas]
    parts = []
    for stream in streams:
        with bar(f"sampling {plan.title}", None if config.novel else config.n, "samples") as report:
            part = draw_replica(stream, n=config.n, novel=config.novel, limit=config.draw_limit, report=report)
            parts.append(part)
    return Source(
        generator=name,
        title=plan.title,
        dataset=dataset,
        samples=SampleSet.of(item for part in parts for item in part.drawn),
        own=_own(streams, [len(part.drawn) for part in parts]),
        origin={
            "generator": name,
            "key": plan.key,
            "sources": [plan.source(replica) for replica in plan.replicas],
            "digests": [part.digest for part in parts],
        },
        notes=tuple(note for part in parts for note in part.notes),
    )


def _own(streams: Sequence[Stream], lengths: Sequence[int]) -> Own:
    starts = [sum(lengths[:i]) for i in range(len(lengths))]

    def own(rows: Sequence[int]) -> dict[int, RawStructure]:
        found: dict[int, RawStructure] = {}
        for stream, start, length in zip(streams, starts, lengths, strict=True):
            inside = [row - start for row in rows if start <= row < start + length]
            found |= {row + start: structure for row, structure in stream.coordinates(inside).items()}
        return found

    return own


def _own_of_run(
    config: RunConfig,
    name: str,
    manifest: Mapping[str, Any],
    plugins: Plugins,
    dataset: Dataset,
    parts: Sequence[SampleSet],
    convert: Convert,
    cache: Cache,
) -> tuple[Own, str]:
    """Return where own geometries come from, or none and a note where the samples cannot be made again."""
    row = next(row for row in manifest["generators"] if row["name"] == name)
    try:
        plan = plan_generator(name, config, plugins, manifest["dataset"]["identity"])
    except (CrystalbenchError, OSError) as error:
        return lambda rows: {}, f"own geometries are not used: {error}"
    if [replica.key for replica in plan.replicas] != [replica["key"] for replica in row["replicas"]]:
        changed = "the sample files or their reader have" if plan.reader else "the generator has"
        return lambda rows: {}, f"own geometries, where samples had any, are not used: {changed} changed since the run"
    streams = [Stream(plan, replica, dataset, cache, convert, lambda *_: None) for replica in plan.replicas]
    return _own(streams, [len(part) for part in parts]), ""
