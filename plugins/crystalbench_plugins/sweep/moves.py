"""How far values move from one setting to another, in units of the interval that they have anyway."""

from collections.abc import Iterator
from dataclasses import dataclass

from crystalbench import Cell, Column
from crystalbench_plugins.sweep.sweep import SHARES, Sweep, Swept


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The value of a row under setting number ``setting``, against that of the run's own setting.

    ``size`` counts half widths of the 95 % interval at the run's own setting: beyond 1, the setting moves the value
    further than drawing other samples would.
    """

    swept: Swept
    column: Column
    setting: int
    size: float


def size_of(own: Cell, other: Cell) -> float | None:
    """Return the move in half widths of the interval of ``own``; None where a value or an interval is not there."""
    if own.mean is None or other.mean is None or own.confidence is None:
        return None
    low, high = own.confidence
    return 2 * abs(other.mean - own.mean) / (high - low) if high > low else None


def moves(sweep: Sweep) -> Iterator[Move]:
    """Yield all moves that can be held against an interval."""
    for swept in sweep.rows:
        for column in sweep.columns:
            if column is SHARES[-1]:
                continue  # zero by definition at the run's own setting
            own, *others = swept.cells[column.key]
            for setting, cell in enumerate(others, 1):
                if (size := size_of(own, cell)) is not None:
                    yield Move(swept=swept, column=column, setting=setting, size=size)


def largest(sweep: Sweep, swept: Swept | None = None, column: Column | None = None) -> Move | None:
    """Return the largest move of all, or of those of one row or column."""
    found = [move for move in moves(sweep) if swept in (None, move.swept) and column in (None, move.column)]
    return max(found, key=lambda move: move.size, default=None)
