"""Convert and score the samples of a run again with other settings: the same plan, run once for each of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crystalbench import (
    Cell,
    Column,
    ConfigError,
    Converted,
    Dataset,
    Failure,
    Invalid,
    Missing,
    NotComputable,
    ReadError,
    Row,
    SampleSet,
)  # fmt: skip
from crystalbench.crystals.convert import ConversionSettings, Converter
from crystalbench.interfaces import ReporterSpec
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.config import RunConfig
from crystalbench.runs.evidence import stored_evidence
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.plan import make_plan
from crystalbench.runs.progress import bar
from crystalbench.runs.run import Finished, Run
from crystalbench.runs.stored import Moved, stored_config
from crystalbench.runs.stream import Stream
from crystalbench.tables.results import Outcome
from crystalbench_plugins.metrics._proportion import share

SHARES = (
    Column(key="invalid", title="Invalid", latex="", unit="%", description="Denominator: all samples."),
    Column(key="spacegroup_1", title="Space group 1", latex="", unit="%", description="Denominator: valid samples."),
    Column(
        key="other_labels", title="Other labels", latex="", unit="%",
        description="Samples whose protostructure, or that they have none, is another than with the run's own setting. "
        "Denominator: all samples.",
    ),
)  # fmt: skip
"""What is said of every row, whatever the metrics of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """One generator: its row in the table of the run, and for each column its cell under each setting, in order."""

    row: Row
    cells: Mapping[str, tuple[Cell, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The numbers of a run under several settings of the conversion.

    Attributes
    ----------
    settings
        The run's own first.
    columns
        `SHARES`, then those of the run.
    unmoved
        Titles of the rows whose samples are labels already: no conversion changes them.
    notes
        Warnings that belong to some setting.
    failures
        What failed while a cell was computed, or a sample drawn.
    """

    title: str
    dataset: str
    settings: tuple[ConversionSettings, ...]
    columns: tuple[Column, ...]
    rows: tuple[Swept, ...]
    unmoved: tuple[str, ...]
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


def name_of(settings: ConversionSettings) -> str:
    """Return a name for folders."""
    return f"{settings.backend}-{settings.symprec:g}"


def title_of(settings: ConversionSettings) -> str:
    """Return a name for readers."""
    return f"{settings.backend} {settings.symprec:g} Å"


def combinations(
    own: ConversionSettings, symprecs: Sequence[float], backends: Sequence[str]
) -> tuple[ConversionSettings, ...]:
    """Return every combination once, the run's ``own`` before them; raises `ConfigError` for what makes no sense."""
    asked = [replace(own, backend=backend, symprec=symprec) for backend in backends for symprec in symprecs]  # type: ignore[arg-type]
    return tuple(dict.fromkeys((own, *asked)))


def swept(
    run: Path,
    symprecs: Sequence[float],
    backends: Sequence[str],
    plugins: Plugins,
    moved: Mapping[str, Sequence[str]],
    out: Path | None = None,
) -> Sweep:
    """Run the plan of a finished run once for each setting, into folders below ``out`` where they are to be kept.

    Raises
    ------
    ConfigError
        The run has no samples with coordinates, or settings make no sense.
    ReadError
        With the run's own setting the samples are not those of the run.
    """
    manifest = RunFolder(run).manifest()
    if manifest["status"] != Status.FINISHED:
        raise ConfigError(f"{run}: was interrupted; finish it with: crystalbench run --resume {run}")
    config = stored_config(manifest, Moved(samples=moved))
    settings = combinations(config.conversion, symprecs, backends)
    convertible, unmoved = _convertible(config, plugins)
    if not convertible:
        raise ConfigError(f"{run}: no sample of {', '.join(unmoved)} came with coordinates; labels are not converted")
    config = replace(config, generators=convertible, published=False, reports=_no_reports(plugins))
    with TemporaryDirectory() as temporary, bar("sweeping", len(settings), "settings") as report:
        folders, runs = [], []
        for done, one in enumerate(settings):
            report(done, title_of(one))
            folders.append(RunFolder((out or Path(temporary)) / name_of(one)))
            plan = make_plan(replace(config, conversion=one), plugins)
            runs.append(Run(plan, plugins, folders[-1], log=lambda line: None).execute())
            if not done:
                _check_own(manifest, folders[0], convertible)
        report(len(settings))
        samples = [
            {name: row.samples for name, row in stored_evidence(folder, plugins).rows.items()} for folder in folders
        ]
    return Sweep(
        title=runs[0].table.title,
        dataset=manifest["dataset"]["name"],
        settings=settings,
        columns=(*SHARES, *runs[0].table.columns),
        rows=tuple(_row(name, runs, samples) for name in convertible),
        unmoved=unmoved,
        notes=tuple(_notes(settings, [one.table.notes for one in runs])),
        failures=tuple(failure for one in runs for failure in one.failures),
    )


def _notes(settings: Sequence[ConversionSettings], notes: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the warnings of the run's own setting, and of the others those of rows that it does not warn of."""
    warned = {note.partition(":")[0] for note in notes[0]}
    for i, (one, found) in enumerate(zip(settings, notes, strict=True)):
        for note in found:
            if not i:
                yield note
            elif note.partition(":")[0] not in warned:
                yield f"with {title_of(one)}: {note}"


def _convertible(config: RunConfig, plugins: Plugins) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the rows whose samples have coordinates, and the titles of the others."""
    plan = make_plan(config, plugins)
    dataset = Dataset(plan.dataset, config.conversion.table, plan.dataset_identity)
    with Converter(config.conversion, config.executors) as converter:
        found = {
            row.name: _with_coordinates(
                Stream(row, row.replicas[0], dataset, Cache(), converter.convert, lambda *_: None, config.executors)
            )
            for row in plan.generators
        }
    return (
        tuple(name for name, yes in found.items() if yes),
        tuple(row.title for row in plan.generators if not found[row.name]),
    )


def _with_coordinates(stream: Stream) -> bool:
    """Whether samples come as structures, as the first chunk says that holds a valid one."""
    chunk = next(chunk for chunk in stream.chunks() if chunk.last or chunk.coordinates or SampleSet(chunk.items).valid)
    stream.end()
    return chunk.coordinates


def _no_reports(plugins: Plugins) -> tuple[str, ...]:
    """The reporter whose file every run has anyway; all where it is not installed."""
    reporters: Mapping[str, ReporterSpec] = plugins.reporters
    return tuple(name for name, reporter in reporters.items() if reporter.suffix == ".json")


def _check_own(manifest: Mapping[str, Any], again: RunFolder, names: Sequence[str]) -> None:
    """Raise `ReadError` where converting as the run did does not give the samples that it has."""
    before, now = (
        {row["name"]: [replica.get("digest") for replica in row["replicas"]] for row in document["generators"]}
        for document in (manifest, again.manifest())
    )
    if other := [name for name in names if before[name] != now[name]]:
        raise ReadError(
            f"{', '.join(other)}: converted as in the run the samples are not those of the run; give its own files "
            "with --samples, or run again with these versions"
        )


def _row(name: str, runs: Sequence[Finished], samples: Sequence[Mapping[str, Sequence[SampleSet]]]) -> Swept:
    rows = [next(row for row in one.table.rows if row.generator == name) for one in runs]
    cells = {column.key: tuple(row.cells.get(column.key, Cell()) for row in rows) for column in runs[0].table.columns}
    own = samples[0][name]
    made = [_shares(one[name], own) for one in samples]
    return Swept(row=rows[0], cells={column.key: tuple(m[column.key] for m in made) for column in SHARES} | cells)


def _shares(replicas: Sequence[SampleSet], own: Sequence[SampleSet]) -> dict[str, Cell]:
    """Return the cells of `SHARES`; none where a replica failed under one of the settings."""
    if len(replicas) < len(own):
        return {column.key: Cell() for column in SHARES}
    counted = [_counted(drawn, before) for drawn, before in zip(replicas, own, strict=True)]
    return {
        column.key: Cell(outcomes=tuple(_share(*replica[place]) for replica in counted))
        for place, column in enumerate(SHARES)
    }


def _counted(drawn: SampleSet, before: SampleSet) -> tuple[tuple[int, int, str], ...]:
    """Return hits and denominator, and what it counts, of each of `SHARES`."""
    n, valid = len(drawn), drawn.valid
    other = sum(_label(now) != _label(then) for now, then in zip(drawn, before, strict=True))
    return (
        (n - len(valid), n, "samples"),
        (sum(p.spacegroup == 1 for p in valid), len(valid), "valid samples"),
        (other, n, "samples"),
    )


def _share(hits: int, n: int, of: str) -> Outcome:
    try:
        return share(hits, n, of=of)
    except NotComputable as reason:
        return Missing(str(reason))


def _label(item: Converted) -> str:
    return "" if isinstance(item, Invalid) else item.label
