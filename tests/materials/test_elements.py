"""The table of the elements' structures: what it says of itself holds, and each is the lowest of its source."""

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest

from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.elements import ELEMENTS, NUMBERS
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.materials.elements import HullElements, element_structures

TEXT = files("crystalbench.materials.data").joinpath("element_structures.json").read_text(encoding="utf-8")
TABLE = json.loads(TEXT)


def test_every_structure_has_the_stated_protostructure_at_both_tolerances_in_its_primitive_cell() -> None:
    for z, one in element_structures().items():
        assert one.own is not None
        assert set(one.own.numbers.tolist()) == {z}
        for symprec in (0.01, 0.1):
            read = convert(one.own, ConversionSettings(symprec=symprec))
            assert isinstance(read, Protostructure), one.label
            assert (read.label, read.n_sites_primitive) == (one.label, len(one.own.numbers))


def test_the_table_says_whose_it_is_and_what_was_checked() -> None:
    told = TABLE["provenance"]
    for said in ("Materials Project (CC BY 4.0)", "matcalc (BSD-3-Clause)"):
        assert said in told["structures"]
    rows = TABLE["elements"].values()
    assert told["checked"]["elements"] == len(rows) == 89
    assert told["checked"]["atoms"] == sum(len(row["frac_coords"]) for row in rows)
    assert all(row["source"].startswith("mp-") for row in rows)


def test_it_has_every_element_of_a_hull_of_the_materials_project() -> None:
    assert {ELEMENTS[z - 1] for z in element_structures()} == set(TABLE["elements"])
    assert {"H", "O", "Fe", "La", "Yb", "Pu"} <= set(TABLE["elements"])


def test_each_is_the_lowest_of_its_source(shared: Path) -> None:
    source = shared / "elemental_refs/MP-PBE-Element-Refs.json.gz"
    known = json.loads(gzip.decompress(source.read_bytes()))
    for symbol, row in TABLE["elements"].items():
        if row["table"] == "MP-PBE":
            assert row["energy"] == pytest.approx(min(known[symbol]["energy_per_atom"]), abs=1e-6), symbol
    assert {symbol for symbol, row in TABLE["elements"].items() if row["table"] != "MP-PBE"} == {"Yb"}


def test_the_energies_of_a_hull_are_those_that_it_brings() -> None:
    found = HullElements({NUMBERS["Na"]: -1.3}).find([NUMBERS["Na"], NUMBERS["Cl"]])
    assert (found[NUMBERS["Na"]].energy, found[NUMBERS["Cl"]].energy) == (-1.3, None)
