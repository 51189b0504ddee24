"""Named settings of a run, so that two people who name a suite ask the same question."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSpec:
    """Settings that belong together: usually dataset, numbers of samples, metrics, conversion and columns.

    Attributes
    ----------
    version
        Raised with every change of ``settings``.
    settings
        As in the configuration file. What a file, a flag or an argument says goes before; a table then says so.
    """

    name: str
    version: str
    title: str
    description: str
    settings: Mapping[str, Any]
