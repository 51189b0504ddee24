"""The manifest of a run: what was planned, from what, by which code, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from crystalbench.plugins import Plugins
from crystalbench.runs.compared import Comparison
from crystalbench.runs.encoder_plan import EncoderPlan
from crystalbench.runs.energy_plan import EnergyPlan
from crystalbench.runs.environment import environment
from crystalbench.runs.folder import MANIFEST_SCHEMA, samples_name
from crystalbench.runs.manifest_shape import Status
from crystalbench.runs.plan import GeneratorPlan, MetricPlan, Plan, ReplicaPlan, energy_identities
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.table import given_notes
from crystalbench.tables.results import Failure
from crystalbench.version import __version__


def started_manifest(plan: Plan, plugins: Plugins, started: datetime) -> dict[str, Any]:
    """What is known before anything is drawn."""
    return {
        "schema_version": MANIFEST_SCHEMA,
        "status": str(Status.RUNNING),
        "crystalbench": __version__,
        "started": started.isoformat(timespec="seconds"),
        "key": plan.key,
        "config": plan.config.to_mapping(),
        "warnings": list(plan.warnings),
        "dataset": dataset_json(plan.comparison, plan.dataset_identity),
        "conversion": dict(plan.config.conversion.identity()),
        "generators": [generator_json(generator, plan.metrics, plugins) for generator in plan.generators],
        "metrics": [metric_json(metric, plugins) for metric in plan.metrics],
        "encoders": [encoder_json(encoder, plugins) for encoder in plan.encoders],
        **({"energies": energies_json(plan.energies, plugins)} if plan.energies else {}),
        "reporters": {reporter.name: reporter.version for reporter in plan.reporters},
        "broken_plugins": [
            {"name": p.name, "module": p.module, "error": p.error, "traceback": p.traceback} for p in plugins.broken
        ],
        "environment": environment(),
    }


def dataset_json(comparison: Comparison, identity: str) -> dict[str, Any]:
    return {
        "name": comparison.dataset.name,
        "identity": identity,
        "reference": comparison.dataset.reference,
        "reason": comparison.reason,
    }


def metric_json(metric: MetricPlan, plugins: Plugins) -> dict[str, Any]:
    return {
        "key": metric.key,
        "name": metric.spec.name,
        "version": metric.spec.version,
        "plugin": _plugin(plugins, "metrics", metric.spec.name),
        "encoder": metric.encoder.spec.name if metric.encoder else None,
        "missing": metric.missing,
    }


def encoder_json(encoder: EncoderPlan, plugins: Plugins) -> dict[str, Any]:
    return {
        "name": encoder.spec.name,
        "version": encoder.spec.version,
        "identity": encoder.identity,
        "plugin": _plugin(plugins, "encoders", encoder.spec.name),
    }


def energies_json(energies: EnergyPlan, plugins: Plugins) -> dict[str, Any]:
    """What the energies of a run were computed with."""

    def part(kind: str, name: str, version: str) -> dict[str, Any]:
        return {"name": name, "version": version, "plugin": _plugin(plugins, kind, name)}

    hull, realiser = energies.hull, energies.realiser
    of_file = {"name": hull.spec.name, "version": hull.spec.version, "plugin": "a file"}
    return {
        "potentials": [
            part("potentials", potential.spec.name, potential.spec.version)
            | {"identity": potential.identity, "parameters": dict(potential.parameters)}
            | {"energy_scheme": str(potential.spec.energy_scheme), "basis": energies.basis(potential)}
            for potential in energies.potentials
        ],
        "hull": (of_file if hull.file else part("hulls", hull.spec.name, hull.spec.version))
        | {"identity": hull.identity},
        "realiser": part("realisers", realiser.spec.name, realiser.spec.version),
        "settings": energies.config.to_mapping(),
        "identities": energy_identities(energies),
    }


def generator_json(generator: GeneratorPlan, metrics: Sequence[MetricPlan], plugins: Plugins) -> dict[str, Any]:
    """One row as planned; `drawn_json` adds to its replicas what was drawn."""
    return {
        "name": generator.name,
        "title": generator.title,
        "kind": str(generator.kind),
        "key": generator.key,
        "reader": generator.reader.name if generator.reader else None,
        "plugin": _plugin(plugins, "readers" if generator.reader else "generators", generator.plugin),
        "parameters": dict(generator.parameters),
        "given": given_notes(generator.spec, metrics),
        "replicas": [_replica_json(generator, replica) for replica in generator.replicas],
    }


def _replica_json(generator: GeneratorPlan, replica: ReplicaPlan) -> dict[str, Any]:
    return {
        "seed": replica.seed,
        "source": generator.source(replica),
        "key": replica.key,
        "inputs": dict(replica.inputs),
    }


def drawn_json(generator: str, replica: int, samples: ReplicaSamples | Failure) -> dict[str, Any]:
    """What came of one replica."""
    if isinstance(samples, Failure):
        return {"failure": asdict(samples)}
    return {
        "samples": samples_name(generator, replica),
        "digest": samples.digest,
        "n": samples.n,
        "drawn": len(samples.drawn),
        "timing": asdict(samples.timing) if samples.timing else None,
        "notes": list(samples.notes),
    }


def _plugin(plugins: Plugins, kind: str, name: str) -> str:
    info = plugins.owner(kind, name)
    return f"{info.module} ({info.distribution} {info.version})"
