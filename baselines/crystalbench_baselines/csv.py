"""A column of a CSV file that holds a crystal in each row: the text of a CIF file, an AFLOW label, or a dict.

So write crystal-text-llm (``cif``), the relaxations of cryspr (``cif``), WyckoffDiff (``protostructure``), Matbench
Discovery (``wyckoff_spglib``), and, with the dict of a pymatgen structure as Python or JSON prints it, CrystalFormer
(``cif``) and FlowMM (``structure``). crystal-text-llm writes only the texts that it could parse itself,
with one decimal of a length and two of a coordinate: 2 of 45 known crystals change their protostructure by
that rounding.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from crystalbench import (
    ConfigError,
    Invalid,
    InvalidReason,
    Parameter,
    Parameters,
    ReadError,
    ReaderSpec,
    Sample,
    SettingError,
    hookimpl,
)
from crystalbench.crystals.columns import CRYSTAL_COLUMNS
from crystalbench.errors import unknown_name
from crystalbench_baselines import _cif, _labels, _python_literal
from crystalbench_baselines._cif import Work
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._pymatgen import structure
from crystalbench_baselines._python_literal import LiteralError
from crystalbench_baselines._rows import header, is_csv, rows

COLUMNS = (*CRYSTAL_COLUMNS, "structure")
"""Names that are understood without being told."""

COLUMN = Parameter(
    name="column",
    default="",
    help=f"column with a CIF text, an AFLOW label or a structure in each row; default: the one of {', '.join(COLUMNS)}",
)

_CRYSTALFORMER = {"L", "X", "A", "W", "M"}


def _holds_crystals(head: str) -> bool:
    names = set(header(head))
    return not names.isdisjoint(COLUMNS) or names >= _CRYSTALFORMER


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each row.

    Raises
    ------
    ReadError
        If the file is damaged, or no column or several could be meant.
    ConfigError
        If there is no column of the given name.
    """
    lines = rows(document)
    _, names = next(lines, (0, []))
    first = next(lines, (0, []))
    place = _column(names, first[1], str(parameters.get("column", COLUMN.default)), document)
    if names.count(names[place]) > 1:
        raise ReadError(f"{document}: {names.count(names[place])} columns are called {names[place]!r}; rename them")
    as_cif = names[place] == "cif"
    for number, row in chain([first], lines):
        if row:  # csv gives an empty list for an empty line
            cell = row[place] if place < len(row) else ""
            yield _sample(cell, document.place(f"line {number}"), as_cif, document.work)


def _column(names: list[str], first: list[str], wanted: str, document: Document) -> int:
    if wanted:
        if wanted not in names:
            raise ConfigError(f"{document}: {unknown_name('column', wanted, names)}")
        return names.index(wanted)
    found = [name for name in COLUMNS if name in names]
    if len(found) == 1:
        return names.index(found[0])
    if set(names) >= _CRYSTALFORMER:
        raise ReadError(
            f"{document}: CrystalFormer's numbers of a crystal (L, X, A, W, M), not crystals; its awl2struct.py makes "
            "the file with structures of it"
        )
    if found:
        raise SettingError(f"{document}: columns {' and '.join(found)} could be meant", "column", found[0])
    if not any(name.strip() for name in names):
        raise ReadError(f"{document}: no names of columns in its first line")
    shown = ", ".join(names)[:300]
    crystals = [name for name, cell in zip(names, first, strict=False) if name.strip() and _looks_like_crystal(cell)]
    likely = next((name for name in (*crystals, *names) if name.strip()), "")
    raise SettingError(f"{document}: no column of a known name; there are {shown}", "column", likely)


def _looks_like_crystal(cell: str) -> bool:
    text = cell.lstrip()
    return "_cell_length_a" in text or text.startswith("{") or _labels.LABEL.fullmatch(text) is not None


def _sample(text: str, place: str, as_cif: bool, work: Work) -> Sample:
    """Return what a cell holds: a CIF text if the column says so, else what it looks like."""
    if text.strip().lower() in _labels.NOTHING:
        return Invalid(InvalidReason.UNREADABLE, f"{place}: an empty cell")
    if text.lstrip().startswith("{"):
        work(sum(map(text.count, "[]{}(),:\"'")))
        try:
            return structure(_python_literal.parse(text), place)
        except LiteralError as error:
            return Invalid(InvalidReason.UNREADABLE, f"{place}: {error}")
    as_cif = as_cif or "_cell_length_a" in text or "\n" in text.strip() or text.lstrip().startswith("data_")
    if not as_cif:
        return _labels.sample(text, place)
    found = _cif.structure(text, work)
    if isinstance(found, Invalid) and found.reason is InvalidReason.UNREADABLE:
        return Invalid(found.reason, f"{place}: {found.detail}")
    return found


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="csv",
            version="4",
            title="CSV file",
            description="a column of CIF texts, AFLOW labels or structures (crystal-text-llm, CrystalFormer, FlowMM)",
            named=is_csv,
            what="CSV files",
            samples=_samples,
            suffixes=(".csv", ".tsv"),
            shown=_holds_crystals,
            parameters=(COLUMN,),
        )
    ]
