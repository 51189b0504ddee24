"""Worker processes are killed for real here: by signals, by hangs inside C, by exceptions that cannot be sent."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crystalbench.errors import CrystalbenchError
from crystalbench.executors import Lost, Task
from crystalbench.executors.local import LocalExecutor

ROOT = Path(__file__).parents[2]


class PanicError(BaseException):
    """Like pyo3's PanicException: no `Exception`, and impossible to send to another process."""

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle a panic")


def act(words: list[str]) -> list[str]:
    """Do what the words say; an innocent word comes back in capitals."""
    for word in words:
        match word:
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(3)
            case "panic":
                raise PanicError("index out of bounds")
            case "hang":
                time.sleep(3600)
            case "hang in C":
                all(itertools.repeat(True))  # never returns to the interpreter: no signal handler can run
    return [word.upper() for word in words]


def pool(workers: int = 2, timeout: float = 30.0, preload: tuple[str, ...] = ()) -> LocalExecutor[str, list[str], str]:
    return LocalExecutor(Task(function=act, pack=list, timeout=timeout, preload=preload), workers)


def run(words: list[str], size: int = 4, workers: int = 2, timeout: float = 30.0) -> list[str | Lost]:
    items = dict(enumerate(words))
    batches = [list(items)[i : i + size] for i in range(0, len(words), size)]
    with pool(workers, timeout) as workers_pool:
        outcomes = workers_pool.run(items, batches)
    assert set(outcomes) == set(items)
    return [outcomes[i] for i in items]


WORDS = [f"word {i}" for i in range(13)]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", [1, 5, 13])
def test_outcomes_depend_neither_on_workers_nor_on_batches(workers: int, size: int) -> None:
    assert run(WORDS, size, workers) == [word.upper() for word in WORDS]


def test_no_items_need_no_process() -> None:
    with pool() as workers_pool:
        assert workers_pool.run({}, []) == {}
        assert workers_pool._pool is None


@pytest.mark.parametrize(
    ("culprit", "detail"),
    [("segfault", "SIGSEGV"), ("exit", "exit code 3"), ("panic", "PanicError: index out of bounds")],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_only_the_culprit_of_a_crash_is_lost(culprit: str, detail: str, workers: int) -> None:
    outcomes = run([*WORDS[:6], culprit, *WORDS[6:]], workers=workers)
    lost = outcomes.pop(6)
    assert isinstance(lost, Lost)
    assert not lost.timed_out
    assert detail in lost.detail
    assert outcomes == [word.upper() for word in WORDS]


@pytest.mark.parametrize("culprit", ["hang", "hang in C"])
def test_only_the_culprit_of_a_hang_is_lost(culprit: str) -> None:
    outcomes = run([*WORDS[:6], culprit, *WORDS[6:]], timeout=1.0)
    lost = outcomes.pop(6)
    assert isinstance(lost, Lost)
    assert lost.timed_out
    assert outcomes == [word.upper() for word in WORDS]


def test_many_culprits_at_once() -> None:
    words = [word for pair in zip(WORDS[:4], ["segfault", "panic", "exit", "panic"], strict=True) for word in pair]
    outcomes = run(words, size=8, workers=2)
    assert outcomes[::2] == [word.upper() for word in WORDS[:4]]
    assert all(isinstance(outcome, Lost) and not outcome.timed_out for outcome in outcomes[1::2])


def test_the_pool_goes_on_after_a_crash() -> None:
    with pool(workers=1) as workers_pool:
        assert isinstance(workers_pool.run({0: "segfault"}, [[0]])[0], Lost)
        assert workers_pool.run({0: "fine"}, [[0]]) == {0: "FINE"}


def test_progress_adds_up_also_through_a_quarantine() -> None:
    items = dict(enumerate([*WORDS, "segfault"]))
    done: list[int] = []
    with pool() as workers_pool:
        workers_pool.run(items, [range(7), range(7, 14)], done.append)
    assert sum(done) == len(items)


def test_leaving_ends_all_processes() -> None:
    with pool(workers=2) as workers_pool:
        workers_pool.run({0: "a", 1: "b"}, [[0], [1]])
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


def test_workers_that_cannot_start_are_an_error_and_no_items_fault() -> None:
    with (
        pool(preload=("no_such_module",)) as workers_pool,
        pytest.raises(CrystalbenchError, match="before they take up work"),
    ):
        workers_pool.run({0: "a"}, [[0]])


SLEEPERS = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
sys.path.insert(0, {root!r})
from crystalbench.executors import Executors, Task

def sleep(folders):
    for folder in folders:
        open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(3600)

{guard}
    with Executors(workers=2).start(Task(function=sleep, pack=list, timeout=600)) as pool:
        pool.run({{i: {folder!r} for i in range(8)}}, [[i] for i in range(8)])
"""


def start_sleepers(folder: Path, guard: str = 'if __name__ == "__main__":') -> subprocess.Popen[str]:
    pids = folder / "pids"
    pids.mkdir()
    script = folder / "sleepers.py"
    script.write_text(SLEEPERS.format(root=str(ROOT), guard=guard, folder=str(pids)))
    return subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_until(condition, seconds: float = 60.0) -> bool:  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_no_orphans(tmp_path: Path, kill: signal.Signals) -> None:
    process = start_sleepers(tmp_path)
    assert wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert all(alive(pid) for pid in workers)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert ("KeyboardInterrupt" in errors) == (kill is signal.SIGINT)
    assert wait_until(lambda: not any(alive(pid) for pid in workers))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_task_of_a_script_without_a_guard_gets_an_error_instead_of_hanging(tmp_path: Path) -> None:
    process = start_sleepers(tmp_path, guard="if True:")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "__main__" in errors


EVALUATION = """
import crystalbench
print("once", flush=True)
crystals = [crystalbench.RawStructure.of([[a, 0, 0], [0, a, 0], [0, 0, a]], [[0, 0, 0]], [84]) for a in (3.3, 3.4)]
result = crystalbench.evaluate({"mine": crystals}, dataset="mp20-eval", metrics="validity", n=2, progress=False)
print(result.cells["mine"]["validity"].mean)
"""


@pytest.mark.parametrize("how", ["file", "module", "standard input", "command"])
def test_a_script_without_a_guard_is_run_once(tmp_path: Path, how: str) -> None:
    (tmp_path / "script.py").write_text(EVALUATION)
    arguments = {
        "file": ["script.py"],
        "module": ["-m", "script"],
        "standard input": ["-"],
        "command": ["-c", EVALUATION],
    }
    done = subprocess.run(
        [sys.executable, *arguments[how]],
        cwd=tmp_path,
        env=os.environ | {"CRYSTALBENCH_CACHE": str(tmp_path / "cache")},
        input=EVALUATION if how == "standard input" else "",
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout.splitlines() == ["once", "1.0"], done.stderr


def test_the_main_program_keeps_its_name_and_place_when_processes_have_started() -> None:
    main = sys.modules["__main__"]
    before = main.__dict__.get("__file__"), main.__dict__.get("__spec__")
    with LocalExecutor(Task(function=sorted, pack=list, timeout=60), 1) as pool:
        assert pool.run({0: 1}, [[0]]) == {0: 1}
    assert (main.__dict__.get("__file__"), main.__dict__.get("__spec__")) == before
