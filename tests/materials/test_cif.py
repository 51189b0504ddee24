"""CIF under symmetry: what is written reads back as the same crystal."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Protostructure, RawStructure
from crystalbench.crystals import wyckoff
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.coordinates import UNIT, orbit
from crystalbench.crystals.higher_symmetry import is_possible, realised
from crystalbench.materials.cif import cif, refine
from crystalbench_baselines import _cif

TIGHT = ConversionSettings(symprec=1e-3, angle_tolerance=-1, min_distance=0)  # crystals at random coordinates
GENERAL = [(group, wyckoff.positions(group)[-1].letter) for group in range(1, 231)]


def read_back(text: str) -> RawStructure:
    read = _cif.structure(text)
    assert isinstance(read, RawStructure), read
    return read


def test_rock_salt_has_two_sites_and_192_operations() -> None:
    salt = realised(Protostructure.parse("AB_cF8_225_a_b:Cl-Na"), 0)
    text = cif(salt, "Na Cl", remarks=("energy: none",))
    assert text.startswith("# energy: none\ndata_Na_Cl\n")
    assert "_space_group_name_H-M_alt 'F m -3 m'" in text
    assert text.count("'x,y,z'") == 1
    assert sum(line.count(",") == 2 for line in text.splitlines()) == 192
    sites = text.partition("_atom_site_occupancy\n")[2].splitlines()
    assert sorted(line.split()[1:4] for line in sites) == [["Cl", "4", "a"], ["Na", "4", "b"]]


def test_of_two_origins_the_second_is_written() -> None:
    text = cif(realised(Protostructure.parse("A_cF8_227_a:Si"), 0), "Si")
    assert "'F d -3 m:2'" in text
    assert "Si1 Si 8 a 0." in text
    assert "250000000 1\n" in text  # eighths, as in the second origin: the first would have zero and quarters


def test_a_crystal_of_every_group_reads_back_as_itself() -> None:
    for group in range(1, 231):
        letters = wyckoff.letters(group)
        middle = letters[len(letters) // 2]
        made = Protostructure(
            group, [("O", letters[-1]), ("Na", middle), *[("Ti", letters[0])] * (letters[0] != middle)]
        )
        assert is_possible(made)
        structure = realised(made, 1)
        back = read_back(cif(structure, made.label))
        assert convert(back, TIGHT) == made
        assert len(back.numbers) == made.n_atoms
        assert abs(np.linalg.det(back.lattice)) == pytest.approx(abs(np.linalg.det(structure.lattice)), rel=1e-6)


@given(st.sampled_from(GENERAL), st.data())
@settings(max_examples=30)
def test_letters_are_those_of_the_tables(general: tuple[int, str], data: st.DataObject) -> None:
    group, last = general
    letter = data.draw(st.sampled_from(wyckoff.letters(group)))
    made = Protostructure(group, [("O", last), ("Ti", letter)])
    if made.n_atoms > 200 or not is_possible(made):
        return
    refined = refine(realised(made, data.draw(st.integers(0, 99))))
    images = np.array(list(np.ndindex(3, 3, 3))) - 1  # the free coordinates may lie in a neighbouring cell
    for at in {refined.orbits.index(number) for number in refined.orbits}:
        sites = orbit(refined.spacegroup, refined.letters[at])
        errors = [
            offset - offset @ np.linalg.pinv(matrix).T @ matrix.T
            for matrix, shift in zip(sites.matrices, sites.shifts, strict=True)
            for offset in [refined.structure.frac_coords[at] - shift / UNIT + images]
        ]
        assert np.abs(errors).max(axis=-1).min() < 1e-6, (made, refined.letters[at])
