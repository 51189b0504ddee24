"""Numbers as text: digits, percentages, spreads and intervals, the same in every format."""

from decimal import Decimal
from math import floor, inf, log10

from crystalbench import Column


def scaled(value: float, column: Column) -> float:
    """Return the number to print: a fraction times 100 in a column of percentages."""
    return value * 100 if column.unit == "%" else value


def number(value: float, column: Column) -> str:
    """Print a measured number with the column's decimals.

    More decimals are taken where rounding would make nothing of something (0.04 of 0.0) or all of almost all
    (99.99 of 100.0 %): readers draw conclusions from exactly those. Outside 1e-5 to 1e6 in powers of ten.
    """
    x = scaled(value, column) + 0.0  # -0.0 becomes 0.0
    return f"{x:.{_decimals(x, column)}f}" if _plain_size(x) else f"{x:.2e}"


def bounds(interval: tuple[float, float], column: Column) -> tuple[str, str]:
    """Print the ends of an interval with two significant digits of its width, at most the column's decimals."""
    low, high = (scaled(end, column) for end in interval)
    decimals = column.digits
    if 0 < high - low < inf:
        decimals = min(decimals, max(0, 1 - floor(log10(high - low))))
    rounded = (round(end, decimals) + 0.0 for end in (low, high))  # -0.0 becomes 0.0
    first, last = (f"{end:.{decimals}f}" if _plain_size(end) else f"{end:.2e}" for end in rounded)
    return first, last


def with_spread(mean: float, std: float, column: Column) -> tuple[str, str]:
    """Print a mean and its standard deviation with the same decimals.

    A deviation that rounds to zero gets up to two more; one that is smaller still is printed as zero.
    """
    x, spread = scaled(mean, column) + 0.0, scaled(std, column)
    if not _plain_size(x) or spread >= 1e6:
        return f"{x:.2e}", f"{spread:.0e}"
    wanted = _decimals(spread, column)
    decimals = max(_decimals(x, column), wanted if wanted <= column.digits + 2 else column.digits)
    return f"{x:.{decimals}f}", f"{spread:.{decimals}f}"


def printed(value: Decimal, column: Column) -> str:
    """Print a published number with the digits that its source has."""
    return f"{value.scaleb(2) if column.unit == '%' else value:f}"


def _plain_size(x: float) -> bool:
    return x == 0 or 1e-5 <= abs(x) < 1e6


def _decimals(x: float, column: Column) -> int:
    special = {0.0, 100.0, -100.0} if column.unit == "%" else {0.0}
    for decimals in range(column.digits, column.digits + 9):
        if x in special or float(f"{x:.{decimals}f}") not in special:
            return decimals
    return column.digits  # within 1e-9 of 100 %: the rounding of a division
