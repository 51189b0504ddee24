"""The parts of a run as its settings and the plugins give them now, beside what its manifest says of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from crystalbench.datasets import DatasetSpec
from crystalbench.errors import CrystalbenchError
from crystalbench.interfaces import Need
from crystalbench.isolation import required
from crystalbench.plugin_files import other_files
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Check, Finding, check, differences
from crystalbench.runs.compared import Comparison, choose_dataset
from crystalbench.runs.config import RunConfig
from crystalbench.runs.encoder_plan import EncoderPlan, plan_encoders
from crystalbench.runs.energy_plan import EnergyPlan
from crystalbench.runs.manifest import encoder_json, energies_json, generator_json, metric_json
from crystalbench.runs.plan import (
    GeneratorPlan,
    MetricPlan,
    Plan,
    plan_generator,
    plan_metrics,
    plan_run_energies,
    row_title,
)
from crystalbench.runs.stored import Moved
from crystalbench.tables.results import RowKind

SHOWN = 4  # packages that are named where more are others
OUTSIDE = ("version", "code", "packages", "file", "files", "dataset")
"""Inputs of samples that are not settings: where one of them is another now, the samples cannot be made again."""
NAMED = "it was named"


@dataclass
class PlanChecks:
    """Plans a run again, part by part; the others still are where one cannot be planned now.

    ``unknown`` has the names of such generators, ``lost`` says which encoders and metrics are not there.
    """

    manifest: Mapping[str, Any]
    config: RunConfig
    plugins: Plugins
    dataset: DatasetSpec
    moved: Moved = field(default_factory=Moved)
    identity: str = field(default="", init=False)
    unknown: set[str] = field(default_factory=set, init=False)
    lost: set[str] = field(default_factory=set, init=False)
    _encoders: dict[str, EncoderPlan] = field(default_factory=dict, init=False)
    energies: EnergyPlan | None = field(default=None, init=False)
    _metrics: list[MetricPlan] = field(default_factory=list, init=False)
    _generators: list[GeneratorPlan] = field(default_factory=list, init=False)

    @property
    def encoders(self) -> tuple[EncoderPlan, ...]:
        return tuple(self._encoders.values())

    @property
    def metrics(self) -> tuple[MetricPlan, ...]:
        return tuple(self._metrics)

    @property
    def generators(self) -> tuple[GeneratorPlan, ...]:
        """All rows; one that cannot be planned is what the manifest says of it."""
        return tuple(self._generators)

    @property
    def complete(self) -> bool:
        """Whether everything could be planned."""
        return not (self.unknown or self.lost)

    def plan(self) -> Plan:
        """Return what could be planned."""
        return Plan(
            config=self.config,
            comparison=Comparison(self.dataset, self.manifest["dataset"]["reason"]),
            dataset_identity=self.identity,
            generators=self.generators,
            metrics=self.metrics,
            encoders=self.encoders,
            energies=self.energies,
            reporters=(),
            key=self.manifest["key"],
        )

    def checks(self) -> Iterator[Check]:
        """Yield a check for each part, in the order in which they need one another."""
        if self.config.plugins or self.plugins.files:
            other = other_files(self.config.plugins, self.plugins.files)
            yield Check("plugins of files", Finding.NOT_CHECKED if other else Finding.HOLDS, other)
        self.identity = required("identity", f"dataset {self.dataset.name}", self.dataset.identity)
        yield from self._dataset()
        for written in self.manifest["encoders"]:
            yield self._encoder(written)
        if "energies" in self.manifest:
            yield self._energies(self.manifest["energies"])
        for written in self.manifest["metrics"]:
            yield self._metric(written)
        for written in self.manifest["generators"]:
            yield self._generator(written)

    def _dataset(self) -> Iterator[Check]:
        written = self.manifest["dataset"]
        problem = "has changed since the run" if self.identity != written["identity"] else ""
        yield check(f"dataset {self.dataset.name}", problem)
        reference = "; ".join(differences(written["reference"], self.dataset.reference, "reference"))
        yield check("split that is compared with", reference)
        yield self._reason(written["reason"])
        now = dict(self.config.conversion.identity())
        changed = "; ".join(differences(self.manifest["conversion"], now))
        yield Check("conversion", Finding.NOT_CHECKED if changed else Finding.HOLDS, changed)

    def _reason(self, written: str) -> Check:
        what = "reason of the dataset"
        try:
            chosen = choose_dataset(replace(self.config, dataset=""), self.plugins)
        except CrystalbenchError as error:
            return check(what, "" if written == NAMED else f"is {written!r}, but {error}")
        reasons = [NAMED, *([chosen.reason] if chosen.dataset.name == self.dataset.name else [])]
        if written in reasons:
            return Check(what, Finding.HOLDS)
        finding = Finding.DIFFERS if len(reasons) > 1 else Finding.NOT_CHECKED
        return Check(what, finding, f"is {written!r}; now {chosen.dataset.name} is chosen, because {chosen.reason}")

    def _encoder(self, written: dict[str, Any]) -> Check:
        name = written["name"]
        what = f"encoder {name}"
        if name not in self.plugins.encoders:
            return self._not_known(what, "is not installed")
        one = replace(self.config, encoders=(name,), encoder={name: self.config.encoder.get(name, {})})
        try:
            encoder = plan_encoders(one, self.plugins)[0][0]
        except CrystalbenchError as error:
            return self._not_known(what, str(error))
        if encoder.identity != written["identity"]:
            return self._not_known(what, "has other weights now than in the run")
        self._encoders[name] = encoder
        changed = "; ".join(differences(written, encoder_json(encoder, self.plugins)))
        return Check(what, Finding.NOT_CHECKED if changed else Finding.HOLDS, changed)

    def _energies(self, written: dict[str, Any]) -> Check:
        """Plan the energies of materials that are kept: the library of a potential need not be here for them."""
        what = "energies"
        known = {potential["name"]: potential["identity"] for potential in written["potentials"]}
        try:
            planned = plan_run_energies(self.config, self.plugins, known)
        except (CrystalbenchError, LookupError) as error:
            return self._not_known(what, str(error))
        if planned is None:
            return check(what, "are of no metric of this run")
        now = energies_json(planned, self.plugins)
        if planned.hull.file:  # its content is compared, not where it lies
            now["settings"]["hull"] = written["settings"]["hull"]
        for then, one in zip(written["potentials"], now["potentials"], strict=False):
            placed = self.moved.settings.get("potential", {}).get(one["name"], {})
            one["parameters"] |= {key: then["parameters"][key] for key in placed if key in then["parameters"]}
        if changed := "; ".join(differences(written, now)):
            return self._not_known(what, changed)
        self.energies = planned
        return check(what, "")

    def _metric(self, written: dict[str, Any]) -> Check:
        name = written["name"]
        what = f"metric {written['key']}"
        spec = self.plugins.metrics.get(name)
        if spec is None:
            return self._not_known(what, "is not installed")
        if spec.version != written["version"]:
            return self._not_known(what, f"is version {spec.version} now, {written['version']} then")
        if written["encoder"] and written["encoder"] not in self._encoders:
            return self._not_known(what, f"needs encoder {written['encoder']}")
        if Need.ENERGY in spec.needs and self.energies is None:
            return self._not_known(what, "needs energies")
        one = RunConfig(generators=("any",), metrics=(name,), metric={name: self.config.metric.get(name, {})})
        encoder = [self._encoders[written["encoder"]]] if written["encoder"] else []
        try:
            planned = plan_metrics(one, self.plugins, encoder, written["missing"], self.energies)
            metric = next(metric for metric in planned if metric.key == written["key"] or len(planned) == 1)
        except CrystalbenchError as error:
            return self._not_known(what, str(error))
        now = metric_json(metric, self.plugins)
        self._metrics.append(metric)
        if problem := "; ".join(differences(written | {"plugin": now["plugin"]}, now)):
            return Check(what, Finding.DIFFERS, problem)
        changed = "; ".join(differences(written, now))
        return Check(what, Finding.NOT_CHECKED if changed else Finding.HOLDS, changed)

    def _generator(self, written: dict[str, Any]) -> Check:
        name = written["name"]
        what = f"generator {name}"
        try:
            plan = plan_generator(name, self.config, self.plugins, self.identity)
        except (CrystalbenchError, OSError) as error:
            self.unknown.add(name)
            self._generators.append(_as_written(written))
            problem = "; ".join(differences(*self._row_of_files(written)))
            return Check(what, Finding.DIFFERS, problem) if problem else Check(what, Finding.NOT_CHECKED, str(error))
        now = generator_json(plan, self.metrics, self.plugins)
        then = _planned(written, now, {metric.key for metric in self.metrics})
        inputs = [
            (one["inputs"], other["inputs"]) for one, other in zip(then["replicas"], now["replicas"], strict=False)
        ]
        outside = list(dict.fromkeys(told for one, other in inputs for told in _outside(one, other)))
        problem = "; ".join(differences(then, now))
        if outside or len(written["replicas"]) != len(now["replicas"]):
            self.unknown.add(name)
            self._generators.append(_as_written(written))
            if then["kind"] != now["kind"]:
                return Check(what, Finding.DIFFERS, f"kind is {then['kind']!r}, and should be {now['kind']!r}")
            return Check(
                what, Finding.NOT_CHECKED, f"has changed since the run: {', '.join(outside) or 'its replicas'}"
            )
        self._generators.append(plan)
        if not problem and written["plugin"] != now["plugin"]:
            return Check(what, Finding.NOT_CHECKED, f"is of {now['plugin']} now, of {written['plugin']} then")
        return check(what, problem)

    def _row_of_files(self, written: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        """Title and kind of a row as written, and as they follow from its settings where its files are gone."""
        settings = self.config.of(written["name"])
        spec = self.plugins.generators.get(settings.known_as)
        title = row_title(settings, spec)
        kind = str(RowKind.MEASURED) if settings.samples else written["kind"]
        return {key: written[key] for key in ("title", "kind")}, {"title": title, "kind": kind}

    def _not_known(self, what: str, reason: str) -> Check:
        self.lost.add(what)
        return Check(what, Finding.NOT_CHECKED, reason)


def _outside(written: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What a row rests on that is another one now; of libraries which."""
    for key in OUTSIDE:
        then, there = written.get(key), now.get(key)
        if key == "packages" and isinstance(then, dict) and isinstance(there, dict):
            names = [name for name in sorted({*then, *there}) if then.get(name) != there.get(name)]
            yield from (
                f"{name} {then.get(name) or 'none'} (now {there.get(name) or 'none'})" for name in names[:SHOWN]
            )
            if len(names) > SHOWN:
                yield f"{len(names) - SHOWN} more packages"
        elif then != there:
            yield key


def _planned(written: dict[str, Any], now: dict[str, Any], metrics: set[str]) -> dict[str, Any]:
    """What a manifest says of a row, without what was drawn, what depends on the installation and where files are.

    Columns of metrics that are not known now have no footnotes to compare.
    """
    replicas = []
    for replica, other in zip(written["replicas"], now["replicas"], strict=False):
        same_name = replica["source"] and other["source"] and Path(replica["source"]).name == Path(other["source"]).name
        moved = written["kind"] != RowKind.EXAMPLE or same_name
        kept = {key: replica[key] for key in ("seed", "source", "key", "inputs")}
        replicas.append(kept | ({"source": other["source"]} if moved else {}))
    given = {key: note for key, note in written["given"].items() if key in metrics}
    return written | {"replicas": replicas, "plugin": now["plugin"], "given": given}


def _as_written(written: dict[str, Any]) -> GeneratorPlan:
    return GeneratorPlan(
        name=written["name"],
        title=written["title"],
        kind=RowKind(written["kind"]),
        spec=None,
        reader=None,
        parameters=written["parameters"],
        replicas=(),
        generated=0,
        key=written["key"],
    )
