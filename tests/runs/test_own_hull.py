"""A hull of the user's own in a run: named, and part of the identity by what it holds, not by where it lies."""

from pathlib import Path

import pytest

from crystalbench.errors import ConfigError, ReadError
from crystalbench.materials.potential import EnergyScheme
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.config_text import config_text
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import Plan, make_plan
from crystalbench.runs.stored import Moved
from crystalbench.runs.verify import Verification
from tests.runs.test_energies import FINE, LABELS, all_plugins, cell, differing, execute, settings

PHASES = "formula,formation_energy\nNaCl,-0.40\nCuCl,-0.30\n"


def written(folder: Path, content: str = PHASES) -> Path:
    path = folder / "mine.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def planned(folder: Path, hull: str) -> Plan:
    given = settings(folder, metrics=["stable"], energies={"hull": hull})
    return make_plan(RunConfig.from_mapping(given), all_plugins())


def test_a_file_judges_a_run_that_says_so_and_verifies(tmp_path: Path) -> None:
    path = written(tmp_path)
    given = settings(tmp_path, LABELS[:5], metrics=["e_above_hull"])
    done = execute(tmp_path / "own", **{**given, "energies": {"tries": 2, "hull": str(path)}})
    other = execute(tmp_path / "four", **{**given, "energies": {"tries": 2}})
    assert cell(done, "e_above_hull").value > cell(other, "e_above_hull").value  # CuCl lies 0.25 eV/atom lower
    column = next(column for column in done.table.columns if column.key.startswith("e_above_hull"))
    assert "the user's own file mine.csv (2 phases)" in column.basis
    assert "those of Four phases" in column.basis
    assert differing(tmp_path / "own") == []
    there = path.rename(written(tmp_path / "there"))
    assert {check.finding for check in differing(tmp_path / "own")} == {Finding.NOT_CHECKED}
    told = Verification(RunFolder(tmp_path / "own"), all_plugins(), moved=Moved(hull=str(there)))
    assert {check.finding for check in told.checks()} <= FINE
    written(tmp_path, PHASES.replace("0.30", "0.31"))
    assert {check.finding for check in differing(tmp_path / "own")} == {Finding.NOT_CHECKED} != FINE


def test_what_it_holds_is_part_of_the_key_and_where_it_lies_is_not(tmp_path: Path) -> None:
    here = planned(tmp_path, str(written(tmp_path)))
    assert here.key == planned(tmp_path, str(written(tmp_path / "there"))).key
    assert here.key != planned(tmp_path, str(written(tmp_path, PHASES.replace("0.30", "0.31")))).key
    assert 'hull = "mine.csv"' in config_text(here.config)


def test_the_name_of_a_hull_comes_before_a_file_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("four").write_text(PHASES)
    energies = planned(tmp_path, "four").energies
    assert energies is not None
    assert energies.hull.file == ""


@pytest.mark.parametrize(
    ("hull", "error", "said"),
    [
        ("for", ConfigError, "unknown hull 'for'; did you mean 'four'.*; nor is it a file"),
        ("no/such.csv", ConfigError, "no/such.csv.*nor is it a file"),
        ("mine.csv", ReadError, r"mine\.csv line 3: 'CuQq': 'Qq' is no element"),
    ],
)
def test_what_is_neither_or_is_damaged_is_named(
    hull: str, error: type[Exception], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, PHASES.replace("CuCl", "CuQq"))
    with pytest.raises(error, match=said):
        planned(tmp_path, hull)


def test_a_hull_of_another_scheme_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    plugins = all_plugins()
    plugins.hulls["four"] = replace(plugins.hulls["four"], energy_scheme=EnergyScheme.MP_UNCORRECTED)
    with pytest.raises(ConfigError, match="two schemes are never mixed"):
        make_plan(RunConfig.from_mapping(settings(tmp_path)), plugins)
