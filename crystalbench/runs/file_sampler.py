"""A file of samples as a stream of chunks."""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path

from crystalbench.crystals.samples import Sample
from crystalbench.errors import SettingError
from crystalbench.interfaces import Draw, ReaderSpec
from crystalbench.parameters import Parameters
from crystalbench.runs.plan import FILE_CHUNK
from crystalbench.runs.source import Held


class FileSampler:
    """A file as a stream of chunks that ends. Asking for an earlier chunk reads the file again.

    ``digest`` is what the file has been planned with: every chunk is of that content, or raises `ReadError`.
    """

    def __init__(self, reader: ReaderSpec, source: Path, parameters: Parameters, generator: str, digest: str) -> None:
        def rows() -> Iterator[Sample]:
            try:
                yield from reader.read(source, parameters)
            except SettingError as error:
                raise error.for_generator(generator) from None

        self._held = Held([source], [digest])
        self._open: Callable[[], Iterator[Sample]] = rows
        self._rows = self._open()
        self._next = 0

    def draw(self, chunk: int) -> Draw | None:
        if chunk < self._next:
            self._rows, self._next = self._open(), 0
        for _ in islice(self._rows, (chunk - self._next) * FILE_CHUNK):
            pass
        self._next = chunk + 1
        items = tuple(islice(self._rows, FILE_CHUNK))
        ahead = tuple(islice(self._rows, 1))
        self._held.check()
        self._rows = chain(ahead, self._rows)
        return Draw(items, last=not ahead) if items else None
