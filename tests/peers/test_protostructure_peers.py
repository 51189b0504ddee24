"""Protostructures against pymatgen's labels, on real crystals."""

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from crystalbench.crystals import wyckoff
from crystalbench.crystals.protostructure import ELEMENTS, Protostructure
from crystalbench.crystals.prototype import part_text
from crystalbench.crystals.wyckoff import Table

pytestmark = [
    pytest.mark.peer,
    # spglib 2.8 warns at each call that a failure will raise one day; a failure here fails the test anyway.
    pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:gcd is deprecated:FutureWarning"),  # pymatgen on monty
]


@pytest.fixture(scope="module")
def pymatgen() -> Any:
    """pymatgen's labelling module; its import decodes the AFLOW library (4 to 12 s)."""
    return pytest.importorskip("pymatgen.analysis.prototypes")


@pytest.fixture(scope="module")
def labels(shared: Path) -> list[str]:
    """Every 20th of 247,814 labels of WBM crystals, base-centred ones spelt oC."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = shared / "wbm_protostructures" / "wbm_protostructures.parquet"
    column = pandas.read_parquet(path, columns=["protostructure"])["protostructure"].dropna()
    return [label.replace("_oS", "_oC") for label in column.iloc[::20]]


def random_protostructures(n: int, seed: int, max_elements: int) -> list[tuple[int, list[tuple[str, str]]]]:
    """Random occupations in all groups, far from what nature prefers."""
    rng = random.Random(seed)
    found = []
    for _ in range(n):
        group = rng.randint(1, 230)
        free = [p.letter for p in wyckoff.positions(group) if p.dof]
        fixed = [p.letter for p in wyckoff.positions(group) if not p.dof]
        rng.shuffle(fixed)
        orbits = []
        for element in rng.sample(ELEMENTS, rng.randint(1, max_elements)):
            letters = rng.choices(free, k=rng.randint(0, 3)) if free else []
            letters += [fixed.pop() for _ in range(rng.randint(0, 2)) if fixed]
            orbits += [(element, letter) for letter in letters]
        found.append((group, orbits or [("H", wyckoff.letters(group)[-1])]))
    return found


def wyckoff_text(label: str, *, ones: bool = False) -> str:
    text = label.partition(":")[0].split("_", 3)[3]
    if ones:  # pymatgen's canonicalisation wants '1a' for 'a'
        text = "".join(
            f"1{c}" if c.isalpha() and not before.isdigit() else c for before, c in zip(" " + text, text, strict=False)
        )
    return text


def test_real_labels_are_canonical_with_the_pymatgen_table(labels: list[str]) -> None:
    assert len(labels) > 12_000
    assert [Protostructure.parse(label, Table.PYMATGEN).label for label in labels] == labels


def test_canonical_letters_of_real_labels_are_pymatgens(pymatgen: Any, labels: list[str]) -> None:
    rng = random.Random(1)
    for label in labels[::3]:
        group = int(label.split("_")[2])
        orbits = Protostructure.parse(label, Table.PYMATGEN).orbits
        permutation = rng.choice(wyckoff.permutations(group))  # any lettering, also beyond pymatgen's table
        ours = Protostructure(group, [(o.element, permutation[o.letter]) for o in orbits], Table.PYMATGEN)
        moved = "_".join(
            part_text("".join(sorted(permutation[o.letter] for o in orbits if o.element == element)))
            for element in ours.elements
        )
        theirs = pymatgen.canonicalize_element_wyckoffs(wyckoff_text(f"___{moved}:", ones=True), group)
        assert wyckoff_text(ours.label) == theirs


def test_canonical_letters_of_random_occupations_are_pymatgens(pymatgen: Any) -> None:
    for group, orbits in random_protostructures(1500, seed=2, max_elements=6):
        ours = Protostructure(group, orbits, Table.PYMATGEN)
        given = "_".join(
            part_text("".join(sorted(letter for el, letter in orbits if el == element))) for element in ours.elements
        )
        theirs = pymatgen.canonicalize_element_wyckoffs(wyckoff_text(f"___{given}:", ones=True), group)
        assert wyckoff_text(ours.label) == theirs


def test_prototypes_of_real_labels_are_pymatgens(pymatgen: Any, labels: list[str]) -> None:
    for label in labels[1::3]:
        ours = Protostructure.parse(label, Table.PYMATGEN).prototype
        assert ours == pymatgen.get_prototype_from_protostructure(label)


def test_prototypes_of_random_occupations_are_pymatgens(pymatgen: Any) -> None:
    """Up to five elements: pymatgen lists all orders of equally frequent ones."""
    for group, orbits in random_protostructures(600, seed=3, max_elements=5):
        ours = Protostructure(group, orbits, Table.PYMATGEN)
        assert ours.prototype == pymatgen.get_prototype_from_protostructure(ours.label)


def test_prototypes_of_six_equally_frequent_elements_are_pymatgens(pymatgen: Any) -> None:
    rng = random.Random(4)
    for group in (1, 2, 12, 47, 62, 194):
        letters = [p.letter for p in wyckoff.positions(group) if p.dof]
        letter_sets = list(itertools.combinations_with_replacement(letters[-4:], 2))
        orbits = [(element, x) for element in ELEMENTS[:6] for x in rng.choice(letter_sets)]
        ours = Protostructure(group, orbits, Table.PYMATGEN)
        assert ours.prototype == pymatgen.get_prototype_from_protostructure(ours.label)


def test_derived_quantities_are_pymatgens(pymatgen: Any, labels: list[str]) -> None:
    for label in labels[2::6]:
        ours = Protostructure.parse(label, Table.PYMATGEN)
        assert ours.formula == pymatgen.get_formula_from_protostructure_label(label)
        assert ours.n_atoms == pymatgen.count_crystal_sites(label)
        dof = ours.degrees_of_freedom + ours.lattice_degrees_of_freedom
        assert dof == pymatgen.count_crystal_dof(label)


def test_labels_of_real_crystals_are_textually_pymatgens(pymatgen: Any) -> None:
    """Orbits from spglib, label by us, against the label pymatgen gives the same crystal."""
    core = pytest.importorskip("pymatgen.core")
    analyzer = pytest.importorskip("pymatgen.symmetry.analyzer")
    crystals = {
        "Fm-3m": (core.Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        "Fd-3m": (core.Lattice.cubic(3.57), ["C"], [[0.125, 0.125, 0.125]]),
        "P4_2/mnm": (core.Lattice.tetragonal(4.59, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]),
        "Pm-3m": (
            core.Lattice.cubic(4.0),
            ["Ba", "Ti", "O"],
            [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]],
        ),
        "Amm2": (core.Lattice.orthorhombic(3.98, 5.67, 5.69), ["Ti", "O"], [[0, 0, 0], [0.5, 0, 0.6]]),
        "Pnma": (core.Lattice.orthorhombic(7.6, 4.5, 9.0), ["Pb", "Cl"], [[0.25, 0.25, 0.4], [0.14, 0.25, 0.07]]),
    }
    for symbol, (lattice, species, coords) in crystals.items():
        crystal = core.Structure.from_spacegroup(symbol, lattice, species, coords)
        theirs = pymatgen.get_protostructure_label_from_spglib(crystal, raise_errors=True)
        symmetric = analyzer.SpacegroupAnalyzer(crystal, 0.1, 5)
        sites = symmetric.get_symmetrized_structure()
        orbits = [
            (group[0].specie.symbol, symbol.lstrip("0123456789"))
            for group, symbol in zip(sites.equivalent_sites, sites.wyckoff_symbols, strict=True)
        ]
        ours = Protostructure(symmetric.get_space_group_number(), orbits, Table.PYMATGEN)
        assert ours.label == theirs
