"""The configuration of a run: one TOML layout, checked key by key, that every command-line flag maps onto.

n = 1000
seed = 0
dataset = "wbm-rebuilt"
generators = ["train", "symmcd", "mymodel"]
metrics = ["novelty", "uniqueness"]      # left out: every default metric

[conversion]
backend = "spglib"

[generator.mymodel]
samples = ["run1.pt", "run2.pt"]         # several files are replicas
reader = "cdvae"                         # left out: detected
evaluation = 0                           # any parameter that the generator or its reader declares

[generator.zeros]                        # a row of its own of a generator that samples here
generator = "wyckoffdiff"
checkpoint = ["seed0.pt", "seed1.pt"]    # of one parameter several values: each makes a replica

[metric.smact_validity]
rule = "cdvae"

[encoder.myencoder]                      # settings of an encoder; encoders = ["myencoder"] chooses it
checkpoint = "weights.pth"

[energies]                               # of metrics that relax materials, such as sun
at_most = 200

[potential.mypotential]                  # settings of a potential, a hull or a realiser
model = "weights.pth"
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from crystalbench.crystals.convert import ConversionSettings
from crystalbench.errors import ConfigError, unknown_name
from crystalbench.executors import Executors
from crystalbench.parameters import Parameter, Parameters, Value
from crystalbench.runs.energy_config import EnergyConfig


def default_workers() -> int:
    """A process for each core that this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """One generator of a run.

    Attributes
    ----------
    generator
        Name of the known generator that the row is of; the row's own name where empty.
    samples
        Sample files; several are replicas.
    reader
        Format of the files; detected where empty.
    generated
        How many samples the model generated, where the files hold only the good ones: the rest count as invalid.
    replicas
        Number of independent repetitions with seeds ``seed, seed + 1, ...`` (generators without files).
    title
        Name in tables.
    parameters
        What is not one of the above: settings that the generator or its reader declares. One of them may have a list of
        values (of a generator without files): each makes a replica.
    """

    name: str
    generator: str = ""
    samples: tuple[str, ...] = ()
    reader: str = ""
    generated: int = 0
    replicas: int = 1
    title: str = ""
    parameters: Mapping[str, Value | list[Value] | tuple[Value, ...]] = field(default_factory=dict)

    @property
    def known_as(self) -> str:
        """Name of the generator among the plugins, if they have it."""
        return self.generator or self.name

    def of_replicas(self) -> tuple[Parameters, ...]:
        """Return the parameters of each replica; raises `ConfigError` for lists that name none or one twice."""
        single: dict[str, Value] = {}
        listed: dict[str, list[Value] | tuple[Value, ...]] = {}
        for key, value in self.parameters.items():
            if isinstance(value, list | tuple):
                listed[key] = value
            else:
                single[key] = value
        if not listed:
            return (single,) * self.replicas
        place = f"generator.{self.name}.{next(iter(listed))}"
        if len(listed) > 1:
            raise ConfigError(
                f"generator.{self.name}: {' and '.join(listed)} are lists; one makes replicas, not several"
            )
        if self.samples:
            raise ConfigError(
                f"{place}: a list makes replicas of a generator without files; give one value for all files"
            )
        if self.replicas > 1:
            raise ConfigError(f"{place}: a list makes a replica for each value; leave replicas={self.replicas} out")
        ((key, values),) = listed.items()
        if not values or len({repr(value) for value in values}) < len(values):
            raise ConfigError(f"{place}: a list needs values, each once; got {list(values)}")
        return tuple(single | {key: value} for value in values)

    @classmethod
    def from_mapping(cls, name: str, data: Mapping[str, Any]) -> Self:
        own = {f.name for f in fields(cls)} - {"name", "parameters"}
        known = {key: value for key, value in data.items() if key in own}
        rest = {key: value for key, value in data.items() if key not in own}
        config = cls(name=name, **_typed(cls, known, f"generator.{name}"), parameters=rest)
        if not (1 <= config.replicas <= MAX_REPLICAS and 0 <= config.generated <= MAX_SAMPLES):
            most = f"1 to {MAX_REPLICAS:,} replicas and 0 to {MAX_SAMPLES:,} generated samples"
            raise ConfigError(f"generator.{name} must have {most}, got {config.replicas:,} and {config.generated:,}")
        if config.replicas > 1 and config.samples:
            raise ConfigError(f"generator.{name}: give one file per replica in samples, and not replicas as well")
        config.of_replicas()
        return config

    def to_mapping(self) -> dict[str, Any]:
        """Inverse of `from_mapping`; sample files become absolute paths."""
        data = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("name", "parameters")}
        data["samples"] = tuple(str(Path(sample).expanduser().absolute()) for sample in self.samples)
        default = GeneratorConfig(name=self.name)
        shown = {key: plain_values(value) for key, value in data.items() if value != getattr(default, key)}
        return shown | {key: plain_values(value) for key, value in self.parameters.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What a run computes. ``workers`` and ``scheduler`` change the speed only, never a number.

    Attributes
    ----------
    n
        Samples asked of every generator: the denominator of its rates.
    novel
        Keep drawing until so many samples are novel (0: the novel ones among the n), as in the paper's Table 1.
    max_draws
        Cap on the draws of one replica while it looks for novel samples; 0 means 20 times the larger of the two.
    with_energies
        Compute the metrics that relax materials beside the others; a plan names them among its ``metrics``.
    encoders
        Encoders of the metrics that need one, a column for each; left out: the default one.
    published
        Add the rows of published papers to the table.
    suite
        Named settings below these: its name, then (as `with_suite` writes it) its version and what deviates.
    columns
        Columns that tables of text show, in this order: names of metrics or of sets; left out: the default set.
    plugins
        Plugins that are files, as `Plugins.files` names them; filled in by the plan.
    sort
        Column by which the rows of each kind are sorted; left out: in the order of ``generators``.
    workers
        Processes on this machine.
    scheduler
        Address of a dask scheduler whose workers do the work instead.
    """

    generators: tuple[str, ...]
    dataset: str = ""
    n: int = 1000
    novel: int = 0
    max_draws: int = 0
    seed: int = 0
    metrics: tuple[str, ...] = ()
    with_energies: bool = False
    encoders: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    published: bool = False
    suite: str = ""
    columns: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    sort: str = ""
    workers: int = field(default_factory=default_workers)
    scheduler: str = ""
    conversion: ConversionSettings = field(default_factory=ConversionSettings)
    generator: Mapping[str, GeneratorConfig] = field(default_factory=dict)
    metric: Mapping[str, Parameters] = field(default_factory=dict)
    encoder: Mapping[str, Parameters] = field(default_factory=dict)
    energies: EnergyConfig = field(default_factory=EnergyConfig)
    potential: Mapping[str, Parameters] = field(default_factory=dict)
    hull: Mapping[str, Parameters] = field(default_factory=dict)
    realiser: Mapping[str, Parameters] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.generators:
            raise ConfigError("no generators: name some with --generators a,b or in the configuration file")
        if len({name.casefold() for name in self.generators}) < len(self.generators):
            raise ConfigError(f"a generator is named twice: {', '.join(self.generators)}")
        if odd := next((name for name in self.generators if not name.isprintable()), None):
            raise ConfigError(f"the name {odd!r} has characters that cannot be printed; give it another one")
        for key, (least, most) in RANGES.items():
            if not least <= getattr(self, key) <= most:
                raise ConfigError(f"{key} must be from {least} to {most:,}, got {getattr(self, key):,}")

    def of(self, name: str) -> GeneratorConfig:
        """Return the settings of one row."""
        return self.generator.get(name, GeneratorConfig(name=name))

    @property
    def executors(self) -> Executors:
        """Where what maps over items runs."""
        return Executors(workers=self.workers, scheduler=self.scheduler)

    @property
    def draw_limit(self) -> int:
        """Largest number of samples drawn from one replica."""
        return max(self.n, self.max_draws or 20 * max(self.n, self.novel)) if self.novel else self.n

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Self:
        """Check every key and type; raises `ConfigError` with the nearest known name."""
        data = dict(data)
        conversion = _table(data.pop("conversion", {}), "conversion")
        generator = _table(data.pop("generator", {}), "generator")
        energies = _table(data.pop("energies", {}), "energies")
        of_parts: dict[str, Any] = {kind: _table(data.pop(kind, {}), kind) for kind in PARTS}
        settings = _typed(cls, data, "", frozenset({"conversion", "generator", "energies", *PARTS}))
        if "generators" not in settings:
            settings["generators"] = tuple(generator)
        return cls(
            **settings,
            conversion=ConversionSettings(**_typed(ConversionSettings, conversion, "conversion")),
            generator={n: GeneratorConfig.from_mapping(n, _table(g, f"generator.{n}")) for n, g in generator.items()},
            energies=EnergyConfig(**_typed(EnergyConfig, energies, "energies")),
            **{kind: _tables(of, kind) for kind, of in of_parts.items()},
        )

    def to_mapping(self) -> dict[str, Any]:
        """Inverse of `from_mapping`, as plain JSON and TOML types; without what changes no number.

        Settings of energies are there where they are not the default ones.
        """
        apart = ("conversion", "generator", "workers", "scheduler", "with_energies", "energies", *OF_ENERGIES)
        plain = {f.name: plain_values(getattr(self, f.name)) for f in fields(self) if f.name not in apart}
        plain["conversion"] = {key: plain_values(value) for key, value in asdict(self.conversion).items()}
        plain["generator"] = {name: config.to_mapping() for name, config in self.generator.items()}
        energies, default = self.energies.to_mapping(), EnergyConfig().to_mapping()
        of_energies = {"energies": {key: value for key, value in energies.items() if value != default[key]}}
        of_energies |= {kind: plain_values(getattr(self, kind)) for kind in OF_ENERGIES}
        absent = {key for key in ("plugins", "suite") if not plain[key]}
        plain = {key: value for key, value in plain.items() if key not in absent}
        return plain | {key: value for key, value in of_energies.items() if value}


MAX_SAMPLES = 10**9
"""Of one row, which is kept in memory; what is counted in 64 bits never comes near their end."""

MAX_REPLICAS = 1000
RANGES = dict.fromkeys(("novel", "max_draws"), (0, MAX_SAMPLES)) | {
    "n": (1, MAX_SAMPLES), "seed": (0, 2**64 - 1), "workers": (1, 4096),
}  # fmt: skip

OF_ENERGIES = ("potential", "hull", "realiser")
PARTS = ("metric", "encoder", *OF_ENERGIES)
"""Sections with a table of settings for each name."""

MAX_BYTES = 2**20
"""Of a configuration file."""

MAX_DEPTH = 16
"""Tables and lists in each other; settings take three."""


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML; raises `ValueError`, also where it is nested deeper than Python can print."""
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError("lists or tables nested too deeply") from None
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        inside = (value for outer in level for value in (outer.values() if isinstance(outer, dict) else outer))
        level = [value for value in inside if isinstance(value, dict | list)]
    if level:
        raise ValueError(f"tables nested deeper than {MAX_DEPTH}")
    return data


def read_toml(path: Path) -> dict[str, Any]:
    """Read a configuration file; sample paths in it are relative to its folder."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ConfigError(f"{path}: over {MAX_BYTES} bytes, so no configuration of a run")
        data = parse_toml(text.decode("utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: {'no such file' if isinstance(error, FileNotFoundError) else 'cannot be read'}"
        ) from error
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    for generator in _table(data.get("generator", {}), "generator").values():
        if isinstance(generator, dict) and isinstance(generator.get("samples"), list):
            generator["samples"] = [str(path.parent / Path(str(s)).expanduser()) for s in generator["samples"]]
    return data


def merged(settings: Mapping[str, Any], changes: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Return ``settings`` with ``changes`` put over them, table by table."""
    result = dict(settings)
    for key, value in changes.items():
        full = f"{place}.{key}" if place else key
        if isinstance(value, Mapping):
            result[key] = merged(_table(result.get(key, {}), full), value, full)
        elif isinstance(result.get(key), Mapping):
            raise ConfigError(f"{full} must be a table of settings, got {value!r}")
        else:
            result[key] = value
    return result


def check_parameters(owner: str, given: Parameters, declared: tuple[Parameter, ...]) -> Parameters:
    """Return all declared parameters with the given values filled in; raises `ConfigError`."""
    known = {p.name: p for p in declared}
    values = {p.name: p.default for p in declared}
    for name, value in given.items():
        if name not in known:
            raise unknown_name(f"setting of {owner}", name, known)
        parameter = known[name]
        values[name] = _coerce(f"{owner}.{name}", value, parameter.default)
        if parameter.choices and values[name] not in parameter.choices:
            raise ConfigError(f"{owner}.{name} must be one of {', '.join(map(str, parameter.choices))}, got {value!r}")
    return values


def _table(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place} must be a table of settings, got {value!r}")
    return dict(value)


def _tables(value: Any, place: str) -> Any:
    """Check a table of tables."""
    return {name: _table(one, f"{place}.{name}") for name, one in value.items()}


def plain_values(value: Any) -> Any:
    """Tuples to lists and enums to text, recursively."""
    if isinstance(value, Mapping):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain_values(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _typed(cls: type, data: Mapping[str, Any], place: str, skip: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Check keys and types of ``data`` against the defaults of a dataclass."""
    known = {f.name: f for f in fields(cls) if f.name not in skip | {"name", "parameters"}}
    checked = {}
    for key, value in data.items():
        full = f"{place}.{key}" if place else key
        if key not in known:
            raise unknown_name("setting", full, (f"{place}.{k}" if place else k for k in known))
        spec = known[key]
        default = spec.default if spec.default is not MISSING else (
            spec.default_factory() if spec.default_factory is not MISSING else ()
        )  # fmt: skip
        checked[key] = _coerce(full, value, default)
    return checked


def _coerce(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ConfigError(f'{name} must be a list of names, such as ["one", "other"], got {value!r}')
    if isinstance(default, str) and type(value) is int:  # a space group, a version: text of digits, written bare
        value = str(value)
    if isinstance(default, str) and isinstance(value, str):
        if type(default) is str:
            return value
        try:
            return type(default)(value)
        except ValueError:
            raise unknown_name(name, value, [str(known) for known in type(default)]) from None  # type: ignore[attr-defined]
    if isinstance(default, float) and type(value) is int and abs(value) <= 2**53:  # a float holds no more exactly
        return float(value)
    if type(value) is type(default):
        return value
    raise ConfigError(f"{name} must be of type {type(default).__name__}, got {value!r}")
