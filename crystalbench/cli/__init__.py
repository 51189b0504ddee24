"""The command line: one command per file, imported when it is called; plugins may add commands."""

from pkgutil import resolve_name
from typing import Any

import click

from crystalbench.cli.debug import show_trace, with_debug
from crystalbench.cli.exit_codes import ended
from crystalbench.cli.groups import PluginGroup
from crystalbench.cli.terminal import replace_what_is_lacking
from crystalbench.errors import CrystalbenchError, unknown_name

COMMANDS = {
    "run": "Sample, convert, score and report.",
    "plan": "Show what a run would do, and what of it is cached.",
    "convert": "Turn crystals in files into protostructures.",
    "suite": "List named settings of runs, such as those of a paper's table.",
    "dataset": "List, describe and build datasets.",
    "encoder": "List and train encoders.",
    "plugins": "List all plugins and what they declare.",
    "plugin": "Check a plugin against the public contract.",
    "compare": "Compare two runs, or two rows: differences, intervals, tests.",
    "table": "Draw the table of one or several runs.",
    "discover": "Make materials of samples and rank them by energy above the hull.",
    "cite": "Print what to cite for a run, as BibTeX.",
    "verify": "Recompute every cell of a finished run.",
}


class MainGroup(PluginGroup):
    """Imports the module of a command only when the command is used; its help line comes from `COMMANDS`."""

    prefix = ""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *self.from_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            command: click.Command = resolve_name(f"crystalbench.cli.{cmd_name}:command")
            return with_debug(command)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items(), *self.from_plugins().items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise click.UsageError(str(unknown_name("command", args[0], self.list_commands(ctx))), ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **more: Any) -> Any:
        replace_what_is_lacking()
        return super().main(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Turn errors raised on purpose, and those of the system, into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # who read the output has seen enough
            raise
        except (CrystalbenchError, OSError) as error:
            show_trace(error)
            raise ended(error) from error


@click.group(cls=MainGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crystalbench")
def main() -> None:
    """Compare generators of crystal structures: one command, trusted numbers.

    \b
    crystalbench run --generators test,element-swap,symmcd
    crystalbench run --samples mymodel=samples.pt -n 10000
    """
