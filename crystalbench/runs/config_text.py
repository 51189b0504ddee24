"""A configuration as the TOML file that makes the same run."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crystalbench.runs.config import RunConfig

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def config_text(config: RunConfig) -> str:
    """Write what `crystalbench run --config` reads; sample files and a hull by name alone, beside that file."""
    plain = config.to_mapping()
    for generator in plain["generator"].values():
        if "samples" in generator:
            generator["samples"] = [Path(sample).name for sample in generator["samples"]]
    if (hull := plain.get("energies", {}).get("hull", "")) and Path(hull).is_absolute():
        plain["energies"]["hull"] = Path(hull).name
    return "\n".join(_lines(plain, ())) + "\n"


def toml_text(settings: Mapping[str, Any]) -> str:
    """Write settings as a configuration file has them."""
    return "\n".join(_lines(settings, ())).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    single = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    if place and single:
        yield f"\n[{'.'.join(map(_key, place))}]"
    yield from (f"{_key(key)} = {_value(value)}" for key, value in single.items())
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*place, key))


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _value(text)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):  # as JSON, but for what TOML wants escaped as well
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
