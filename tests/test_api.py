"""The Python API: one call compares samples in memory, and what it leaves is a run like any other."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import crystalbench
from crystalbench import (
    ConfigError,
    Invalid,
    InvalidReason,
    MetricResult,
    Protostructure,
    RawStructure,
    Result,
    evaluate,
    load,
)
from crystalbench.crystals.objects import sample_of
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.verify import Verification
from crystalbench_baselines import samples as samples_reader
from crystalbench_plugins.metrics import novelty, uniqueness, validity
from crystalbench_plugins.reports import csv, html, latex, markdown, notebook
from tests.small_plugins import Small, rock_salt

ROCK_SALT = RawStructure.of(
    np.eye(3) * 5.64,
    [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0], [0.5, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0.5], [0, 0.5, 0]],
    [11] * 4 + [17] * 4,
)
EXPORTED = """
    Cell Column ColumnSet CommandSpec ConfigError Converted CrystalbenchError Dataset DatasetError DatasetSpec
    Decomposition Direction Draw Encoded Encoder EncoderError EncoderSpec EnergyScheme Evaluated Evidence
    Failure Gap GeneratorSpec Geometry Given Hull HullSpec Invalid InvalidReason MetricResult MetricSpec Missing Need
    NotComputable Orbit Parameter Parameters PluginError Potential PotentialError PotentialSpec Presentation
    Protostructure ProtostructureError RawStructure ReadError ReaderSpec Realised RealiserSpec ReporterSpec
    Result Row RowEvidence RowKind Sample SampleSet Sampler SamplerInput Scale ScoreInput SettingError Split
    Subset SuiteSpec Table Timing Unrealised UnrealisedReason Value __version__ evaluate hookimpl load
    potential_from_calculator
"""
NACL, SILICON = "AB_cF8_225_a_b:Cl-Na", "A_cF8_227_a:Si"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    found = Plugins()
    found.register(Small(), "small")
    for module in (samples_reader, novelty, uniqueness, validity, csv, html, latex, markdown, notebook):
        found.register(module, module.__name__)
    return found


def ours(plugins: Plugins, given: object, **more: object) -> Result:
    asked = {"metrics": "novelty,uniqueness,validity", "progress": False, "settings": {"workers": 1}} | more
    return evaluate({"my model": given}, dataset="example", plugins=plugins, **asked)  # type: ignore[arg-type]


def findings(plugins: Plugins, folder: Path, redraw: bool = True) -> list[str]:
    checks = Verification(RunFolder(folder), plugins, redraw).checks()
    return [f"{c.what}: {c.finding} {c.detail}" for c in checks if c.finding not in (Finding.HOLDS, Finding.RECORDED)]


def test_the_exported_names_are_these() -> None:
    """Stable: who removes or renames one breaks the programs of others."""
    assert crystalbench.__all__ == EXPORTED.split()
    assert all(hasattr(crystalbench, name) for name in EXPORTED.split())
    public = {name for name in (*dir(Result), *Result.__annotations__) if not name.startswith("_")}
    assert public == {
        "cell", "cells", "compare", "failures", "folder", "render", "save", "table", "to_latex", "to_pandas", "value"
    }  # fmt: skip
    with pytest.raises(AttributeError, match="evaluat"):
        crystalbench.evaluat  # noqa: B018


def test_samples_of_every_kind_count_in_one_list(plugins: Plugins) -> None:
    given = [ROCK_SALT, NACL, Protostructure.parse(SILICON), Invalid(InvalidReason.EMPTY, "nothing"), "no label"]
    result = ours(plugins, given)
    (row,) = [row for row in result.table.rows if row.generator == "my model"]
    assert (row.asked, row.drawn, row.valid) == (5, 5, 3)
    assert row.reasons == {"empty": 1, "invalid_protostructure": 1}
    assert result.value("my model", "novelty") == 1 / 5  # silicon; rock salt is in training
    assert result.value("my model", "uniqueness") == 2 / 5  # the structure and the label are one crystal
    assert result.cells["my model"]["validity"].mean == 3 / 5
    assert result.failures == ()


def test_a_file_and_the_same_samples_in_memory_give_the_same_cells(plugins: Plugins, tmp_path: Path) -> None:
    labels = [rock_salt(i).label for i in range(7)] * 2
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    read, held = ours(plugins, tmp_path / "labels.json", n=14), ours(plugins, labels)
    assert read.cells["my model"] == held.cells["my model"]


def test_a_saved_result_is_a_run_that_is_verified_wherever_it_is_moved(plugins: Plugins, tmp_path: Path) -> None:
    result = ours(plugins, [[ROCK_SALT, SILICON], [SILICON, "no label"]])
    first = result.folder
    saved = result.save(tmp_path / "kept")
    assert result.save(saved) == saved  # again, over itself
    moved = Path(shutil.move(saved, tmp_path / "moved"))
    del result
    assert not first.exists()
    assert findings(plugins, moved) == []
    assert {path.name for path in moved.glob("*")} >= {"table.csv", "table.html", "table.tex", "inputs", "samples"}
    assert not (moved / "table.fragment.html").exists()
    assert str(first) not in (moved / "manifest.json").read_text()
    line = moved / "inputs/my%20model.0.samples"
    line.write_text(line.read_text().replace("5.64", "5.65"))
    assert any("inputs/my%20model.0.samples" in finding for finding in findings(plugins, moved, redraw=False))


def test_a_result_of_which_nothing_is_valid_is_verified_too(plugins: Plugins, tmp_path: Path) -> None:
    result = ours(plugins, ["no label"])
    assert "none of its 1 samples has a protostructure" in result.failures[0].error
    assert findings(plugins, Path(shutil.move(result.save(tmp_path / "kept"), tmp_path / "moved"))) == []


def test_a_folder_of_another_run_or_of_other_files_is_not_written_over(plugins: Plugins, tmp_path: Path) -> None:
    ours(plugins, [NACL]).save(tmp_path / "one")
    with pytest.raises(ConfigError, match="holds a run with other settings"):
        ours(plugins, [SILICON]).save(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two/thesis.tex").write_text("")
    with pytest.raises(ConfigError, match="holds other files"):
        ours(plugins, [NACL]).save(tmp_path / "two")


def test_a_loaded_run_is_the_result_that_was_saved(plugins: Plugins, tmp_path: Path) -> None:
    result = ours(plugins, [NACL, SILICON])
    again = load(result.save(tmp_path / "run"))
    assert again.table == result.table
    assert again.failures == result.failures
    assert again.to_latex() == result.to_latex()
    with pytest.raises(ConfigError, match="no run here"):
        load(tmp_path)


def test_tables_for_programs_papers_and_notebooks(plugins: Plugins) -> None:
    result = ours(plugins, [[NACL, SILICON], [SILICON, SILICON]])
    tidy = result.to_pandas()
    mine = tidy[(tidy.generator == "my model") & (tidy.metric == "novelty")]
    assert list(mine.replica) == [0, 1]
    assert list(mine.value) == [0.5, 1.0]
    wide = result.to_pandas(wide=True)
    assert wide.loc["my model", "novelty"] == 0.75
    assert list(wide.columns) == ["novelty", "uniqueness", "validity"]
    assert "Nov." in result.to_latex(columns="paper")
    assert "Valid" not in result.to_latex(columns="paper")
    assert "<td" in result._repr_html_()
    assert "75.0 ± 35.4" in result._repr_html_()
    assert "75.0 ± 35.4" in str(result)
    assert result.render("markdown", columns="uniqueness").count("my model") == result.render("markdown").count(
        "my model"
    )


def test_a_notebook_shows_names_of_strangers_as_text(plugins: Plugins) -> None:
    given = {"<script>alert(1)</script>": [NACL]}
    shown = evaluate(given, dataset="example", metrics="novelty", plugins=plugins, progress=False)._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_name_that_is_not_there_is_said_with_the_nearest(plugins: Plugins) -> None:
    result = ours(plugins, [NACL])
    with pytest.raises(ConfigError, match="did you mean 'my model'"):
        result.cell("my_model", "novelty")
    with pytest.raises(ConfigError, match="did you mean 'novelty'"):
        result.value("my model", "novelt")
    with pytest.raises(ConfigError, match="known: example"):
        evaluate({"a": [NACL]}, dataset="mp21", plugins=plugins)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([], "'my model': no samples"),
        (3, "not one int"),
        ([NACL, 3], r"'my model': sample 1: int '3' is no crystal"),
        ("nowhere.cif", "nowhere.cif: no such file"),
    ],
)
def test_what_nobody_can_mean_as_samples_is_refused(plugins: Plugins, given: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        ours(plugins, given)
    with pytest.raises(ConfigError, match="must be a mapping"):
        evaluate([NACL])  # type: ignore[arg-type]


def test_it_says_what_it_does_or_nothing(plugins: Plugins, capsys: pytest.CaptureFixture[str]) -> None:
    ours(plugins, [NACL], progress=True)
    assert "sampling my model: 1 samples" in capsys.readouterr().err
    ours(plugins, [NACL])
    assert capsys.readouterr() == ("", "")


def test_what_is_written_of_a_structure_is_read_back_to_the_last_bit(plugins: Plugins, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    given = RawStructure.of(random.normal(size=(3, 3)) * 7, random.normal(size=(5, 3)), random.integers(1, 90, 5))
    folder = ours(plugins, [given, NACL]).save(tmp_path / "run")
    (reader,) = samples_reader.crystalbench_readers()
    read = next(iter(reader.read(folder / "inputs/my%20model.0.samples", {})))
    assert isinstance(read, RawStructure)
    assert read.digest() == given.digest()


def test_structures_of_pymatgen_are_read_with_charges_and_isotopes() -> None:
    core = pytest.importorskip("pymatgen.core")
    lattice = core.Lattice.cubic(4.2)
    found = sample_of(core.Structure(lattice, ["Na+", "Cl-", "D"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.1, 0.2, 1.3]]))
    assert isinstance(found, RawStructure)
    assert found.numbers.tolist() == [11, 17, 1]
    assert np.allclose(found.lattice, np.eye(3) * 4.2)
    assert found.frac_coords[2].tolist() == [0.1, 0.2, 1.3]
    mixed = core.Structure(lattice, [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    assert sample_of(mixed) == Invalid(InvalidReason.DISORDERED, "a site of several species or partly empty")
    dummy = core.Structure(lattice, [core.DummySpecies("X")], [[0, 0, 0]])
    assert sample_of(dummy).reason is InvalidReason.UNKNOWN_ELEMENT  # type: ignore[union-attr]


def test_atoms_of_ase_are_read_and_molecules_are_no_crystals() -> None:
    ase = pytest.importorskip("ase")
    cell = [[4, 0, 0], [1, 5, 0], [0, 2, 6]]
    found = sample_of(ase.Atoms("NaCl", scaled_positions=[[0, 0, 0], [0.5, 0.25, 1.5]], cell=cell, pbc=True))
    assert isinstance(found, RawStructure)
    assert found.lattice.tolist() == cell
    assert np.allclose(found.frac_coords, [[0, 0, 0], [0.5, 0.25, 1.5]])
    assert sample_of(ase.Atoms("H2")).reason is InvalidReason.UNREADABLE  # type: ignore[union-attr]
    flat = ase.Atoms("H", cell=[1, 1, 0], pbc=True)
    assert sample_of(flat).reason is InvalidReason.NON_POSITIVE_LATTICE  # type: ignore[union-attr]


def test_results_compare_with_each_other_and_rows_within_one(plugins: Plugins) -> None:
    labels = [rock_salt(i).label for i in range(20)]
    first, second = ours(plugins, [NACL] * 20), ours(plugins, labels)
    (found,) = first.compare(second)
    (novelty_of,) = found.of("novelty")
    assert novelty_of.verdict == "different"
    assert novelty_of.p is not None
    both = evaluate(
        {"a": [NACL] * 20, "b": labels}, dataset="example", metrics="novelty", plugins=plugins, progress=False
    )
    (alone,) = both.compare(both, {"a": "b"})[0].differences
    assert alone.change == novelty_of.change


def test_a_cell_holds_its_interval_and_denominator(plugins: Plugins) -> None:
    (outcome,) = ours(plugins, [NACL, SILICON]).cell("my model", "novelty").outcomes
    assert isinstance(outcome, MetricResult)
    assert outcome.n == 2
    assert outcome.interval is not None
