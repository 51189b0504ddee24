"""Wyckoff tables against pyxtal, pymatgen, spglib and a reference computed elsewhere."""

import gzip
import importlib.util
import itertools
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crystalbench.crystals import wyckoff
from crystalbench.crystals.data import build_coordinate_tables
from crystalbench.crystals.data import build_wyckoff_tables as build
from crystalbench.crystals.protostructure import ELEMENTS, Protostructure
from crystalbench.crystals.wyckoff import Table

pytestmark = [
    pytest.mark.peer,
    # spglib 2.8 warns at each call that a failure will raise one day; a failure here fails the test anyway.
    pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning"),
]

GROUPS = range(1, 231)


def pymatgen_table(name: str) -> Any:
    """One of pymatgen's small tables, by path: importing its package decodes the AFLOW library (seconds)."""
    spec = importlib.util.find_spec("pymatgen")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pymatgen is not installed")
    for folder in spec.submodule_search_locations:
        path = Path(folder) / "analysis" / "prototypes" / f"wyckoff-position-{name}.json.gz"
        if path.exists():
            return json.loads(gzip.decompress(path.read_bytes()))
    pytest.skip("this pymatgen has no Wyckoff tables")


def images(maps: list[dict[str, str]], letters: str) -> set[str]:
    """Permutations keyed by letter or by code point, as strings of images."""
    return {"".join(m[letter] if letter in m else m[str(ord(letter))] for letter in letters) for m in maps}


def test_multiplicities_and_freedom_are_pymatgens() -> None:
    multiplicities, params = pymatgen_table("multiplicities"), pymatgen_table("params")
    for group in GROUPS:
        assert {p.letter: p.multiplicity for p in wyckoff.positions(group)} == multiplicities[str(group)]
        assert {p.letter: p.dof for p in wyckoff.positions(group)} == params[str(group)]


def test_the_pymatgen_table_is_pymatgens_in_all_230_groups() -> None:
    theirs = pymatgen_table("relabelings")
    differing = [
        group
        for group in GROUPS
        if set(wyckoff.letterings(group, Table.PYMATGEN)) != images(theirs[str(group)], wyckoff.letters(group))
    ]
    assert differing == []


def test_the_affine_table_goes_beyond_pymatgens_in_seven_groups() -> None:
    theirs = pymatgen_table("relabelings")
    beyond = [
        group for group in GROUPS if set(wyckoff.letterings(group)) > images(theirs[str(group)], wyckoff.letters(group))
    ]
    assert beyond == [2, 3, 10, 11, 12, 13, 14]


def test_the_affine_table_agrees_with_the_reference(shared: Path) -> None:
    """The reference has no entry for group 13; its axes e and f are shown to be exchanged below."""
    reference = json.loads((shared / "normaliser" / "affine_relab_extra.json").read_text())
    for group, maps in reference.items():
        assert set(wyckoff.letterings(int(group))) == images(maps, wyckoff.letters(int(group)))
    assert sorted(map(int, reference)) == [2, 3, 10, 11, 12, 14, 15]


def test_the_euclidean_letterings_of_group_15_are_the_origin_shifts() -> None:
    """C2/c: 0 1/2 0 exchanges a, b and c, d; 0 0 1/2 exchanges c, d. aviary 1.1.1 had only these."""
    assert set(wyckoff.letterings(15, Table.AVIARY)) == {"abcdef", "badcef", "abdcef", "bacdef"}


def test_pyxtals_sets_of_equivalent_positions_are_those_of_aviary() -> None:
    """pyxtal stores, per group, the letters after each coset representative of the Euclidean normaliser."""
    symmetry = pytest.importorskip("pyxtal.symmetry")
    for group in GROUPS:
        rows = symmetry.Group(group).get_alternatives()["Transformed WP"]
        assert {row.replace(" ", "") for row in rows} == set(wyckoff.letterings(group, Table.AVIARY))


def test_site_symmetries_are_pyxtals() -> None:
    symmetry = pytest.importorskip("pyxtal.symmetry")
    for group in GROUPS:
        for position in symmetry.Group(group).Wyckoff_positions:
            position.get_site_symmetry()
            assert wyckoff.position(group, position.letter).site_symmetry == position.site_symm


@pytest.mark.parametrize("group", [1, 2, 13, 15, 43, 62, 136, 166, 205, 227])
def test_the_script_computes_what_is_shipped(group: int) -> None:
    pytest.importorskip("pyxtal")
    space_group = build.read_group(group)
    for euclidean, table in ((False, Table.AFFINE), (True, Table.AVIARY)):
        computed = build.normaliser_permutations(space_group, euclidean=euclidean)
        letters = wyckoff.letters(group)
        assert {"".join(letters[i] for i in p) for p in computed} == set(wyckoff.letterings(group, table))


@pytest.mark.parametrize("group", [1, 2, 15, 43, 62, 136, 166, 205, 227])
def test_the_script_computes_the_coordinates_that_are_shipped(group: int) -> None:
    pytest.importorskip("pyxtal")
    shipped = json.loads(gzip.decompress(build_coordinate_tables.OUTPUT.read_bytes()))
    assert build_coordinate_tables.entry(group) == shipped["groups"][str(group)]


@pytest.mark.parametrize("group", range(3, 16))
def test_larger_changes_of_monoclinic_cells_add_no_letterings(group: int) -> None:
    """The script searches matrices with entries up to 2; entries up to 3 give the same permutations."""
    pytest.importorskip("pyxtal")
    space_group = build.read_group(group)
    coset = space_group.coset()
    letters = wyckoff.letters(group)
    known = set(wyckoff.letterings(group))
    for a, b, c, d in itertools.product(range(-3, 4), repeat=4):
        if abs(a * d - b * c) != 1 or max(map(abs, (a, b, c, d))) < 3:
            continue
        matrix = np.array([[a, 0, b], [0, 1, 0], [c, 0, d]])
        for shift in build.shifts(space_group, matrix, coset)[:1]:
            permutation = build.letter_permutation(space_group, matrix, shift)
            assert "".join(letters[i] for i in permutation) in known


def crystal(
    group: build.Group, orbits: list[tuple[str, str]], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """A random crystal with these orbits: lattice rows (3, 3) in Å, coordinates (n, 3), atomic numbers.

    Its cell is a random one of the lattice, with a random origin.
    """
    number = group.number
    a, b, c = rng.uniform(4, 9, 3)
    angles = np.radians(rng.uniform(60, 115, 3))
    if 2 < number < 16:  # skew cells, of which spglib prefers another one
        a, b, c = rng.uniform(3, 14, 3)
        angles[1] = np.radians(rng.uniform(40, 140))
    if number > 2:
        angles[[0, 2]] = np.pi / 2
    if number > 15:
        angles[1] = np.pi / 2
    if number > 74:
        b = a
    if 142 < number < 195:
        angles[2] = 2 * np.pi / 3
    if number > 194:
        c = a
    cosine = np.cos(angles)
    cx, cy = cosine[1], (cosine[0] - cosine[1] * cosine[2]) / np.sin(angles[2])
    lattice = np.array(
        [
            [a, 0, 0],
            [b * cosine[2], b * np.sin(angles[2]), 0],
            [c * cx, c * cy, c * np.sqrt(max(0.05, 1 - cx**2 - cy**2))],
        ]
    )
    points: list[np.ndarray] = []
    numbers: list[int] = []
    known = {p.letter: p for p in group.positions}
    for element, letter in orbits:
        position = known[letter]
        seed = position.matrix @ rng.uniform(0, 1, 3) + position.shift / build.UNIT
        images = (group.rotations @ seed + group.translations / build.UNIT) % 1
        distinct: list[np.ndarray] = []
        for image in images:
            if all(np.abs((image - other + 0.5) % 1 - 0.5).max() > 1e-6 for other in distinct):
                distinct.append(image)
        assert len(distinct) == position.multiplicity
        points += distinct
        numbers += [ELEMENTS.index(element) + 1] * len(distinct)
    change = np.eye(3, dtype=int)
    for i, j in rng.permutation(list(itertools.permutations(range(3), 2)))[:3]:
        shear = np.eye(3, dtype=int)
        shear[i, j] = rng.integers(-1, 2)
        change = shear @ change
    fractional = np.array(points) @ np.linalg.inv(change) + rng.uniform(0, 1, 3)
    return change @ lattice, fractional % 1, numbers


def observed(cell: tuple[np.ndarray, np.ndarray, list[int]]) -> tuple[int, list[tuple[str, str]]]:
    """Space group and orbits that spglib finds."""
    spglib = pytest.importorskip("spglib")
    dataset = spglib.get_symmetry_dataset(cell, symprec=1e-4)
    first = {orbit: i for i, orbit in reversed(list(enumerate(dataset.equivalent_atoms)))}
    return dataset.number, [(ELEMENTS[cell[2][i] - 1], dataset.wyckoffs[i]) for i in first.values()]


def random_orbits(number: int, rng: random.Random) -> list[tuple[str, str]]:
    """Three elements on random positions; two more in general position keep the symmetry down."""
    letters = wyckoff.letters(number)
    chosen = rng.sample(letters[:-1], min(3, len(letters) - 1))
    return [*zip(("Cl", "Na", "O"), chosen, strict=False), ("H", letters[-1]), ("He", letters[-1])]


@pytest.mark.parametrize("number", [2, 3, 5, 8, 10, 11, 12, 13, 14, 15])
def test_the_label_does_not_depend_on_lattice_parameters_or_cell(number: int) -> None:
    """spglib chooses the cell by lattice lengths, so one protostructure appears with several letterings."""
    pytest.importorskip("pyxtal")
    group = build.read_group(number)
    rng = np.random.default_rng(number)
    spelled: dict[Table, int] = dict.fromkeys(Table, 0)
    for seed in range(8):
        orbits = random_orbits(number, random.Random(seed))
        seen = [observed(crystal(group, orbits, rng)) for _ in range(25)]
        seen = [(found, letters) for found, letters in seen if found == number]
        assert len(seen) > 12
        assert {Protostructure(*one) for one in seen} == {Protostructure(number, orbits)}
        for table in Table:
            spelled[table] += len({Protostructure(*one, table) for one in seen})
    assert spelled[Table.AFFINE] == 8
    if number in (2, 3, 10, 11, 12, 13, 14):
        assert spelled[Table.PYMATGEN] > 8  # two labels for one protostructure


@pytest.mark.slow
@pytest.mark.parametrize("number", range(16, 231))
def test_spglib_finds_the_protostructure_that_was_built(number: int) -> None:
    pytest.importorskip("pyxtal")
    group = build.read_group(number)
    rng = np.random.default_rng(number)
    for seed in range(2):
        orbits = random_orbits(number, random.Random(seed))
        found, letters = observed(crystal(group, orbits, rng))
        assert found == number
        assert Protostructure(found, letters) == Protostructure(number, orbits)
