"""Settings of what a run does not use: a file of settings may serve several runs, so they are a warning, no error."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from crystalbench.errors import unknown_name
from crystalbench.interfaces import Need
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig
from crystalbench.runs.wanted import wanted_metrics


def without_unused(config: RunConfig, generators: Iterable[str], plugins: Plugins) -> tuple[RunConfig, tuple[str, ...]]:
    """Return the configuration without the sections that this run of ``generators`` leaves unused, and warnings.

    Raises
    ------
    ConfigError
        For a section of a name that nobody knows: a typing error.
    """
    metrics = wanted_metrics(config, plugins)
    encoders = config.encoders or [spec.name for spec in plugins.encoders.values() if spec.default]
    used = {"generator": {*generators}, "metric": {*metrics}, "encoder": {*encoders}}
    used |= _of_energies(config, plugins, any(Need.ENERGY in plugins.metrics[name].needs for name in metrics))
    known: dict[str, Callable[[str], bool]] = {
        "generator": lambda name: config.of(name).known_as in plugins.generators or bool(config.of(name).samples),
        "metric": plugins.metrics.__contains__,
        "encoder": plugins.encoders.__contains__,
        "potential": plugins.potentials.__contains__,
        "hull": plugins.hulls.__contains__,
        "realiser": plugins.realisers.__contains__,
    }
    warnings = []
    for kind, names in used.items():
        for name in getattr(config, kind).keys() - names:
            if not known[kind](name):
                raise unknown_name(f"{kind} in the settings", name, names | {*getattr(plugins, f"{kind}s")})
            warnings.append(f"[{kind}.{name}] is not used: {name!r} is not among the {kind}s of this run")
    kept: dict[str, Any] = {
        kind: {k: v for k, v in getattr(config, kind).items() if k in names} for kind, names in used.items()
    }
    return replace(config, **kept), tuple(sorted(warnings))


def _of_energies(config: RunConfig, plugins: Plugins, needed: bool) -> dict[str, set[str]]:
    """Names of the potentials, hulls and realisers of a run, none where no metric of it needs energies."""
    named = {
        "potential": config.energies.potentials,
        "hull": (config.energies.hull,),
        "realiser": (config.energies.realiser,),
    }
    return {
        kind: {*filter(None, names)} or {spec.name for spec in getattr(plugins, f"{kind}s").values() if spec.default}
        if needed
        else set()
        for kind, names in named.items()
    }
