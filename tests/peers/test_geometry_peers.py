"""What crystals measure, held against pymatgen on every crystal in the generators' own files."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from crystalbench import RawStructure
from crystalbench.crystals.geometry import geometry
from crystalbench_plugins.metrics.structure import structurally_valid
from tests.baselines.conftest import READERS
from tests.baselines.test_generator_outputs import FILES

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("name", FILES)
def test_cdvae_s_rule_and_all_that_is_measured_agree_with_pymatgen_sample_by_sample(shared: Path, name: str) -> None:
    """The rule as CDVAE writes it: the diagonal of the distance matrix is padded, and both comparisons are strict.

    It finds nothing wrong with coordinates that are no numbers, for NaN is under no limit: those are the exception.
    """
    items = READERS[FILES[name][0]].read(shared / "generator_outputs" / name, {})
    for place, item in enumerate(items):
        if not isinstance(item, RawStructure) or not np.isfinite(item.frac_coords).all():
            continue
        found = geometry(item, max_atoms=2000)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                structure = Structure(item.lattice, item.numbers.tolist(), item.frac_coords)
                distances = structure.distance_matrix
        except (ValueError, np.linalg.LinAlgError):  # no such element, no such cell: CDVAE's "not constructed"
            assert found is None or not structurally_valid(found), place
            continue
        padded = distances + np.diag(np.full(len(distances), 10.5))
        theirs = not (padded.min() < 0.5 or structure.volume < 0.1)
        assert (found is not None and structurally_valid(found)) == theirs, place
        if found is None:
            continue
        assert found.volume == pytest.approx(structure.volume, rel=1e-6)
        assert found.density == pytest.approx(structure.density, rel=0.01)  # pymatgen's atomic weights are older
        assert found.lengths == pytest.approx(structure.lattice.abc)
        assert found.angles == pytest.approx(structure.lattice.angles)
        off = distances[~np.eye(len(distances), dtype=bool)]
        # A model without training writes cells of 3e-15 by 1e13 Å: what is near there, doubles cannot say.
        if len(off) and max(found.lengths) < 1e12 * min(found.lengths):
            assert found.pair == pytest.approx(off.min(), rel=1e-6, abs=1e-6), place
