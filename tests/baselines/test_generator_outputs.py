"""Files written by the generators' own code, with known crystals in them."""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crystalbench import Invalid, InvalidReason, Protostructure, ProtostructureError, RawStructure, Sample
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.protostructure import ELEMENTS
from crystalbench.crystals.wyckoff import Table

from .conftest import READERS, detected

FILES = {  # reader, and crystals whose label agrees to the letter with the one computed before they were written
    "cdvae/eval_gen_known.pt": ("cdvae", 114),
    "cdvae/eval_gen_known_evals2.pt": ("cdvae", 28 + 28),
    "cdvae/eval_gen_tinymodel.pt": ("cdvae", 49 + 48),
    "crystallm/generated.tar.gz": ("cif", 45),
    "diffcsp_pp/eval_diff_known.pt": ("diffcsp++", 40 + 40),
    "diffcsp_pp/eval_gen_known.pt": ("diffcsp++", 111),
    "diffcsp_pp/eval_gen_tinymodel.pt": ("diffcsp++", 1),
    "flowmm/consolidated_generate.pt": ("flowmm", 45),
    "mattergen/generated_crystals.extxyz": ("extxyz", 45),
    "mattergen/generated_crystals_cif.zip": ("cif", 45),
    "symmcd/eval_gen_cosine_allbad.pt": ("symmcd", 0),
    "symmcd/eval_gen_known.pt": ("symmcd", 83),
}
WHOLE_CELLS = [name for name in FILES if not name.startswith("crystallm")]
"""Files of the cells that the expected compositions are those of; CrystaLLM's are of the symmetrised cells."""

REASONS = {
    "negative_length": {"non_positive_lattice"},
    "tiny_length": {"tiny_cell"},
    "tiny_lattice": {"tiny_cell"},
    "volume_under_0.1": {"tiny_cell"},
    "length_under_0.5": {"tiny_cell"},
    "overlapping_atoms": {"overlapping_atoms"},
    "impossible_angles": {"impossible_angles", "tiny_cell"},
    "angle_out_of_range": {"impossible_angles"},
    "length_over_1000": {"huge_cell", "impossible_angles"},
    "nan_coords": {"non_finite"},
    "nan_lattice": {"non_finite"},
    "inf_length": {"non_finite"},
    "inf_lattice": {"non_finite"},
    "zero_lattice": {"non_finite"},  # 0/0 in the angles
    "non_finite_lengths": {"non_finite"},
    "non_finite_angles": {"non_finite"},
    "atomic number 128": {"unknown_element"},
    "unparsable CIF": {"unreadable"},
}


def evaluations(name: str, expected: dict[str, Any]) -> list[tuple[dict[str, int], list[dict[str, Any]]]]:
    """Return the parameters and the expected crystals of each evaluation of a file."""
    keys = [key for key in expected[name] if key.startswith("crystals")]
    return [
        ({"evaluation": int(key[-1])} if key[-1].isdigit() else {}, list(expected[name][key].values())) for key in keys
    ]


def read(name: str, outputs: Path, parameters: dict[str, int]) -> list[Sample]:
    return list(READERS[FILES[name][0]].read(outputs / name, parameters))


def composition(structure: RawStructure) -> Counter[str]:
    return Counter(ELEMENTS[z - 1] if 1 <= z <= len(ELEMENTS) else f"Z={z}" for z in structure.numbers.tolist())


def test_every_file_is_covered(outputs: Path) -> None:
    found = {f"{path.parent.name}/{path.name}" for path in outputs.glob("*/*") if path.name != "expected.json"}
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_exactly_one_reader_detects_a_file(name: str, outputs: Path) -> None:
    assert detected(outputs / name) == [FILES[name][0]]


@pytest.mark.parametrize("name", FILES)
def test_one_sample_for_each_crystal(name: str, outputs: Path, expected: dict[str, Any]) -> None:
    for parameters, crystals in evaluations(name, expected):
        assert len(read(name, outputs, parameters)) == len(crystals)


@pytest.mark.parametrize("name", WHOLE_CELLS)
def test_cells_hold_the_atoms_that_were_written(name: str, outputs: Path, expected: dict[str, Any]) -> None:
    for parameters, crystals in evaluations(name, expected):
        for sample, known in zip(read(name, outputs, parameters), crystals, strict=True):
            if isinstance(sample, RawStructure):
                assert len(sample.numbers) == known["n_atoms"]
                assert composition(sample) == known.get("composition", composition(sample))


def accepted(known: dict[str, Any]) -> set[Protostructure]:
    """Return the protostructures that a crystal may have: its own, or the one read back where that is fragile."""
    found = set()
    for label in (known["protostructure"], known.get("readback", "")):
        try:
            found.add(Protostructure.parse(label, Table.PYMATGEN))
        except ProtostructureError:
            # A_mC8_15_2f:C: pymatgen's label for one-element crystals in primitive cells counts sites twice.
            assert label in ("", "A_mC8_15_2f:C")
            found.add(Protostructure.parse("A_mC8_15_f:C", Table.PYMATGEN))
    return found


@pytest.mark.parametrize("name", FILES)
def test_protostructures_are_those_of_the_crystals_that_were_written(
    name: str, outputs: Path, expected: dict[str, Any]
) -> None:
    settings = ConversionSettings(table=Table.PYMATGEN)
    exact = 0
    for parameters, crystals in evaluations(name, expected):
        for sample, known in zip(read(name, outputs, parameters), crystals, strict=True):
            got = convert(sample, settings) if isinstance(sample, RawStructure) else sample
            kind, _, why = known["protostructure"].partition(": ")
            if kind == "invalid":
                assert isinstance(got, Invalid), known
                assert got.reason.value in REASONS[why.partition(" (")[0]], known
            elif isinstance(got, Invalid):
                # Two crystals of an untrained model: 4 million Å^3 around five atoms, 0.76 Å^3 for each of twelve.
                assert got.reason in (InvalidReason.HUGE_CELL, InvalidReason.TINY_CELL), known
                assert name == "diffcsp_pp/eval_gen_tinymodel.pt"
            else:
                assert got in accepted(known), known
                exact += got.label == known["protostructure"]
    assert exact == FILES[name][1]


def test_evaluations_of_one_file_share_cells_and_are_not_pooled(outputs: Path) -> None:
    name = "cdvae/eval_gen_tinymodel.pt"
    first, second = (read(name, outputs, {"evaluation": e}) for e in (0, 1))
    assert len(first) == len(second) == len(read(name, outputs, {}))
    for a, b in zip(first, second, strict=True):
        assert isinstance(a, RawStructure)
        assert isinstance(b, RawStructure)
        assert (a.lattice == b.lattice).all()
        assert (a.frac_coords != b.frac_coords).any()


def test_cif_members_come_in_numeric_order(outputs: Path) -> None:
    from crystalbench_baselines._documents import documents

    names = [doc.name for doc in documents(outputs / "mattergen/generated_crystals_cif.zip", lambda _: True, "")]
    numbers = [int(name.removeprefix("gen_").removesuffix(".cif")) for name in names]
    assert numbers == sorted(numbers)
    assert all(a + 1 == b for a, b in pairwise(numbers))


def test_mattergen_writes_the_same_crystals_as_cif_and_as_extxyz(outputs: Path) -> None:
    cifs = read("mattergen/generated_crystals_cif.zip", outputs, {})
    frames = read("mattergen/generated_crystals.extxyz", outputs, {})
    for a, b in zip(cifs, frames, strict=True):
        assert isinstance(a, RawStructure)
        assert isinstance(b, RawStructure)
        assert a.numbers.tolist() == b.numbers.tolist()
        assert ((a.lattice @ a.lattice.T).round(3) == (b.lattice @ b.lattice.T).round(3)).all()
        # The frames are rounded to 1e-8 Å, which is 1e-4 of a cell of 0.1 mÅ: only real cells are compared closely.
        if (difference := a.frac_coords - b.frac_coords).size and abs(b.lattice).max() > 1:
            assert abs(difference - difference.round()).max() < 1e-6
