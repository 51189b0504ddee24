"""crystalbench compares generators of crystal structures.

`evaluate` and `load` are for programs and notebooks; the rest is what a plugin needs. Nothing heavy is imported by it.
"""

from typing import TYPE_CHECKING

from crystalbench.crystals.geometry import Geometry
from crystalbench.crystals.protostructure import Orbit, Protostructure
from crystalbench.crystals.samples import Converted, Invalid, InvalidReason, RawStructure, Sample, SampleSet
from crystalbench.datasets import Dataset, DatasetSpec, Split
from crystalbench.encoded import Encoded, Encoder
from crystalbench.energies import HullSpec, PotentialSpec, RealiserSpec
from crystalbench.errors import (
    ConfigError,
    CrystalbenchError,
    DatasetError,
    EncoderError,
    NotComputable,
    PluginError,
    PotentialError,
    ProtostructureError,
    ReadError,
    SettingError,
)
from crystalbench.evidence import Evidence, RowEvidence
from crystalbench.hookspecs import hookimpl
from crystalbench.interfaces import (
    CommandSpec,
    Draw,
    EncoderSpec,
    GeneratorSpec,
    Given,
    MetricSpec,
    Need,
    ReaderSpec,
    ReporterSpec,
    Sampler,
    SamplerInput,
    Scale,
    ScoreInput,
    Subset,
    Timing,
)
from crystalbench.materials.calculators import potential_from_calculator
from crystalbench.materials.hull import Decomposition, Gap, Hull
from crystalbench.materials.potential import EnergyScheme, Evaluated, Potential
from crystalbench.materials.realise import Realised, Unrealised, UnrealisedReason
from crystalbench.parameters import Parameter, Parameters, Value
from crystalbench.suites import SuiteSpec
from crystalbench.tables.results import (
    Cell,
    Column,
    ColumnSet,
    Direction,
    Failure,
    MetricResult,
    Missing,
    Presentation,
    Row,
    RowKind,
    Table,
)
from crystalbench.version import __version__

if TYPE_CHECKING:
    from crystalbench.api import evaluate
    from crystalbench.result import Result, load

__all__ = [
    "Cell", "Column", "ColumnSet", "CommandSpec", "ConfigError", "Converted", "CrystalbenchError", "Dataset",
    "DatasetError", "DatasetSpec", "Decomposition", "Direction", "Draw", "Encoded", "Encoder", "EncoderError",
    "EncoderSpec", "EnergyScheme", "Evaluated", "Evidence", "Failure", "Gap", "GeneratorSpec", "Geometry", "Given",
    "Hull", "HullSpec", "Invalid", "InvalidReason", "MetricResult", "MetricSpec", "Missing", "Need",
    "NotComputable", "Orbit", "Parameter", "Parameters", "PluginError", "Potential", "PotentialError",
    "PotentialSpec", "Presentation", "Protostructure", "ProtostructureError", "RawStructure", "ReadError",
    "ReaderSpec", "Realised", "RealiserSpec", "ReporterSpec", "Result", "Row", "RowEvidence", "RowKind", "Sample",
    "SampleSet", "Sampler", "SamplerInput", "Scale", "ScoreInput", "SettingError", "Split", "Subset", "SuiteSpec",
    "Table", "Timing", "Unrealised", "UnrealisedReason", "Value", "__version__", "evaluate", "hookimpl", "load",
    "potential_from_calculator",
]  # fmt: skip

_LATER = {"Result": "crystalbench.result", "evaluate": "crystalbench.api", "load": "crystalbench.result"}
"""Where names are that plugins have no need of: imported with their first use."""


def __getattr__(name: str) -> object:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
