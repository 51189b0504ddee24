"""Kinds of faults that users ran into, by format: what is read, and what a refusal says."""

import time
from pathlib import Path

import numpy as np
import pytest

from crystalbench import Invalid, InvalidReason, RawStructure, ReadError
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench_baselines import _python_literal
from crystalbench_baselines._python_literal import LiteralError

from .conftest import detected
from .test_text_formats import RUTILE, frame, outcomes, poscar, pymatgen, read, write_csv

# --- extended XYZ -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pbc",
    [
        'pbc="T T T"',
        'pbc="1 1 1"',
        "pbc=T",
        'pbc="True True True"',
        'pbc="[T, T, T]"',
        "pbc={1 1 1}",
        "pbc=[1,1,1]",
        "",
    ],
)
def test_what_is_periodic_in_every_spelling_is_read(pbc: str, tmp_path: Path) -> None:
    (tmp_path / "x.xyz").write_text(frame(rest=pbc))
    assert outcomes(read("extxyz", tmp_path / "x.xyz")) == ["2 atoms"]


@pytest.mark.parametrize(
    "pbc",
    [
        'pbc="T T F"', 'pbc="1 1 0"', 'pbc="True False True"', "pbc=F", "pbc=0", 'pbc="T T"', "pbc=none", 'PBC="F F F"',
        "pbc={T F T}", "pbc=[1,1,0]", 'pbc=""', 'pbc="T T .false."', 'pbc="yes yes no"', "pbc='0 0 0'",
    ],
)  # fmt: skip
def test_what_is_not_periodic_in_any_spelling_is_refused(pbc: str, tmp_path: Path) -> None:
    (tmp_path / "x.xyz").write_text(frame(rest=pbc))
    (sample,) = read("extxyz", tmp_path / "x.xyz")
    assert isinstance(sample, Invalid)
    assert "not periodic in all directions" in sample.detail


def test_keys_are_case_sensitive(tmp_path: Path) -> None:
    path = tmp_path / "x.xyz"
    path.write_text(frame(rest='lattice="9 0 0 0 9 0 0 0 9" LATTICE=x properties=y note="a=b c" free'))
    (sample,) = read("extxyz", path)
    assert isinstance(sample, RawStructure)
    assert np.diag(sample.lattice).tolist() == [4, 5, 6]
    path.write_text(frame().replace("Lattice", "lattice"))
    (refused,) = read("extxyz", path)
    assert isinstance(refused, Invalid)
    assert "keys are case-sensitive: there is lattice" in refused.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (frame(rest='Lattice="5 0 0 0 5 0 0 0 5"'), "Lattice is given twice"),
        (frame(rest='note="does not end'), "does not end"),
        (frame(properties="Properties=species:S:1:pos:R:99999999999999999999"), "no whole number"),
        (frame(properties="Properties=species:S"), "is no list of name:type:columns"),
        (frame(lattice="4 0 0 0 x 0 0 0 6"), "'x' is no number"),
        (frame(rows=("Na 0 0 zero", "Cl 0 0 0")), "'zero' is no number"),
        (frame(rows=("99999999999999999999 0 0 0", "17 0 0 1")), "is not in 1-118"),
        (frame(rows=("0 0 0 0", "17 0 0 1")), "is not in 1-118"),
        (frame(rows=("0.8Nb+0.2Zr 0 0 0", "Cl 0 0 1")), "is a mixture of elements"),
        (frame(count=999999999), "the limit is 100000"),
        (frame().replace("2\n", f"{'9' * 5000}\n", 1), "the limit is 100000"),
        (frame(rest="x" * 70_000), "a header of 70"),
    ],
)
def test_a_bad_frame_costs_itself_and_says_why(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.xyz"
    path.write_text(frame() + text)
    first, second = read("extxyz", path)
    assert isinstance(first, RawStructure)
    assert isinstance(second, Invalid)
    assert second.detail.startswith("frame at line 5: ")
    assert words in second.detail


def test_two_columns_of_elements_have_to_agree(tmp_path: Path) -> None:
    properties = "Properties=species:S:1:pos:R:3:Z:I:1"
    path = tmp_path / "x.xyz"
    good = frame(properties=properties, rows=("Na 0 0 0 11", "Cl 0 0 1 17"))
    path.write_text(good + frame(properties=properties, rows=("Na 0 0 0 11", "Cl 0 0 1 35")))
    first, second = read("extxyz", path)
    assert isinstance(first, RawStructure)
    assert isinstance(second, Invalid)
    assert (second.reason, second.detail) == (
        InvalidReason.CONTRADICTION, "frame at line 5: an atom is 'Cl' and '35'"
    )  # fmt: skip
    height = frame(properties="Properties=species:S:1:pos:R:3:z:R:1", rows=("Na 0 0 0 1.5", "Cl 0 0 1 2.5"))
    path.write_text(height)
    assert [type(sample) for sample in read("extxyz", path)] == [RawStructure]


def test_a_header_costs_time_in_proportion_to_its_length(tmp_path: Path) -> None:
    def seconds(piece: str, length: int) -> float:
        (tmp_path / "x.xyz").write_text(frame(rest=piece * (length // len(piece))))
        start = time.process_time()
        read("extxyz", tmp_path / "x.xyz")
        return time.process_time() - start

    for piece in ("a", "a ", "a=", "a={ ", 'a=" ', "a='", "[", "= ", "a= "):
        assert seconds(piece, 60_000) < 60 * max(seconds(piece, 6_000), 5e-3)


# --- POSCAR -----------------------------------------------------------------------------------------------------------

SITES = ("0 0 0", ".5 .5 .5")
GOOD_POSCARS = {
    "comments": poscar(*SITES, scale="1.0 ! Å", symbols="Na Cl # salt", counts="1 1 ! each", kind="Direct ! coords"),
    "words behind the scale": poscar(*SITES, scale="1.0 scale factor"),
    "wrapped symbols and counts": poscar(*SITES, symbols="Na\nCl", counts="1\n1"),
    "exponents of Fortran": poscar(*SITES, scale="1.0d0"),
    "three scales": poscar(*SITES, scale="1.0 1.0 1.0"),
    "flags": poscar("0 0 0 T T F", ".5 .5 .5 F F F", kind="Selective dynamics\nDirect"),
    "labels behind the positions": poscar("0 0 0 Na+", ".5 .5 .5 Cl-"),
    "labels behind flags": poscar("0 0 0 T T F Na", ".5 .5 .5 F F F Cl", kind="Selective dynamics\nDirect"),
    "flags that no line announces": poscar("0 0 0 T T T", ".5 .5 .5 F F F"),
    "other words behind the positions": poscar("0 0 0 in 0.1", ".5 .5 .5 site_2"),
    "VASP 4": poscar(*SITES).replace("x\n", "Na Cl\n", 1).replace("Na Cl\n1 1\n", "1 1\n"),
    "VASP 4 with counts": poscar(*SITES).replace("x\n", "Na1 Cl1\n", 1).replace("\nNa Cl\n1 1\n", "\n1\n1\n"),
}


@pytest.mark.parametrize("what", GOOD_POSCARS)
def test_spellings_of_a_poscar(what: str, tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(GOOD_POSCARS[what])
    (sample,) = read("poscar", tmp_path / "POSCAR")
    assert isinstance(sample, RawStructure), sample
    assert sample.numbers.tolist() == [11, 17]
    assert np.allclose(sample.frac_coords, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert np.diag(sample.lattice).tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    "text",
    [
        poscar("0 0 0 Cl", ".5 .5 .5 Na"),
        poscar("0 0 0 T T F Na", ".5 .5 .5 F F F F", kind="Selective dynamics\nDirect"),
        poscar("0 0 0 K", ".5 .5 .5 Cl").replace("x\n", "Na Cl\n", 1).replace("Na Cl\n1 1\n", "1 1\n"),
    ],
)
def test_labels_behind_positions_that_contradict_the_symbols_are_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(text)
    (sample,) = read("poscar", tmp_path / "POSCAR")
    assert isinstance(sample, Invalid)
    assert sample.reason is InvalidReason.CONTRADICTION
    assert "by its number, and" in sample.detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (poscar(*SITES).replace("Na Cl\n", ""), "a file of VASP 4: no line of element symbols"),
        (poscar(*SITES, counts="1 1 1"), "2 element symbols and 3 numbers of atoms"),
        (poscar(*SITES, counts="1 99999999999999999999"), "no whole number"),
        (poscar(*SITES, counts="1 999999999"), "the limit is 100000"),
        (poscar("0 0 0", "a b c"), "'a' is no number"),
        (poscar(*SITES, symbols="Na 0.5Cl"), "is a mixture of elements"),
        (poscar("0 0 0"), "the file ends after 1 of 2 atoms"),
        ("x\n", "the file ends too early"),
    ],
)
def test_a_bad_poscar_says_why(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "POSCAR").write_text(text)
    (sample,) = read("poscar", tmp_path / "POSCAR")
    assert isinstance(sample, Invalid)
    assert words in sample.detail


# --- CSV with dicts ---------------------------------------------------------------------------------------------------


def test_dicts_as_python_prints_them_are_read_and_nothing_is_run(tmp_path: Path) -> None:
    crystal = str(pymatgen("Na", "Cl") | {"charge": None, "pbc": (True, True)})
    numpy = crystal.replace("0.5", "np.float64(0.5)").replace("[[4, 0, 0]", "array([[4., 0, 0]").replace("6]]", "6.]])")
    cells = [crystal, numpy, "nan", "", "{}", "{'lattice': __import__('os').system('false')}", "{" * 9000, "{'a': 1"]
    path = write_csv(tmp_path / "output_225_struct.csv", ("", "cif"), *(("0", cell) for cell in cells))
    assert detected(path) == ["csv"]
    assert outcomes(read("csv", path)) == ["2 atoms", "2 atoms", *["unreadable"] * 6]


def test_crystalformers_numbers_are_named(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "output_225.csv", ("", "L", "X", "A", "W", "M"), ("0", "[1]", "[1]", "[1]", "[1]", "[1]")
    )
    assert detected(path) == ["csv"]
    with pytest.raises(ReadError, match=r"CrystalFormer's numbers .* its awl2struct\.py makes the file"):
        read("csv", path)


def test_an_unknown_column_that_holds_crystals_is_proposed(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ("id", "my labels"), ("1", RUTILE))
    with pytest.raises(ReadError, match="""say which: --set 'column="my labels"'"""):
        read("csv", path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'it\\'s', \"b\": \"it's\", 'c': 'say \"x\"'}", {"a": "it's", "b": "it's", "c": 'say "x"'}),
        ("(1, -2., .5, +3, 1e5,)", [1, -2.0, 0.5, 3, 1e5]),
        ("{'x': None, 'y': [True, False], 'z': '\\x41,]'}", {"x": None, "y": [True, False], "z": "A,]"}),
        ("array([1., 2.], dtype=float32)", [1.0, 2.0]),
        ('{"json": [null, true, 1.5]}', {"json": [None, True, 1.5]}),
    ],
)
def test_literals(text: str, value: object) -> None:
    assert _python_literal.parse(text) == value


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "1 + 1", "[1 2]", "lambda: 0", "{1: 2}", "f'{1}'", "(" * 9, ""]
)
def test_other_python_is_no_literal(text: str) -> None:
    with pytest.raises(LiteralError):
        _python_literal.parse(text)


# --- the cases of others ----------------------------------------------------------------------------------------------

CASES = {
    "reader_cases/h1-one-record/one_with_structure.json": "AB_cP2_221_a_b:Cl-Cs",
    "reader_cases/h2-ComputedStructureEntry/one_cse.json": "AB_cF8_225_a_b:Cl-Na",
    "reader_cases/h6-meta-beside-named/dict_meta_plus_named.json": "AB_cP2_221_a_b:Cl-Cs " * 2,
    "reader_cases/j1-VASP4/samples": "AB_cF8_225_a_b:Cl-Na",
    "reader_cases/k1-cif-gz/one.cif.gz": "AB_cF8_225_a_b:Cl-Na",
    "reader_cases/k2-folder-of-extxyz/samples": "AB_cF8_225_a_b:Cl-Na " * 3,
    "reader_cases/l1-pbc-numbers/pbc_num.xyz": "unreadable",
    "reader_cases/l2-lattice-key/lattice_key_twice.xyz": "AB_cP2_221_a_b:Cl-Cs",
    "label_cases/S09_isotopes/labels.txt": "AB_cF8_225_a_b:H-Li " * 3,
    "label_cases/S09_isotopes/genes.json": "AB_cF8_225_a_b:H-Li " * 3,
    "label_cases/S09_isotopes/LiD.json": "AB_cF8_225_a_b:H-Li",
    "label_cases/S09_isotopes/POSCAR_LiD": "AB_cF8_225_a_b:H-Li",
    "label_cases/S10_decorated/spins.cif": "A2B3_hR30_167_c_e:Fe-O",
    "label_cases/S10_decorated/spin_no_charge.cif": "A2B3_hR30_167_c_e:Fe-O",
    "label_cases/S10_decorated/charges.json": "A2B3_hR30_167_c_e:Fe-O",
    "label_cases/S10_decorated/dummy.json": "unknown_element",
    "hostile_cases/extxyz_hugez/a.extxyz": "unknown_element",
}


@pytest.mark.parametrize("case", CASES)
def test_a_case_has_the_value_that_its_author_derived(case: str, shared: Path) -> None:
    path = shared / case
    (name,) = detected(path)
    samples = read(name, path)
    converted = [convert(s, ConversionSettings()) if isinstance(s, RawStructure) else s for s in samples]
    assert outcomes(converted) == CASES[case].split()


@pytest.mark.parametrize(
    "name", ["S20_aflow_rhombohedral/thousand_training_rows_aflow_style.txt", "S20_aflow_rhombohedral/labels.txt"]
)
def test_labels_as_aflow_spells_them_are_all_read(name: str, shared: Path) -> None:
    samples = read("labels", shared / "label_cases" / name)
    assert not [sample for sample in samples if isinstance(sample, Invalid)]


def test_labels_of_primitive_rhombohedral_cells_but_no_other_contradiction_are_read(shared: Path) -> None:
    samples = read("labels", shared / "label_cases/S02_pearson_spellings/labels.txt")
    assert [isinstance(sample, Invalid) for sample in samples] == [False] * 9 + [True]


@pytest.mark.parametrize("case", ["pt_spacegroups", "pt_wrap"])
def test_tensors_that_claim_more_than_they_hold_are_refused_at_once(case: str, shared: Path) -> None:
    path = shared / "hostile_cases" / case / "a.pt"
    with pytest.raises(ReadError, match=r"a\.pt: "):
        read("symmcd", path)
