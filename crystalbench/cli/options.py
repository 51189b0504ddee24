"""Options that `run` and `plan` share: each flag maps onto one key of the configuration file."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from crystalbench.cli.completion import Name, record
from crystalbench.crystals.convert import Backend
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ConfigError
from crystalbench.plugins import Plugins, Registry
from crystalbench.runs.config import RunConfig, merged, parse_toml, read_toml
from crystalbench.runs.suite import with_suite
from crystalbench.suites import SuiteSpec

Command = TypeVar("Command", bound=Callable[..., Any])

NAMES = "A,B"
OUT_FILE = click.Path(dir_okay=False, path_type=Path)
FILE = click.Path(path_type=Path)
CONVERSION = (
    click.option(
        "--backend",
        type=Name(lambda: Backend),
        help="Symmetry search: spglib (as in the paper) or moyo (fast).  [default: spglib]",
    ),
    click.option("--symprec", type=float, help="Distance tolerance in Å.  [default: 0.1]"),
    click.option("--angle-tolerance", type=float, help="Degrees, spglib only.  [default: 5]"),
    click.option(
        "--table", type=Name(lambda: Table), help="Letter table: affine, pymatgen, aviary-1.1.1.  [default: affine]"
    ),
    click.option("--workers", type=int, help="Worker processes; changes no number.  [default: all cores]"),
    click.option(
        "--scheduler", metavar="ADDRESS", help="Work on the machines of this dask cluster instead; changes no number."
    ),
)
"""Options of every command that turns crystals into protostructures."""

PLUGIN_FILES = click.option(
    "--plugins", "files", multiple=True, type=FILE, metavar="FILE.py", help="A plugin in a file; it is run."
)
COLUMNS = click.option(
    "--columns",
    metavar="SET|A,B",
    help="Columns that text and LaTeX show, in this order: paper, default, all, or metrics.  [default: default]",
)
SORT = click.option("--sort", metavar="METRIC", help="Sort rows, best first; -METRIC turns it around.")
SAMPLING = (
    click.option("-c", "--config", "config_file", type=FILE, help="TOML file with any of the settings below."),
    click.option("--suite", type=record("suites"), help="Named settings below these: crystalbench suite list."),
    click.option(
        "-s",
        "--samples",
        metavar="NAME=FILE[,FILE]",
        multiple=True,
        help="Sample files of a generator, known or new; several files are replicas.",
    ),
    click.option("--reader", metavar="NAME=READER", multiple=True, help="Format of the files.  [default: detected]"),
    click.option(
        "--generated",
        metavar="NAME=N",
        multiple=True,
        help="How many samples a generator made, where its file holds only the good ones.",
    ),
    click.option("--replicas", metavar="NAME=N", multiple=True, help="Repeat a live generator with N seeds."),
    click.option("-d", "--dataset", type=record("datasets"), help="Training set that samples are compared with."),
    click.option("-n", type=int, help="Samples asked of every generator.  [default: 1000]"),
    click.option("--novel", type=int, help="Draw on until so many samples are novel."),
    click.option("--max-draws", type=int, help="Cap on those draws.  [default: 20 times as many]"),
    click.option("--seed", type=int, help="Seed of everything random.  [default: 0]"),
)
"""Options of every command that draws samples."""

ENCODER = click.option(
    "-e",
    "--encoder",
    "encoders",
    metavar=NAMES,
    type=record("encoders", several=True),
    help="Encoders of the metrics that need one; a column for each.  [default: the one marked so]",
)
SET = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Any key of the configuration file, for example generator.cdvae.evaluation=1.",
)
FLAGS = (
    click.option(
        "-g", "--generators", metavar=NAMES, type=record("generators", several=True), help="Generators to compare."
    ),
    *SAMPLING,
    click.option(
        "-m",
        "--metrics",
        metavar=NAMES,
        type=record("metrics", several=True),
        help="Metrics to compute, or words for several: default, structure.  [default: default]",
    ),
    click.option(
        "--with-energies",
        is_flag=True,
        default=None,
        help="Relax materials, too: stable, metastable, sun, msun, e_above_hull.",
    ),
    ENCODER,
    click.option(
        "--reports", metavar=NAMES, type=record("reporters", several=True), help="Formats to write.  [default: all]"
    ),
    click.option("--published/--no-published", default=None, help="Add rows of published numbers."),
    COLUMNS,
    SORT,
    *CONVERSION,
    SET,
)
CONVERSION_FLAGS = ("backend", "symprec", "angle_tolerance", "table")


def run_options(command: Command) -> Command:
    """Add the options of a run to a command."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


def sample_options(command: Command) -> Command:
    """Add the options of a command that draws samples of one generator."""
    for flag in reversed((*SAMPLING, ENCODER, *CONVERSION, SET)):
        command = flag(command)
    return command


def conversion_options(command: Command) -> Command:
    """Add the options of a conversion to a command."""
    for flag in reversed(CONVERSION):
        command = flag(command)
    return command


def build_conversion(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the conversion settings, as in the configuration file, that were given by flags."""
    return {key: flags[key] for key in CONVERSION_FLAGS if flags[key] is not None}


def build_config(*, config_file: Path | None, suites: Registry[SuiteSpec] | None = None, **flags: Any) -> RunConfig:
    """Put the flags over the configuration file, and that over the suite that they name; raises `ConfigError`."""
    data = read_toml(config_file) if config_file else {}
    single = ("suite", "dataset", "n", "novel", "max_draws", "seed", "published", "sort", "workers", "scheduler")
    changes: dict[str, Any] = {key: flags[key] for key in single if flags.get(key) is not None}
    if flags.get("with_energies"):
        changes["with_energies"] = True
    if conversion := build_conversion(flags):
        changes["conversion"] = conversion
    for key in ("generators", "metrics", "encoders", "reports", "columns"):
        if flags.get(key) is not None:
            changes[key] = names(flags[key])
    generator: dict[str, dict[str, Any]] = {}
    sampled = sample_files(flags["samples"])
    for name, files in sampled.items():
        generator.setdefault(name, {})["samples"] = files
    for key in ("reader", "generated", "replicas"):
        for name, value in _by_name(key, flags[key]).items():
            generator.setdefault(name, {})[key] = value if key == "reader" else _number(key, name, value)
    if generator:
        changes["generator"] = generator
    data = merged(data, changes)
    for text in flags["settings"]:
        data = merged(data, _setting(text))
    if data.get("suite"):
        data = with_suite(data, Plugins.load().suites if suites is None else suites)
    _choose(data, list(sampled), flags)
    return RunConfig.from_mapping({"generators": [], **data})


def sample_files(texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Read ``--samples NAME=FILE[,FILE]`` flags."""
    return {name: names(value) for name, value in _by_name("samples", texts).items()}


def _choose(data: dict[str, Any], sampled: list[str], flags: dict[str, Any]) -> None:
    """Compare what has samples on the command line too; flags that narrow a file leave its other settings unused."""
    known = data.get("generator", {})
    named = data.get("generators", [])
    if not isinstance(named, list) or not isinstance(known, dict) or not all(isinstance(one, str) for one in named):
        return  # refused with its place by `RunConfig.from_mapping`
    if named:
        data["generators"] = list(dict.fromkeys([*named, *sampled]))
    elif known:
        data["generators"] = list(known)
    for chosen, table in (("generators", "generator"), ("metrics", "metric"), ("encoders", "encoder")):
        if flags.get(chosen) is not None and isinstance(data.get(table), dict):
            data[table] = {name: value for name, value in data[table].items() if name in data[chosen]}


def parameter_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read ``--set KEY=VALUE`` flags of one reader."""
    settings: dict[str, Any] = {}
    for text in texts:
        settings = merged(settings, _setting(text))
    return settings


def _setting(text: str) -> dict[str, Any]:
    """Read KEY=VALUE as a line of TOML; a value that is no TOML is text."""
    ((key, value),) = _pairs("set", (text,))
    for written in (value, json.dumps(value)):
        try:
            return parse_toml(f"{key} = {written}")
        except ValueError:
            continue
    raise ConfigError(f"--set {text}: expected KEY=VALUE with a key as in the configuration file")


def names(text: str) -> list[str]:
    """Read ``A,B``."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(flag: str, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, pairs, strict=True):
        if not name.strip() or not value.strip() or "\n" in text:
            raise ConfigError(f"--{flag} {text}: expected NAME=VALUE")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _by_name(flag: str, texts: tuple[str, ...]) -> dict[str, str]:
    """Read flags of which each generator may have one: of two, neither is dropped in silence."""
    found: dict[str, str] = {}
    for name, value in _pairs(flag, texts):
        if name in found:
            files = f"; several files of it are replicas: --samples {name}={found[name]},{value}"
            raise ConfigError(f"--{flag}: {name!r} is given twice{files if flag == 'samples' else ''}")
        found[name] = value
    return found


def _number(flag: str, name: str, value: str) -> int:
    number = int(value) if re.fullmatch("[0-9]{1,9}", value, re.ASCII) else 0
    if number < 1:
        raise ConfigError(f"--{flag} {name}={value}: expected a whole number, at least 1")
    return number
