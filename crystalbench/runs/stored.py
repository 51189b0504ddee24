"""What a finished run or discovery was asked, read back from its folder, with its input files where they are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from crystalbench.errors import ConfigError, unknown_name
from crystalbench.runs.config import RunConfig, merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Where input files are now that are no longer where they were read.

    Attributes
    ----------
    samples
        The sample files of a generator, by its name.
    hull
        The file of the hull; "" where it has not moved.
    settings
        Sections ``potential``, ``hull`` and ``realiser`` with settings that name files, such as a file of weights.
    """

    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hull: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if other := self.settings.keys() - {"potential", "hull", "realiser"}:
            raise ConfigError(f"{min(other)}: only files of potential, hull and realiser can be said to have moved")

    def of(self, config: RunConfig, replicas: Mapping[str, int]) -> RunConfig:
        """Return the settings with the files where they are now.

        Parameters
        ----------
        replicas
            How many each generator has.

        Raises
        ------
        ConfigError
            ``samples`` names no generator of these, or another number of files than it had; or the hull was no file.
        """
        settings = config.to_mapping()
        for name, files in self.samples.items():
            if name not in replicas:
                raise unknown_name("generator", name, replicas)
            if len(files) != replicas[name]:
                raise ConfigError(f"{name} has {replicas[name]} sample files in the run, {len(files)} are given")
            settings = merged(settings, {"generator": {name: {"samples": list(files)}}})
        if self.hull:
            settings = merged(settings, {"energies": {"hull": self.hull}})
        found = RunConfig.from_mapping(merged(settings, self.settings))
        return replace(found, workers=config.workers, scheduler=config.scheduler)


def stored_config(manifest: Mapping[str, Any], moved: Moved) -> RunConfig:
    """Return the settings of a run, with its files where they are now; raises as `Moved.of`."""
    replicas = {generator["name"]: len(generator["replicas"]) for generator in manifest["generators"]}
    return moved.of(RunConfig.from_mapping(manifest["config"]), replicas)
