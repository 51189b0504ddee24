"""What a search has at its time limit: on a clock that goes on by a second for each structure the potential sees."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Evaluated, Protostructure, RawStructure
from crystalbench.materials.candidate import Candidate, Material, Reason
from crystalbench.materials.realise import Realised
from crystalbench.materials.search import OwnGeometry, SearchSettings, search
from crystalbench_plugins.realisers.random_orbits import crystalbench_realisers
from tests.materials.morse import Morse
from tests.materials.test_realise import rock_salt

(REALISER,) = crystalbench_realisers()
DEFAULTS = {parameter.name: parameter.default for parameter in REALISER.parameters}
FREE = "AB_hP4_186_b_b:Cl-Na"
SALT = "AB_cF8_225_a_b:Cl-Na"
NEVER_AGREED = SearchSettings(tries=6, agreement=0.0)


class Slow(Morse):
    """Takes a second for each structure, of a clock that nothing else moves."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        self.now += len(structures)
        return super().evaluate(structures)


@contextmanager
def clock_of(slow: Slow) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("search", "relax"):
            patch.setattr(f"crystalbench.materials.{module}.monotonic", lambda: slow.now)
        yield


def searched(
    seconds: float, label: str = FREE, own: RawStructure | None = None, rules: SearchSettings = NEVER_AGREED
) -> tuple[Material, Slow]:
    slow = Slow()

    def propose(protostructure: Protostructure, seed: int) -> Realised:
        return REALISER.propose(protostructure, seed, DEFAULTS)

    with clock_of(slow):
        material = search(Candidate(label=label, own=own), rules, propose, slow, 0, seconds)
    return replace(material, seconds=0.0), slow


ENTIRE, USED = searched(math.inf)
BATCH = max(NEVER_AGREED.least, 1)


def test_the_whole_search_is_long_enough_to_be_cut() -> None:
    assert len(ENTIRE.tries) == NEVER_AGREED.tries
    assert sum(one.energy is not None for one in ENTIRE.tries) >= 3
    assert not ENTIRE.cut


@settings(max_examples=25, deadline=None)
@given(st.integers(0, int(USED.now) + 3))
def test_whenever_it_is_cut_the_energies_found_before_are_those_of_the_whole_search_and_the_lowest_counts(
    seconds: int,
) -> None:
    found, slow = searched(float(seconds))
    energies = [one.energy for one in found.tries if one.energy is not None]
    for one, whole in zip(found.tries, ENTIRE.tries, strict=False):
        assert one == whole or one.reason is Reason.TIMEOUT
    assert found.energy == min(energies, default=None)
    assert (found.structure is None) == (not energies)
    assert (found.reason is Reason.TIMEOUT) == (found.cut and not energies)
    assert found.cut == found.repeated == (slow.now < USED.now)
    assert slow.now < seconds + BATCH  # it ends with the evaluation that it is in
    if found.cut:
        assert not found.agreed
    else:
        assert found.to_json() == ENTIRE.to_json()


def test_two_that_agree_by_chance_are_not_the_end_of_a_search_that_was_cut() -> None:
    wide = replace(NEVER_AGREED, agreement=100.0, least=5)
    whole, slow = searched(math.inf, rules=wide)
    assert whole.agreed
    cut = next(found for s in range(int(slow.now)) if (found := searched(float(s), rules=wide)[0]).best)
    assert (cut.cut, cut.agreed) == (True, False)


def test_the_own_geometry_comes_first_and_its_energy_is_what_is_left() -> None:
    rules = replace(NEVER_AGREED, own=OwnGeometry.FIRST)
    alone, slow = searched(math.inf, SALT, rock_salt(5.0), replace(rules, own=OwnGeometry.ENOUGH))
    found, _ = searched(slow.now, SALT, rock_salt(5.0), rules)
    assert found.energy == alone.energy
    assert found.tries[0].own
    assert (found.cut, found.agreed, found.reason) == (True, False, None)


def test_an_own_geometry_that_is_enough_is_not_cut_by_what_would_come_after_it() -> None:
    rules = replace(NEVER_AGREED, own=OwnGeometry.ENOUGH)
    alone, slow = searched(math.inf, SALT, rock_salt(5.0), rules)
    found, _ = searched(slow.now, SALT, rock_salt(5.0), rules)
    assert found.to_json() == alone.to_json()
    assert not found.cut


def test_without_any_time_nothing_is_evaluated_and_the_reason_is_the_time() -> None:
    found, slow = searched(0.0)
    assert slow.seen == 0
    assert (found.reason, found.energy, len(found.tries)) == (Reason.TIMEOUT, None, 1)
    assert "time limit" in found.detail
