"""The identities of rows and runs: what their numbers depend on, as SHA-256."""

import re
from collections.abc import Iterable, Mapping, Sequence

from crystalbench.errors import PluginError
from crystalbench.runs.cache import content_key
from crystalbench.runs.config import RunConfig
from crystalbench.tables.results import JSON
from crystalbench.tables.selection import check_names

DRAWING = frozenset({"reports", "published", "columns", "sort", "suite"})
"""Settings of how results are drawn and named: no number depends on them."""


def check_drawing(config: RunConfig, columns: Iterable[str]) -> None:
    """Raise `ConfigError` for a name by which a table of these columns cannot be drawn or sorted."""
    check_names(columns, (*config.columns, *filter(None, (config.sort.removeprefix("-"),))))


def checked_identity(what: str, identity: str) -> str:
    """Return an identity that a plugin gave; raises `PluginError` where it is no SHA-256 in hex."""
    if not re.fullmatch(r"[0-9a-f]{64}", identity):
        raise PluginError(f"{what}: its identity must be a SHA-256 in hex, got {identity!r}")
    return identity


def row_key(
    kind: str, inputs: Sequence[Mapping[str, JSON]], generated: int, config: RunConfig, conversion: Mapping[str, JSON]
) -> str:
    """SHA-256 of all that the samples of a row depend on, and of how many they are."""
    row: list[JSON] = [config.n, config.novel, config.draw_limit, generated, dict(conversion)]
    return content_key(kind=kind, row=row, replicas=[dict(one) for one in inputs])


def run_key(config: RunConfig, dataset: str, rows: Sequence[str], encoders: Sequence[str]) -> str:
    """SHA-256 of all that the numbers of a run depend on: what was asked, and the identities of all parts.

    Where sample files and a hull lie is no part of it; what they hold is, by their rows and identities.
    """
    settings = {key: value for key, value in config.to_mapping().items() if key not in DRAWING}
    if "energies" in settings:
        settings["energies"] = {key: value for key, value in settings["energies"].items() if key != "hull"}
    settings["generator"] = {
        name: {key: value for key, value in own.items() if key != "samples"}
        for name, own in settings["generator"].items()
    }
    return content_key(settings=settings, dataset=dataset, rows=list(rows), encoders=list(encoders))
