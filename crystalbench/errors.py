"""Every error that crystalbench raises on purpose.

    CrystalbenchError
    ├── ConfigError          an option, name or value that the user gave (also a ValueError)
    ├── ProtostructureError  a label or a set of orbits that is no protostructure (also a ValueError)
    ├── ReadError            a file that cannot be read at all
    │   └── SettingError     a file that a setting of its reader makes readable
    ├── DatasetError         a dataset that is absent, corrupted or without what was asked of it
    ├── EncoderError         weights of an encoder that are absent, corrupted or not those that were asked for
    ├── PotentialError       weights of an interatomic potential, or its library, that are absent or not those asked for
    ├── PluginError          a plugin that breaks the contract
    └── NotComputable        a metric that has no value for this input (an empty cell, not a failure)

A message names the file or value, the place in it and the remedy. One bad *sample* never raises: it becomes
an `Invalid` row (`crystalbench.crystals.samples`).
"""

import json
import re
import shlex
from collections.abc import Iterable
from difflib import get_close_matches


class CrystalbenchError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(CrystalbenchError, ValueError):
    """An option, a name or a value from the command line or the configuration file."""


class ProtostructureError(CrystalbenchError, ValueError):
    """Text or orbits that do not describe a protostructure."""


class ReadError(CrystalbenchError):
    """A file that cannot be read at all; a single bad record becomes an `Invalid` instead."""


class SettingError(ReadError):
    """A file that can be read once a setting of its reader is given.

    Attributes
    ----------
    problem
        What cannot be told from the file.
    key, value
        The setting that tells it, with a value that makes sense; the message spells it for the command line.
    """

    def __init__(self, problem: str, key: str, value: str) -> None:
        self.problem, self.key, self.value = problem, key, value
        written = (
            value if _BARE.fullmatch(value) and value not in ("true", "false", "inf", "nan") else json.dumps(value)
        )
        super().__init__(f"{problem}; say which: --set {shlex.quote(f'{key}={written}')}")

    def for_generator(self, name: str) -> "SettingError":
        """Return the same error with the setting spelt as in a run, where it belongs to a generator."""
        own = name if _BARE.fullmatch(name) else json.dumps(name)
        return SettingError(self.problem, f"generator.{own}.{self.key}", self.value)


_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class DatasetError(CrystalbenchError):
    """A dataset that is missing, corrupted, or lacks what was asked of it."""


class EncoderError(CrystalbenchError):
    """Weights of an encoder that are missing, corrupted, or not those that were asked for."""


class PotentialError(CrystalbenchError):
    """An interatomic potential whose library or weights are missing, or not those that were asked for."""


class PluginError(CrystalbenchError):
    """A plugin that breaks the contract of its hook."""


class NotComputable(CrystalbenchError):  # noqa: N818 - a state of the input, not a fault
    """The metric has no value for this input, for example uniqueness among no novel samples."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a name nobody defines, with the nearest known one."""
    names = sorted(known)
    near = _nearest(name, names)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ConfigError(f"unknown {kind} {name!r}; {hint}")


def _nearest(name: str, names: list[str]) -> str:
    """Return the name that a slip of the finger or a cut-off end may have meant, or "".

    Names with dots differ in their last part: what they share would make any of them look alike.
    """
    parent, dot, last = name.rpartition(".")
    by_last = {known.removeprefix(parent + dot): known for known in names if known.startswith(parent + dot)}
    if near := get_close_matches(last, list(by_last), n=1, cutoff=0.65):
        return by_last[near[0]]
    if len(last) < 3:
        return ""
    longer = [own for own in by_last if own.startswith(last) or (len(own) > 2 and last.startswith(own))]
    return by_last[longer[0]] if len(longer) == 1 else ""


def of_system(error: OSError) -> str:
    """Return the message of an error of the operating system: the file, where it names one, and what is wrong."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{(error.strerror or str(error)).lower()}"
