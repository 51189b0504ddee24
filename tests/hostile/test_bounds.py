"""No file takes more than a minute or a gigabyte to be read or refused, and its cost grows with its size only."""

import gc
import time
from pathlib import Path

import pytest

from crystalbench import ReadError
from tests.baselines.conftest import READERS
from tests.hostile.bounded import in_child, reader_of
from tests.hostile.files import FILES

SHARE = 0.0005
"""Of the full size: a file takes as much less as it is smaller."""


def read(path: Path) -> tuple[int, str]:
    """Return how many samples a file yields to the reader that takes it, and its error."""
    count = 0
    try:
        for _ in READERS[reader_of(path)].read(path, {}):
            count += 1
    except ReadError as error:
        return count, str(error)
    return count, ""


@pytest.mark.parametrize("name", FILES)
def test_a_small_one_is_read_or_refused_at_once_in_one_line(name: str, tmp_path: Path) -> None:
    path = FILES[name](tmp_path, SHARE)
    start = time.process_time()
    _, error = read(path)
    assert time.process_time() - start < 5
    assert "\n" not in error


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", FILES)
def test_a_large_one_takes_no_more_than_a_minute_and_a_gigabyte(name: str, tmp_path: Path) -> None:
    outcome = in_child(FILES[name](tmp_path, 1.0))
    assert not outcome.lost, outcome


GROWING = (
    "blocks of CIF", "blocks of ambiguous labels", "many symmetry tags", "quotation marks in CIF", "open text fields",
    "a loop of different tags", "operations", "headers of 60 kB, pairs", "frames of extxyz", "nested lists of JSON",
    "nested structures of JSON", "a list of JSON in five layers", "named structures of JSON", "a literal of marks",
    "a literal of quotations", "quotation marks in CSV", "labels of many orbits", "a label of many fields",
    "lines of symbols of a POSCAR", "nested tuples", "a memo", "empty streams of xz", "60,000 members of a zip",
)  # fmt: skip


@pytest.mark.parametrize("name", GROWING)
def test_four_times_the_size_takes_about_four_times_as_long(name: str, tmp_path: Path) -> None:
    def seconds(share: float) -> float:
        (folder := tmp_path / str(share)).mkdir()
        path = FILES[name](folder, share)
        gc.disable()  # it walks through all that the tests before have left, the more often the more is made
        try:
            start = time.process_time()
            read(path)
            return time.process_time() - start
        finally:
            gc.enable()

    assert seconds(0.02) < 10 * max(seconds(0.005), 0.01)
