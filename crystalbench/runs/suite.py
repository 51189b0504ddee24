"""The suite of a run: its settings below what the user says, and where the two differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from crystalbench.plugins import Registry
from crystalbench.runs.config import merged
from crystalbench.suites import SuiteSpec


def with_suite(data: Mapping[str, Any], suites: Mapping[str, SuiteSpec]) -> dict[str, Any]:
    """Put settings over those of the suite that they name; ``suite`` then says version and deviations, too.

    Raises
    ------
    ConfigError
        There is no such suite.
    """
    if not data.get("suite") or not isinstance(data["suite"], str):
        return dict(data)  # of another type: refused with its place by `RunConfig.from_mapping`
    spec = suites[data["suite"].partition(" ")[0]]
    result = merged(spec.settings, data)
    return result | {"suite": described(spec, result)}


def described(spec: SuiteSpec, settings: Mapping[str, Any]) -> str:
    """Name, version, and the settings that are not those of the suite, such as "quick 1, deviates: n"."""
    other = ", ".join(_other(spec.settings, settings))
    return f"{spec.name} {spec.version}" + (f", deviates: {other}" if other else "")


def suite_problem(written: str, settings: Mapping[str, Any], suites: Registry[SuiteSpec]) -> tuple[str, bool]:
    """Return what is wrong with the suite that a run names, and whether it can be told here."""
    name = written.partition(" ")[0]
    if name not in suites:
        return f"suite {name} is not installed", False
    now = described(suites[name], settings)
    if now == written:
        return "", True
    same = written.split(", ")[0] == now.split(", ")[0]
    return f"is {written!r}, and should be {now!r}", same


def _other(own: Mapping[str, Any], settings: Mapping[str, Any], place: str = "") -> Iterator[str]:
    for key, value in own.items():
        now = settings.get(key)
        if isinstance(value, Mapping):
            yield from _other(value, now if isinstance(now, Mapping) else {}, f"{place}{key}.")
        elif (list(now) if isinstance(now, list | tuple) else now) != (
            list(value) if isinstance(value, list | tuple) else value
        ):
            yield f"{place}{key}"
