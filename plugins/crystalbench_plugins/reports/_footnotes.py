"""Footnotes: a letter for each meaning. Notes that differ in their numbers only share one, which lists them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crystalbench.tables.text import plain

NUMBER = re.compile(r"(?<![\w.:/-])\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w/-])", re.ASCII)
"""A number that stands for itself, and is no part of a name, such as the 1433 of ``wbm-1433``."""


@dataclass(slots=True)
class Footnotes:
    """Gives letters to texts in the order in which they are met."""

    numbers: dict[str, list[list[str]]] = field(default_factory=dict)

    def mark(self, text: str, *, apart: bool = False) -> str:
        """Return the letter of a note; one that stands ``apart`` shares its letter with equal notes only."""
        line = plain(text)
        shape = line if apart else NUMBER.sub("\0", line)
        met = self.numbers.setdefault(shape, [])
        if (found := [] if apart else NUMBER.findall(line)) not in met:
            met.append(found)
        return letters(list(self.numbers).index(shape))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield letters and texts; numbers that differ are listed in the order of the cells, "8.1 / 11.4"."""
        for index, (shape, met) in enumerate(self.numbers.items()):
            lists = iter(
                [listed[0] if len({*listed}) == 1 else " / ".join(listed) for listed in zip(*met, strict=True)]
            )
            first, *rest = shape.split("\0")
            yield letters(index), first + "".join(f"{next(lists)}{text}" for text in rest)


def letters(index: int) -> str:
    """Return the footnote letter of a position: a, b, ..., z, aa, ab, ..."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
