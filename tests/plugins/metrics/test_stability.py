"""Shares of stable samples: what is in the denominator, and intervals that know how many samples were looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from crystalbench import MetricResult, NotComputable, Protostructure, RawStructure, SampleSet, ScoreInput
from crystalbench.materials.candidate import Material
from crystalbench.materials.judged import Judged
from crystalbench.testing import ExampleEnergies, example_dataset, example_samples
from crystalbench_plugins.metrics import stability
from crystalbench_plugins.metrics._proportion import two_stage, wilson

METRICS = {spec.name: spec for spec in stability.crystalbench_metrics()}


def score(name: str, samples: SampleSet) -> ScoreInput:
    return ScoreInput(
        samples=samples,
        parameters={"same": "protostructure"},
        seed=0,
        dataset=example_dataset(),
        run_energies=ExampleEnergies(samples),
    )


@pytest.mark.parametrize(("name", "value"), [("stable", 0.0), ("metastable", 4 / 6), ("sun", 0.0), ("msun", 1 / 6)])
def test_the_denominator_is_all_samples(name: str, value: float) -> None:
    """Group 225 lies 0.05 eV/atom above the hull of the example, 227 0.15; two of 225 are known, one is a copy."""
    found = METRICS[name].compute(score(name, example_samples()))
    assert found.n == 6
    assert found.value == pytest.approx(value)


def test_the_mean_distance_is_that_of_the_samples_with_one() -> None:
    found = METRICS["e_above_hull"].compute(score("e_above_hull", example_samples()))
    assert found.n == 5
    assert found.value == pytest.approx((4 * 0.05 + 0.15) / 5)


FREE = Protostructure(129, [("Na", "c"), ("Br", "c")])  # two free coordinates, and c/a


@dataclass
class Kept:
    """Materials that are all on the hull and have kept their protostructure."""

    materials: list[Material]

    def sampled(self, rows: Sequence[int]) -> list[int]:
        return list(rows)

    def judged(self, rows: Sequence[int]) -> list[Judged]:
        return [Judged(material=self.materials[row], formation=-1.0, distance=0.0) for row in rows]


def cell(c: float, z: float, shift: float = 0.0) -> RawStructure:
    places = [[0.25, 0.25, 0.1], [0.75, 0.75, 0.9], [0.25, 0.25, z], [0.75, 0.75, 1 - z]]
    return RawStructure.of(np.diag([4.0, 4.0, c]), np.array(places) + shift, [11, 11, 35, 35])


def by(same: str, structures: Sequence[RawStructure]) -> MetricResult:
    made = [
        Material(label=FREE.label, energy=-3.0, relaxed=FREE.label, structure=one, digest=str(i))
        for i, one in enumerate(structures)
    ]
    samples = SampleSet.of([FREE] * len(made))
    given = ScoreInput(
        samples=samples, parameters={"same": same}, seed=0, dataset=example_dataset(), run_energies=Kept(made)
    )
    return METRICS["sun"].compute(given)


def test_samples_of_one_protostructure_are_different_materials_where_their_structures_are() -> None:
    pytest.importorskip("pymatgen")
    structures = [cell(7.0, 0.6), cell(7.0, 0.6, 0.3), cell(7.1, 0.605), cell(7.0, 0.35), cell(12.0, 0.6)]
    one, several = by("protostructure", structures), by("structure", structures)
    assert (one.value, one.n, one.details["hits"]) == (1 / 5, 5, 1)
    assert (several.value, several.n, several.details["hits"]) == (3 / 5, 5, 3)
    assert "5 count, of them 3 different by pymatgen's StructureMatcher" in several.notes[0]
    assert several.details["funnel"] == {
        "asked": 5, "novel": 5, "relaxed": 5, "with an energy": 5, "with their protostructure kept": 5,
        "judged by the hull": 5, "within 0.1 eV/atom": 5, "on or below the hull": 5, "of them different structures": 3,
    }  # fmt: skip


def test_the_order_of_samples_decides_nothing_where_structures_fall_into_groups() -> None:
    pytest.importorskip("pymatgen")
    structures = [cell(7.0, 0.6), cell(7.0, 0.35), cell(7.0, 0.6, 0.2), cell(12.0, 0.6), cell(7.0, 0.35, 0.1)]
    assert by("structure", structures).value == by("structure", structures[::-1]).value == 3 / 5


def test_no_samples_are_not_computable() -> None:
    with pytest.raises(NotComputable):
        METRICS["sun"].compute(score("sun", SampleSet.of([])))


def test_looking_at_all_gives_the_interval_of_one_proportion() -> None:
    for n, group, hits in [(100, 40, 3), (50, 50, 0), (10, 1, 1), (30, 0, 0)]:
        assert two_stage(hits, group, group, n) == wilson(hits, n)


def test_looking_at_fewer_widens_the_interval() -> None:
    widths = [np.diff(two_stage(judged // 5, judged, 500, 1000))[0] for judged in (25, 50, 100, 250, 500)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("n", "p1", "p2", "judged"), [(1000, 0.5, 0.1, 100), (1000, 0.9, 0.02, 100), (300, 0.3, 0.5, 30)]
)
def test_the_interval_covers_the_true_share(n: int, p1: float, p2: float, judged: int) -> None:
    random = np.random.default_rng(0)
    covered = []
    for _ in range(2000):
        group = int(random.binomial(n, p1))
        stable = int(random.binomial(group, p2))
        m = min(judged, group)
        hits = int(random.hypergeometric(stable, group - stable, m)) if m else 0
        low, high = two_stage(hits, m, group, n)
        covered.append(low <= p1 * p2 <= high)
    assert 0.93 <= np.mean(covered) <= 0.99
