"""Structural checks: CDVAE's and CrystaLLM's rules, all samples in the denominator, no value for labels."""

from dataclasses import replace

import pytest

from crystalbench import (
    Geometry,
    Invalid,
    InvalidReason,
    MetricResult,
    NotComputable,
    Protostructure,
    SampleSet,
    ScoreInput,
)
from crystalbench_plugins.metrics.structure import crystalbench_metrics, sane, structurally_valid
from tests.plugins.metrics.metric_inputs import spec

SALT = Protostructure(225, [("Na", "a"), ("Cl", "b")])
OVERLAP = Invalid(InvalidReason.OVERLAPPING_ATOMS, "0.1 Å")
UNREADABLE = Invalid(InvalidReason.UNREADABLE, "no CIF")
GOOD = Geometry(
    atoms=8,
    volume=179.4,
    density=2.16,
    pair=2.82,
    image=5.64,
    a=5.64,
    b=5.64,
    c=5.64,
    alpha=90.0,
    beta=90.0,
    gamma=90.0,
)  # fmt: skip


def score(name: str, *pairs: tuple[Protostructure | Invalid, Geometry | None]) -> MetricResult:
    return spec(crystalbench_metrics, name).compute(
        ScoreInput(
            samples=SampleSet.of(item for item, _ in pairs),
            parameters={},
            seed=0,
            run_geometries=tuple(one for _, one in pairs),
        )
    )


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"pair": 0.5}, True),
        ({"pair": 0.499}, False),
        ({"volume": 0.1}, True),
        ({"volume": 0.099}, False),
        ({"image": 0.1}, True),
        ({"pair": None, "image": 0.1}, True),
    ],
)
def test_cdvae_asks_for_half_an_angstrom_between_different_atoms_and_a_volume(
    change: dict[str, float | None], valid: bool
) -> None:
    assert structurally_valid(replace(GOOD, **change)) is valid  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"a": 0.5, "c": 1000.0, "alpha": 10.0, "gamma": 170.0}, True),
        ({"b": 0.49}, False),
        ({"c": 1000.1}, False),
        ({"beta": 9.9}, False),
        ({"gamma": 170.1}, False),
    ],
)
def test_crystallm_asks_for_lengths_and_angles_within_bounds(change: dict[str, float], good: bool) -> None:
    assert sane(replace(GOOD, **change)) is good  # type: ignore[arg-type]


def test_shares_are_of_all_samples_and_refused_ones_are_measured_as_they_came() -> None:
    pairs = ((SALT, GOOD), (OVERLAP, replace(GOOD, pair=0.1)), (UNREADABLE, None), (SALT, GOOD))
    found = score("structural_validity", *pairs)
    assert (found.value, found.n, found.details["without a geometry"]) == (0.5, 4, 1)
    assert score("sane_cell", *pairs).value == 0.75  # an overlap says nothing of the cell


def test_medians_are_of_the_samples_that_can_be_measured() -> None:
    pairs = [(SALT, replace(GOOD, pair=float(d), density=float(d))) for d in (1, 2, 4)] + [(UNREADABLE, None)]
    for name in ("nearest_atoms", "mass_density"):
        found = score(name, *pairs)
        assert (found.value, found.n, found.details["asked"]) == (2.0, 3, 4)


def test_nearest_atoms_counts_an_atom_s_own_images() -> None:
    assert score("nearest_atoms", (SALT, replace(GOOD, image=0.4))).value == 0.4


def test_values_that_no_crystal_has_stay_in_the_last_bin() -> None:
    found = score("mass_density", (OVERLAP, replace(GOOD, density=1e38)), (SALT, GOOD))
    (held,) = found.details["distributions"]  # type: ignore[misc]
    assert sum(held["counts"]) == 2  # type: ignore[call-overload,index,arg-type]


@pytest.mark.parametrize("name", ["structural_validity", "sane_cell", "nearest_atoms", "mass_density"])
def test_labels_have_no_value_rather_than_a_bad_one(name: str) -> None:
    with pytest.raises(NotComputable, match=r"^its samples came without coordinates"):
        score(name, (SALT, None), (UNREADABLE, None))
    with pytest.raises(NotComputable, match=r"^none of its samples has atoms in a cell"):
        score(name, (UNREADABLE, None))
    with pytest.raises(NotComputable, match=r"^1 of its 2 samples came without coordinates"):
        score(name, (SALT, None), (SALT, GOOD))
