"""What a reader must know of a row, beside its numbers: footnotes that follow from the plan and the counts."""

from collections.abc import Iterator
from pathlib import Path

from crystalbench.datasets import Dataset
from crystalbench.runs.compared import trained_elsewhere
from crystalbench.runs.plan import GeneratorPlan, ReplicaPlan, generator_files
from crystalbench.tables.results import RowKind


def row_notes(
    generator: GeneratorPlan,
    replica: ReplicaPlan,
    dataset: Dataset,
    drawn: int,
    more: bool,
    n: int,
    novel: int,
    found: int,
) -> Iterator[str]:
    """Yield the notes of one replica: ``found`` of its ``drawn`` samples are novel, and its source holds ``more``."""
    source = "the file" if generator.reader else "the generator"
    if len(generator.replicas) > 1:
        source += f" of replica {replica.index}"
    if generator.reader and replica.source is not None:
        yield from generator.reader.notes(replica.source)
    if generator.generated and drawn < generator.generated:
        yield f"{generator.generated - drawn:,} of {generator.generated:,} generated samples are not in {source}"
    elif drawn < n and not generator.generated and generator.kind is not RowKind.EXAMPLE:
        yield f"{n:,} samples were asked for; {source} holds {drawn:,}"
    if generator.reader and more and not novel:
        yield f"the first {drawn:,} samples are used; {source} holds more"
    if found < novel:
        yield f"{novel:,} novel samples were asked for; {drawn:,} draws from {source} gave {found:,}"
    if generator.kind is RowKind.TRAINING and dataset.spec.reference != "train":
        yield f"rows of the split that is compared with, {dataset.spec.reference} of {dataset.name}"
    if generator.kind in (RowKind.MEASURED, RowKind.EXAMPLE):
        yield from trained_elsewhere(generator.spec, dataset.name)
    yield from _not_default(generator, replica, dataset.name)
    spec = generator.spec
    if spec and not generator.reader and (note := spec.note(replica.parameters, dataset.name)):
        yield note


def _not_default(generator: GeneratorPlan, replica: ReplicaPlan, dataset: str) -> Iterator[str]:
    """Name the settings that differ from the defaults, but for files: those have their digest in the manifest."""
    files: tuple[Path, ...] = ()
    declared = generator.reader or generator.spec
    if declared is None:
        return
    if not generator.reader and generator.spec:
        files = generator_files(generator.spec, replica.parameters, dataset)
    changed = [
        f"{parameter.name} {value}"
        for parameter in declared.parameters
        if (value := replica.parameters[parameter.name]) != parameter.default
        and not (isinstance(value, str) and Path(value).expanduser() in files)
    ]
    if changed:
        yield f"with {', '.join(changed)}"
