"""Options that `run` and `plan` share: each flag maps onto one key of the configuration file."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from crystalbench.config import RunConfig, read_toml
from crystalbench.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])

NAMES = "A,B"
FILE = click.Path(path_type=Path)
FLAGS = (
    click.option("-c", "--config", "config_file", type=FILE, help="TOML file with any of the settings below."),
    click.option("-g", "--generators", metavar=NAMES, help="Generators to compare."),
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
    click.option("-d", "--dataset", help="Training set that samples are compared with."),
    click.option("-n", type=int, help="Samples asked of every generator.  [default: 1000]"),
    click.option("--novel", type=int, help="Draw on until so many samples are novel."),
    click.option("--max-draws", type=int, help="Cap on those draws.  [default: 20 n]"),
    click.option("--seed", type=int, help="Seed of everything random.  [default: 0]"),
    click.option("-m", "--metrics", metavar=NAMES, help="Metrics to compute.  [default: all]"),
    click.option("--reports", metavar=NAMES, help="Formats to write.  [default: all]"),
    click.option("--published/--no-published", default=None, help="Add rows of published numbers."),
    click.option("--backend", help="Symmetry search: spglib (as in the paper) or moyo (fast).  [default: spglib]"),
    click.option("--symprec", type=float, help="Distance tolerance in Å.  [default: 0.1]"),
    click.option("--angle-tolerance", type=float, help="Degrees, spglib only.  [default: 5]"),
    click.option("--table", help="Letter table: affine, pymatgen, aviary-1.1.1.  [default: affine]"),
    click.option("--workers", type=int, help="Worker processes; changes no number.  [default: all cores]"),
    click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Any key of the configuration file, for example generator.cdvae.evaluation=1.",
    ),
)
CONVERSION_FLAGS = ("backend", "symprec", "angle_tolerance", "table")


def run_options(command: Command) -> Command:
    """Add the options of a run to a command."""
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


def build_config(*, config_file: Path | None, **flags: Any) -> RunConfig:
    """Put the flags over the configuration file; raises `ConfigError`."""
    data = read_toml(config_file) if config_file else {}
    for key in ("generators", "metrics", "reports"):
        if flags[key] is not None:
            data[key] = _names(flags[key])
    for key in ("dataset", "n", "novel", "max_draws", "seed", "published", "workers"):
        if flags[key] is not None:
            data[key] = flags[key]
    for key in CONVERSION_FLAGS:
        if flags[key] is not None:
            data.setdefault("conversion", {})[key] = flags[key]
    generator = data.setdefault("generator", {})
    for name, value in _pairs("samples", flags["samples"]):
        generator.setdefault(name, {})["samples"] = _names(value)
    for key, parse in (("reader", str), ("generated", int), ("replicas", int)):
        for name, value in _pairs(key, flags[key]):
            generator.setdefault(name, {})[key] = _number(key, name, value) if parse is int else value
    for path, value in _pairs("set", flags["settings"]):
        _assign(data, path, _toml_value(value))
    if "generators" not in data and generator:
        data["generators"] = list(generator)
    elif flags["samples"]:
        data["generators"] = list(
            dict.fromkeys([*data["generators"], *(n for n, _ in _pairs("samples", flags["samples"]))])
        )
    return RunConfig.from_mapping(data if data.get("generators") else {**data, "generators": []})


def parameter_settings(texts: tuple[str, ...]) -> dict[str, Any]:
    """Read ``--set KEY=VALUE`` flags of one reader."""
    return {key: _toml_value(value) for key, value in _pairs("set", texts)}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _pairs(flag: str, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, pairs, strict=True):
        if not name or not value:
            raise ConfigError(f"--{flag} {text}: expected NAME=VALUE")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _number(flag: str, name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ConfigError(f"--{flag} {name}={value}: expected a whole number") from None


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _assign(data: dict[str, Any], path: str, value: Any) -> None:
    *parents, key = path.split(".")
    for parent in parents:
        data = data.setdefault(parent, {})
        if not isinstance(data, dict):
            raise ConfigError(f"--set {path}: {parent} holds a value, not settings")
    data[key] = value
