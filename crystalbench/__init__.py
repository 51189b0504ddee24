"""crystalbench compares generators of crystal structures.

Everything a plugin needs is imported from here; nothing heavy is imported by it.
"""

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
    Parameter,
    Parameters,
    ReaderSpec,
    ReporterSpec,
    Sampler,
    SamplerInput,
    Scale,
    ScoreInput,
    Subset,
    Timing,
    Value,
)
from crystalbench.materials.calculators import potential_from_calculator
from crystalbench.materials.hull import Decomposition, Gap, Hull
from crystalbench.materials.potential import EnergyScheme, Evaluated, Potential
from crystalbench.materials.realise import Realised, Unrealised, UnrealisedReason
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

__version__ = "0.1.0"

__all__ = [
    "Cell", "Column", "ColumnSet", "CommandSpec", "ConfigError", "Converted", "CrystalbenchError", "Dataset",
    "DatasetError", "DatasetSpec", "Decomposition", "Direction", "Draw", "Encoded", "Encoder", "EncoderError",
    "EncoderSpec", "EnergyScheme", "Evaluated", "Evidence", "Failure", "Gap", "GeneratorSpec", "Given", "Hull",
    "HullSpec", "Invalid", "InvalidReason", "MetricResult", "MetricSpec", "Missing", "Need", "NotComputable",
    "Orbit", "Parameter", "Parameters", "PluginError", "Potential", "PotentialError", "PotentialSpec",
    "Presentation", "Protostructure", "ProtostructureError", "RawStructure", "ReadError", "ReaderSpec", "Realised",
    "RealiserSpec", "ReporterSpec", "Row", "RowEvidence", "RowKind", "Sample", "SampleSet", "Sampler",
    "SamplerInput", "Scale", "ScoreInput", "SettingError", "Split", "Subset", "Table", "Timing", "Unrealised",
    "UnrealisedReason", "Value", "__version__", "hookimpl", "potential_from_calculator",
]  # fmt: skip
