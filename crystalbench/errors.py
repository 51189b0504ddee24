"""Every error that crystalbench raises on purpose.

    CrystalbenchError
    ├── ConfigError          an option, name or value that the user gave (also a ValueError)
    ├── ProtostructureError  a label or a set of orbits that is no protostructure (also a ValueError)
    ├── ReadError            a file that cannot be read at all
    ├── DatasetError         a dataset that is absent, corrupted or without what was asked of it
    ├── EncoderError         weights of an encoder that are absent, corrupted or not those that were asked for
    ├── PluginError          a plugin that breaks the contract
    └── NotComputable        a metric that has no value for this input (an empty cell, not a failure)

A message names the file or value, the place in it and the remedy. One bad *sample* never raises: it becomes
an `Invalid` row (`crystalbench.crystals.samples`).
"""

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


class DatasetError(CrystalbenchError):
    """A dataset that is missing, corrupted, or lacks what was asked of it."""


class EncoderError(CrystalbenchError):
    """Weights of an encoder that are missing, corrupted, or not those that were asked for."""


class PluginError(CrystalbenchError):
    """A plugin that breaks the contract of its hook."""


class NotComputable(CrystalbenchError):  # noqa: N818 - a state of the input, not a fault
    """The metric has no value for this input, for example uniqueness among no novel samples."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a name nobody defines, with the nearest known one."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return ConfigError(f"unknown {kind} {name!r}; {hint}")
