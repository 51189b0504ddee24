"""Progress bars on standard error; silent when it is not a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(title: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    """Show a bar and yield a function that sets how much is done."""
    from tqdm import tqdm

    with tqdm(total=total, desc=title, unit=unit, disable=not sys.stderr.isatty(), leave=False, delay=0.5) as shown:

        def set_done(done: int) -> None:
            shown.update(done - shown.n)

        yield set_done
