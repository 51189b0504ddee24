"""How worker processes start: without the program that starts them, unless a task is defined in it.

Python's worker processes import the main program of their parent, so that functions of it can be sent to them. A
program that is not written for that (an evaluation at the end of a training script) would run again in every worker.
Tasks of crystalbench are functions of modules, which workers import by themselves.
"""

import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_BASE: Any = type(multiprocessing.get_context(_METHOD))
_LOCK = threading.Lock()


def context(function: Callable[..., Any], preload: Sequence[str]) -> BaseContext:
    """Return how the processes of a task start.

    Parameters
    ----------
    function
        The task. One of the main program itself makes the workers import that: it must be a file (not standard input)
        with its entry guarded by ``if __name__ == "__main__"``.
    preload
        Modules that are imported once for all workers, where the system can.
    """
    of_main = needs_main(function)
    found: BaseContext = multiprocessing.get_context(_METHOD) if of_main else _Context()
    if _METHOD == "forkserver":
        found.set_forkserver_preload([*(["__main__"] if of_main else []), *preload])
    return found


def needs_main(function: Callable[..., Any]) -> bool:
    """Whether a function, or one that it is a `partial` of, is of the main program."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__module__", "") == "__main__"


class _Process(_BASE.Process):  # type: ignore[misc]
    """A process that does not import the program that starts it."""

    @staticmethod
    def _Popen(process: BaseProcess) -> Any:  # noqa: N802 - the name is multiprocessing's
        with _nameless_main():
            return _BASE.Process._Popen(process)


class _Context(_BASE):  # type: ignore[misc]
    Process = _Process


@contextmanager
def _nameless_main() -> Iterator[None]:
    """Hide where the main program is from `multiprocessing.spawn.get_preparation_data`, for the moment of a start."""
    main = vars(sys.modules["__main__"])
    with _LOCK:
        hidden: dict[str, Any] = {name: main[name] for name in ("__spec__", "__file__") if name in main}
        try:
            main.update(dict.fromkeys(hidden))
            yield
        finally:
            main.update(hidden)
