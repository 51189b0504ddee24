"""How long materials will take: said before the first, from the clock and what such materials have needed."""

from math import isfinite, isnan
from time import sleep

from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Evaluated, RawStructure
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.materials.candidate import Candidate
from crystalbench.materials.pace import Probe, expected, measure, typical
from crystalbench.materials.realise import Realised
from crystalbench.materials.search import OwnGeometry, SearchSettings
from crystalbench_plugins.realisers.random_orbits import crystalbench_realisers, propose
from tests.materials.morse import Morse

SALT, FREE, LOW = "AB_cF8_225_a_b:Cl-Na", "A2B_hP3_164_d_a:Cl-Cu", "AB_aP8_1_4a_4a:Cl-Na"
SPEC = next(iter(crystalbench_realisers()))
OWN = RawStructure.of([[3.3, 0, 0], [0, 3.3, 0], [0, 0, 3.3]], [[0, 0, 0], [0.5, 0.5, 0.5]], [17, 11])


def tried(protostructure: Protostructure, seed: int) -> Realised:
    return propose(protostructure, seed, {parameter.name: parameter.default for parameter in SPEC.parameters})


class Slow(Morse):
    """Takes 2 ms an atom."""

    def evaluate(self, structures: list[RawStructure], /) -> list[Evaluated]:  # type: ignore[override]
        sleep(0.002 * sum(len(structure.numbers) for structure in structures))
        return super().evaluate(structures)


class Raising(Morse):
    def evaluate(self, structures: list[RawStructure], /) -> list[Evaluated]:  # type: ignore[override]
        raise RuntimeError("never")


def test_the_pace_is_that_of_the_clock() -> None:
    quick = measure(Probe((Candidate(label=SALT), Candidate(label=FREE))), tried, Morse(), seed=0).seconds
    slow = measure(Probe((Candidate(label=SALT), Candidate(label=FREE))), tried, Slow(), seed=0).seconds
    assert slow > max(0.002, quick)


def test_a_potential_that_raises_has_no_pace() -> None:
    assert isnan(measure(Probe((Candidate(label=SALT),)), tried, Raising(), seed=0).seconds)


def test_less_symmetry_and_more_atoms_are_expected_to_take_longer_and_an_own_geometry_shorter() -> None:
    settings = SearchSettings()
    work = [expected(Candidate(label=label), settings) for label in (SALT, FREE, LOW)]
    assert work == sorted(work)
    own = Candidate(label=LOW, own=OWN)
    assert expected(own, settings) < work[2]
    assert expected(own, SearchSettings(own=OwnGeometry.FIRST)) == work[2]
    assert expected(Candidate(label=LOW), SearchSettings(tries=1, least=1)) < work[2] / 5


@given(st.lists(st.sampled_from([SALT, FREE, LOW]), min_size=1, max_size=9))
def test_those_that_are_timed_are_of_typical_sizes(labels: list[str]) -> None:
    probe = typical([Candidate(label=label) for label in labels])
    assert 1 <= len(probe.candidates) <= 3
    assert {one.label for one in probe.candidates} <= set(labels)
    assert all(isfinite(expected(one, SearchSettings())) for one in probe.candidates)
