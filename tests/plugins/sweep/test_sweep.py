"""A run converted again: what moves, what does not, and in what units."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result

from crystalbench import (
    Cell,
    Column,
    MetricResult,
    Protostructure,
    RawStructure,
    ReaderSpec,
    Row,
    RowKind,
    hookimpl,
)  # fmt: skip
from crystalbench.cli import main
from crystalbench.cli.exit_codes import ExitCode
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.plugins import Plugins
from crystalbench.runs.checks import Finding
from crystalbench.runs.config import RunConfig
from crystalbench.runs.folder import RunFolder
from crystalbench.runs.plan import make_plan
from crystalbench.runs.run import Run
from crystalbench.runs.verify import Verification
from crystalbench_plugins.metrics import symmetry
from crystalbench_plugins.sweep import command
from crystalbench_plugins.sweep.moves import largest
from crystalbench_plugins.sweep.sweep import SHARES, Sweep, Swept, combinations
from crystalbench_plugins.sweep.written import document, markdown, pictures, statement
from tests.small_plugins import Small

FACES = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
SHIFTS = (0.0, 0.03, 0.08, 0.15)
"""Å that one ion of a rock salt is off its place: its symmetry is found with a larger symprec only."""


def off_place(shift: float) -> RawStructure:
    coords = np.concatenate([FACES, FACES + np.array([0.5, 0, 0])])
    coords[0] += np.array([0.5, 0.7, 0.9]) / np.sqrt(1.55) * shift / 5.64
    return RawStructure.of(5.64 * np.eye(3), coords, [11] * 4 + [17] * 4)


def read_shifts(path: Path, parameters: object) -> Sequence[RawStructure]:
    return [off_place(float(line)) for line in path.read_text().split()]


class Shifts:
    @hookimpl
    def crystalbench_readers(self) -> list[ReaderSpec]:
        return [
            ReaderSpec(name="shifts", version="1", title="Shifts", description="Å off place",
                       detect=lambda path: path.suffix == ".shifts", read=read_shifts)
        ]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRYSTALBENCH_CACHE", str(tmp_path / "cache"))
    plugins = Plugins()
    for name, module in {"small": Small(), "shifts": Shifts(), "symmetry": symmetry, "sweep": command}.items():
        plugins.register(module, name)
    monkeypatch.setattr(Plugins, "load", classmethod(lambda cls, files=(): plugins))
    (tmp_path / "ions.shifts").write_text("\n".join(map(str, SHIFTS)))
    settings = {
        "generators": ["halides", "ions"],
        "dataset": "example",
        "n": 20,
        "workers": 1,
        "metrics": ["halide_share", "p1_share"],
        "generator": {"ions": {"samples": [str(tmp_path / "ions.shifts")]}},
    }
    plan = make_plan(RunConfig.from_mapping(settings), plugins)
    Run(plan, plugins, RunFolder(tmp_path / "run"), log=lambda _: None).execute()
    return tmp_path / "run"


def sweep(run: Path, *more: object) -> Result:
    return CliRunner().invoke(main, ["sweep", str(run), *map(str, more)])


def values(out: Path, column: str) -> dict[tuple[str, float], float]:
    with (out / "sweep.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["column"] == column]
    return {(row["backend"], float(row["symprec"])): float(row["value"]) for row in rows}


def test_shares_are_those_of_converting_each_crystal_by_itself(run: Path, tmp_path: Path) -> None:
    done = sweep(run, "--symprec", "0.01,0.05,0.2", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    shares, others = values(tmp_path / "out", "spacegroup_1"), values(tmp_path / "out", "other_labels")
    own = [convert(off_place(shift), ConversionSettings()) for shift in SHIFTS]
    assert len(shares) == 7  # three tolerances with two backends, and the run's own
    for backend, symprec in shares:
        settings = ConversionSettings(backend=backend, symprec=symprec)  # type: ignore[arg-type]
        made = [convert(off_place(shift), settings) for shift in SHIFTS]
        assert all(isinstance(item, Protostructure) for item in made)
        low = [item.spacegroup == 1 for item in made if isinstance(item, Protostructure)]
        assert shares[backend, symprec] == np.mean(low)
        assert others[backend, symprec] == np.mean([a != b for a, b in zip(made, own, strict=True)])
    assert shares == values(tmp_path / "out", "p1_share")
    assert shares["spglib", 0.01] > shares["spglib", 0.2] == 0


def test_labels_are_not_drawn_again_and_it_is_said_that_they_do_not_move(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALIDES_LOG", str(tmp_path / "log"))
    done = sweep(run)
    assert done.exit_code == 0, done.output
    assert "no setting moves them: Halides." in done.output
    assert not (tmp_path / "log").exists()
    assert "## Halides" not in done.output


def test_each_setting_is_a_run_that_can_be_verified(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # the second time over the first
        assert sweep(run, "--symprec", "0.01", "--backend", "spglib", "--out", out).exit_code == 0
    assert {path.name for path in (out / "runs").iterdir()} == {"spglib-0.1", "spglib-0.01"}
    checks = list(Verification(RunFolder(out / "runs" / "spglib-0.01"), Plugins.load(), redraw=True).checks())
    assert {check.finding for check in checks} == {Finding.HOLDS, Finding.RECORDED}
    read = json.loads((out / "sweep.json").read_text())
    assert read["own"] == "spglib-0.1"
    assert read["unmoved"] == ["Halides"]
    assert {one["backend"] for one in read["values"]} == {"spglib"}
    picture = ElementTree.parse(out / "figures" / "spacegroup_1.svg")
    assert "ions, spglib" in {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}


def test_other_files_are_not_written_over(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    done = sweep(run, "--out", tmp_path / "mine")
    assert done.exit_code == ExitCode.UNUSABLE
    assert "holds other files" in done.output


def test_files_that_moved_are_named_and_other_files_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "ions.shifts").rename(tmp_path / "moved.shifts")
    assert "no such file" in sweep(run).output
    assert sweep(run, "--samples", f"ions={tmp_path / 'moved.shifts'}", "--symprec", "0.1").exit_code == 0
    (tmp_path / "other.shifts").write_text("0\n0\n0\n0.5\n")
    done = sweep(run, "--samples", f"ions={tmp_path / 'other.shifts'}")
    assert done.exit_code == ExitCode.UNUSABLE
    assert "ions: converted as in the run the samples are not those of the run" in done.output


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--symprec", "small"), "expected numbers of Å"),
        (("--symprec", "2"), "over 0 and at most 1 Å"),
        (("--backend", "spglb"), "did you mean 'spglib'"),
        (("--samples", "iones=x"), "did you mean 'ions'"),
    ],
)
def test_what_the_user_gave_wrong_is_named(run: Path, more: tuple[str, ...], message: str) -> None:
    done = sweep(run, *more)
    assert done.exit_code == ExitCode.UNUSABLE
    assert message in done.output


def test_a_run_of_labels_alone_is_refused(run: Path, tmp_path: Path) -> None:
    plan = make_plan(RunConfig(generators=("halides",), dataset="example", n=10, workers=1), Plugins.load())
    Run(plan, Plugins.load(), RunFolder(tmp_path / "labels"), log=lambda _: None).execute()
    assert "no sample of Halides came with coordinates" in sweep(tmp_path / "labels").output


def made_up(own: Cell, other: Cell, title: str = "A") -> Sweep:
    column = Column(key="far", title="Far", latex="", digits=2)
    settings = combinations(ConversionSettings(), [0.01], ["spglib"])
    none = {share.key: (Cell(), Cell()) for share in SHARES}
    row = Row(generator="a", title=title, kind=RowKind.MEASURED, drawn=10)
    swept = Swept(row=row, cells={**none, "far": (own, other)})
    return Sweep(
        title="T", dataset="d", settings=settings, columns=(*SHARES, column), rows=(swept,), unmoved=()
    )  # fmt: skip


def cell(value: float, interval: tuple[float, float] | None = None) -> Cell:
    return Cell(outcomes=(MetricResult(value=value, n=10, interval=interval),))


def test_a_move_counts_half_widths_of_the_interval_of_the_run() -> None:
    made = made_up(cell(2, (1, 3)), cell(5, (0, 100)))
    move = largest(made)
    assert move is not None
    assert move.size == 3
    assert statement(made).startswith(
        r"Largest move: Far of A, from 2.00 [1.0, 3.0] to 5.00 with spglib 0.01 Å: 3 half"
    )
    assert json.loads(document(made))["largest_move"]["half_widths"] == 3


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (cell(2, (1, 3)), cell(2, (1, 3)), "No value that has an interval moves."),
        (cell(2), cell(3, (1, 3)), "No value has an interval"),
        (cell(2, (2, 2)), cell(3), "No value has an interval"),
        (Cell(), cell(3, (1, 3)), "No value has an interval"),
    ],
)
def test_what_does_not_move_or_has_no_interval_is_said(own: Cell, other: Cell, said: str) -> None:
    assert statement(made_up(own, other)).startswith(said)


def test_names_of_strangers_are_text_in_every_form() -> None:
    made = made_up(cell(2, (1, 3)), cell(5), "<b>|[a](javascript:x)")
    assert "<b>" not in markdown(made).replace(r"\<b", "")
    assert all("<b>" not in picture for _, picture in pictures(made))
    assert len(list(pictures(made))) == 1


def test_settings_are_tried_once_and_the_runs_own_first() -> None:
    own = ConversionSettings(symprec=0.05)
    tried = combinations(own, [0.1, 0.05, 0.1], ["spglib", "moyo"])
    assert [(one.backend, one.symprec) for one in tried] == [
        ("spglib", 0.05), ("spglib", 0.1), ("moyo", 0.1), ("moyo", 0.05),
    ]  # fmt: skip
