"""Samples that were in memory: a file of the run itself, ``inputs/NAME.R.samples``, read like any other file.

So their identity is that of their content, and a run folder that holds its inputs can be moved and verified anywhere:
paths below the folder are written into its manifest relative to it, and made whole again when it is read.

One line of such a file is one sample, as JSON: a label; ``[reason, detail]`` of what is no crystal; or an object with
``lattice`` (rows, Å), ``frac_coords`` and ``numbers``. Numbers are written with all their digits.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from crystalbench.crystals.objects import sample_of
from crystalbench.errors import ConfigError
from crystalbench.runs.cache import atomic_write
from crystalbench.runs.chunks import to_json

INPUTS = "inputs"
SUFFIX = ".samples"


def write_inputs(path: Path, samples: Iterable[object]) -> int:
    """Write crystals that are in memory (`sample_of`) and return their number; raises `ConfigError` with the place."""
    lines = []
    for place, item in enumerate(samples):
        try:
            sample = sample_of(item)
        except ConfigError as error:
            raise ConfigError(f"sample {place}: {error}") from error
        lines.append(json.dumps(sample if isinstance(sample, str) else to_json(sample)))
    with atomic_write(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def portable(manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a manifest as it is written: with paths relative to the run's folder where they lie in its inputs."""
    return _with_paths(manifest, lambda path: shown(path, folder))


def placed(manifest: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Inverse of `portable`, wherever the folder is now."""

    def whole(path: str) -> str:
        return str(folder.absolute() / path) if path.startswith(f"{INPUTS}/") else path

    return _with_paths(manifest, whole)


def shown(path: str, folder: Path) -> str:
    """Return how a manifest names a file."""
    own = folder.absolute() / INPUTS
    return Path(path).relative_to(folder.absolute()).as_posix() if Path(path).is_relative_to(own) else path


def _with_paths(manifest: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    result: dict[str, Any] = deepcopy(dict(manifest))
    generators = result["config"].get("generator")
    for settings in generators.values() if isinstance(generators, dict) else ():
        if isinstance(settings, dict) and isinstance(settings.get("samples"), list):
            settings["samples"] = [change(path) if isinstance(path, str) else path for path in settings["samples"]]
    for generator in result["generators"]:
        for replica in generator["replicas"]:
            if replica["source"] is not None:
                replica["source"] = change(replica["source"])
    return result
