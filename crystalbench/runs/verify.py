"""Recompute every cell of a finished run from its samples, its table from the cells, its reports from the table."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crystalbench.crystals.convert import Converter
from crystalbench.crystals.samples import Converted, Invalid
from crystalbench.datasets import Dataset
from crystalbench.errors import ConfigError, CrystalbenchError, ReadError, unknown_name
from crystalbench.interfaces import Timing
from crystalbench.isolation import isolated
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import Cache
from crystalbench.runs.config import RunConfig, merged
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import EncoderPlan, MetricPlan, plan_encoders, plan_generator, plan_metrics
from crystalbench.runs.progress import bar
from crystalbench.runs.score import Scorer, cached_encoders
from crystalbench.runs.stream import ReplicaSamples, Stream, draw_replica
from crystalbench.runs.table import column_of, row_of
from crystalbench.tables.results import Failure, MetricResult, Outcome, Row, RowKind
from crystalbench.tables.results_json import from_json, outcome_from_json


class Finding(StrEnum):
    """The result of one check."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked; ``detail`` says what differs, or why it could not be checked."""

    what: str
    finding: Finding
    detail: str = ""


def _check(what: str, problem: str) -> Check:
    return Check(what, Finding.DIFFERS if problem else Finding.HOLDS, problem)


@dataclass
class Verification:
    """Checks one run, without the cache.

    ``redraw`` makes the samples again too, from their files or seeds; ``samples`` says where the files of a generator
    are now, if not where the run found them.
    """

    folder: RunFolder
    plugins: Plugins
    redraw: bool = False
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def size(self) -> int:
        """Number of the `checks` of a run in which nothing is missing or changed."""
        manifest = self.folder.manifest()
        replicas = sum(len(generator["replicas"]) for generator in manifest["generators"])
        columns, rows = len(manifest["metrics"]), len(manifest["generators"])
        inputs = len(manifest.get("files", ())) + 1 + len(manifest["encoders"]) + columns
        return inputs + replicas * (1 + self.redraw + columns) + columns + rows + len(manifest["reporters"])

    def checks(self) -> Iterator[Check]:
        """Yield one check per file, sample set, cell, row and report; raises `ReadError` where there is no run."""
        self.manifest = self.folder.manifest()
        if self.manifest["status"] != "finished":
            remedy = f"was interrupted; finish it with: crystalbench run --resume {self.folder.path}"
            yield Check("run", Finding.DIFFERS, remedy)
            return
        self.config = self._config()
        dataset = self.plugins.datasets[self.manifest["dataset"]["name"]]
        self.dataset = Dataset(dataset, self.config.conversion.table)
        yield from self._files()
        identity = dataset.identity()
        changed = "has changed since the run" if identity != self.manifest["dataset"]["identity"] else ""
        yield _check(f"dataset {dataset.name}", changed)
        encoders: dict[str, EncoderPlan] = {}
        for written in self.manifest["encoders"]:
            check, encoder = self._encoder(written)
            yield check
            encoders |= {encoder.spec.name: encoder} if encoder else {}
        self.scorer = Scorer(
            dataset=self.dataset,
            dataset_identity=identity,
            novel=self.config.novel,
            seed=self.config.seed,
            encoders=cached_encoders(encoders.values(), self.dataset),
        )
        metrics = []
        for written in self.manifest["metrics"]:
            check, metric = self._metric(written, encoders)
            yield check
            metrics += [metric] if metric else []
        scores = self._read("scores.json", json.loads)
        if isinstance(scores, Check):
            yield scores
            return
        rows = []
        for generator in self.manifest["generators"]:
            checks, row = self._generator(generator, metrics, scores)
            yield from checks
            rows += [row] if row else []
        yield from self._table(metrics, rows)

    def _config(self) -> RunConfig:
        settings = self.manifest["config"]
        replicas = {generator["name"]: len(generator["replicas"]) for generator in self.manifest["generators"]}
        for name, files in self.samples.items():
            if name not in replicas:
                raise unknown_name("generator", name, replicas)
            if len(files) != replicas[name]:
                raise ConfigError(f"{name} has {replicas[name]} sample files in the run, {len(files)} are given")
            settings = merged(settings, {"generator": {name: {"samples": list(files)}}})
        return RunConfig.from_mapping(settings)

    def _read(self, name: str, parse: Callable[[str], Any]) -> Any:
        read = isolated("read", name, lambda: parse((self.folder.path / name).read_text(encoding="utf-8")))
        return Check(name, Finding.DIFFERS, f"cannot be read: {read.error}") if isinstance(read, Failure) else read

    def _files(self) -> Iterator[Check]:
        now = self.folder.digests()
        for name, digest in self.manifest["files"].items():
            problem = "is missing" if name not in now else "has been changed" if now[name] != digest else ""
            yield _check(name, problem)
        for name in now.keys() - self.manifest["files"].keys():
            yield Check(name, Finding.NOT_CHECKED, "is no file of this run")

    def _encoder(self, written: dict[str, Any]) -> tuple[Check, EncoderPlan | None]:
        name = written["name"]
        what = f"encoder {name}"
        if name not in self.plugins.encoders:
            return Check(what, Finding.NOT_CHECKED, "is not installed"), None
        one = replace(self.config, encoders=(name,), encoder={name: self.config.encoder.get(name, {})})
        try:
            encoder = plan_encoders(one, self.plugins)[0][0]
        except CrystalbenchError as error:
            return Check(what, Finding.NOT_CHECKED, str(error)), None
        if encoder.identity != written["identity"]:
            return Check(what, Finding.NOT_CHECKED, "has other weights now than in the run"), None
        return Check(what, Finding.HOLDS), encoder

    def _metric(self, written: dict[str, Any], encoders: Mapping[str, EncoderPlan]) -> tuple[Check, MetricPlan | None]:
        name = written["name"]
        what = f"metric {written['key']}"
        spec = self.plugins.metrics.get(name)
        if spec is None:
            return Check(what, Finding.NOT_CHECKED, "is not installed"), None
        if spec.version != written["version"]:
            return Check(what, Finding.NOT_CHECKED, f"is version {spec.version} now, {written['version']} then"), None
        one = RunConfig(generators=("any",), metrics=(name,), metric={name: self.config.metric.get(name, {})})
        if written["encoder"] and written["encoder"] not in encoders:
            return Check(what, Finding.NOT_CHECKED, f"needs encoder {written['encoder']}"), None
        encoder = [encoders[written["encoder"]]] if written["encoder"] else []
        return Check(what, Finding.HOLDS), plan_metrics(one, self.plugins, encoder, written["missing"])[0]

    # --- one generator ------------------------------------------------------------------------------------------

    def _generator(
        self, generator: dict[str, Any], metrics: list[MetricPlan], scores: Any
    ) -> tuple[list[Check], Row | None]:
        checks: list[Check] = []
        replicas: list[ReplicaSamples | Failure] = []
        for index, written in enumerate(generator["replicas"]):
            name = f"{generator['name']}/{index}"
            if "failure" in written:
                replicas.append(Failure(**written["failure"]))
                checks.append(Check(name, Finding.NOT_CHECKED, f"failed in the run: {written['failure']['error']}"))
                continue
            samples = isolated("read", name, partial(self._samples, name, written))
            if isinstance(samples, Failure):
                checks.append(Check(f"{name} samples", Finding.DIFFERS, f"cannot be read: {samples.error}"))
                return checks, None
            replicas.append(samples)
            checks.append(_check(f"{name} samples", self._counts(samples, written)))
            if self.redraw:
                checks.append(self._redraw(generator, index, samples))
        outcomes: dict[str, list[Outcome]] = {}
        for metric in metrics:
            name = metric.key
            stored = isolated("read", name, partial(_outcomes, scores, generator["name"], name, len(replicas)))
            if isinstance(stored, Failure):
                checks.append(Check(f"{generator['name']} {name}", Finding.DIFFERS, f"no such score: {stored.error}"))
                return checks, None
            outcomes[name] = stored
            for index, (before, samples) in enumerate(zip(stored, replicas, strict=True)):
                difference = _difference(before, self.scorer.score(metric, samples), metric.spec.tolerance)
                checks.append(_check(f"{generator['name']}/{index} {name}", difference))
        row = row_of(
            generator=generator["name"],
            title=generator["title"],
            kind=RowKind(generator["kind"]),
            key=generator["key"],
            n=self.config.n,
            novel=self.config.novel,
            dataset=self.dataset,
            replicas=replicas,
            outcomes=outcomes,
            given=generator["given"],
        )
        return checks, row

    def _samples(self, name: str, written: dict[str, Any]) -> ReplicaSamples:
        return ReplicaSamples(
            name=name,
            drawn=self.folder.read_samples(written["samples"], self.dataset.table),
            n=written["n"],
            timing=Timing(**written["timing"]) if written["timing"] else None,
            notes=tuple(written["notes"]),
        )

    def _counts(self, samples: ReplicaSamples, written: dict[str, Any]) -> str:
        if samples.digest != written["digest"]:
            return "are not those of the run"
        if (len(samples.drawn), samples.n) != (written["drawn"], min(self.config.n, written["drawn"])):
            return f"are {len(samples.drawn)}, of which {samples.n} count; the run asked for {self.config.n}"
        return ""

    def _redraw(self, generator: dict[str, Any], index: int, before: ReplicaSamples) -> Check:
        what = f"{before.name} drawn again"
        written = generator["replicas"][index]
        try:
            plan = plan_generator(generator["name"], self.config, self.plugins, self.scorer.dataset_identity)
        except (ConfigError, OSError) as error:
            return Check(what, Finding.NOT_CHECKED, str(error))
        replica = plan.replicas[index]
        if replica.key != written["key"]:
            changed = "the file, the dataset, the generator's code or its settings have changed since the run"
            return Check(what, Finding.NOT_CHECKED, changed)
        with (
            TemporaryDirectory() as nothing,
            Converter(self.config.conversion, self.config.workers) as converter,
            bar(f"drawing {before.name} again", len(before.drawn), "samples") as report,
        ):
            stream = Stream(plan, replica, self.dataset, Cache(Path(nothing)), converter.convert, lambda *_: None)
            limit = self.config.draw_limit
            draw = partial(draw_replica, stream, n=self.config.n, novel=self.config.novel, limit=limit, report=report)
            again = isolated("sample", plan.plugin, draw)
        if isinstance(again, Failure):
            return Check(what, Finding.DIFFERS, f"failed: {again.error}")
        if len(again.drawn) != len(before.drawn):
            return Check(what, Finding.DIFFERS, f"{len(again.drawn)} samples, {len(before.drawn)} in the run")
        pairs = enumerate(zip(before.drawn, again.drawn, strict=True))
        rows = [row for row, (first, second) in pairs if _kind(first) != _kind(second)]
        return _check(what, f"{len(rows)} of {len(again.drawn)} samples, first row {rows[0]}" if rows else "")

    # --- table and reports --------------------------------------------------------------------------------------

    def _table(self, metrics: list[MetricPlan], rows: list[Row]) -> Iterator[Check]:
        table = self._read("table.json", from_json)
        if isinstance(table, Check):
            yield table
            return
        columns = {metric.key: column_of(metric, self.config.novel) for metric in metrics}
        for column in table.columns:
            if column.key in columns:
                same = replace(column, within=columns[column.key].within) == columns[column.key]
                yield _check(f"column {column.key}", "" if same else "is not the metric's")
        for row in rows:
            shown = next((r for r in table.rows if (r.generator, r.kind) == (row.generator, row.kind)), None)
            cells = {key: cell for key, cell in shown.cells.items() if key in row.cells} if shown else {}
            same = shown is not None and cells == row.cells and _counts_of(shown) == _counts_of(row)
            yield _check(f"row {row.generator}", "" if same else "of table.json is not what the scores say")
        for name, version in self.manifest["reporters"].items():
            reporter = self.plugins.reporters.get(name)
            file = f"table{reporter.suffix}" if reporter else ""
            if reporter is None or reporter.version != version or file not in self.manifest["files"]:
                yield Check(f"report {name}", Finding.NOT_CHECKED, "is not installed, or in another version")
                continue
            text = isolated("report", name, partial(reporter.report, table))
            written = self.folder.path / file
            rendered = text.encode("utf-8", "backslashreplace") if isinstance(text, str) else b""
            same = written.is_file() and written.read_bytes() == rendered
            yield _check(f"report {name}", "" if same else f"{file} is not what table.json says")


def _outcomes(scores: Any, generator: str, metric: str, replicas: int) -> list[Outcome]:
    stored = [outcome_from_json(outcome, "scores.json") for outcome in scores[generator][metric]]
    if len(stored) != replicas:
        raise ReadError(f"scores.json: {len(stored)} scores of {replicas} replicas")
    return stored


def _difference(written: Outcome, again: Outcome, tolerance: float) -> str:
    if not isinstance(written, MetricResult) or not isinstance(again, MetricResult):
        return "" if written == again else f"the run has {written}, now {again}"
    before, now = _numbers(written), _numbers(again)
    scale = max(map(abs, before))  # of the interval, where a value is near zero
    close = partial(math.isclose, rel_tol=0.0, abs_tol=max(tolerance * scale, 1e-12))
    if written.n == again.n and len(before) == len(now) and all(map(close, before, now)):
        return ""
    return f"the run has {written.value} (n={written.n}), now {again.value} (n={again.n})"


def _numbers(result: MetricResult) -> tuple[float, ...]:
    return (result.value, *(result.interval or ()))


def _counts_of(row: Row) -> tuple[object, ...]:
    found = (row.searched, row.novel, row.used)
    return row.title, row.replicas, row.asked, row.drawn, row.valid, *found, dict(row.reasons), row.notes


def _kind(item: Converted) -> str:
    """What must come out the same: the label or the reason, not the wording of its detail."""
    return str(item.reason) if isinstance(item, Invalid) else item.label
