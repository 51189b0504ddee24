"""Inputs for VASP: read back by pymatgen, with the settings that the Materials Project has."""

import csv
from pathlib import Path

import numpy as np
import pytest

from crystalbench import RawStructure
from crystalbench.crystals.elements import NUMBERS
from crystalbench.errors import ConfigError
from crystalbench.materials.vasp import write_vasp_inputs

FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def rock_salt(metal: str, edge: float) -> RawStructure:
    return RawStructure.of(edge * np.eye(3), [*FCC, *(FCC + 0.5)], [NUMBERS[metal]] * 4 + [8] * 4)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_inputs_are_those_of_the_materials_project_and_hold_no_pseudopotentials(tmp_path: Path) -> None:
    vasp = pytest.importorskip("pymatgen.io.vasp")
    label = "AB_cF8_225_a_b:Fe-O"
    write_vasp_inputs({"FeO-1": (label, rock_salt("Fe", 4.33)), "CaO-1": ("c", rock_salt("Ca", 4.81))}, tmp_path)
    assert not list(tmp_path.rglob("POTCAR"))
    for step, moves in (("relax", 99), ("static", 0)):
        made = tmp_path / "FeO-1" / step
        structure = vasp.Poscar.from_file(made / "POSCAR").structure
        assert structure.composition.as_dict() == {"Fe": 1, "O": 1}
        assert structure.volume == pytest.approx(4.33**3 / 4, rel=1e-6)
        incar = vasp.Incar.from_file(made / "INCAR")
        assert incar["NSW"] == moves
        assert incar["ENCUT"] == 520
        assert incar["MAGMOM"] == [5.0, 0.6]
        assert incar["LDAU"] is True
        assert incar["LDAUU"] == [5.3, 0]
        assert vasp.Kpoints.from_file(made / "KPOINTS").num_kpts >= 0
        assert (made / "POTCAR.spec").read_text().split() == ["Fe_pv", "O"]
    assert "LDAU" not in vasp.Incar.from_file(tmp_path / "CaO-1" / "relax" / "INCAR")
    with (tmp_path / "energies.csv").open() as file:
        assert list(csv.reader(file))[:2] == [["id", "label", "formation_energy"], ["FeO-1", label, ""]]


@pytest.mark.peer
@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden"])
def test_an_identifier_that_names_no_folder_is_refused(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.io.vasp")
    with pytest.raises(ConfigError, match="cannot name a folder"):
        write_vasp_inputs({name: ("label", rock_salt("Ca", 4.81))}, tmp_path)
