"""What a verification takes for the same: numbers within the metric's tolerance, sentences but for rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench.runs.checks import same_notes, score_difference
from crystalbench.tables.results import MetricResult
from crystalbench.versions import all_packages, packages

NOTE = "by composition alone {}, by symmetry alone {}; without the {} samples in space group 1 {}"


@pytest.mark.parametrize(
    ("written", "again", "tolerance", "same"),
    [
        ("alone 0, 2.79", "alone -1.8e-33, 2.79", 1e-12, True),
        ("alone 0.852", "alone 0.853", 0.0, True),  # one in the last place
        ("alone 0.852", "alone 0.854", 0.0, False),
        ("alone 0.852", "alone 0.854", 0.01, True),
        ("alone 6", "alone 5.99", 0.0, True),  # as .3g prints 5.996 and 5.994
        ("alone 6", "alone 5.9", 0.0, True),
        ("alone 6", "alone 5.4", 0.0, False),
        ("1.2e-05 of", "1.3e-05 of", 0.0, True),
        ("1.2e-05 of", "1.4e-05 of", 0.0, False),
        ("the 1,060 samples", "the 1,061 samples", 0.5, False),
        ("the 1,060 samples", "the 1,060 sample", 1.0, False),
        ("the 1,060 samples", "the samples", 1.0, False),
        ("-0.1 to 3", "0.1 to 3", 0.0, False),
    ],
)
def test_sentences_are_the_same_but_for_rounding(written: str, again: str, tolerance: float, same: bool) -> None:
    assert same_notes([written], [again], tolerance) is same
    assert same_notes([again], [written], tolerance) is same


@given(st.floats(-1e6, 1e6), st.floats(-1e-7, 1e-7), st.integers(0, 10**6))
def test_the_rounding_of_another_machine_makes_no_other_note(value: float, noise: float, count: int) -> None:
    written, again = (
        NOTE.format(f"{x:.3g}", f"{2 * x:.3g}", f"{count:,}", f"{x:.3f}") for x in (value, value * (1 + noise))
    )
    assert same_notes([written], [again], 2e-6 * abs(value))


def test_notes_that_are_missing_differ() -> None:
    assert not same_notes(["one"], [])
    assert not same_notes([], ["one"])


def test_a_score_that_differs_in_a_sentence_says_both() -> None:
    one, other = (MetricResult(value=1.0, n=3, notes=(f"{n} rows",)) for n in (10, 11))
    assert score_difference(one, one, 1e-3) == ""
    assert score_difference(one, other, 1e-3) == "the notes of the run are ['10 rows'], now ['11 rows']"


def test_a_tool_that_is_installed_beside_it_changes_no_identity() -> None:
    always, everything = packages(), all_packages()
    assert {"numpy", "torch", "spglib", "crystalbench"} <= always.keys()
    assert not {"ruff", "mypy", "pytest", "sphinx", "ipywidgets", "chgnet"} & always.keys()
    assert {"ruff", "mypy", "pytest", "sphinx", "ipywidgets", "chgnet"} <= everything.keys()
    assert packages("discover").keys() - always.keys() == {"ase", "chgnet", "pymatgen", "pyxtal"}
    assert everything.items() >= packages("discover").items()
