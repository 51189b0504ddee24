"""Numbers from papers: as printed, with their source, and strictly checked."""

from pathlib import Path

import pytest

from crystalbench import Cell, Missing, ReadError, RowKind
from crystalbench.tables.published import load_published, published_folder, rows

METRICS = {
    "fwd", "novelty", "uniqueness", "novel_fwd", "novel_uniqueness", "novel_per_minute", "prototype_novelty",
    "smact_validity",
}  # fmt: skip
SMALL = """\
schema_version = 1
[source]
short = "S"
title = "T"
authors = "A"
venue = "V"
arxiv = "1"
[[table]]
name = "Table 1"
datasets = ["d"]
units = { novelty = "%", fwd = "" }
marks = { "*" = "short training" }
[[table.rows]]
generator = "g"
title = "G"
marks = ["*"]
values.novelty = [30.2, 0.97]
omitted = ["fwd"]
"""


def printed(cell: Cell) -> tuple[str, ...]:
    """Return the digits of a published cell."""
    return tuple(f"{number:f}" for number in cell.published or () if number is not None)


def cell(dataset: str, generator: str, metric: str) -> tuple[str, ...]:
    return printed(next(row for row in rows(dataset) if row.generator == generator).cells[metric])


def test_the_numbers_to_hold_against_are_there() -> None:
    fwd = {row.generator: printed(row.cells["fwd"]) for row in rows("wbm")}
    assert fwd["wyckoffdiff-zeros"] == ("0.48", "0.02")
    assert fwd["wyckoffdiff-marginal"] == ("0.55", "0.05")
    assert fwd["wyckoffdiff-uniform"] == ("2.29", "0.15")
    assert fwd["diffcsp++"] == ("0.83", "0.14")
    assert fwd["symmcd"] == ("1.47", "0.29")
    assert fwd["cdvae"] == ("41.9", "2.69")


def test_zeros_at_the_end_are_kept() -> None:
    assert cell("wbm", "cdvae", "uniqueness") == ("0.999", "0.0000")  # 99.9 ± 0.00 %
    assert cell("wbm", "cdvae", "novel_fwd") == ("41.8", "2.60")
    assert cell("carbon24", "cdvae", "novelty") == ("0.0530", "0.0145")


def test_percentages_are_fractions_to_the_last_bit() -> None:
    names = ("wyckoffdiff-zeros", "wyckoffdiff-marginal", "wyckoffdiff-uniform", "diffcsp++", "symmcd", "cdvae")
    novelty = [float(cell("wbm", name, "novelty")[0]) for name in names]
    assert novelty == [0.302, 0.314, 0.402, 0.484, 0.523, 0.994]
    speed = [float(cell("wbm", name, "novel_per_minute")[0]) for name in names]
    assert speed == [119, 125, 159, 46, 115, 71]


def test_tables_of_one_paper_are_joined_in_one_row_per_generator() -> None:
    row = next(row for row in rows("wbm") if row.generator == "diffcsp++")
    assert set(row.cells) == METRICS
    assert printed(row.cells["prototype_novelty"]) == ("527", "39")
    assert printed(row.cells["smact_validity"]) == ("0.871", "0.0051")
    assert "Table 1, Table 2, Appendix D" in row.notes[0]
    assert "arXiv:2502.06485" in row.notes[0]


def test_carbon_has_its_own_numbers() -> None:
    assert cell("carbon24", "wyckoffdiff-marginal", "novel_uniqueness") == ("0.290", "0.0342")
    assert cell("carbon24", "cdvae", "prototype_novelty") == ("167", "21")


def test_rebuilt_data_show_the_same_rows_with_the_caveat() -> None:
    assert rows("wbm-rebuilt") == rows("wbm")
    assert all(any("authors' own split" in note for note in row.notes) for row in rows("wbm-rebuilt"))
    assert rows("unheard of") == ()


def test_numbers_that_could_not_be_read_are_empty_and_say_so() -> None:
    row = next(row for row in rows("wbm") if row.generator == "wyckoffdiff-zeros")
    for metric in ("uniqueness", "novel_uniqueness"):
        assert row.cells[metric].mean is None
        assert isinstance(row.cells[metric].problem, Missing)


def test_every_row_is_published_and_has_a_source() -> None:
    for dataset in ("wbm", "carbon24"):
        for row in rows(dataset):
            assert row.kind is RowKind.PUBLISHED
            assert row.notes
            assert set(row.cells) <= METRICS


def test_footnote_marks_are_spelt_out() -> None:
    row = next(row for row in rows("wbm") if row.generator == "symmcd")
    assert any("NaN" in note for note in row.notes)


def test_the_packaged_files_are_found() -> None:
    assert (published_folder() / "wyckoffdiff_2025.toml").is_file()
    assert len(load_published()) == 5


def test_a_small_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(SMALL, encoding="utf-8")
    (row,) = rows("d", tmp_path)
    assert printed(row.cells["novelty"]) == ("0.302", "0.0097")
    assert row.notes == ("S, “T”, V, arXiv:1: Table 1", "short training")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema_version = 1", "schema_version = 2", "schema_version is 2; expected 1"),
        ("schema_version = 1", "schema_version = ", "not a TOML file"),
        ('venue = "V"\n', "", "source lacks venue"),
        ('venue = "V"', "venue = 1", "source.venue is 1; expected text"),
        ('title = "G"', 'title = "G"\nbest = true', "unknown key 'best'"),
        ("[30.2, 0.97]", "[30.2, 0.97, 1]", r"values\.novelty is .*expected \[mean\]"),
        ("[30.2, 0.97]", "[30.2, -0.97]", "not negative"),
        ("[30.2, 0.97]", "[nan]", "expected a finite number"),
        ("[30.2, 0.97]", "['30.2']", "expected a finite number"),
        ("values.novelty", "values.novelity", "'novelity', which the table's units do not list"),
        ('omitted = ["fwd"]', 'omitted = ["novelty"]', "gives novelty of g a second time"),
        ('marks = ["*"]', 'marks = ["**"]', r"the mark '\*\*', which the table does not explain"),
    ],
)  # fmt: skip
def test_errors_name_file_and_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SMALL
    (tmp_path / "bad.toml").write_text(SMALL.replace(old, new), encoding="utf-8")
    with pytest.raises(ReadError, match=message) as caught:
        load_published(tmp_path)
    assert "bad.toml" in str(caught.value)
