"""Plain text with an AFLOW label in each line, the simplest format a generator of protostructures can write.

Every line is a sample, also an empty one or an error sentence in the place of a label; empty lines at the end are not.
"""

from collections.abc import Iterable, Iterator

from crystalbench import Parameters, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _labels
from crystalbench_baselines._documents import Document, reader


def _is_text(name: str) -> bool:
    return name.endswith((".txt", ".labels"))


def _holds_labels(head: str) -> bool:
    return any(_labels.LABEL.fullmatch(line) for line in head.splitlines()[:100])


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each line."""
    waiting = 0  # empty lines, which may be those at the end
    for number, line in enumerate(document.lines(), 1):
        if not line.strip():
            waiting += 1
            continue
        for empty in range(number - waiting, number):
            yield _labels.sample("", document.place(f"line {empty}"))
        waiting = 0
        yield _labels.sample(line, document.place(f"line {number}"))


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="labels",
            version="3",
            title="labels, one a line",
            description="a text file with an AFLOW protostructure label in each line",
            named=_is_text,
            what="text files",
            samples=_samples,
            suffixes=(".txt", ".labels"),
            shown=_holds_labels,
        )
    ]
