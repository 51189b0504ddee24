"""The sample files of a row: which they are, who reads them, and what kind of row that makes."""

from pathlib import Path

from crystalbench.errors import ConfigError, PluginError
from crystalbench.interfaces import GeneratorSpec, ReaderSpec, Scale
from crystalbench.isolation import required
from crystalbench.plugins import Plugins
from crystalbench.runs.config import GeneratorConfig
from crystalbench.runs.detection import detect_reader, detects, named_reader
from crystalbench.tables.results import RowKind


def sample_files(
    settings: GeneratorConfig, spec: GeneratorSpec | None, plugins: Plugins
) -> tuple[tuple[Path, ...], RowKind]:
    """Sample files of a generator (none: it is live), and what its row is."""
    name = settings.name
    if settings.known_as != name and name in plugins.generators:
        raise ConfigError(f"{name!r} is a generator itself; give the row of {settings.known_as} another name")
    if settings.known_as != name and spec is not None and spec.reference:
        raise ConfigError(f"{settings.known_as!r} is a built-in reference generator: it has one row, of its own name")
    sources = tuple(Path(sample).expanduser().absolute() for sample in settings.samples)
    if spec is not None and spec.reference:
        if sources:
            raise ConfigError(f"{name!r} is a built-in reference generator; give your samples another name")
        return (), RowKind.TRAINING if spec.scale is Scale.REFERENCE else RowKind.REFERENCE
    for source in sources:
        if not (source.is_file() or source.is_dir()):
            raise ConfigError(f"{source}: no such file or folder (samples of {name!r})")
    if sources or spec is None or spec.start is not None:
        return sources, RowKind.MEASURED
    if spec.example is None:
        raise ConfigError(f"generator {name!r} is known by its files only: give them with --samples {name}=FILE")
    example = required("example", f"generator {name}", spec.example)
    if not example.is_file():
        raise PluginError(f"generator {name}: its example file {example} is not there; install its plugin again")
    return (example,), RowKind.EXAMPLE


def generated(settings: GeneratorConfig, n: int) -> int:
    """Number of samples that the model made; a part of a file cannot tell which of them are missing."""
    if settings.generated and not settings.samples:
        raise ConfigError(f"generator.{settings.name}: generated counts what was made for sample files; there are none")
    if settings.generated > n:
        raise ConfigError(
            f"generator.{settings.name}: generated={settings.generated}, but only n={n} samples are asked for; "
            f"use -n {settings.generated}"
        )
    return settings.generated


def reader_of(
    settings: GeneratorConfig, spec: GeneratorSpec | None, sources: tuple[Path, ...], plugins: Plugins
) -> ReaderSpec:
    """Return the reader that is named, else that of the generator, else the one that knows the first file."""
    if settings.reader:
        return named_reader(settings.reader, sources[0], plugins)
    own = plugins.readers[spec.reader] if spec is not None and spec.reader else None
    if own is not None and detects(own, sources[0]) is True:
        return own
    try:
        return detect_reader(sources[0], plugins, f"{settings.name}=")
    except ConfigError:
        if own is not None:
            return named_reader(own.name, sources[0], plugins)  # it knows best what is wrong with the file
        raise
