"""A real cluster of worker processes on this machine: what it gives, and what it survives."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crystalbench.errors import ConfigError
from crystalbench.executors import Executors, Lost, Task, shard
from crystalbench.executors.cluster import connected
from crystalbench.executors.shard import differing, run_shard, versions
from crystalbench.versions import packages
from tests.executors.test_local import WORDS, act, alive, wait_until

distributed = pytest.importorskip("distributed")
dask = pytest.importorskip("dask")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # of a killed worker's sockets
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TASK = Task(function=act, pack=list, timeout=30.0)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a cluster of two workers with one thread each."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def outcomes_of(words: list[str], executors: Executors, timeout: float = 30.0, size: int = 4) -> list[str | Lost]:
    items = dict(enumerate(words))
    batches = [list(items)[i : i + size] for i in range(0, len(words), size)]
    with executors.start(Task(function=act, pack=list, timeout=timeout)) as executor:
        found = executor.run(items, batches)
    assert set(found) == set(items)
    return [found[i] for i in items]


def test_a_cluster_gives_what_one_machine_gives_also_of_crashes_and_hangs(scheduler: str) -> None:
    words = [*WORDS[:3], "segfault", *WORDS[3:7], "panic", "hang", *WORDS[7:]]
    here, there = (outcomes_of(words, Executors(scheduler=s, workers=2), timeout=2.0) for s in ("", scheduler))
    assert there == here
    assert [i for i, outcome in enumerate(there) if isinstance(outcome, Lost)] == [3, 8, 9]


def slow_words(words: list[str]) -> list[str]:
    time.sleep(0.5)
    return [word.upper() for word in words]


def test_a_worker_that_is_killed_in_the_middle_costs_no_item(scheduler: str) -> None:
    with connected(scheduler) as client:
        victim = next(iter(client.run(os.getpid).values()))
    done: list[int] = []
    killed = threading.Event()

    def kill_after_two(finished: int) -> None:
        done.append(finished)
        if len(done) == 2:
            os.kill(victim, signal.SIGKILL)
            killed.set()

    items = dict(enumerate(f"word {i}" for i in range(16)))
    with Executors(scheduler=scheduler).start(Task(function=slow_words, pack=list, timeout=30.0)) as executor:
        found = executor.run(items, [[i] for i in items], kill_after_two)
    assert killed.is_set()
    assert not alive(victim)
    assert found == {i: word.upper() for i, word in items.items()}


def kill_the_worker(words: list[str]) -> list[str]:
    """Kill the worker of the cluster that this process belongs to, where a word is guilty."""
    for word in words:
        if word == "guilty":
            parent = multiprocessing.parent_process()
            assert parent is not None
            assert parent.pid is not None
            os.kill(parent.pid, signal.SIGKILL)
            time.sleep(60)
    return words


@pytest.mark.parametrize("batches", [[[0, 1, 2]], [[2], [1], [0]]])
def test_an_item_that_takes_workers_of_the_cluster_down_is_the_only_one_lost(batches: list[list[int]]) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # 3, but a worker takes seconds to come back
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Executors(scheduler=cluster.scheduler_address).start(
            Task(function=kill_the_worker, pack=list, timeout=60.0)
        ) as executor,
    ):
        found = dict(executor.run({0: "a", 1: "guilty", 2: "b"}, batches))
    lost = found.pop(1)
    assert isinstance(lost, Lost)
    assert "2 workers of the cluster ended" in lost.detail
    assert found == {0: "a", 2: "b"}


def process_of(words: list[str]) -> list[int]:
    return [os.getpid() for _ in words]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_processes_are_kept_between_batches_and_end_with_the_executor(scheduler: str) -> None:
    items = dict(enumerate(WORDS))
    with Executors(scheduler=scheduler).start(Task(function=process_of, pack=list, timeout=30.0)) as executor:
        found = [executor.run(items, [[i] for i in items]) for _ in range(2)]
        pids = {pid for outcomes in found for pid in outcomes.values() if isinstance(pid, int)}
        assert len(pids) <= 2
        assert all(alive(pid) for pid in pids)
    assert wait_until(lambda: not any(alive(pid) for pid in pids))


def test_a_worker_with_other_versions_is_refused_and_both_are_named() -> None:
    others = versions() | {"numpy": "1.26.0"}
    with pytest.raises(ConfigError, match=r"has numpy \d.*and this command numpy 1\.26\.0: install the same"):
        run_shard("key", b"", others)
    assert differing(versions(), versions()) == ""
    assert differing(versions() | {"ase": None}, versions()) == ""


def install(version: str) -> None:
    """Have the process where this runs say that it has another version of crystalbench."""
    shard.packages = lambda *extras: packages(*extras) | {"crystalbench": version}


def test_a_worker_of_another_version_is_refused_before_anything_is_sent(scheduler: str) -> None:
    with connected(scheduler) as client:
        client.run(install, "9.9")
        try:
            with pytest.raises(ConfigError, match=r"worker tcp://.* has crystalbench 9\.9, and this command cry.* 0\."):
                outcomes_of(WORDS, Executors(scheduler=scheduler))
        finally:
            client.run(install, packages()["crystalbench"])


def test_an_address_where_nothing_answers_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crystalbench.executors.cluster._SECONDS_TO_CONNECT", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        with pytest.raises(ConfigError, match=f"--scheduler {address}: no scheduler of dask answers"):
            Executors(scheduler=address).describe()


def test_a_cluster_says_how_large_it_is(scheduler: str) -> None:
    assert Executors(scheduler=scheduler).describe() == f"cluster {scheduler}: 2 workers, 2 processes"
    assert Executors(scheduler=scheduler).slots() == 2
    assert Executors(workers=3).describe() == ""
