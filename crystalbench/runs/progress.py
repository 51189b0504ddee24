"""Signs of life on standard error: a bar on a terminal; elsewhere a line at the end of a step, and some during it."""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Never, Protocol

if TYPE_CHECKING:
    from tqdm import tqdm

REFRESH = 0.5
"""Seconds after which a bar is drawn again: its clock goes on while the step itself reports nothing."""

FIRST_LINE, NEXT_LINE = 5.0, 30.0
"""Seconds into a step, where there is no terminal, until it says how far it is, and between such lines."""


_INSIDE: ContextVar[bool] = ContextVar("inside a step", default=False)
_SILENCED: ContextVar[bool] = ContextVar("nothing is said", default=False)


class Report(Protocol):
    """Receives how much of a step is done so far, and what is being worked on."""

    def __call__(self, done: float, now: str = "", /) -> None: ...


def silent(done: float, now: str = "", /) -> None:
    """Say nothing."""


@contextmanager
def silenced(yes: bool = True) -> Iterator[None]:
    """Say nothing of what is done inside."""
    token = _SILENCED.set(yes or _SILENCED.get())
    try:
        yield
    finally:
        _SILENCED.reset(token)


@contextmanager
def bar(title: str, total: int | None, unit: str) -> Iterator[Report]:
    """Show one step from its first moment and yield what it reports to.

    When it has ended well, a line stays: what was done, how much, how long it took and at what rate; not of a step
    inside another. A thread keeps the sign alive, so that code that reports nothing for a while (a model that is
    loaded) does not look dead.
    """
    if _SILENCED.get():
        yield silent
        return
    inside = _INSIDE.get()
    token = _INSIDE.set(True)
    step = _Step(title, total, unit)
    stop = Event()
    shown = _drawn(step) if _is_terminal() or _in_notebook() else None
    beat = Thread(target=partial(_speak, step, stop) if shown is None else partial(_redraw, shown, stop), daemon=True)
    beat.start()

    def report(done: float, now: str = "", /) -> None:
        step.tell(done, now)
        if shown is not None:
            shown.set_postfix_str(now, refresh=False)
            shown.update(int(done) - shown.n)

    try:
        yield report
    finally:
        _INSIDE.reset(token)
        stop.set()
        beat.join()
        if shown is not None:
            shown.close()
    if not inside and not _in_notebook():
        with aside():
            _say(step.finished())


def aside() -> AbstractContextManager[object]:
    """Take the bars away while something else is printed."""
    if not _is_terminal():
        return nullcontext()
    from tqdm import tqdm

    return tqdm.external_write_mode(sys.stderr)


def say(line: str) -> None:
    """Print a line for the user, beside the bars."""
    if not _SILENCED.get():
        with aside():
            _say(line)


class _Step:
    """What is known of a step, in words."""

    def __init__(self, title: str, total: int | None, unit: str) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done, self.now = 0.0, ""
        self._start = perf_counter()
        self._moved: tuple[float, float] | None = None  # when it first moved, and how far: before, it was loading

    def tell(self, done: float, now: str) -> None:
        self.done, self.now = done, now
        if done and self._moved is None:
            self._moved = perf_counter(), done

    def so_far(self) -> str:
        seconds = perf_counter() - self._start
        of = f" of {self.total:,}" if self.total is not None else ""
        words = [f"{self.title}: {int(self.done):,}{of} {self.unit} in {seconds:.0f} s{self._rate(seconds)}"]
        if self._moved and self.total is not None and self.total > self.done > self._moved[1]:
            pace = (perf_counter() - self._moved[0]) / (self.done - self._moved[1])
            words.append(f"about {pace * (self.total - self.done):.0f} s left")
        return ", ".join([*words, *([self.now] if self.now else [])])

    def finished(self) -> str:
        seconds = perf_counter() - self._start
        return f"{self.title}: {int(self.done):,} {self.unit} in {seconds:.1f} s{self._rate(seconds)}"

    def _rate(self, seconds: float) -> str:
        if seconds < 0.1 or not self.done:
            return ""
        rate = self.done / seconds
        return f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _in_notebook() -> bool:
    """Whether a kernel of Jupyter runs this: what it shows is no terminal, and has bars of its own."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


def _drawn(step: _Step) -> "tqdm[Never]":
    if _in_notebook():
        from tqdm.auto import tqdm as bars

        return bars(total=step.total, desc=step.title, unit=f" {step.unit}", leave=False)
    from tqdm import tqdm

    columns, lines = _size()
    return tqdm(
        total=step.total, desc=step.title, unit=f" {step.unit}", leave=False, file=sys.stderr,
        ncols=columns or 80, nrows=lines or 24, dynamic_ncols=columns > 0,
    )  # fmt: skip


def _size() -> tuple[int, int]:
    """Columns and lines; 0 where a terminal does not know them: on such a one tqdm would draw nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except OSError:
        return 0, 0


def _redraw(shown: "tqdm[Never]", stop: Event) -> None:
    while not stop.wait(REFRESH):
        shown.refresh()


def _speak(step: _Step, stop: Event) -> None:
    wait = FIRST_LINE
    while not stop.wait(wait):
        _say(step.so_far())
        wait = NEXT_LINE
