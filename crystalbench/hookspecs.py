"""Every hook of crystalbench: the one page to read before writing a plugin.

Hooks only *declare*: they return records (`crystalbench.interfaces`) at start-up, quickly and with no heavy import.
The core decides what to run and isolates each plugin's code, so that one that fails stops nothing else.
A plugin is a module named by an entry point in the group ``crystalbench``.
"""

from collections.abc import Iterable

import pluggy

from crystalbench.datasets import DatasetSpec
from crystalbench.energies import HullSpec, PotentialSpec, RealiserSpec
from crystalbench.interfaces import (
    CommandSpec,
    EncoderSpec,
    GeneratorSpec,
    MetricSpec,
    ReaderSpec,
    ReporterSpec,
)
from crystalbench.suites import SuiteSpec

PROJECT = "crystalbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def crystalbench_generators() -> Iterable[GeneratorSpec]:  # type: ignore[empty-body]
    """Return generators: models to sample from, or adapters for the files that a model writes."""


@hookspec
def crystalbench_readers() -> Iterable[ReaderSpec]:  # type: ignore[empty-body]
    """Return file formats of generated crystals."""


@hookspec
def crystalbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Return datasets: the training sets that samples are compared with."""


@hookspec
def crystalbench_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Return metrics: one record is one column of the table."""


@hookspec
def crystalbench_encoders() -> Iterable[EncoderSpec]:  # type: ignore[empty-body]
    """Return encoders: networks that give metrics an embedding and an energy of each protostructure."""


@hookspec
def crystalbench_realisers() -> Iterable[RealiserSpec]:  # type: ignore[empty-body]
    """Return realisers: ways from a protostructure to crystal structures that have it."""


@hookspec
def crystalbench_potentials() -> Iterable[PotentialSpec]:  # type: ignore[empty-body]
    """Return interatomic potentials: energy, forces and stress of crystal structures."""


@hookspec
def crystalbench_hulls() -> Iterable[HullSpec]:  # type: ignore[empty-body]
    """Return convex hulls: the known phases that a new material competes with."""


@hookspec
def crystalbench_reporters() -> Iterable[ReporterSpec]:  # type: ignore[empty-body]
    """Return formats of the results table."""


@hookspec
def crystalbench_suites() -> Iterable[SuiteSpec]:  # type: ignore[empty-body]
    """Return suites: named settings of a run, so that those who name one ask the same question."""


@hookspec
def crystalbench_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Return commands of the command line, for what is no part of a run: training, building."""


@hookspec
def crystalbench_step_finished(step: str, name: str, seconds: float, cached: bool) -> None:
    """Called after each step of a run: ``step`` is sample, convert, score or report; ``name`` says of what."""
