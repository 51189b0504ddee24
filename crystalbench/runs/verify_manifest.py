"""What of a manifest follows from the rest of it: its keys, its names, its failures, its files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins
from crystalbench.runs.cache import content_key
from crystalbench.runs.checks import Check, Finding, check, differences
from crystalbench.runs.config import RunConfig
from crystalbench.runs.failures import drawing_failure
from crystalbench.runs.folder import LEDGER, RunFolder, digest_of, samples_name, structures_name
from crystalbench.runs.inputs import shown
from crystalbench.runs.keys import check_drawing, row_key, run_key
from crystalbench.runs.plan import GeneratorPlan, parameters_of
from crystalbench.runs.stream import ReplicaSamples
from crystalbench.runs.suite import suite_problem
from crystalbench.tables.results import Failure
from crystalbench.tables.results_json import outcome_from_json

Manifest = Mapping[str, Any]


def manifest_checks(manifest: Manifest, config: RunConfig, plugins: Plugins, folder: RunFolder) -> Iterator[Check]:
    """Yield checks that need nothing but the manifest and the suffixes of reports."""
    same = manifest["digest"] == digest_of(folder.written(manifest))
    yield check("manifest", "" if same else "has been changed since the run wrote it")
    for what, expected in _following(manifest, config, plugins).items():
        written = {key: manifest.get(key, value) for key, value in expected.items()}
        yield check(f"manifest {what}", "; ".join(differences(written, expected)))
    if config.suite:
        problem, known = suite_problem(config.suite, config.to_mapping(), plugins.suites)
        yield check("manifest suite", problem) if known else Check("manifest suite", Finding.NOT_CHECKED, problem)
    yield check("manifest names", "; ".join(_names(manifest, config)))
    for row in manifest["generators"]:
        yield check(f"manifest of {row['name']}", "; ".join(_row(row, manifest, config)))
    listed = set(manifest["files"])
    absent = [name for name in _files(manifest, plugins) if name not in listed]
    yield check("manifest files", f"{', '.join(absent)} not listed" if absent else "")


def _following(manifest: Manifest, config: RunConfig, plugins: Plugins) -> dict[str, dict[str, Any]]:
    rows, encoders = manifest["generators"], manifest["encoders"]
    identities = [*(e["identity"] for e in encoders), *manifest.get("energies", {}).get("identities", ())]
    key = run_key(config, manifest["dataset"]["identity"], [r["key"] for r in rows], identities)
    return {
        "settings": {"config": config.to_mapping()},
        "key": {"key": key},
        "version": {"crystalbench": manifest["environment"]["packages"].get("crystalbench")},
    }


def _names(manifest: Manifest, config: RunConfig) -> Iterator[str]:
    """The parts of a run, under the names that its settings have."""
    for kind in ("generators", "metrics", "encoders"):
        written = list(dict.fromkeys(part["name"] for part in manifest[kind]))
        yield from differences(written, list(getattr(config, kind)), kind)
    yield from differences(list(manifest["reporters"]), list(config.reports), "reporters")
    yield from differences(manifest["dataset"]["name"], config.dataset, "dataset.name")
    yield from differences(list(config.columns), list(dict.fromkeys(config.columns)), "columns")
    keys = [metric["key"] for metric in manifest["metrics"]]
    try:
        check_drawing(config, [*keys, *config.metrics])
    except ConfigError as error:
        yield str(error)
    if len(set(keys)) < len(keys):
        yield "two metrics have one key"


def _row(row: Manifest, manifest: Manifest, config: RunConfig) -> Iterator[str]:
    settings = config.of(row["name"])
    inputs = [replica["inputs"] for replica in row["replicas"]]
    key = row_key(row["kind"], inputs, settings.generated, config, manifest["conversion"])
    yield from differences(row["key"], key, "key")
    samples = settings.samples
    count = len(samples) or len(settings.of_replicas())
    if len(row["replicas"]) != count:
        yield f"{len(row['replicas'])} replicas, and should be {count}"
    for index, replica in enumerate(row["replicas"]):
        given = replica["inputs"]
        expected: dict[str, Any] = {"key": content_key(**given), "seed": config.seed}
        expected["inputs"] = given | {"parameters": parameters_of(row["parameters"], index)}
        if row["reader"]:
            there = manifest["environment"]["packages"]
            packages = {name: there.get(name) for name in given["packages"]}
            expected["inputs"] |= {"reader": row["reader"], "packages": packages}
            if samples:
                expected["source"] = samples[min(index, len(samples) - 1)]
        else:
            seed = config.seed + index
            expected |= {"seed": seed, "source": None}
            expected["inputs"] |= {
                "generator": settings.known_as,
                "seed": seed,
                "dataset": manifest["dataset"]["identity"],
            }
            expected["inputs"] |= {"table": str(config.conversion.table)}
        if "failure" not in replica:
            expected["samples"] = samples_name(row["name"], index)
        yield from differences({name: replica[name] for name in expected}, expected, f"replicas[{index}]")


def _files(manifest: Manifest, plugins: Plugins) -> Iterator[str]:
    """Names of the files that a run with these rows, reports and failures leaves."""
    yield from (LEDGER, "scores.json", "table.json")
    yield from (r["samples"] for row in manifest["generators"] for r in row["replicas"] if "samples" in r)
    structures = (structures_name(row["name"], 0) for row in manifest["generators"])
    yield from (name for name in structures if name in manifest["files"])
    failed = {failure["plugin"] for failure in manifest["failures"] if failure["step"] == "report"}
    for name in manifest["reporters"]:
        if name in plugins.reporters and name not in failed:
            yield f"table{plugins.reporters[name].suffix}"


def failure_problem(
    manifest: Manifest,
    folder: Path,
    generators: Sequence[GeneratorPlan],
    replicas: Mapping[str, tuple[ReplicaSamples | Failure, ...]],
    scores: Any,
) -> str:
    """Say where the list of failures is not that of the samples, the scores and the reports."""
    expected = [
        failure
        for generator in generators
        for written, samples in zip(_written(manifest, generator.name), replicas[generator.name], strict=True)
        if (failure := drawing_failure(generator.name, _shown(written, folder), samples, generator.reader is not None))
    ]
    cells = (scores[row["name"]][metric["key"]] for row in manifest["generators"] for metric in manifest["metrics"])
    outcomes = (outcome_from_json(outcome, "scores.json") for cell in cells for outcome in cell)
    expected += [outcome for outcome in outcomes if isinstance(outcome, Failure) and outcome.step == "score"]
    written = [Failure(**failure) for failure in manifest["failures"]]
    others = [failure for failure in written if failure.step != "report"]
    if others != expected:
        return f"are {list(map(_told, others))}, and should be {list(map(_told, expected))}"
    return ""


def _written(manifest: Manifest, name: str) -> list[dict[str, Any]]:
    return next(row["replicas"] for row in manifest["generators"] if row["name"] == name)


def _shown(replica: dict[str, Any], folder: Path) -> str:
    return shown(str(replica["source"]), folder)


def _told(failure: Failure) -> str:
    return f"{failure.step} {failure.plugin}: {failure.error}"
