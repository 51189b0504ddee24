"""What plugins are given and give refuses what makes no sense, and says what to declare."""

import math
from collections.abc import Callable

import pytest

from crystalbench import Draw, SampleSet, ScoreInput, Timing

UNDECLARED: dict[str, Callable[[ScoreInput], object]] = {
    "REFERENCE": lambda given: given.reference,
    "TRAIN": lambda given: given.train,
    "ENCODER": lambda given: given.encode(["AB_cF8_225_a_b:Cl-Na"]),
    "ENERGY": lambda given: given.energies,
}


@pytest.mark.parametrize("need", UNDECLARED)
def test_a_metric_that_asks_for_what_it_did_not_declare_is_told_what_to_declare(need: str) -> None:
    with pytest.raises(LookupError, match=rf"needs=\{{Need\.{need}\}}"):
        UNDECLARED[need](ScoreInput(samples=SampleSet.of([]), parameters={}, seed=0))


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_time_is_finite_and_not_negative(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be finite and not negative"):
        Timing(seconds=seconds)


def test_a_time_of_a_draw_is_no_number() -> None:
    with pytest.raises(TypeError, match="timing must be a Timing or None"):
        Draw((), 1.0)  # type: ignore[arg-type]
