"""What a finished run was asked, read back from its folder, with its sample files where they are now."""

from collections.abc import Mapping, Sequence
from typing import Any

from crystalbench.errors import ConfigError, unknown_name
from crystalbench.runs.config import RunConfig, merged


def stored_config(manifest: Mapping[str, Any], samples: Mapping[str, Sequence[str]]) -> RunConfig:
    """Return the settings of a run; ``samples`` says where the files of a generator are, if they have moved.

    Raises
    ------
    ConfigError
        ``samples`` names no generator of the run, or another number of files than it had.
    """
    settings = manifest["config"]
    replicas = {generator["name"]: len(generator["replicas"]) for generator in manifest["generators"]}
    for name, files in samples.items():
        if name not in replicas:
            raise unknown_name("generator", name, replicas)
        if len(files) != replicas[name]:
            raise ConfigError(f"{name} has {replicas[name]} sample files in the run, {len(files)} are given")
        settings = merged(settings, {"generator": {name: {"samples": list(files)}}})
    return RunConfig.from_mapping(settings)
