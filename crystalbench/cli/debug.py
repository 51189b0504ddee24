"""``--debug``, which every command takes: errors are shown with where they were raised."""

import click

from crystalbench.isolation import trace

_DEBUG = "crystalbench.debug"


def _switch(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_DEBUG] = True


OPTION = click.Option(
    ["--debug"], is_flag=True, expose_value=False, callback=_switch, help="Show where code failed: its traceback."
)


def debugging() -> bool:
    """Whether the user asked for tracebacks."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_DEBUG))


def with_debug(command: click.Command) -> click.Command:
    """Give a command, and those that it holds, the option."""
    if OPTION not in command.params:
        command.params.append(OPTION)
    if isinstance(command, click.Group):
        for part in command.commands.values():
            with_debug(part)
    return command


def show_trace(failed: BaseException | str) -> None:
    """Print where an error was raised, or the text that says so, if the user asked for it."""
    if debugging():
        click.echo(failed if isinstance(failed, str) else trace(failed), err=True, nl=False)
