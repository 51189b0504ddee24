"""Distances from a convex hull: worked by hand, and what must hold for any hull."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Gap, Hull

H, OX, NA, MG, SI, CL, AG, W = 1, 8, 11, 12, 14, 17, 47, 74
REFERENCES = {z: -float(z) for z in (H, OX, NA, MG, SI, CL, AG, W)}


def hull(phases: list[tuple[dict[int, int], float]], **more: frozenset[frozenset[int]]) -> Hull:
    return Hull([c for c, _ in phases], np.array([e for _, e in phases], dtype=float), REFERENCES, **more)


def test_rock_salt_lies_on_the_hull_that_it_makes() -> None:
    known = hull([({NA: 1, CL: 1}, -2.1)])
    assert known.distance({NA: 4, CL: 4}, -2.1) == pytest.approx(0, abs=1e-12)
    assert known.decomposition({NA: 1, CL: 1}).products == (({NA: 1, CL: 1}, pytest.approx(1.0)),)


def test_between_two_phases_the_hull_is_the_line_through_them() -> None:
    # NaCl3: of its 4 atoms 2 go into NaCl, 2 into chlorine
    found = hull([({NA: 1, CL: 1}, -2.1)]).decomposition({NA: 1, CL: 3})
    assert found.energy == pytest.approx(-1.05)
    assert sorted(found.products, key=lambda product: len(product[0])) == [
        ({CL: 1}, pytest.approx(0.5)),
        ({NA: 1, CL: 1}, pytest.approx(0.5)),
    ]


def test_a_ternary_decomposes_into_the_binaries_on_its_tie_line() -> None:
    # MgSiO3 = 2/5 MgO + 3/5 SiO2 by atoms: 0.4 * -3.0 + 0.6 * -3.2 = -3.12; Mg2SiO4 is not in reach
    binaries = [({MG: 1, OX: 1}, -3.0), ({SI: 1, OX: 2}, -3.2), ({MG: 2, SI: 1}, -0.2)]
    known = hull(binaries)
    assert known.distance({MG: 1, SI: 1, OX: 3}, -3.2) == pytest.approx(-0.08)
    assert known.decomposition({MG: 1, SI: 1, OX: 3}).products == (
        ({OX: 2, SI: 1}, pytest.approx(0.6)),
        ({OX: 1, MG: 1}, pytest.approx(0.4)),
    )
    # forsterite at -3.2 takes over: MgSiO3 = 7/10 Mg2SiO4 + 3/10 SiO2, 0.7 * -3.2 + 0.3 * -3.2
    with_forsterite = hull([*binaries, ({MG: 2, SI: 1, OX: 4}, -3.2)])
    assert with_forsterite.distance({MG: 1, SI: 1, OX: 3}, -3.2) == pytest.approx(0, abs=1e-12)


def test_a_phase_above_the_hull_changes_nothing() -> None:
    known = hull([({NA: 1, CL: 1}, -2.1), ({NA: 1, CL: 1}, -1.9), ({NA: 2, CL: 1}, 0.5)])
    assert known.distance({NA: 1, CL: 1}, -1.9) == pytest.approx(0.2)
    assert known.distance({NA: 2, CL: 1}, 0.5) == pytest.approx(1.9)


def test_an_element_is_measured_from_its_reference_phase() -> None:
    assert hull([]).distance({SI: 2}, 0.03) == pytest.approx(0.03)
    assert hull([]).gap({SI: 2}) is None


def test_a_system_without_known_compounds_is_thin_unless_it_is_charted() -> None:
    assert hull([({NA: 1, CL: 1}, -2.1)]).gap({AG: 1, W: 1}) is Gap.THIN
    assert hull([({NA: 1, CL: 1}, -2.1)]).gap({NA: 1, CL: 1, W: 1}) is None
    assert hull([], charted=frozenset({frozenset({AG, W})})).gap({AG: 1, W: 1}) is None
    assert hull([]).distance({AG: 1, W: 1}, 0.1) == pytest.approx(0.1)


def test_an_element_without_a_reference_is_said() -> None:
    known = hull([({NA: 1, CL: 1}, -2.1)])
    assert known.gap({NA: 1, 85: 1}) is Gap.NO_REFERENCE
    with pytest.raises(ValueError, match="no reference energy of the elements"):
        known.distance({NA: 1, 85: 1}, -1.0)


def test_what_is_no_hull_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        hull([({NA: 1, CL: 1}, np.nan)])
    with pytest.raises(ValueError, match="energies of shape"):
        Hull([{NA: 1}], np.zeros(2), REFERENCES)


phase = st.tuples(
    st.dictionaries(st.sampled_from([OX, NA, MG, CL]), st.integers(1, 6), min_size=1, max_size=4),
    st.floats(-4, 1).map(lambda x: round(x, 4)),
)
phases = st.lists(phase, min_size=1, max_size=12)


@settings(max_examples=25)
@given(phases)
def test_no_known_phase_lies_below_the_hull(known: list[tuple[dict[int, int], float]]) -> None:
    made = hull(known)
    assert all(made.distance(composition, energy) >= -1e-9 for composition, energy in known)


@settings(max_examples=25)
@given(phases, phase, st.randoms())
def test_order_and_multiples_of_formulas_mean_nothing(
    known: list[tuple[dict[int, int], float]], wanted: tuple[dict[int, int], float], random: Random
) -> None:
    composition, energy = wanted
    mixed = [({z: 3 * n for z, n in reversed(c.items())}, e) for c, e in known]
    random.shuffle(mixed)
    assert hull(mixed).distance(composition, energy) == pytest.approx(hull(known).distance(composition, energy))


@settings(max_examples=25)
@given(phases, phase)
def test_one_more_phase_never_raises_the_hull(
    known: list[tuple[dict[int, int], float]], more: tuple[dict[int, int], float]
) -> None:
    for composition, energy in known:
        assert hull([*known, more]).distance(composition, energy) >= hull(known).distance(composition, energy) - 1e-9


@settings(max_examples=25)
@given(phases)
def test_without_a_phase_the_hull_there_is_never_lower(known: list[tuple[dict[int, int], float]]) -> None:
    for composition, energy in known:
        others = hull(known).without({z: 2 * n for z, n in composition.items()})
        assert others.distance(composition, energy) <= hull(known).distance(composition, energy) + 1e-9


def test_a_vertex_is_as_far_below_the_others_as_it_is_bound() -> None:
    known = hull([({NA: 1, CL: 1}, -2.1), ({NA: 2, CL: 2}, -2.0), ({NA: 1, CL: 3}, -1.0), ({MG: 1, OX: 1}, -3.0)])
    # NaCl from Na and NaCl3: 1/3 and 2/3 of its atoms
    assert known.without({NA: 1, CL: 1}).distance({NA: 1, CL: 1}, -2.1) == pytest.approx(-2.1 + 2 / 3)


@settings(max_examples=25)
@given(phases, phase)
def test_products_have_the_composition_and_the_energy_of_the_hull(
    known: list[tuple[dict[int, int], float]], wanted: tuple[dict[int, int], float]
) -> None:
    composition, _ = wanted
    found = hull(known).decomposition(composition)
    assert sum(share for _, share in found.products) == pytest.approx(1)
    for z in REFERENCES:
        share = sum(x * product.get(z, 0) / sum(product.values()) for product, x in found.products)
        assert share == pytest.approx(composition.get(z, 0) / sum(composition.values()), abs=1e-9)
    of_each = [x * min(0.0 if len(p) == 1 else 9.0, *_energies(known, p)) for p, x in found.products]
    assert sum(of_each) == pytest.approx(found.energy, abs=1e-9)


def _energies(known: list[tuple[dict[int, int], float]], product: dict[int, int]) -> list[float]:
    """Energies of the phases of one composition; 9 is above any."""
    total = sum(product.values())
    return [9.0] + [
        energy
        for c, energy in known
        if all(abs(c.get(z, 0) / sum(c.values()) - product.get(z, 0) / total) < 1e-12 for z in {*c, *product})
    ]
