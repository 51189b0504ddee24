"""Worker processes of this machine, which may crash, panic or hang and take nothing but the guilty item with them."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeAlias

from crystalbench.errors import CrystalbenchError
from crystalbench.executors.processes import context, needs_main
from crystalbench.executors.task import Item, Lost, Payload, Result, Task

if TYPE_CHECKING:
    from pebble import ProcessPool

_QUEUED_PER_WORKER = 2  # one in work and one waiting: no worker idles, and an interrupt leaves little behind
_MAX_BREAKS = 3  # pools in a row that broke before a single task of theirs was done
_CANNOT_START = "worker processes end before they take up work: is there memory for them? Fewer need less: --workers 1"
_CANNOT_IMPORT = (
    "worker processes end before they take up work. They import the program that the task is defined in: it must be "
    'a file (not standard input), its entry guarded by if __name__ == "__main__":. Or there is no memory for them'
)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What the function raised, as text: not every exception can be sent between processes."""

    detail: str


_Future: TypeAlias = Future[list[Result] | _Raised]


class LocalExecutor(Generic[Item, Payload, Result]):
    """A task in processes of this machine (`crystalbench.executors.task.Executor`).

    Parameters
    ----------
    workers
        Number of processes, started on first need; one is a separate process too.
    """

    def __init__(self, task: Task[Item, Payload, Result], workers: int) -> None:
        self._task = task
        self._workers = workers
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def run(
        self,
        items: Mapping[int, Item],
        batches: Iterable[Sequence[int]],
        progress: Callable[[int], None] | None = None,
        finished: Callable[[int, Result | Lost], None] | None = None,
    ) -> dict[int, Result | Lost]:
        """Run the task; `CrystalbenchError` if processes die again and again before they take up work."""
        queue = deque(tuple(batch) for batch in batches)
        running: dict[_Future[Result], tuple[int, ...]] = {}
        outcomes: dict[int, Result | Lost] = {}
        breaks = 0
        try:
            while queue or running:
                while queue and len(running) < _QUEUED_PER_WORKER * self._workers:
                    batch = queue.popleft()
                    running[self._schedule([items[i] for i in batch])] = batch
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = _outcome(future)
                    if outcome is None:
                        breaks += 1
                        if breaks > _MAX_BREAKS:
                            raise CrystalbenchError(
                                _CANNOT_IMPORT if needs_main(self._task.function) else _CANNOT_START
                            )
                        self.stop()
                        queue.extend((i,) for batch in running.values() for i in batch)
                        running.clear()
                        break
                    batch = running.pop(future)
                    if isinstance(outcome, Lost) and len(batch) > 1:
                        queue.extend((i,) for i in batch)
                        continue
                    breaks = 0
                    results = [outcome] if isinstance(outcome, Lost) else outcome
                    of_batch: dict[int, Result | Lost] = dict(zip(batch, results, strict=True))
                    outcomes |= of_batch
                    for key, result in of_batch.items():
                        if finished:
                            finished(key, result)
                    if progress:
                        progress(len(batch))
        finally:
            for future in running:
                future.cancel()
        return outcomes

    def _schedule(self, items: list[Item]) -> _Future[Result]:
        if self._pool is None:
            self._pool = self._start()
        arguments = (self._task.function, self._task.pack(items))
        future: _Future[Result]
        try:
            future = self._pool.schedule(_run, args=arguments, timeout=self._task.timeout)
        except RuntimeError as error:  # the pool broke since the last result
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        return future

    def _start(self) -> "ProcessPool":
        from pebble import ProcessPool

        return ProcessPool(
            max_workers=self._workers,
            initializer=_prepare_worker,
            initargs=(self._task.preload,),
            context=context(self._task.function, self._task.preload),
        )

    def stop(self) -> None:
        """End the processes; the next run starts others."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None


def _outcome(future: _Future[Result]) -> list[Result] | Lost | None:
    """The results of a task, `Lost`, or None where the pool broke and nothing is known about the task."""
    from pebble import ProcessExpired

    try:
        results = future.result()
    except BrokenProcessPool:
        return None
    except TimeoutError:
        return Lost(True, "exceeded the time limit")
    except ProcessExpired as error:
        return Lost(False, f"the worker process ended with {_signal_name(error.exitcode)}")
    return Lost(False, results.detail) if isinstance(results, _Raised) else results


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _run(function: Callable[[Payload], list[Result]], payload: Payload) -> list[Result] | _Raised:
    try:
        return function(payload)
    except BaseException as error:  # noqa: BLE001 - isolation of a batch; a panic of moyo is no Exception
        return _Raised(f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])


def _prepare_worker(modules: Sequence[str]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # A library that hangs in C never returns to the interpreter, which would have to run pebble's handler.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for module in modules:
        import_module(module)


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers; those in the middle of a task would stay."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
