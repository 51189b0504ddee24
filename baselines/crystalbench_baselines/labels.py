"""Plain text with an AFLOW label in each line, the simplest format a generator of protostructures can write.

Every line is a sample, also an empty one or an error sentence in the place of a label; empty lines at the end are not.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench import Parameters, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _labels
from crystalbench_baselines._members import decode, head, inflate


def _detect(path: Path) -> bool:
    if not path.is_file() or not path.name.lower().endswith((".txt", ".txt.gz", ".labels")):
        return False
    return any(_labels.LABEL.fullmatch(line) for line in head(path, 2**14).splitlines()[:100])


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each line.

    Raises
    ------
    ReadError
        If the file is missing or damaged.
    """
    lines = decode(inflate(path)).rstrip().split("\n")
    for number, line in enumerate(lines if lines != [""] else [], 1):
        yield _labels.sample(line, f"line {number}")


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="labels",
            version="1",
            title="labels, one a line",
            description="a text file with an AFLOW protostructure label in each line",
            detect=_detect,
            read=read,
        )
    ]
