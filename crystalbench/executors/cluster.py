"""The machines of a `dask.distributed` cluster, where each batch runs in a process that can be killed."""

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self
from uuid import uuid4

from crystalbench.errors import ConfigError, CrystalbenchError
from crystalbench.executors.shard import differing, release, run_shard, versions
from crystalbench.executors.task import Item, Lost, Payload, Result, Task

if TYPE_CHECKING:
    from distributed import Client, Future

_QUEUED_PER_THREAD = 2  # one in work and one waiting, as on one machine
_SECONDS_TO_CONNECT = 15


class ClusterExecutor(Generic[Item, Payload, Result]):
    """A task on a cluster (`crystalbench.executors.task.Executor`): a process for each thread of its workers.

    Dask runs a batch whose worker dies again elsewhere, up to its setting ``allowed-failures``; one that has taken
    down more workers than that is taken apart as on one machine. Dask blames all that a worker had when it died, what
    only waited there, too: so an item is guilty only if it takes workers down with nothing else on the cluster. Workers
    may come and go.

    Parameters
    ----------
    scheduler
        Address of the scheduler, such as ``tcp://10.0.0.1:8786``.
    """

    def __init__(self, task: Task[Item, Payload, Result], scheduler: str) -> None:
        self._task = task
        self._scheduler = scheduler
        self._key = uuid4().hex
        self._client: Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            with suppress(OSError):  # the scheduler is gone, and with it what would be released
                self._client.run(release, self._key, on_error="ignore")
            self._client.close()
            self._client = None

    def run(
        self,
        items: Mapping[int, Item],
        batches: Iterable[Sequence[int]],
        progress: Callable[[int], None] | None = None,
        finished: Callable[[int, Result | Lost], None] | None = None,
    ) -> dict[int, Result | Lost]:
        """Run the task; `CrystalbenchError` if the cluster is lost or has other versions than this process."""
        queue = deque(tuple(batch) for batch in batches)
        outcomes: dict[int, Result | Lost] = {}
        if not queue:
            return outcomes
        if self._client is None:
            self._client = connected(self._scheduler)
        client = self._client
        running: dict[Future, tuple[int, ...]] = {}
        suspects: deque[tuple[int, ...]] = deque()
        alone = False
        try:
            while queue or running or suspects:
                if not queue and not running:
                    queue.append(suspects.popleft())
                    alone = True
                while queue and len(running) < (1 if alone else max(1, _QUEUED_PER_THREAD * threads(client))):
                    batch = queue.popleft()
                    sent = pickle.dumps((self._task, [items[i] for i in batch]))
                    future = client.submit(run_shard, self._key, sent, versions(), key=f"crystalbench-{uuid4().hex}")
                    running[future] = batch
                for future in _finished(client, running):
                    batch = running.pop(future)
                    results = self._results(future)
                    if isinstance(results, Lost) and not alone:
                        singly = [(i,) for i in batch]
                        (queue if len(batch) > 1 else suspects).extend(singly)
                        continue
                    alone = False
                    of_batch = dict(zip(batch, [results] if isinstance(results, Lost) else results, strict=True))
                    outcomes |= of_batch
                    for key, result in of_batch.items():
                        if finished:
                            finished(key, result)
                    if progress:
                        progress(len(batch))
        finally:
            client.cancel(list(running))
        return outcomes

    def _results(self, future: "Future") -> list[Result | Lost] | Lost:
        from distributed import KilledWorker

        if future.status not in ("finished", "error"):
            raise CrystalbenchError(
                f"the scheduler {self._scheduler} was lost or gave up a task ({future.status}); start the cluster again"
            )
        error = future.exception()
        if error is None:
            results: list[Result | Lost] = future.result()
            return results
        if isinstance(error, KilledWorker):
            return Lost(False, f"{error.allowed_failures + 1} workers of the cluster ended while they ran it")
        if isinstance(error, CrystalbenchError):
            raise error
        if isinstance(error, ImportError):
            raise _lacking(f"{self._scheduler}: a worker", error)
        raise CrystalbenchError(f"the cluster {self._scheduler} failed: {type(error).__name__}: {error}") from error


def _finished(client: "Client", running: Iterable["Future"]) -> Iterable["Future"]:
    """Wait for some; a future that was cancelled counts, its status says so."""
    from distributed import wait
    from distributed.client import FuturesCancelledError

    try:
        with client.as_current():
            found: set[Future] = wait(list(running), return_when="FIRST_COMPLETED").done
    except FuturesCancelledError:
        return [future for future in running if future.done()]
    return found


def connected(scheduler: str) -> "Client":
    """Return a client.

    Raises
    ------
    ConfigError
        If dask is not installed, nothing answers at the address, or a worker has other versions than this process.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ConfigError("--scheduler needs dask: pip install 'crystalbench[dask]'") from None
    try:
        client = Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--scheduler {scheduler}: no scheduler of dask answers there ({type(error).__name__}); start one with "
            "'dask scheduler', which prints its address, such as tcp://10.0.0.1:8786"
        ) from error
    try:
        _check_workers(client, scheduler)
    except BaseException:
        client.close()
        raise
    return client


def _check_workers(client: "Client", scheduler: str) -> None:
    own = versions()
    found: dict[str, Any] = client.run(versions, on_error="return")
    for worker, theirs in found.items():
        if isinstance(theirs, ImportError):
            raise _lacking(f"worker {worker}", theirs)
        if isinstance(theirs, Exception):
            raise CrystalbenchError(f"--scheduler {scheduler}: worker {worker} failed: {theirs}") from theirs
        if difference := differing(own, theirs):
            raise ConfigError(f"worker {worker} {difference}")


def _lacking(worker: str, error: ImportError) -> ConfigError:
    return ConfigError(f"{worker} cannot import {error.name}; install the same packages there as here")


def threads(client: "Client") -> int:
    """Return how many batches the cluster works on at once; 0 while it has no worker."""
    return sum(client.nthreads().values())
