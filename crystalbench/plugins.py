"""Find plugins, load them one by one, and collect what they declare.

A plugin that fails to load, declares something wrong or claims a name that is taken is listed as broken, with the
reason; the others go on.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Self, TypeVar

import pluggy

from crystalbench import hookspecs
from crystalbench.datasets import DatasetSpec
from crystalbench.energies import HullSpec, PotentialSpec, RealiserSpec
from crystalbench.errors import PluginError, unknown_name
from crystalbench.interfaces import CommandSpec, EncoderSpec, GeneratorSpec, MetricSpec, ReaderSpec, ReporterSpec
from crystalbench.isolation import isolated, required
from crystalbench.parameters import RESERVED
from crystalbench.plugin_files import module_of_file
from crystalbench.suites import SuiteSpec
from crystalbench.tables.results import ENCODED_WITH, Failure

Spec = TypeVar(
    "Spec",
    CommandSpec,
    DatasetSpec,
    EncoderSpec,
    GeneratorSpec,
    HullSpec,
    MetricSpec,
    PotentialSpec,
    ReaderSpec,
    RealiserSpec,
    ReporterSpec,
    SuiteSpec,
)

FILE = "file"
"""In the place of a distribution: the plugin is a file that the user named."""

KINDS: Mapping[str, type] = {
    "generators": GeneratorSpec,
    "readers": ReaderSpec,
    "datasets": DatasetSpec,
    "metrics": MetricSpec,
    "encoders": EncoderSpec,
    "realisers": RealiserSpec,
    "potentials": PotentialSpec,
    "hulls": HullSpec,
    "reporters": ReporterSpec,
    "suites": SuiteSpec,
    "commands": CommandSpec,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One plugin: where it comes from, what it declares (kind -> names), and its error if it is broken."""

    name: str
    module: str
    distribution: str
    version: str
    declares: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    error: str = ""
    traceback: str = ""


class Registry(dict[str, Spec]):
    """Records of one kind by name; an unknown name raises `ConfigError` with the nearest one."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, name: str) -> Spec:
        raise unknown_name(self.kind.removesuffix("s"), name, self)


class Plugins:
    """The plugins of one run. There is no global one."""

    def __init__(self) -> None:
        self.infos: list[PluginInfo] = []
        self.generators: Registry[GeneratorSpec] = Registry("generators")
        self.readers: Registry[ReaderSpec] = Registry("readers")
        self.datasets: Registry[DatasetSpec] = Registry("datasets")
        self.metrics: Registry[MetricSpec] = Registry("metrics")
        self.encoders: Registry[EncoderSpec] = Registry("encoders")
        self.realisers: Registry[RealiserSpec] = Registry("realisers")
        self.potentials: Registry[PotentialSpec] = Registry("potentials")
        self.hulls: Registry[HullSpec] = Registry("hulls")
        self.reporters: Registry[ReporterSpec] = Registry("reporters")
        self.suites: Registry[SuiteSpec] = Registry("suites")
        self.commands: Registry[CommandSpec] = Registry("commands")
        self._managers: list[pluggy.PluginManager] = []
        self._owner: dict[tuple[str, str], PluginInfo] = {}

    @classmethod
    def load(cls, points: Iterable[EntryPoint] | None = None, files: Iterable[Path] = ()) -> Self:
        """Load every plugin that is installed (or ``points``): crystalbench's own first, then in order of name.

        So nobody can take the name of a record that comes with crystalbench. ``files`` are modules that the user named:
        what is wrong with one of them is an error, not a plugin that is listed as broken.
        """
        plugins = cls()
        found = entry_points(group=hookspecs.PROJECT) if points is None else points
        for point in sorted(found, key=lambda p: (not _is_own(p), p.name, p.value)):
            failed = isolated("load", point.name, partial(plugins._load, point))
            if isinstance(failed, Failure):
                plugins.infos.append(_info(point.name, point, error=failed.error, traceback=failed.traceback))
        for file in files:
            plugins.register_file(file)
        plugins.infos.sort(key=lambda info: info.name)
        return plugins

    def register_file(self, path: Path) -> None:
        """Add the plugin in a Python file, which is run as it is imported.

        Raises
        ------
        ConfigError
            There is no such file.
        PluginError
            It fails, or breaks the contract.
        """
        module, digest = module_of_file(path)
        info = PluginInfo(name=path.stem, module=path.name, distribution=FILE, version=digest)
        required("load", str(path), partial(self.register, module, path.stem, info=info))

    @property
    def files(self) -> tuple[str, ...]:
        """Names and SHA-256 of the plugins that are files: part of the identity of a run."""
        return tuple(f"{info.module} {info.version}" for info in self.infos if info.distribution == FILE)

    def _load(self, point: EntryPoint) -> None:
        self.register(point.load(), point.name, point)

    def register(
        self,
        module: ModuleType | object,
        name: str,
        point: EntryPoint | None = None,
        info: PluginInfo | None = None,
    ) -> None:
        """Add one plugin; raises `PluginError` if it breaks the contract, and then adds nothing of it."""
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(module, name=name)
        manager.check_pending()
        declared = {kind: _records(manager, kind) for kind in KINDS}
        for kind, records in declared.items():
            for record in records:
                if owner := self._owner.get((kind, record.name)):
                    raise PluginError(
                        f"{kind.removesuffix('s')} {record.name!r} is claimed by plugin {owner.name!r} "
                        f"({owner.distribution}) and by {name!r}; rename or uninstall one"
                    )
        names = {kind: tuple(r.name for r in records) for kind, records in declared.items() if records}
        info = replace(info or _info(name, point), declares=names)
        for kind, records in declared.items():
            registry: Registry[Any] = getattr(self, kind)
            for record in records:
                registry[record.name] = record
                self._owner[kind, record.name] = info
        self.infos.append(info)
        self._managers.append(manager)

    @property
    def broken(self) -> tuple[PluginInfo, ...]:
        return tuple(info for info in self.infos if info.error)

    def owner(self, kind: str, name: str) -> PluginInfo:
        """Return the plugin that declared a record."""
        return self._owner[kind, name]

    def step_finished(self, step: str, name: str, seconds: float, cached: bool) -> Iterator[Failure]:
        """Tell every plugin that a step has ended; yields the failure of each one that raised."""
        for manager in self._managers:
            tell = partial(
                manager.hook.crystalbench_step_finished, step=step, name=name, seconds=seconds, cached=cached
            )
            failed = isolated("crystalbench_step_finished", manager.list_name_plugin()[0][0], tell)
            if isinstance(failed, Failure):
                yield failed


def _records(manager: pluggy.PluginManager, kind: str) -> list[Any]:
    records = [r for part in getattr(manager.hook, f"crystalbench_{kind}")() for r in part]
    for record in records:
        if not isinstance(record, KINDS[kind]):
            raise PluginError(f"crystalbench_{kind} must give {KINDS[kind].__name__} records, not {record!r}")
    if twice := {r.name for r in records if sum(o.name == r.name for o in records) > 1}:
        raise PluginError(f"crystalbench_{kind} declares {', '.join(sorted(twice))} twice")
    for record in records:
        if kind == "metrics" and ENCODED_WITH in record.name:
            raise PluginError(f"metric {record.name!r}: {ENCODED_WITH!r} in a column's key names its encoder")
        for parameter in getattr(record, "parameters", ()):
            if kind in ("generators", "readers") and parameter.name in RESERVED:
                raise PluginError(
                    f"{record.name}: a setting cannot be named {parameter.name!r}; that is a key of every generator"
                )
    return records


def _is_own(point: EntryPoint) -> bool:
    return _distribution(point)[0] == hookspecs.PROJECT


def _distribution(point: EntryPoint | None) -> tuple[str, str]:
    """Name and version of what installed the plugin; "" for one that was registered by hand."""
    return _named(point.dist) if point and point.dist else ("", "")


@lru_cache(maxsize=64)
def _named(dist: Distribution) -> tuple[str, str]:
    """Name and version. Each reading of either parses the whole metadata, README included."""
    metadata = dist.metadata
    return metadata["Name"], metadata["Version"]


def _info(name: str, point: EntryPoint | None, **more: Any) -> PluginInfo:
    distribution, version = _distribution(point)
    return PluginInfo(
        name=name, module=point.value if point else "", distribution=distribution, version=version, **more
    )
