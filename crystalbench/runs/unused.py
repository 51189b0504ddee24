"""Settings of what a run does not use: a file of settings may serve several runs, so they are a warning, no error."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from crystalbench.errors import unknown_name
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig


def without_unused(config: RunConfig, generators: Iterable[str], plugins: Plugins) -> tuple[RunConfig, tuple[str, ...]]:
    """Return the configuration without the sections that this run of ``generators`` leaves unused, and warnings.

    Raises
    ------
    ConfigError
        For a section of a name that nobody knows: a typing error.
    """
    metrics = config.metrics or [spec.name for spec in plugins.metrics.values() if spec.default]
    encoders = config.encoders or [spec.name for spec in plugins.encoders.values() if spec.default]
    used = {"generator": {*generators}, "metric": {*metrics}, "encoder": {*encoders}}
    known: dict[str, Callable[[str], bool]] = {
        "generator": lambda name: config.of(name).known_as in plugins.generators or bool(config.of(name).samples),
        "metric": plugins.metrics.__contains__,
        "encoder": plugins.encoders.__contains__,
    }
    warnings = []
    for kind, names in used.items():
        for name in getattr(config, kind).keys() - names:
            if not known[kind](name):
                raise unknown_name(f"{kind} in the settings", name, names | {*getattr(plugins, f"{kind}s")})
            warnings.append(f"[{kind}.{name}] is not used: {name!r} is not among the {kind}s of this run")
    kept = {kind: {k: v for k, v in getattr(config, kind).items() if k in names} for kind, names in used.items()}
    left = replace(config, generator=kept["generator"], metric=kept["metric"], encoder=kept["encoder"])
    return left, tuple(sorted(warnings))
