"""The one place where code of plugins is called: what it raises becomes a value, and the run goes on."""

from collections.abc import Callable
from traceback import format_exception
from typing import TypeVar

from crystalbench.errors import CrystalbenchError, PluginError
from crystalbench.tables.results import Failure

Value = TypeVar("Value")


def isolated(step: str, plugin: str, call: Callable[[], Value]) -> Value | Failure:
    """Return what ``call`` returns, or a `Failure` of what it raised.

    Everything but Ctrl-C is caught: a plugin may call ``sys.exit``, and extension modules raise exceptions that are
    no `Exception` (a Rust panic).
    """
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - see above
        return Failure(step, plugin, describe(error), trace(error))


def required(step: str, plugin: str, call: Callable[[], Value]) -> Value:
    """Return what ``call`` returns; what it raises becomes a `PluginError` that names the plugin.

    Errors raised on purpose pass unchanged.
    """
    try:
        return call()
    except (CrystalbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise PluginError(f"{plugin} failed in {step}: {describe(error)}") from error


def trace(error: BaseException) -> str:
    """Where an error was raised, with what led to it, as Python shows it."""
    return "".join(format_exception(error))


def describe(error: BaseException) -> str:
    """The message of an error raised on purpose; of any other, its type too."""
    return str(error) if isinstance(error, CrystalbenchError) else f"{type(error).__name__}: {error}"
