"""Where functions are mapped over items: processes of this machine, or of the machines of a cluster.

>>> task = Task(function=relax_batch, pack=list, timeout=600.0)        # doctest: +SKIP
>>> with Executors(scheduler="tcp://10.0.0.1:8786").start(task) as executor:  # doctest: +SKIP
...     outcomes = executor.run(dict(enumerate(labels)), [[i] for i in range(len(labels))])
"""

from dataclasses import dataclass

from crystalbench.errors import ConfigError
from crystalbench.executors.cluster import ClusterExecutor, connected, threads
from crystalbench.executors.local import LocalExecutor
from crystalbench.executors.task import Executor, Item, Lost, Payload, Result, Task

__all__ = ["ONE_PROCESS", "Executor", "Executors", "Lost", "Task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executors:
    """Where tasks run. No result depends on it, and no identity holds it.

    Attributes
    ----------
    workers
        Processes on this machine.
    scheduler
        Address of a `dask.distributed` scheduler, whose workers run the tasks instead; "" for this machine.

    Raises
    ------
    ConfigError
        If there are no workers.
    """

    workers: int = 1
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ConfigError(f"workers = {self.workers!r}; expected at least 1")

    def start(self, task: Task[Item, Payload, Result]) -> Executor[Item, Result]:
        """Return what runs a task; processes start, and connections open, on first need."""
        if self.scheduler:
            return ClusterExecutor(task, self.scheduler)
        return LocalExecutor(task, self.workers)

    def slots(self) -> int:
        """Return how many batches are in work at once, now. See `describe` for errors."""
        if not self.scheduler:
            return self.workers
        with connected(self.scheduler) as client:
            return max(1, threads(client))

    def describe(self) -> str:
        """Return one line on the cluster, "" without one.

        Raises
        ------
        ConfigError
            If nothing answers at its address, or a worker has other versions than this process.
        """
        if not self.scheduler:
            return ""
        with connected(self.scheduler) as client:
            found = client.nthreads()
        now = f"{len(found)} workers, {sum(found.values())} processes" if found else "waits for its first worker"
        return f"cluster {self.scheduler}: {now}"


ONE_PROCESS = Executors()
"""One process of this machine."""
