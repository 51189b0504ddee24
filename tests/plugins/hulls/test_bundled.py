"""The hulls that come with crystalbench: what their card says holds for what is loaded."""

import json
from pathlib import Path

import numpy as np
import pytest

from crystalbench import Gap, Hull
from crystalbench.crystals.elements import NUMBERS
from crystalbench.materials.formulas import parse_formula
from crystalbench_plugins.hulls.bundled import BUNDLED, FACTS, TABLE, crystalbench_hulls
from crystalbench_plugins.hulls.packed import Phases, pack, unpack

SPECS = {spec.name: spec for spec in crystalbench_hulls()}


@pytest.fixture(scope="module")
def hulls() -> dict[str, Hull]:
    return {name: spec.load({}) for name, spec in SPECS.items()}


def test_one_hull_is_the_default_and_each_has_its_identity() -> None:
    assert [spec.name for spec in SPECS.values() if spec.default] == ["mp20-wbm"]
    assert len({spec.identity({}) for spec in SPECS.values()}) == len(BUNDLED)


def test_the_table_holds_what_the_card_counts(hulls: dict[str, Hull]) -> None:
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    assert len(hulls["mp20"]) == facts["mp_vertices"]
    assert len(hulls["mp20-wbm"]) == facts["mp_vertices"] + facts["wbm_vertices"]
    assert len(hulls["mp20"].references) == facts["elements"]
    assert TABLE.stat().st_size < 1_500_000
    for spec in SPECS.values():
        assert f"{facts['mp_vertices']:,}" in spec.card()
        assert "CC BY 4.0" in spec.card()


@pytest.mark.parametrize("name", SPECS)
def test_a_caveat_states_the_measured_agreement(name: str) -> None:
    figures = json.loads(FACTS.read_text(encoding="utf-8"))["agreement"][name]
    assert f"{figures['stable_agrees']:.1%}" in SPECS[name].caveat
    assert f"{figures['within_0.1']:.1%}" in SPECS[name].caveat


@pytest.mark.parametrize(
    ("formula", "energy"),
    # the Materials Project's formation energies (MP2020), 2023
    [("NaCl", -2.10), ("MgO", -3.05), ("SiO2", -3.28), ("CaTiO3", -3.56)],
)
def test_famous_materials_lie_on_the_hull(hulls: dict[str, Hull], formula: str, energy: float) -> None:
    for hull in hulls.values():
        assert hull.distance(parse_formula(formula), energy) == pytest.approx(0, abs=0.05)


def test_more_phases_never_raise_the_hull(hulls: dict[str, Hull]) -> None:
    random = np.random.default_rng(0)
    for row in random.permutation(len(hulls["mp20"]))[:40]:
        composition = hulls["mp20"].compositions[row]
        both, one = (hulls[name].decomposition(composition).energy for name in ("mp20-wbm", "mp20"))
        assert both <= one + 1e-9


def test_every_kept_phase_matters(hulls: dict[str, Hull]) -> None:
    hull = hulls["mp20"]
    for row in np.random.default_rng(1).permutation(len(hull))[:20]:
        wanted = hull.compositions[row]
        near = [i for i, c in enumerate(hull.compositions) if c.keys() <= wanted.keys() and i != row]
        others = Hull([hull.compositions[i] for i in near], hull.energies[near], hull.references)
        assert others.distance(wanted, float(hull.energies[row])) < 0


def test_radioactive_elements_have_no_reference_and_are_said(hulls: dict[str, Hull]) -> None:
    for hull in hulls.values():
        assert hull.gap({NUMBERS["Po"]: 1, NUMBERS["O"]: 2}) is Gap.NO_REFERENCE
        assert NUMBERS["Yb"] in hull.references


def test_a_table_is_read_as_it_was_written_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table.npz"
    phases = [((11, 1), (17, 1)), ((8, 3), (13, 2))]
    pack([Phases("mp", phases, np.array([-2.1, -3.4]), [(47, 74)])], {8: -4.9, 11: -1.3}, path)
    hull = unpack(path, ("mp",), "mend it")
    assert dict(zip(map(str, hull.compositions), hull.energies, strict=True)) == {
        "{8: 3, 13: 2}": pytest.approx(-3.4),
        "{11: 1, 17: 1}": pytest.approx(-2.1),
    }
    assert hull.charted == {frozenset({47, 74})}
    assert hull.references == {8: -4.9, 11: -1.3}
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Exception, match=r"table\.npz: .*; mend it"):
        unpack(path, ("mp",), "mend it")
