"""Why samples are far: the part that is to blame is named, and what an encoder does not know it does not see."""

from collections import Counter

import numpy as np
import pytest

from crystalbench import Protostructure
from crystalbench_plugins.metrics._split import Split, composition, split, symmetry
from tests.plugins.metrics.test_fwd import ELEMENTS, crystals

RANDOM = np.random.default_rng(0)
ELEMENTS_SEEN, SYMMETRY_SEEN = RANDOM.normal(size=(120, 8)), RANDOM.normal(size=(235, 8))
REFERENCE = crystals(1500, seed=0, low=0)


def embedded(items: list[Protostructure]) -> np.ndarray:
    """Embeddings that know element shares and symmetry, and nothing else."""
    rows = [10 * composition(item) @ ELEMENTS_SEEN + symmetry(item) @ SYMMETRY_SEEN for item in items]
    return np.array(rows, np.float32)


def taken_apart(items: list[Protostructure]) -> Split:
    known = Counter(item.prototype for item in REFERENCE)
    return split(items, embedded(items), REFERENCE, embedded(REFERENCE), known, 0)


def flat(item: Protostructure) -> Protostructure:
    """The same composition on general positions of P1."""
    return Protostructure(1, [(element, "a") for element, n in item.composition.items() for _ in range(n)])


def of_few_elements(items: list[Protostructure]) -> list[Protostructure]:
    """The same forms, each element exchanged for one of the next few."""
    other = {element: ELEMENTS[(i // 5) * 5 + (i + 1) % 2] for i, element in enumerate(ELEMENTS)}
    moved = [[(other[orbit.element], orbit.letter) for orbit in item.orbits] for item in items]
    return [Protostructure(item.spacegroup, orbits) for item, orbits in zip(items, moved, strict=True)]


def test_like_samples_are_at_no_distance_whatever_is_left_out() -> None:
    found = taken_apart(crystals(1500, seed=1))
    assert found.without_group_1 is not None
    for value in (found.without_group_1, found.composition, found.symmetry):
        assert abs(value) < 0.01 * embedded(REFERENCE).var(axis=0).sum()


def test_what_has_lost_its_symmetry_is_far_by_symmetry_and_near_without_it() -> None:
    samples = crystals(1500, seed=1)
    found = taken_apart([flat(item) for item in samples[:300]] + samples[300:])
    assert found.in_group_1 >= 300
    assert found.symmetry > 10 * abs(found.composition)
    assert found.without_group_1 is not None
    assert abs(found.without_group_1) < 0.1 * found.symmetry


def test_other_elements_are_far_by_composition_alone() -> None:
    found = taken_apart(of_few_elements(crystals(1500, seed=1)))
    assert found.composition > 10 * abs(found.symmetry)


def test_too_few_left_give_no_value_and_the_note_says_what_there_is() -> None:
    found = taken_apart([flat(item) for item in crystals(200, seed=1)])
    assert (found.in_group_1, found.without_group_1, found.new_prototype) == (200, None, 0)
    assert found.note.startswith("by composition alone ")
    assert "without" not in found.note
    whole = Split(
        in_group_1=7, new_prototype=9, without_group_1=1.25, without_both=0.5, composition=2.0, symmetry=300.0
    )
    assert whole.note == (
        "by composition alone 2, by symmetry alone 300; without the 7 samples in space group 1 1.25; "
        "without also the 9 with a prototype that the reference lacks 0.5"
    )


@pytest.mark.parametrize("features", [composition, symmetry])
def test_features_do_not_depend_on_the_order_of_orbits(features: object) -> None:
    salt = Protostructure(225, [("Na", "a"), ("Cl", "b")]), Protostructure(225, [("Cl", "b"), ("Na", "a")])
    assert np.array_equal(*(features(item) for item in salt))  # type: ignore[operator]
