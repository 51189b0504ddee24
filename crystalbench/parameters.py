"""The settings that records declare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = bool | int | float | str
Parameters: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A setting of a generator, reader or metric. Its type is that of the default; ``choices`` closes the set.

    Of a live generator a list of values may be given: each makes a replica.
    """

    name: str
    default: Value
    help: str
    choices: tuple[Value, ...] = ()


RESERVED = frozenset({"name", "generator", "samples", "reader", "generated", "replicas", "title", "parameters"})
"""Keys of every generator in a configuration: no setting of a generator or reader has such a name."""
