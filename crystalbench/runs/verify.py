"""Recompute what follows in a finished run: cells from samples, the manifest from the plan, the table from both.

What nothing confirms is named, too: times that were measured, and what a run says of its machine.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crystalbench.crystals.convert import Converter
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason
from crystalbench.datasets import Dataset
from crystalbench.errors import ConfigError, ReadError
from crystalbench.interfaces import Need
from crystalbench.isolation import isolated
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache, read_regular
from crystalbench.runs.checks import Check, Finding, check, score_difference
from crystalbench.runs.chunks import settled
from crystalbench.runs.config import RunConfig
from crystalbench.runs.failures import drawn_or_failed
from crystalbench.runs.folder import LEDGER, RunFolder, ledger_text, samples_text
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.notes import row_notes
from crystalbench.runs.plan import GeneratorPlan, MetricPlan, measured_atoms
from crystalbench.runs.progress import bar
from crystalbench.runs.score import Scorer, cached_encoders
from crystalbench.runs.stored import Moved, stored_config
from crystalbench.runs.stream import ReplicaSamples, Stream
from crystalbench.runs.training_file import curve_of
from crystalbench.runs.verify_energies import elements_again, energy_checks, relaxed_again, stored_book
from crystalbench.runs.verify_geometry import geometry_check, measured_otherwise
from crystalbench.runs.verify_manifest import failure_problem, manifest_checks
from crystalbench.runs.verify_plan import PlanChecks
from crystalbench.runs.verify_table import table_checks
from crystalbench.tables.results import Failure, Outcome, RowKind
from crystalbench.tables.results_json import outcome_from_json

CheckedReplicas = Generator[Check, None, tuple[ReplicaSamples | Failure, ...] | None]
CheckedCells = Generator[Check, None, dict[str, tuple[Outcome, ...]]]


@dataclass
class Verification:
    """Checks one run, without the cache.

    ``redraw`` makes the samples again too, from their files or seeds; ``moved`` says where files are now that are not
    where the run found them.
    """

    folder: RunFolder
    plugins: Plugins
    redraw: bool = False
    moved: Moved = field(default_factory=Moved)
    _times: list[str] = field(default_factory=list, init=False)

    def size(self) -> int:
        """About how many `checks` there will be."""
        manifest = self.folder.manifest()
        replicas = sum(len(generator["replicas"]) for generator in manifest["generators"])
        columns, rows = len(manifest["metrics"]), len(manifest["generators"])
        inputs = len(manifest.get("files", ())) + 1 + len(manifest["encoders"]) + columns + rows
        return 18 + inputs + replicas * (2 + self.redraw + columns) + columns + 2 * rows + len(manifest["reporters"])

    def checks(self) -> Iterator[Check]:
        """Yield one check for each thing that follows from another; raises `ReadError` where there is no run."""
        self.manifest = self.folder.manifest()
        if self.manifest["status"] != Status.FINISHED:
            remedy = f"was interrupted; finish it with: crystalbench run --resume {self.folder.path}"
            yield Check("run", Finding.DIFFERS, remedy)
            return
        written = self._written_config()
        self.config = stored_config(self.manifest, self.moved)
        yield from manifest_checks(self.manifest, written, self.plugins, self.folder)
        yield from self._files()
        spec = self.plugins.datasets[self.manifest["dataset"]["name"]]
        self.dataset = Dataset(spec, self.config.conversion.table)
        planned = PlanChecks(self.manifest, self.config, self.plugins, spec, self.moved)
        yield from planned.checks()
        self.measured = measured_atoms(self.config, planned.metrics)
        self.book = stored_book(self.folder, planned.energies, self.config.seed)
        self.scorer = Scorer(
            dataset=self.dataset,
            dataset_identity=planned.identity,
            novel=self.config.novel,
            seed=self.config.seed,
            encoders=cached_encoders(planned.encoders, self.dataset),
            energies=self.book,
        )
        scores = self._read("scores.json", json.loads)
        if isinstance(scores, Check):
            yield scores
            return
        replicas: dict[str, tuple[ReplicaSamples | Failure, ...]] = {}
        outcomes: dict[str, dict[str, tuple[Outcome, ...]]] = {}
        for generator, plan in zip(self.manifest["generators"], planned.generators, strict=True):
            group = yield from self._replicas(generator, plan, generator["name"] not in planned.unknown)
            if group is not None:
                cells = yield from self._cells(generator["name"], group, planned.metrics, scores)
                replicas[generator["name"]], outcomes[generator["name"]] = group, cells
                yield from self._energies(group, plan, generator["name"] not in planned.unknown)
        if self.redraw and self.book is not None:
            yield from elements_again(self.folder, self.book.plan, self.config.executors, self.config.seed)
        yield check("scores.json", self._other_scores(scores))
        if len(replicas) == len(self.manifest["generators"]):
            yield check("ledger.csv", self._ledger(replicas))
            problem = partial(failure_problem, self.manifest, self.folder.path, planned.generators, replicas, scores)
            failed = isolated("read", "scores.json", problem)
            yield check("manifest failures", failed.error if isinstance(failed, Failure) else failed)
        yield from table_checks(self.folder, self.manifest, planned, self.dataset, replicas, outcomes, self.book)
        yield self._recorded(planned.metrics)

    def _written_config(self) -> RunConfig:
        try:
            return RunConfig.from_mapping(self.manifest["config"])
        except ConfigError as error:
            raise ReadError(f"{self.folder.path / 'manifest.json'}: config: {error}") from error

    def _read(self, name: str, parse: Callable[[str], Any]) -> Any:
        read = isolated("read", name, lambda: parse(read_regular(self.folder.path / name).decode("utf-8")))
        return Check(name, Finding.DIFFERS, f"cannot be read: {read.error}") if isinstance(read, Failure) else read

    def _files(self) -> Iterator[Check]:
        now = self.folder.digests()
        for name, digest in self.manifest["files"].items():
            problem = "is missing" if name not in now else "has been changed" if now[name] != digest else ""
            yield check(name, problem)
        for name in now.keys() - self.manifest["files"].keys():
            yield Check(name, Finding.NOT_CHECKED, "is no file of this run")

    def _ledger(self, replicas: Mapping[str, tuple[ReplicaSamples | Failure, ...]]) -> str:
        text = self._read(LEDGER, str)
        same = not isinstance(text, Check) and text == ledger_text(replicas)
        return "" if same else "is not what the samples say"

    # --- one generator ------------------------------------------------------------------------------------------

    def _replicas(self, generator: dict[str, Any], plan: GeneratorPlan, known: bool) -> CheckedReplicas:
        replicas: list[ReplicaSamples | Failure] = []
        for index, written in enumerate(generator["replicas"]):
            name = f"{generator['name']}/{index}"
            if "failure" in written:
                replicas.append(Failure(**written["failure"]))
                yield Check(name, Finding.NOT_CHECKED, f"failed in the run: {written['failure']['error']}")
                continue
            samples = isolated("read", name, partial(self.folder.read_replica, name, written, self.dataset.table))
            if isinstance(samples, Failure):
                yield Check(f"{name} samples", Finding.DIFFERS, f"cannot be read: {samples.error}")
                return None
            replicas.append(samples)
            yield check(f"{name} samples", self._counts(samples, written))
            if samples.structures:
                yield self._structures(samples)
            if samples.geometries:
                yield geometry_check(samples, self.config.conversion.max_atoms)
            if samples.training:
                yield self._training(plan, index, samples, known)
            if not known:
                if self.redraw:
                    yield Check(f"{name} drawn again", Finding.NOT_CHECKED, "see above")
                continue
            yield check(f"{name} notes", self._notes(plan, index, samples))
            if self.redraw:
                yield self._redraw(plan, index, samples)
        return tuple(replicas)

    def _training(self, plan: GeneratorPlan, index: int, samples: ReplicaSamples, known: bool) -> Check:
        """Whether the training that the report shows is the one that stands beside the model."""
        what = f"{samples.name} training curve"
        if not known:
            return Check(what, Finding.NOT_CHECKED, "its model is not there, or another one: see above")
        try:
            again = curve_of(plan, plan.replicas[index], self.config.dataset)
        except ReadError as error:
            return Check(what, Finding.NOT_CHECKED, str(error))
        if again is None:
            return Check(what, Finding.NOT_CHECKED, "no table of epochs stands beside the model now")
        return check(what, "" if again == samples.training else "is not the one beside the model")

    def _structures(self, samples: ReplicaSamples) -> Check:
        """Whether the structures that the report shows are those of the samples in their places."""
        with Converter(self.config.conversion, self.config.executors) as converter:
            again = isolated("convert", samples.name, partial(converter.convert, list(samples.structures.values())))
        if isinstance(again, Failure):
            return Check(f"{samples.name} structures", Finding.DIFFERS, f"cannot be converted: {again.error}")
        places = zip(samples.structures, again, strict=True)
        asked = samples.asked.items
        wrong = [
            i for i, item in places if i >= len(asked) or _kind(settled(item, self.dataset.table)) != _kind(asked[i])
        ]
        return check(
            f"{samples.name} structures",
            f"{len(wrong)} are not those of the samples, first {wrong[0]}" if wrong else "",
        )

    def _counts(self, samples: ReplicaSamples, written: dict[str, Any]) -> str:
        text = read_regular(self.folder.path / written["samples"]).decode("utf-8")
        if samples.digest != written["digest"] or text != samples_text(samples.drawn):
            return "are not those of the run"
        if (len(samples.drawn), samples.n) != (written["drawn"], min(self.config.n, written["drawn"])):
            return f"are {len(samples.drawn)}, of which {samples.n} count; the run asked for {self.config.n}"
        return ""

    def _notes(self, plan: GeneratorPlan, index: int, samples: ReplicaSamples) -> str:
        """Whether the notes are those of so many samples; whether a file holds more is seen when it is drawn again."""
        drawn = len(samples.drawn) - samples.drawn.reasons[InvalidReason.NOT_WRITTEN]
        novel = 0 if plan.kind is RowKind.TRAINING else self.config.novel
        found = len(samples.novel(self.dataset)) if novel else 0
        row = (plan, plan.replicas[index], self.dataset, drawn)
        possible = [tuple(row_notes(*row, more, self.config.n, novel, found)) for more in (False, True)]
        return "" if samples.notes in possible else f"are {list(samples.notes)}, and should be {list(possible[0])}"

    def _stream(self, plan: GeneratorPlan, index: int, cache: Cache, convert: Any) -> Stream:
        return Stream(plan, plan.replicas[index], self.dataset, cache, convert, lambda *_: None, measured=self.measured)

    def _redraw(self, plan: GeneratorPlan, index: int, before: ReplicaSamples) -> Check:
        what = f"{before.name} drawn again"
        with (
            TemporaryDirectory() as nothing,
            Converter(self.config.conversion, self.config.executors) as converter,
            bar(f"drawing {before.name} again", len(before.drawn), "samples") as report,
        ):
            stream = self._stream(plan, index, Cache(Path(nothing)), converter.convert)
            limit = self.config.draw_limit
            again = drawn_or_failed(stream, n=self.config.n, novel=self.config.novel, limit=limit, report=report)
        if isinstance(again, Failure):
            return Check(what, Finding.DIFFERS, f"failed: {again.error}")
        if before.timing and again.timing:
            self._times.append(f"{before.name} {before.timing.seconds:.3g} s, drawn again {again.timing.seconds:.3g} s")
        if len(again.drawn) != len(before.drawn):
            return Check(what, Finding.DIFFERS, f"{len(again.drawn)} samples, {len(before.drawn)} in the run")
        pairs = enumerate(zip(before.drawn, again.drawn, strict=True))
        rows = [row for row, (first, second) in pairs if _kind(first) != _kind(second)]
        if rows:
            return check(what, f"{len(rows)} of {len(again.drawn)} samples, first row {rows[0]}")
        if measured := measured_otherwise(before, again):
            return check(what, f"the geometry of {len(measured)} samples, first row {measured[0]}")
        if (before.timing is None) != (again.timing is None):
            return check(what, "one of them is timed, the other is not")
        return check(
            what, "" if again.notes == before.notes else f"notes {list(before.notes)}, now {list(again.notes)}"
        )

    def _cells(
        self, name: str, replicas: tuple[ReplicaSamples | Failure, ...], metrics: tuple[MetricPlan, ...], scores: Any
    ) -> CheckedCells:
        outcomes: dict[str, tuple[Outcome, ...]] = {}
        for metric in metrics:
            key = metric.key
            stored = isolated("read", key, partial(_outcomes, scores, name, key, len(replicas)))
            if isinstance(stored, Failure):
                yield Check(f"{name} {key}", Finding.DIFFERS, f"no such score: {stored.error}")
                continue
            outcomes[key] = stored
            for index, (before, samples) in enumerate(zip(stored, replicas, strict=True)):
                difference = score_difference(before, self.scorer.score(metric, samples), metric.spec.tolerance)
                yield check(f"{name}/{index} {key}", difference)
        return outcomes

    def _energies(
        self, replicas: tuple[ReplicaSamples | Failure, ...], plan: GeneratorPlan, known: bool
    ) -> Iterator[Check]:
        """The files that the cells with energies rest on."""
        if self.book is None:
            return
        for index, samples in enumerate(replicas):
            if isinstance(samples, Failure):
                continue
            yield from energy_checks(self.folder, samples, self.book, self.dataset)
            if self.redraw and known:
                with (
                    TemporaryDirectory() as nothing,
                    Converter(self.config.conversion, self.config.executors) as converter,
                ):
                    stream = self._stream(plan, index, Cache(Path(nothing)), converter.convert)
                    yield from relaxed_again(samples, self.book, self.config.executors, stream.coordinates)

    def _other_scores(self, scores: Any) -> str:
        """Scores that no cell of this run has."""
        rows = {generator["name"] for generator in self.manifest["generators"]}
        keys = {metric["key"] for metric in self.manifest["metrics"]}
        if not isinstance(scores, dict) or scores.keys() != rows:
            return f"holds other rows than {', '.join(sorted(rows))}"
        other = [name for name, cells in scores.items() if not isinstance(cells, dict) or cells.keys() != keys]
        return f"holds other cells of {', '.join(other)} than the metrics of the run" if other else ""

    def _recorded(self, metrics: tuple[MetricPlan, ...]) -> Check:
        """Name what cannot be computed again."""
        timed = [metric.key for metric in metrics if Need.TIMING in metric.spec.needs]
        behind = f" (behind {', '.join(timed)})" if timed else ""
        times = f": {'; '.join(self._times)}" if self._times else ""
        detail = f"measured times{behind}{times}; machine, dates, warnings, tracebacks and errors of plugins"
        return Check("what only the run could see", Finding.RECORDED, detail)


def _outcomes(scores: Any, generator: str, metric: str, replicas: int) -> tuple[Outcome, ...]:
    stored = tuple(outcome_from_json(outcome, "scores.json") for outcome in scores[generator][metric])
    if len(stored) != replicas:
        raise ReadError(f"scores.json: {len(stored)} scores of {replicas} replicas")
    return stored


def _kind(item: Converted) -> str:
    """What must come out the same: the label or the reason, not the wording of its detail."""
    return str(item.reason) if isinstance(item, Invalid) else item.label
