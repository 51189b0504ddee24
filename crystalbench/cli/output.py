"""Where a command writes what it was asked for: standard output, a device, or a file that appears when it is whole."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from crystalbench.runs.cache import atomic_write, naming


@contextmanager
def written(output: Path | None) -> Iterator[IO[str]]:
    """Give a stream of text; an error of the disk names ``output``."""
    if output is None:
        with naming("standard output"):
            yield sys.stdout
            sys.stdout.flush()
    elif output.exists() and not output.is_file():  # /dev/null is no file to be replaced
        with naming(output), output.open("w", encoding="utf-8", errors="backslashreplace") as text:
            yield text
    else:
        with atomic_write(output) as file:
            text = TextIOWrapper(file, encoding="utf-8", errors="backslashreplace")
            yield text
            text.detach()
