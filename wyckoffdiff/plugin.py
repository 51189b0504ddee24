"""WyckoffDiff (Ekström Kelvinius et al., ICML 2025): live generator, its command, a reader of the authors' samples."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench import (
    CommandSpec,
    ConfigError,
    GeneratorSpec,
    Given,
    Parameter,
    Parameters,
    ReaderSpec,
    Sample,
    Sampler,
    SamplerInput,
    hookimpl,
)

CHECKPOINTS = Path(__file__).with_name("checkpoints")
"""Trained models shipped with the package, one for each dataset: ``<dataset>.pt``."""
TRAINED_ON = ("wbm-rebuilt", "carbon24-bundled")
"""Their datasets; a run that names none is compared with the first."""
CHUNK = 250

PARAMETERS = (
    Parameter(name="checkpoint", default="", help="Model file, or name of a shipped one; empty: the dataset's own."),
    Parameter(
        name="steps", default=0,
        help="Steps of the chain; 0 takes all T of the model, which is exact. A model of entries has no chain.",
    ),
    Parameter(
        name="events", default=0,
        help="For a chain of the zeros prior: blocks of time, 20 say, to draw its events instead of its steps.",
    ),
    Parameter(
        name="last_step", default="clean", choices=("clean", "reference"),
        help="End at x_0 as the paper's Algorithm 1, or one step before it as the authors' code.",
    ),
    Parameter(name="spacegroups", default="", help="Space groups to draw from, such as '225' or '195-230,12'."),
    Parameter(name="elements", default="", help="Allowed elements, such as 'Li,Fe,P,O'; empty allows all."),
    Parameter(name="required", default="", help="Elements that every sample must hold (by rejection)."),
    Parameter(name="given", default="", help="Positions that are given, such as 'a=Ca b=Ti e=' in one space group."),
    Parameter(name="attempts", default=20, help="Most draws for one sample with the required elements."),
    Parameter(name="memory", default=256, help="MB for the network's activations in a chain."),
    Parameter(name="device", default="auto", choices=("auto", "cpu", "cuda"), help="Where the network runs."),
)  # fmt: skip

CONDITIONS = ("spacegroups", "elements", "required", "given")
"""Parameters that restrict what is drawn (`wyckoffdiff.condition`)."""


def checkpoint(parameters: Parameters, dataset: str) -> Path:
    """Return the model file that the parameters mean in a run on a dataset; raises `ConfigError`."""
    name = str(parameters["checkpoint"])
    shipped = {path.stem: path for path in sorted(CHECKPOINTS.glob("*.pt"))}
    known = ", ".join(shipped) or "none"
    if not name and dataset not in shipped:
        raise ConfigError(
            f"wyckoffdiff: no model trained on dataset {dataset!r} is shipped (shipped: {known}); train one with "
            f"'crystalbench wyckoffdiff train' and give its file as generator.wyckoffdiff.checkpoint"
        )
    path = shipped.get(name or dataset) or Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"generator.wyckoffdiff.checkpoint: {name!r} is neither a file nor a shipped model (shipped: {known})"
        )
    return path


def start(given: SamplerInput) -> Sampler:
    """Load the model."""
    from wyckoffdiff.stream import Stream

    return Stream(given, checkpoint(given.parameters, given.dataset.name), CHUNK)


def note(parameters: Parameters, dataset: str) -> str:
    """Say of the models that come with the package that they are not the paper's, and of samples what they obey."""
    notes = []
    if checkpoint(parameters, dataset).parent == CHECKPOINTS:
        notes.append(
            "a smaller network than the paper's and another objective, trained by this project: "
            "see the card of the model"
        )
    if any(parameters[name] for name in CONDITIONS):
        notes.append("drawn under a condition that the rows it is compared with do not obey")
    return "; ".join(notes)


@hookimpl
def crystalbench_generators() -> Iterable[GeneratorSpec]:
    return (
        GeneratorSpec(
            name="wyckoffdiff",
            version="1",
            title="WyckoffDiff",
            description="diffusion over Wyckoff positions; samples live from a trained model",
            start=start,
            files=lambda parameters, dataset: (checkpoint(parameters, dataset),),
            reader="wyckoffdiff",
            chunk_size=CHUNK,
            parameters=PARAMETERS,
            given=dict.fromkeys((Given.SPACEGROUPS, Given.SITES), "drawn at their training frequencies"),
            trained_on=TRAINED_ON,
            note=note,
            quick={"checkpoint": "wbm-rebuilt"},
            cite=("ekstrom2025wyckoffdiff", "austin2021structured", "paszke2019pytorch"),
        ),
    )


def _read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    from wyckoffdiff.authors_samples import read

    return read(path, parameters)


def _detect(path: Path) -> bool:
    from wyckoffdiff.authors_samples import detect

    return detect(path)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return (
        ReaderSpec(
            name="wyckoffdiff",
            version="1",
            title="WyckoffDiff samples",
            description="generated_samples_N=*_seed=*.pt of the authors' released code",
            detect=_detect,
            read=_read,
            cite=("ekstrom2025wyckoffdiff",),
        ),
    )


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    return (
        CommandSpec(
            name="wyckoffdiff",
            help="Train WyckoffDiff models and export them for sampling.",
            command="wyckoffdiff.cli:command",
        ),
    )
