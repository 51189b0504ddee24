"""Bounds on a comparison, for continuous integration: ``fwd_corrected:+5%``.

METRIC:+X    the second value is more than X above the first, X in the unit that tables print (points of percent)
METRIC:-X    more than X below it
METRIC:+X%   more than X percent of the first value above it; -X% below

A bound is broken when the change is beyond it and the test of the comparison sees a difference; where nothing can be
tested, when the change is beyond it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from crystalbench.errors import ConfigError
from crystalbench.tables.differences import Comparison, Difference

_BOUND = re.compile(r"(?P<metric>[^:]+):(?P<sign>[+-])(?P<size>[0-9]+(?:\.[0-9]+)?)(?P<relative>%?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a metric may move, ``sign`` 1 up or -1 down, by ``size`` in its printed unit or relative to the first."""

    text: str
    metric: str
    sign: int
    size: float
    relative: bool

    @classmethod
    def parse(cls, text: str) -> "Bound":
        """Read ``METRIC:+X``, ``METRIC:-X``, ``METRIC:+X%`` or ``METRIC:-X%``; raises `ConfigError`."""
        match = _BOUND.fullmatch(text.replace(" ", ""))
        if match is None:
            raise ConfigError(f"{text!r} is no bound; expected METRIC:+X, METRIC:-X, METRIC:+X% or METRIC:-X%")
        sign = 1 if match["sign"] == "+" else -1
        return cls(text, match["metric"], sign, float(match["size"]), bool(match["relative"]))

    def broken_by(self, difference: Difference) -> bool:
        """Whether the change is beyond the bound; raises `ConfigError` where there is none to hold against it."""
        if difference.change is None or difference.first is None:
            raise ConfigError(f"{self.text}: {difference.column.key} is not compared: {difference.problem}")
        unit = 100 if difference.column.unit == "%" else 1
        limit = self.size / 100 * abs(difference.first) if self.relative else self.size / unit
        return self.sign * difference.change > limit and (difference.different or not difference.test)


def broken(bounds: Iterable[Bound], comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Yield a sentence for each bound that a comparison breaks; raises `ConfigError` for one that names nothing."""
    found = list(comparisons)
    for bound in bounds:
        for comparison in found:
            for difference in comparison.of(bound.metric):
                if bound.broken_by(difference):
                    change = f"{difference.first:.6g} became {difference.second:.6g}"
                    yield f"{bound.text}: {difference.column.key} of {comparison.second}: {change}"
