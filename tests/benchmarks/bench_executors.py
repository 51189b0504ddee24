"""What handing work to other processes costs, here and on a dask cluster, timed in one run.

    python tests/benchmarks/bench_executors.py [N]     (2000)

The task does nothing, so all that is timed is overhead; starting processes is apart, for it is paid once. The cluster
is two worker processes of this machine; over a network each batch costs a round trip more.
"""

import sys
import time
from collections.abc import Sequence

from crystalbench.executors import Executors, Task


def same(items: list[int]) -> list[int]:
    """Return what was given."""
    return items


def timed(executors: Executors, n: int, batch: int) -> tuple[float, float]:
    """Return seconds until the first batch came back, and microseconds an item of ``n`` in batches of so many."""
    start = time.perf_counter()
    with executors.start(Task(function=same, pack=list, timeout=60.0)) as executor:
        executor.run({0: 0}, [[0]])
        first = time.perf_counter() - start
        items = dict(enumerate(range(n)))
        batches: Sequence[Sequence[int]] = [range(i, min(i + batch, n)) for i in range(0, n, batch)]
        start = time.perf_counter()
        assert executor.run(items, batches) == items
        return first, 1e6 * (time.perf_counter() - start) / n


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    from distributed import LocalCluster

    print(f"{n} items, 2 processes each; microseconds an item of the wall clock")
    print("| batch | here | cluster | cluster / here |\n|---:|---:|---:|---:|")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        starts = []
        for batch in (1, 10, 100):
            (start, here), (other, there) = (
                timed(executors, n, batch)
                for executors in (Executors(workers=2), Executors(scheduler=cluster.scheduler_address))
            )
            starts += [(start, other)]
            print(f"| {batch} | {here:,.0f} | {there:,.0f} | {there / here:.1f} |")
    here, there = (min(times) for times in zip(*starts, strict=True))
    print(f"first batch after {here:.1f} s here, {there:.1f} s on the cluster")


if __name__ == "__main__":
    main()
