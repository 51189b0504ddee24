"""A group of commands that plugins may add to."""

from collections.abc import Mapping
from functools import partial
from pkgutil import resolve_name

import click

from crystalbench.cli.debug import with_debug
from crystalbench.isolation import required
from crystalbench.plugins import Plugins


class PluginGroup(click.Group):
    """A group whose commands come from this package and, under its name, from plugins (`CommandSpec`)."""

    @property
    def prefix(self) -> str:
        """First word of the commands that plugins add here."""
        return self.name or ""

    def from_plugins(self) -> Mapping[str, str]:
        """Return the names and help lines of the commands that plugins add here."""
        found = {}
        for name, spec in Plugins.load().commands.items():
            parent, _, last = name.rpartition(" ")
            if parent == self.prefix:
                found[last] = spec.help
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.from_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        if cmd_name not in self.from_plugins():
            return None
        name = f"{self.prefix} {cmd_name}".strip()
        found: click.Command = required(
            "load", f"command {name}", partial(resolve_name, Plugins.load().commands[name].command)
        )
        return with_debug(found)
