"""Run a plan: sample, convert, score, report. Every step is isolated, cached and written down."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crystalbench import __version__
from crystalbench.cache import Cache
from crystalbench.convert import Converter
from crystalbench.environment import environment
from crystalbench.errors import ConfigError
from crystalbench.folder import MANIFEST, SCHEMA_VERSION, RunFolder, samples_name
from crystalbench.interfaces import Dataset
from crystalbench.plan import GeneratorPlan, Plan, ReplicaPlan
from crystalbench.plugins import Plugins
from crystalbench.progress import bar
from crystalbench.results import Cell, Failure, Outcome, Row, Table
from crystalbench.results_json import outcome_to_json
from crystalbench.samples import Converted, Invalid, Sample
from crystalbench.score import Scored, Scorer, score_all
from crystalbench.stream import Stream, draw_replica
from crystalbench.table import column_of, run_settings, with_published

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: its folder and table. ``failures`` lists what went wrong; empty means exit code 0."""

    folder: Path
    table: Table
    failures: tuple[Failure, ...]


@dataclass
class Run:
    """One execution of a plan into ``folder``; ``log`` receives lines for the user."""

    plan: Plan
    plugins: Plugins
    folder: RunFolder
    log: Log
    cache: Cache = field(default_factory=Cache)
    _converter: Converter | None = field(default=None, init=False)
    _open: ExitStack = field(default_factory=ExitStack, init=False)
    _seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float), init=False)
    _failures: list[Failure] = field(default_factory=list, init=False)

    def execute(self) -> Finished:
        """Do everything; what fails is in the table and in ``Finished.failures``."""
        _claim(self.folder, self.plan)
        started = datetime.now(UTC)
        dataset = Dataset(self.plan.dataset, self.plan.config.conversion.table)
        if not self.plan.dataset.ready():
            for split in self.plan.dataset.splits:
                dataset.split(split)  # downloads, or says what to put where, before anything is sampled
        manifest = self._manifest(started)
        self.folder.write_json(MANIFEST, manifest)
        with ExitStack() as self._open:
            replicas = self._draw_all(dataset)
        cells = self._score(dataset, replicas)
        table = self._table(replicas, cells)
        self._write(replicas, cells, table)
        manifest["generators"] = [self._generator_json(g, replicas[g.name]) for g in self.plan.generators]
        manifest["failures"] = [outcome_to_json(f) for f in self._failures]
        manifest["seconds"] = dict(self._seconds)
        manifest["status"] = "finished"
        manifest["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        manifest["files"] = self.folder.digests()
        self.folder.write_json(MANIFEST, manifest)
        return Finished(self.folder.path, table, tuple(self._failures))

    # --- samples ----------------------------------------------------------------------------------------------

    def _draw_all(self, dataset: Dataset) -> dict[str, tuple[Scored | Failure, ...]]:
        return {
            g.name: tuple(self._draw(Stream(g, r, dataset, self.cache, self._convert, self._step)) for r in g.replicas)
            for g in self.plan.generators
        }

    def _draw(self, stream: Stream) -> Scored | Failure:
        config = self.plan.config
        with bar(stream.generator.title, config.draw_limit, "samples") as progress:
            try:
                drawn = draw_replica(stream, n=config.n, novel=config.novel, limit=config.draw_limit, progress=progress)
            except Exception as error:  # noqa: BLE001 - a generator is third-party code; its row shows what went wrong
                failure = Failure("sample", stream.generator.plugin, f"{type(error).__name__}: {error}")
                self._failures.append(failure)
                self.log(f"{stream.name}: {failure.error}")
                return failure
        return Scored(name=stream.name, samples=drawn)

    def _convert(self, samples: list[Sample]) -> list[Converted]:
        if self._converter is None:
            settings, workers = self.plan.config.conversion, self.plan.config.workers
            self._converter = self._open.enter_context(Converter(settings, workers))
        return self._converter.convert(samples)

    def _step(self, step: str, name: str, seconds: float, cached: bool) -> None:
        self._seconds[step] += seconds
        for error in self.plugins.step_finished(step, name, seconds, cached):
            self.log(str(error))

    # --- scores and reports -----------------------------------------------------------------------------------

    def _score(
        self, dataset: Dataset, replicas: dict[str, tuple[Scored | Failure, ...]]
    ) -> dict[str, dict[str, tuple[Outcome, ...]]]:
        scorer = Scorer(
            dataset=dataset,
            dataset_identity=self.plan.dataset_identity,
            novel=self.plan.config.novel,
            seed=self.plan.config.seed,
            cache=self.cache,
            finished=self._step,
        )
        done = Counter[str]()
        with bar("scoring", len(self.plan.metrics) * len(replicas), "cells") as progress:

            def advance() -> None:
                done["cells"] += 1
                progress(done["cells"])

            cells = score_all(scorer, self.plan.metrics, replicas, advance)
        for row in cells.values():
            found = [o for outcomes in row.values() for o in outcomes if isinstance(o, Failure) and o.step == "score"]
            self._failures += found
        return cells

    def _table(
        self,
        replicas: dict[str, tuple[Scored | Failure, ...]],
        cells: dict[str, dict[str, tuple[Outcome, ...]]],
    ) -> Table:
        rows = [_row(g, replicas[g.name], cells[g.name], self.plan.config.n) for g in self.plan.generators]
        table = Table(
            title=f"{self.plan.dataset.title}, {self.plan.config.n:,} samples",
            columns=tuple(column_of(metric.spec) for metric in self.plan.metrics),
            rows=tuple(rows),
            settings=run_settings(self.plan),
        )
        return with_published(table) if self.plan.config.published else table

    def _write(
        self,
        replicas: dict[str, tuple[Scored | Failure, ...]],
        cells: dict[str, dict[str, tuple[Outcome, ...]]],
        table: Table,
    ) -> None:
        ledger: list[tuple[object, ...]] = []
        for generator, streams in replicas.items():
            for index, stream in enumerate(streams):
                if isinstance(stream, Failure):
                    continue
                self.folder.write_samples(samples_name(generator, index), stream.samples.drawn)
                bad = ((i, s) for i, s in enumerate(stream.samples.drawn) if isinstance(s, Invalid))
                ledger += [(generator, index, i, str(s.reason), s.detail) for i, s in bad]
        self.folder.write_csv("ledger.csv", ("generator", "replica", "index", "reason", "detail"), ledger)
        scores = {g: {m: [outcome_to_json(o) for o in os] for m, os in row.items()} for g, row in cells.items()}
        self.folder.write_json("scores.json", {"schema_version": SCHEMA_VERSION, "scores": scores})
        for reporter in self.plan.reporters:
            start = time.perf_counter()
            try:
                text = reporter.render(table)
            except Exception as error:  # noqa: BLE001 - a reporter is third-party code; the others still write
                self._failures.append(Failure("report", reporter.name, f"{type(error).__name__}: {error}"))
                continue
            self.folder.write_text(f"table.{reporter.suffix.lstrip('.')}", text)
            self._step("report", reporter.name, time.perf_counter() - start, False)

    # --- provenance -------------------------------------------------------------------------------------------

    def _manifest(self, started: datetime) -> dict[str, Any]:
        plan = self.plan
        return {
            "schema_version": SCHEMA_VERSION,
            "status": "running",
            "crystalbench": __version__,
            "started": started.isoformat(timespec="seconds"),
            "key": plan.key,
            "config": plan.config.to_mapping(),
            "dataset": {"name": plan.dataset.name, "identity": plan.dataset_identity},
            "conversion": dict(plan.config.conversion.identity()),
            "generators": [self._generator_json(g, ()) for g in plan.generators],
            "metrics": [
                {
                    "name": m.spec.name,
                    "version": m.spec.version,
                    "parameters": dict(m.parameters),
                    "plugin": self._plugin("metrics", m.spec.name),
                }
                for m in plan.metrics
            ],
            "broken_plugins": [{"name": p.name, "module": p.module, "error": p.error} for p in self.plugins.broken],
            "environment": environment(),
        }

    def _plugin(self, kind: str, name: str) -> str:
        info = self.plugins.owner(kind, name)
        return f"{info.module} ({info.distribution} {info.version})"

    def _generator_json(self, generator: GeneratorPlan, streams: tuple[Scored | Failure, ...]) -> dict[str, Any]:
        described = {
            "name": generator.name,
            "title": generator.title,
            "kind": str(generator.kind),
            "reader": generator.reader.name if generator.reader else None,
            "plugin": self._plugin("readers" if generator.reader else "generators", generator.plugin),
            "parameters": dict(generator.parameters),
            "chunk_size": generator.chunk_size,
        }
        replicas = [_replica_json(generator, r, s) for r, s in zip(generator.replicas, streams, strict=False)]
        return described | {"replicas": replicas}


def _replica_json(generator: GeneratorPlan, replica: ReplicaPlan, stream: Scored | Failure) -> dict[str, Any]:
    data: dict[str, Any] = {
        "seed": replica.seed,
        "source": str(replica.source) if replica.source else None,
        "key": replica.key,
    }
    if isinstance(stream, Failure):
        return data | {"failure": outcome_to_json(stream)}
    samples = stream.samples
    timing = samples.timing
    return data | {
        "samples": samples_name(generator.name, replica.index),
        "digest": stream.digest,
        "n": samples.n,
        "drawn": len(samples.drawn),
        "timing": None if timing is None else {
            "seconds": timing.seconds, "device": timing.device, "threads": timing.threads, "covers": timing.covers,
        },
        "notes": list(samples.notes),
    }  # fmt: skip


def _row(
    generator: GeneratorPlan,
    streams: tuple[Scored | Failure, ...],
    cells: dict[str, tuple[Outcome, ...]],
    n: int,
) -> Row:
    scored = [stream.samples for stream in streams if isinstance(stream, Scored)]
    reasons = sum((samples.asked.reasons for samples in scored), Counter())
    notes = dict.fromkeys(note for samples in scored for note in samples.notes)
    return Row(
        generator=generator.name,
        title=generator.title,
        kind=generator.kind,
        replicas=len(streams),
        asked=n * len(streams),
        drawn=sum(samples.n for samples in scored),
        valid=sum(len(samples.asked.valid) for samples in scored),
        reasons={str(reason): count for reason, count in sorted(reasons.items())},
        notes=tuple(notes),
        cells={name: Cell(outcomes=outcomes) for name, outcomes in cells.items()},
    )


def _claim(folder: RunFolder, plan: Plan) -> None:
    """Refuse to write over another run."""
    if not (folder.path / MANIFEST).exists():
        if folder.path.exists() and any(folder.path.iterdir()):
            raise ConfigError(f"{folder.path}: holds other files; choose another folder with --out")
        return
    if folder.manifest()["key"] != plan.key:
        raise ConfigError(f"{folder.path}: holds a run with other settings; choose another folder with --out")
