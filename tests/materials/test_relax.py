"""Relaxation with an exact potential: what is reached, what is kept, how it fails."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from crystalbench import ConfigError, Evaluated, Invalid, InvalidReason, Protostructure, RawStructure
from crystalbench.materials.relax import relax
from crystalbench.materials.relaxed import Relaxed, RelaxFailure, RelaxSettings
from tests.materials.morse import Morse

FCC = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
TIGHT = RelaxSettings(fmax=1e-4, smax=1e-5)
ROCK_SALT = RawStructure.of(
    np.eye(3) * 5.9, [[0, 0, 0], *FCC, *(np.array([[0, 0, 0], *FCC]) + 0.5)], [11] * 4 + [17] * 4
)
SKEWED = RawStructure.of([[3.1, 0.2, 0], [0.1, 3.4, 0.3], [0, -0.4, 3.9]], [[0, 0, 0], [0.45, 0.57, 0.51]], [11, 17])
COPPER = RawStructure.of(np.array(FCC) * 3.3, [[0.1, 0.2, 0.3]], [29])


def one(structure: RawStructure, **changes: float) -> Relaxed:
    (found,) = relax([structure], Morse(), replace(TIGHT, **changes))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("start", [3.1, 3.5, 4.4])
def test_the_edge_of_a_cubic_crystal_comes_to_the_minimum_that_a_scan_finds(start: float) -> None:
    found = one(RawStructure.of(np.array(FCC) * start, [[0, 0, 0]], [29]))
    edges = np.linspace(3.2, 4.2, 20001)[::20]
    energies = [
        seen.energy for seen in Morse().evaluate([RawStructure.of(np.array(FCC) * a, [[0, 0, 0]], [29]) for a in edges])
    ]
    assert found.converged
    assert found.energy == pytest.approx(min(energies), abs=1e-6)
    assert (4 * abs(np.linalg.det(found.structure.lattice))) ** (1 / 3) == pytest.approx(
        edges[np.argmin(energies)], abs=2e-3
    )


def test_the_primitive_cell_is_relaxed_whatever_cell_was_given() -> None:
    found = one(ROCK_SALT)
    assert len(found.structure.numbers) == 2
    assert found.converged
    assert found.before == found.protostructure == found.loose == Protostructure(225, [("Na", "a"), ("Cl", "b")])
    assert not found.symmetry_changed


def test_forces_and_stress_vanish_without_symmetry_too() -> None:
    found = one(SKEWED)
    (seen,) = Morse().evaluate([found.structure])
    assert found.converged
    assert np.linalg.norm(seen.forces, axis=1).max() <= TIGHT.fmax
    assert np.abs(seen.stress).max() <= TIGHT.smax
    assert found.energy == pytest.approx(seen.energy / 2)
    assert found.max_force == pytest.approx(np.linalg.norm(seen.forces, axis=1).max(), rel=1e-3, abs=1e-9)


def test_a_crystal_stays_in_its_space_group_where_that_is_a_saddle() -> None:
    """Simple cubic copper would fall to a closer packing if its group let it."""
    cubic = RawStructure.of(np.eye(3) * 2.5, [[0, 0, 0]], [29])
    found = one(cubic)
    assert found.converged
    assert found.protostructure == Protostructure(221, [("Cu", "a")])
    assert found.energy > one(COPPER).energy + 0.1


def test_a_crystal_that_gains_symmetry_says_so() -> None:
    """Body-centred tetragonal copper, slightly off the cube, goes to a cubic packing."""
    tetragonal = RawStructure.of(np.diag([3.6, 3.6, 3.75]), [[0, 0, 0], *FCC], [29] * 4)
    found = one(tetragonal)
    assert found.before == Protostructure(139, [("Cu", "a")])
    assert found.protostructure == Protostructure(225, [("Cu", "a")])
    assert found.symmetry_changed


def test_the_same_call_gives_the_same_bytes_and_neighbours_change_nothing() -> None:
    batch = [ROCK_SALT, SKEWED, COPPER]
    first, second = (relax(batch, Morse(), TIGHT) for _ in range(2))
    assert [r.structure.digest() for r in first] == [r.structure.digest() for r in second]
    assert [r.structure.digest() for r in first] == [one(structure).structure.digest() for structure in batch]


def test_a_potential_sees_all_that_are_not_yet_relaxed_at_once_and_what_it_saw_is_counted() -> None:
    calls: list[int] = []

    class Counting(Morse):
        def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
            calls.append(len(structures))
            return super().evaluate(structures)

    found = relax([ROCK_SALT, SKEWED, COPPER], potential := Counting(), TIGHT)
    assert calls[0] == 3
    assert calls == sorted(calls, reverse=True)
    assert len(calls) == max(r.evaluations for r in found)
    assert potential.seen == sum(r.evaluations for r in found)


@pytest.mark.parametrize(
    ("structure", "failure", "detail"),
    [
        (RawStructure.of(np.eye(3) * np.nan, [[0, 0, 0]], [29]), RelaxFailure.INVALID_STRUCTURE, "non_finite"),
        (RawStructure.of(np.eye(3) * 4, np.zeros((2, 3)), [29, 29]), RelaxFailure.INVALID_STRUCTURE, "overlapping"),
        (RawStructure.of(np.eye(3) * 3, [[0, 0, 0]], [92]), RelaxFailure.UNKNOWN_ELEMENT, "does not know U"),
    ],
)
def test_a_structure_that_cannot_be_relaxed_is_a_row_with_its_reason(
    structure: RawStructure, failure: RelaxFailure, detail: str
) -> None:
    bad, good = relax([structure, COPPER], Morse(), TIGHT, elements=frozenset(Morse.lengths))
    assert (bad.failure, good.failure) == (failure, None)
    assert detail in bad.detail
    assert np.isnan(bad.energy)
    assert bad.evaluations == 0
    assert bad.structure is structure


def test_a_relaxation_that_is_cut_short_gives_what_it_has() -> None:
    found = one(SKEWED, max_steps=3)
    assert found.failure is RelaxFailure.NOT_CONVERGED
    assert found.evaluations == 3
    assert "after 3 evaluations" in found.detail
    assert np.isfinite(found.energy)


class Strange(Morse):
    """Morse, with another energy and stress for copper."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def _one(self, structure: RawStructure) -> Evaluated:
        volume = abs(float(np.linalg.det(structure.lattice)))
        return Evaluated(self.slope * volume, np.zeros((len(structure.numbers), 3)), self.slope * np.eye(3))


@pytest.mark.parametrize(
    ("slope", "failure"),
    [(-1.0, RelaxFailure.EXPLODED), (1.0, RelaxFailure.COLLAPSED), (np.nan, RelaxFailure.NON_FINITE)],
)
def test_a_potential_without_a_minimum_is_found_out(slope: float, failure: RelaxFailure) -> None:
    (found,) = relax([COPPER], Strange(slope))
    assert found.failure is failure
    assert isinstance(found.protostructure, Protostructure)


def test_a_potential_that_raises_for_one_structure_costs_that_one() -> None:
    class Fragile(Morse):
        def _one(self, structure: RawStructure) -> Evaluated:
            if 17 in structure.numbers:
                raise RuntimeError("no chlorine")
            return super()._one(structure)

    bad, good = relax([ROCK_SALT, COPPER], Fragile(), TIGHT)
    assert (bad.failure, bad.detail) == (RelaxFailure.POTENTIAL_FAILED, "RuntimeError: no chlorine")
    assert good.converged
    assert good.energy == pytest.approx(one(COPPER).energy)


def test_what_is_no_structure_at_the_end_has_no_protostructure() -> None:
    found = one(RawStructure.of(np.eye(3) * 4, np.zeros((2, 3)), [29, 29]))
    assert isinstance(found.protostructure, Invalid)
    assert found.protostructure.reason is InvalidReason.OVERLAPPING_ATOMS


@pytest.mark.parametrize("changes", [{"fmax": 0}, {"max_steps": -1}, {"max_expansion": 1.0}, {"symprec": np.inf}])
def test_a_setting_that_makes_no_sense_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(changes))):
        RelaxSettings(**changes)  # type: ignore[arg-type]


def test_nothing_is_relaxed_to_nothing() -> None:
    assert relax([], Morse()) == []
