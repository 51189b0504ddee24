"""What is mapped over items, and what maps it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

Item = TypeVar("Item")
Payload = TypeVar("Payload")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Lost:
    """The outcome of an item that took its worker down although it was alone there."""

    timed_out: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[Item, Payload, Result]):
    """A function on batches of items, as it is sent to other processes.

    Attributes
    ----------
    function
        Turns a payload into one result per item. Importable by name (a partial of such a function, too), and so is
        all that the payload holds. What is dear to make and serves many batches, such as a loaded model, it keeps
        where it is: in a `functools.lru_cache` of a module-level function whose arguments identify it. A process
        serves one task only, so such a cache lives as long as the executor does.
    pack
        Turns items into a payload that is cheap to send; `list` sends them as they are.
    timeout
        Seconds of wall clock, for a batch and for a single item; kept to about 0.1 s. None: no limit.
    preload
        Modules that the workers need. Where the platform has a fork server, it imports them once for all.
    """

    function: Callable[[Payload], list[Result]]
    pack: Callable[[list[Item]], Payload]
    timeout: float | None
    preload: tuple[str, ...] = ()


class Executor(Protocol[Item_contra, Result_co]):
    """Runs a task in processes that may crash, hang or be killed.

    A batch whose process dies, raises or exceeds the time limit is taken apart, and its items are run singly, each
    with its own limit. So only the guilty item is `Lost`, and what the others get depends neither on their company
    nor on the executor.

    A context manager: leaving it ends the processes.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def run(
        self,
        items: Mapping[int, Item_contra],
        batches: Iterable[Sequence[int]],
        progress: Callable[[int], None] | None = None,
        finished: Callable[[int, Any], None] | None = None,
    ) -> Mapping[int, Result_co | Lost]:
        """Run the function on batches of keys of ``items``; return the outcome of each key.

        Parameters
        ----------
        progress
            Called with the number of items that have just been finished.
        finished
            Called with each key and its outcome as soon as it is known: what is dear can be kept at once.

        Raises
        ------
        CrystalbenchError
            If no process can take up work, so that no item is to blame.
        """
        ...
