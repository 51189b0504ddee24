"""What a worker of a cluster does with a batch: hands it to a process of its own that can be killed."""

import multiprocessing
import pickle
import platform
from collections.abc import Mapping
from threading import Lock, get_ident
from typing import Any

from crystalbench.errors import ConfigError
from crystalbench.executors.local import LocalExecutor
from crystalbench.versions import DISCOVER, packages

_MOST_KEPT = 4
"""Processes that a thread keeps: a client that was killed could not say that its task is over."""

_kept: dict[tuple[int, str], LocalExecutor[Any, Any, Any]] = {}
_lock = Lock()


def run_shard(key: str, sent: bytes, client: Mapping[str, str | None]) -> list[Any]:
    """Return the outcome of each item of a batch, in order.

    Parameters
    ----------
    key
        Of the executor: each thread of the worker keeps a process for it, with what the task keeps in there.
    sent
        Pickle of the task and the items: dask would look into a list for tasks of its own.
    client
        Versions of the process that sent it.

    Raises
    ------
    ConfigError
        If other versions are installed here, or not what the task needs.
    """
    if difference := differing(client, versions()):
        raise ConfigError(f"a worker of the cluster, on {platform.node()}, {difference}")
    try:
        task, items = pickle.loads(sent)  # noqa: S301 - from the client, whose code a worker runs anyway
    except ImportError as error:
        raise ConfigError(
            f"a worker of the cluster, on {platform.node()}, lacks {error.name}: install the same packages there"
        ) from error
    # A worker under a nanny is marked as daemon, which must have no children; ours end with it by themselves.
    multiprocessing.current_process().daemon = False
    outcomes = _process(key, task).run(dict(enumerate(items)), [range(len(items))])
    return [outcomes[i] for i in range(len(items))]


def _process(key: str, task: Any) -> LocalExecutor[Any, Any, Any]:
    place = (get_ident(), key)
    with _lock:
        found = _kept.pop(place) if place in _kept else LocalExecutor(task, workers=1)
        _kept[place] = found  # the last one, since it is the latest in use
        own = [other for other in _kept if other[0] == place[0]]
        ended = [_kept.pop(other) for other in own[:-_MOST_KEPT]]
    for executor in ended:
        executor.stop()
    return found


def release(key: str) -> None:
    """End the processes that were kept for an executor."""
    with _lock:
        ended = [_kept.pop(place) for place in list(_kept) if place[1] == key]
    for executor in ended:
        executor.stop()


def versions() -> dict[str, str | None]:
    """Return what results depend on besides the code of plugins."""
    return {"python": ".".join(platform.python_version_tuple()[:2])} | packages(DISCOVER)


def differing(client: Mapping[str, str | None], worker: Mapping[str, str | None]) -> str:
    """Say which versions of a worker are others than those of the client; "" where all agree.

    An extra that only one of them has is no difference: a task that needs it says so.
    """
    others = {name: (own, worker.get(name)) for name, own in client.items() if own != worker.get(name)}
    others = {name: pair for name, pair in others.items() if None not in pair}
    if not others:
        return ""
    has = ", ".join(f"{name} {there}" for name, (_, there) in others.items())
    here = ", ".join(f"{name} {own}" for name, (own, _) in others.items())
    return f"has {has}, and this command {here}: install the same versions on both"
