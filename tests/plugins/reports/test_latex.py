"""LaTeX: it compiles, whatever the names are, and prints what the table says."""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crystalbench import Column, Presentation, Row, RowKind, Table
from crystalbench.tables.merge import with_published
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._latex_text import ACCENTS, GREEK, LABEL_COMMANDS, MATH, TEXT, escape, is_label
from crystalbench_plugins.reports._layout import layout
from crystalbench_plugins.reports.latex import render
from tests.plugins.reports.report_table import of, rich_table

DOCUMENT = r"""\documentclass[CLASS]{article}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


def test_the_best_and_the_deviation_are_set_as_in_a_paper() -> None:
    text = render(rich_table())
    assert r"$\mathbf{0.48 \pm 0.02}$" in text
    assert r"$1175 \pm 80$" in text
    assert r"$1.23 \times 10^{6}$" in text


def test_the_notes_say_which_spread_stands_behind_the_sign() -> None:
    assert "standard deviation over replicas" in render(rich_table())


def test_caption_label_and_settings_are_those_asked_for() -> None:
    wish = Presentation(caption="50% & mine", label="tab:my_label} \\input", settings=True)
    text = render(replace(rich_table(), presentation=wish))
    assert r"\caption{50\% \& mine.}" in text
    assert r"\label{tab:my_labelinput}" in text
    assert "Settings: dataset:" in text
    default = render(rich_table())
    assert r"\caption{WBM, 10,000 samples" in default
    assert r"\label{tab:crystalbench}" in default
    assert "Settings: dataset:" not in default
    assert "% dataset: wbm-rebuilt" in default  # for who finds the file


def test_examples_published_rows_and_failures_are_marked() -> None:
    text = render(rich_table())
    assert r"CDVAE$^{\dagger}$" in text
    assert r"SymmCD$^{\ddagger,\mathrm{g},\mathrm{h}}$" in text
    assert r"\textbf{failed}$^{\mathrm{c}}$" in text
    assert "not results of that generator" in text


def test_columns_of_one_group_stand_under_its_name() -> None:
    table = rich_table()
    columns = tuple(column for column in table.columns if not column.encoder)  # so that the group is in one block
    assert r"\multicolumn{2}{c}{novel}" in render(replace(table, columns=columns))


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("diffcsp++", "diffcsp++"),
        ("my_model 100%", r"my\_model 100\%"),
        ("a&b", r"a\&b"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("Åβ", r"\r{A}$\beta$"),
        ("Ekström", r"Ekstr\"{o}m"),
        ("模", "{[}U+6A21]"),
        ("[x] *", "{[}x] {*}"),  # either would be an argument of the line end before it
        ("a--b", "a-{}-b"),
        ("$x^2$ #1 ~", r"\$x\textasciicircum{}2\$ \#1 \textasciitilde{}"),
    ],
)
def test_names_are_escaped(name: str, latex: str) -> None:
    assert escape(name) == latex


@given(st.text())
def test_escaped_text_is_ascii_with_balanced_braces_and_no_active_character(text: str) -> None:
    latex = escape(plain(text))
    assert latex.isascii()
    bare = re.sub(r"\\[A-Za-z]+|\\.", "", latex)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not set(re.sub(r"\$[^$]*\$", "", bare)) & set("&%#_^\\")


@pytest.mark.parametrize(
    "label", ["Nov.", "$P1$", r"$\mathrm{JSD}_\mathrm{SG}$", r"\# unique \& novel", "SG 1--15", "", r"\AA$^3$"]
)
def test_labels_of_plugins_are_kept(label: str) -> None:
    assert is_label(label)


@pytest.mark.parametrize(
    "label",
    [
        r"\input{/etc/hosts}", r"\write18{x}", "a & b", r"a \\ b", "a % b", "{", "}{", "$x", "x_1", "^^5cinput", "ß",
        "\\", "a\nb", r"\def\x{}", r"\end{tabular}",
    ],
)  # fmt: skip
def test_labels_that_could_break_the_table_are_replaced_by_the_title(label: str) -> None:
    assert not is_label(label)
    column = Column(key="x", title="50% title", latex=label)
    row = Row(generator="g", title="g", kind=RowKind.MEASURED, cells={"x": of(1.0)})
    text = render(Table(title="t", columns=(column,), rows=(row,)))
    assert r"Generator & 50\% title \\" in text


# --- as TeX sets it -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> str:
    found = shutil.which("pdflatex") or shutil.which("tectonic")
    if found is None:
        pytest.skip("neither pdflatex nor tectonic is installed")
    return found


def _compile(engine: str, folder: Path, body: str, options: str = "10pt") -> str:
    """Return the log of a run that ended well, in which nothing stands outside the text or the page."""
    (folder / "paper.tex").write_text(DOCUMENT.replace("CLASS", options) % body, encoding="utf-8")
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if engine.endswith("pdflatex") else ["--keep-logs"]
    done = subprocess.run(
        [engine, *flags, "paper.tex"], cwd=folder, capture_output=True, text=True, errors="replace", timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert not re.findall(r"Overfull .*|Float too large.*|Too many unprocessed floats.*|Missing character.*", log)
    return log


def _words(folder: Path) -> str:
    """Return letters and digits of the pages."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    page = subprocess.run([tool, "-raw", "paper.pdf", "-"], cwd=folder, capture_output=True, text=True, check=True)
    return _pressed(page.stdout.replace("-\n", ""))


def _pressed(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


def _many_rows(table: Table) -> Table:
    copies = ((row, f"{row.title} {i}") for row in table.rows for i in range(30))
    return replace(table, rows=tuple(replace(row, generator=name, title=name) for row, name in copies))


def _long_names(table: Table) -> Table:
    names = ("a_path/to/" * 12, "word " * 30, "x" * 150, "模型" * 20, "W" * 60, "c", "d")
    rows = tuple(
        replace(row, generator=name, title=name, notes=(name, f"{name} 7 {name}"))
        for row, name in zip(table.rows, names, strict=True)
    )
    words = "of many words " * 4
    columns = tuple(replace(column, title=f"{column.title} {words}", latex="") for column in table.columns)
    return replace(table, rows=rows, columns=columns, title=" ".join(names[:3]))


def _published(table: Table) -> Table:
    own = tuple(row for row in table.rows if row.kind is not RowKind.PUBLISHED)
    return with_published(replace(table, rows=own, settings={"dataset": "wbm"}))


@pytest.mark.parametrize("options", ["10pt", "11pt", "12pt", "10pt,twocolumn", "10pt,a4paper"])
@pytest.mark.parametrize("made", [lambda table: table, _published, _many_rows, _long_names])
def test_every_table_compiles_inside_the_page_and_loses_no_note(
    engine: str, tmp_path: Path, made: Callable[[Table], Table], options: str
) -> None:
    table = made(rich_table())
    _compile(engine, tmp_path, render(table), options)
    words = _words(tmp_path)
    sheet = layout(table)
    for _, note in sheet.footnotes:
        assert _pressed(note)[-60:] in words
    for line in sheet.lines:
        assert _pressed(line.title)[:10] in words


def test_every_character_and_label_command_compiles(engine: str, tmp_path: Path) -> None:
    names = "".join(
        [*map(chr, range(32, 0x250)), *MATH, *TEXT, *sorted(GREEK), "模型ab--''", *(f"e{c}" for c in ACCENTS)]
    )
    labels = [_label(name) for name in sorted(LABEL_COMMANDS)]
    assert all(is_label(label) for label in labels)
    columns = tuple(Column(key=str(i), title="t", latex=label) for i, label in enumerate(labels[:6]))
    notes = tuple(names[i : i + 60] for i in range(0, len(names), 60))
    table = replace(rich_table(), columns=columns, title=names[:95], notes=notes)
    _compile(engine, tmp_path, render(table) + "\n" + " ".join(labels))


def _label(name: str) -> str:
    if name in {"emph", "AA"} or name.startswith("text"):
        return rf"\{name}{{x}}"
    arguments = {"frac": "{1}{2}", "sqrt": "{2}"}
    return rf"$\{name}{arguments.get(name, '{x}')}$"
