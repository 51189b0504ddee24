"""What a verification finds."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from crystalbench.tables.results import JSON, MetricResult, Outcome


class Finding(StrEnum):
    """The result of one check."""

    HOLDS = "holds"
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"
    RECORDED = "stands as it was written"  # nothing that is left of a run can confirm it


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked; ``detail`` says what differs, or why it could not be checked."""

    what: str
    finding: Finding
    detail: str = ""


def check(what: str, problem: str) -> Check:
    """Return a check that holds unless there is a problem."""
    return Check(what, Finding.DIFFERS if problem else Finding.HOLDS, problem)


def differences(written: Any, again: Any, place: str = "") -> Iterator[str]:
    """Yield where two JSON documents differ, the first one being of the run."""
    if isinstance(written, Mapping) and isinstance(again, Mapping):
        for key in dict.fromkeys((*written, *again)):
            there = f"{place}.{key}" if place else str(key)
            if key not in again:
                yield f"{there} is of no run like this"
            elif key not in written:
                yield f"{there} is missing"
            else:
                yield from differences(written[key], again[key], there)
    elif isinstance(written, list | tuple) and isinstance(again, list | tuple) and len(written) == len(again):
        for index, (one, other) in enumerate(zip(written, again, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif type(written) is not type(again) or written != again:
        yield f"{place} is {_shown(written)}, and should be {_shown(again)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def score_difference(written: Outcome, again: Outcome, tolerance: float) -> str:
    """Say how a score differs from the one that was computed again by more than the metric's ``tolerance``."""
    if not isinstance(written, MetricResult) or not isinstance(again, MetricResult):
        return "" if written == again else f"the run has {written}, now {again}"
    before, now = _numbers(written), _numbers(again)
    scale = max(map(abs, before))  # of the interval, where a value is near zero
    close = partial(math.isclose, rel_tol=0.0, abs_tol=max(tolerance * scale, 1e-12))
    if written.n != again.n or len(before) != len(now) or not all(map(close, before, now)):
        return f"the run has {written.value} (n={written.n}), now {again.value} (n={again.n})"
    if not same_notes(written.notes, again.notes, max(tolerance * scale, 1e-12)):
        return f"the notes of the run are {list(written.notes)}, now {list(again.notes)}"
    if not _alike(dict(written.details), dict(again.details), tolerance, scale):
        return f"the details of the run are {dict(written.details)}, now {dict(again.details)}"
    return ""


def same_notes(written: Sequence[str], again: Sequence[str], tolerance: float = 0.0) -> bool:
    """Whether sentences are the same but for rounding: on another machine the last printed digit may be another.

    Numbers may differ by ``tolerance``, and where one has a point or an exponent by one in its last place; whole ones
    otherwise not at all.
    """
    pairs = zip(written, again, strict=True)
    return len(written) == len(again) and all(_same_sentence(one, other, tolerance) for one, other in pairs)


_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")


def _same_sentence(one: str, other: str, tolerance: float) -> bool:
    if one == other:
        return True
    numbers = _NUMBER.findall(one), _NUMBER.findall(other)
    same_words = _NUMBER.sub("0", one) == _NUMBER.sub("0", other)
    return same_words and all(_same_number(a, b, tolerance) for a, b in zip(*numbers, strict=True))


def _same_number(one: str, other: str, tolerance: float) -> bool:
    a, b = (Decimal(text.replace(",", "").rstrip(".")) for text in (one, other))
    places = [-int(number.as_tuple().exponent) for number, text in ((a, one), (b, other)) if {".", "e"} & {*text}]
    unit = Decimal(10) ** -min(places) if places else Decimal(0)
    return abs(a - b) <= max(unit, Decimal(tolerance))


def _alike(one: JSON, other: JSON, tolerance: float, scale: float) -> bool:
    """Whether details are the same but for rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[key], other[key], tolerance, scale) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(_alike(a, b, tolerance, scale) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=max(tolerance * scale, 1e-12))
    return one == other


def _numbers(result: MetricResult) -> tuple[float, ...]:
    return (result.value, *(result.interval or ()))
