"""Names that a shell completes: whatever the installed plugins declare."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from crystalbench.plugins import Plugins


class Name(click.ParamType[str]):
    """Text that names something; ``several``: names with commas between them.

    A name that nobody knows is refused where it is looked up, with the nearest known one.
    """

    name = "text"

    def __init__(self, known: Callable[[], Iterable[str]], several: bool = False) -> None:
        self.known, self.several = known, several

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin as the last one typed."""
        before, comma, last = incomplete.rpartition(",") if self.several else ("", "", incomplete)
        taken = before.split(",")
        return [
            CompletionItem(f"{before}{comma}{name}")
            for name in sorted(self.known())
            if name.startswith(last) and name not in taken
        ]


def record(kind: str, several: bool = False) -> Name:
    """The name of a record of one kind, such as ``"metrics"``."""
    return Name(lambda: getattr(Plugins.load(), kind), several)


PLUGIN = Name(lambda: [info.name for info in Plugins.load().infos])
