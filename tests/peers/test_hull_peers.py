"""pymatgen's phase diagram gives the same distances and products."""

import numpy as np
import pytest

from crystalbench import Hull

pytestmark = pytest.mark.peer
phase_diagram = pytest.importorskip("pymatgen.analysis.phase_diagram")
ELEMENTS = (3, 8, 15, 26, 9)


def random_hull(seed: int, elements: int, phases: int) -> Hull:
    random = np.random.default_rng(seed)
    compositions = []
    while len(compositions) < phases:
        numbers = random.integers(0, 5, elements) * (random.random(elements) < 0.6)
        if numbers.any():
            compositions.append({z: int(n) for z, n in zip(ELEMENTS, numbers, strict=False) if n})
    mixing = np.array([len(c) - 1 for c in compositions])
    energies = np.where(mixing == 0, random.uniform(0, 0.1, phases), -mixing * random.random(phases))
    return Hull(compositions, energies, dict.fromkeys(ELEMENTS[:elements], 0.0))


@pytest.mark.parametrize("elements", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(5))
def test_random_systems_agree_with_pymatgen(seed: int, elements: int) -> None:
    from pymatgen.core import Composition, Element
    from pymatgen.entries.computed_entries import ComputedEntry

    hull = random_hull(seed, elements, 12 * elements)
    wanted = random_hull(seed + 100, elements, 20)

    def entry(composition: dict[int, int], energy: float) -> ComputedEntry:
        formula = Composition({Element.from_Z(z): n for z, n in composition.items()})
        return ComputedEntry(formula, energy * formula.num_atoms)

    known = [entry(c, e) for c, e in zip(hull.compositions, hull.energies, strict=True)]
    diagram = phase_diagram.PhaseDiagram([*known, *(entry({z: 1}, 0.0) for z in hull.references)])
    for composition, energy in zip(wanted.compositions, wanted.energies, strict=True):
        peer = entry(composition, energy)
        products, distance = diagram.get_decomp_and_e_above_hull(peer, allow_negative=True, check_stable=False)
        assert hull.distance(composition, float(energy)) == pytest.approx(distance, abs=1e-9)
        ours = {
            Composition({Element.from_Z(z): n for z, n in product.items()}).reduced_formula: share
            for product, share in hull.decomposition(composition).products
        }
        theirs = {found.reduced_formula: share for found, share in products.items() if share > 1e-9}
        assert ours == pytest.approx(theirs)
