"""Figures for papers: of the size that was asked for, fonts in them, and names are text."""

import re
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from crystalbench import Cell, Column, Direction, MetricResult, Row, RowKind, Table
from crystalbench.cli import main
from crystalbench.cli.exit_codes import ExitCode
from crystalbench.tables.distribution import Distribution
from crystalbench_plugins.metrics.size_effect import Point
from crystalbench_plugins.plot import values
from crystalbench_plugins.plot.materials import _spectrum, _table
from crystalbench_plugins.plot.paper import DOUBLE, DPI, SINGLE, Drawing, style, write
from crystalbench_plugins.reports._layout import layout
from crystalbench_plugins.reports._profile import profile

pytest.importorskip("matplotlib")

EVIL = "$\\frac{1}{0}$_<b>&%"
LABELS = ("AB_cF8_225_a_b:Cl-Na", "AB_cF8_225_a_b:Br-K", "A2B_tP6_136_f_a:O-Ti")
OWN, TRAINING = profile(LABELS), profile(LABELS * 4)


def table(name: str) -> Table:
    far = Column(key="far", title="Far", latex="", direction=Direction.LOWER, show_interval=True)
    held = Distribution("training", -1.0, 0.5, (1, 2, 3), (-0.5, 0.0, 0.2))
    result = MetricResult(
        value=5, n=10, interval=(3, 40), details={"distributions": [held.to_json(), {**held.to_json(), "name": EVIL}]}
    )
    cells = {"far": Cell(outcomes=(result,))}
    rows = tuple(
        Row(generator=one, title=one, kind=RowKind.MEASURED, drawn=10, valid=10, cells=cells) for one in (name, "b")
    )
    return Table(title="T", columns=(far,), rows=rows)


def point(title: str, n: int) -> Point:
    return Point(encoder="e", generator=title, title=title, n=n, blocks=1, fwd=9.0, fwd_std="", corrected=-0.5,
                 corrected_std="", low=0.0, high=4.0, floor="")  # fmt: skip


def drawings(name: str) -> list[Drawing]:
    sheet = layout(table(name))
    return [
        *values.intervals(sheet),
        *values.energies(sheet),
        values.size_effect([point(name, 500), point(name, 1000)]),
        Drawing(name="elements", width=DOUBLE, height=4.0, draw=lambda figure: _table(name, OWN, TRAINING, figure)),
        Drawing(name="groups", width=DOUBLE, height=2.0, draw=lambda figure: _spectrum(name, OWN, TRAINING, figure)),
    ]


@pytest.mark.parametrize("name", ["A", EVIL])
def test_every_figure_is_a_file_of_its_size_whatever_names_it_shows(name: str, tmp_path: Path) -> None:
    with style():
        for drawing in drawings(name):
            assert drawing.width in (SINGLE, DOUBLE)
            pdf = write(drawing, tmp_path, "pdf").read_bytes()
            assert pdf.startswith(b"%PDF-")
            assert pdf.rstrip().endswith(b"%%EOF")
            (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", pdf)
            assert [float(side) / 72 for side in box] == pytest.approx([drawing.width, drawing.height], abs=1e-3)
            assert b"/FontFile2" in pdf  # TrueType, embedded
            assert b"/Subtype /Type3" not in pdf
            png = write(drawing, tmp_path, "png").read_bytes()
            assert struct.unpack(">II", png[16:24]) == (int(drawing.width * DPI), int(drawing.height * DPI))
            svg = ElementTree.parse(write(drawing, tmp_path, "svg")).getroot()
            assert svg.attrib["width"] == f"{drawing.width * 72:g}pt"


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    with style():
        for suffix in ("pdf", "svg", "png"):
            drawing = drawings("A")[0]
            assert write(drawing, tmp_path, suffix).read_bytes() == write(drawing, tmp_path, suffix).read_bytes()


def test_names_that_differ_make_files_that_differ_inside_the_folder() -> None:
    names = {values.file_name("elements", name) for name in ("a/b", "a_b", "a b", "../a", EVIL)}
    assert len(names) == 5
    assert all("/" not in name and "%" not in name and not name.startswith(".") for name in names)


def test_a_figure_that_nobody_knows_and_a_folder_without_a_run_are_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["plot", str(tmp_path), "--what", "energy", "--out", str(tmp_path / "out")])
    assert done.exit_code == ExitCode.UNUSABLE
    assert "did you mean 'energies'" in done.output
    done = CliRunner().invoke(main, ["plot", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "no table here" in done.output
    assert not (tmp_path / "out").exists()
