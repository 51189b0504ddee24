"""Run a plan: sample, convert, score, report. Every step is isolated, cached and written down."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from crystalbench.crystals.convert import Converter
from crystalbench.datasets import Dataset
from crystalbench.errors import PluginError, ReadError
from crystalbench.evidence import Evidence, TrainingCurve
from crystalbench.interfaces import ReporterSpec
from crystalbench.isolation import isolated, required
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.energy_book import EnergyBook, energy_book, energy_files
from crystalbench.runs.evidence import evidence_of, firsts_of
from crystalbench.runs.failures import READ, drawing_failure, drawn_or_failed
from crystalbench.runs.folder import (
    LEDGER,
    RunFolder,
    geometry_name,
    ledger_text,
    samples_name,
    structures_name,
    training_name,
)
from crystalbench.runs.geometry_file import geometry_text
from crystalbench.runs.inputs import shown
from crystalbench.runs.manifest import drawn_json, started_manifest
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.material_pages import pages_of
from crystalbench.runs.plan import Plan
from crystalbench.runs.progress import bar
from crystalbench.runs.score import Scorer, cached_encoders
from crystalbench.runs.stream import Convert, ReplicaSamples, Stream
from crystalbench.runs.table import given_notes, run_table
from crystalbench.runs.training_file import curve_of, training_text
from crystalbench.tables.listing import Page
from crystalbench.tables.results import Failure, Outcome, Table
from crystalbench.tables.results_json import outcome_to_json, to_json

Log = Callable[[str], None]
Replicas = dict[str, tuple[ReplicaSamples | Failure, ...]]
Outcomes = dict[str, dict[str, tuple[Outcome, ...]]]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run: its folder and table. ``failures`` lists what went wrong; empty means exit code 0."""

    folder: Path
    table: Table
    failures: tuple[Failure, ...]

    @property
    def unreadable(self) -> bool:
        """Whether a row is empty because a file that was given cannot be read."""
        return any(failure.step == READ for failure in self.failures)


@dataclass
class Run:
    """One execution of a plan into ``folder``; ``log`` receives lines for the user."""

    plan: Plan
    plugins: Plugins
    folder: RunFolder
    log: Log
    cache: Cache = field(default_factory=Cache)
    _seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float), init=False)
    _failures: list[Failure] = field(default_factory=list, init=False)
    _warnings: list[str] = field(default_factory=list, init=False)
    _hook_failures: list[Failure] = field(default_factory=list, init=False)  # of hooks that are only told something

    def execute(self) -> Finished:
        """Do everything; what fails is in the table and in ``Finished.failures``."""
        self.folder.claim(self.plan.key)
        self.log(self.plan.comparison.sentence)
        started = datetime.now(UTC)
        dataset = Dataset(self.plan.dataset, self.plan.config.conversion.table, self.plan.dataset_identity)
        if not required("ready", f"dataset {dataset.name}", self.plan.dataset.ready):
            for split in self.plan.dataset.splits:
                dataset.split(split)  # downloads, or says what to put where, before anything is sampled
        manifest = started_manifest(self.plan, self.plugins, started)
        self.folder.write_manifest(manifest)
        with Converter(self.plan.config.conversion, self.plan.config.executors) as converter:
            replicas = self._draw_all(dataset, converter.convert)
            book = energy_book(self.plan, dataset, converter.convert, self.cache, self.log)
            outcomes = self._score(dataset, replicas, book)
        table = self._table(dataset, replicas, outcomes)
        for note in table.notes:
            self.log(f"warning: {note}")
        self._write(dataset, replicas, outcomes, table, pages_of(book, firsts_of(replicas), dataset))
        self._write_energies(dataset, replicas, book)
        for generator in manifest["generators"]:
            name = generator["name"]
            for index, (written, samples) in enumerate(zip(generator["replicas"], replicas[name], strict=True)):
                written |= drawn_json(name, index, samples)
        manifest["warnings"] += self._warnings
        manifest["failures"] = [asdict(failure) for failure in self._failures]
        manifest["hook_failures"] = [asdict(failure) for failure in self._hook_failures]
        manifest["seconds"] = dict(self._seconds)
        manifest["status"] = str(Status.FINISHED)
        manifest["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        manifest["files"] = self.folder.digests()
        self.folder.write_manifest(manifest)
        return Finished(self.folder.path, table, tuple(self._failures))

    def _draw_all(self, dataset: Dataset, convert: Convert) -> Replicas:
        streams = {
            generator.name: [
                Stream(
                    generator,
                    r,
                    dataset,
                    self.cache,
                    convert,
                    self._step,
                    self.plan.config.executors,
                    self.plan.measured,
                )
                for r in generator.replicas
            ]
            for generator in self.plan.generators
        }
        return {name: tuple(map(self._draw, group)) for name, group in streams.items()}

    def _draw(self, stream: Stream) -> ReplicaSamples | Failure:
        config = self.plan.config
        many = f" {stream.replica.index + 1}/{len(stream.generator.replicas)}" if stream.replica.index else ""
        with bar(f"sampling {stream.generator.title}{many}", None if config.novel else config.n, "samples") as report:
            drawn = drawn_or_failed(stream, n=config.n, novel=config.novel, limit=config.draw_limit, report=report)
        stream.end()
        source = shown(str(stream.generator.source(stream.replica)), self.folder.path)
        if failure := drawing_failure(stream.generator.name, source, drawn, stream.generator.reader is not None):
            self._failures.append(failure)
        return replace(drawn, training=self._curve(stream)) if isinstance(drawn, ReplicaSamples) else drawn

    def _curve(self, stream: Stream) -> TrainingCurve | None:
        """How the model was trained; a table that cannot be read costs a picture, and no sample."""
        try:
            return curve_of(stream.generator, stream.replica, self.plan.config.dataset)
        except ReadError as error:
            self._warnings.append(f"no training curve of {stream.generator.title}: {error}")
            self.log(f"warning: {self._warnings[-1]}")
            return None

    def _score(self, dataset: Dataset, replicas: Replicas, book: EnergyBook | None) -> Outcomes:
        scorer = Scorer(
            dataset=dataset,
            dataset_identity=self.plan.dataset_identity,
            novel=self.plan.config.novel,
            seed=self.plan.config.seed,
            encoders=cached_encoders(self.plan.encoders, dataset, self.cache, self.plan.config.executors),
            energies=book,
            cache=self.cache,
            finished=self._step,
        )
        outcomes: Outcomes = {name: {} for name in replicas}
        with bar("scoring", len(self.plan.metrics) * len(replicas), "cells") as report:
            for generator in self.plan.generators:
                for metric in self.plan.metrics:
                    report(sum(map(len, outcomes.values())), f"{metric.spec.title} of {generator.title}")
                    cell = tuple(scorer.score(metric, replica) for replica in replicas[generator.name])
                    outcomes[generator.name][metric.key] = cell
                    self._failures += [o for o in cell if isinstance(o, Failure) and o.step == "score"]
            report(sum(map(len, outcomes.values())))
        return outcomes

    def _table(self, dataset: Dataset, replicas: Replicas, outcomes: Outcomes) -> Table:
        given = {g.name: given_notes(g.spec, self.plan.metrics) for g in self.plan.generators}
        return run_table(self.plan, dataset, replicas, outcomes, given)

    def _write(
        self,
        dataset: Dataset,
        replicas: Replicas,
        outcomes: Outcomes,
        table: Table,
        materials: Mapping[str, tuple[Page, ...]],
    ) -> None:
        self.folder.remove_reports()
        for generator, group in replicas.items():
            for index, samples in enumerate(group):
                if isinstance(samples, ReplicaSamples):
                    self.folder.write_samples(samples_name(generator, index), samples.drawn)
                    if samples.structures:
                        self.folder.write_structures(structures_name(generator, index), samples.structures)
                    if samples.geometries:
                        self.folder.write_text(geometry_name(generator, index), geometry_text(samples.geometries))
                    if samples.training:
                        self.folder.write_text(training_name(generator, index), training_text(samples.training))
        self.folder.write_text(LEDGER, ledger_text(replicas))
        scores = {g: {m: list(map(outcome_to_json, cell)) for m, cell in row.items()} for g, row in outcomes.items()}
        self.folder.write_json("scores.json", scores)
        self.folder.write_text("table.json", to_json(table))
        evidence = evidence_of(dataset, replicas, materials)
        for reporter in self.plan.reporters:
            if reporter.suffix != ".json":  # that one is always there: it is what `crystalbench table` reads
                self._report(reporter, table, evidence)

    def _write_energies(self, dataset: Dataset, replicas: Replicas, book: EnergyBook | None) -> None:
        for generator, group in replicas.items():
            for index, samples in enumerate(group):
                if book is not None and isinstance(samples, ReplicaSamples):
                    for name, text in energy_files(generator, index, samples, book, dataset):
                        self.folder.write_text(name, text)
        for name, text in book.element_files if book is not None else ():
            self.folder.write_text(name, text)

    def _report(self, reporter: ReporterSpec, table: Table, evidence: Evidence) -> None:
        start = time.perf_counter()
        write = partial(_render, self.folder, reporter, table, evidence)
        if isinstance(failed := isolated("report", reporter.name, write), Failure):
            self._failures.append(failed)
        self._step("report", reporter.name, time.perf_counter() - start, False)

    def _step(self, step: str, name: str, seconds: float, cached: bool) -> None:
        self._seconds[step] += seconds
        for failure in self.plugins.step_finished(step, name, seconds, cached):
            self.log(f"plugin {failure.plugin!r} failed in {failure.step}: {failure.error}")
            self._hook_failures.append(failure)


def _render(folder: RunFolder, reporter: ReporterSpec, table: Table, evidence: Evidence) -> None:
    text: object = reporter.report(table, evidence)
    if not isinstance(text, str):
        raise PluginError(f"reporter {reporter.name}: render must return text, not {type(text).__name__}")
    folder.write_text(f"table{reporter.suffix}", text)
