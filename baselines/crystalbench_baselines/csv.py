"""A column of a CSV file that holds a crystal in each row: the text of a CIF file, or an AFLOW label.

So write crystal-text-llm (``cif``), the relaxations of cryspr (``cif``), WyckoffDiff (``protostructure``) and
Matbench Discovery (``wyckoff_spglib``). crystal-text-llm writes only the texts that it could parse itself,
with one decimal of a length and two of a coordinate: 2 of 45 known crystals change their protostructure by
that rounding.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench import (
    ConfigError,
    Invalid,
    InvalidReason,
    Parameter,
    Parameters,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench.crystals.columns import CRYSTAL_COLUMNS
from crystalbench.errors import unknown_name
from crystalbench_baselines import _cif, _labels
from crystalbench_baselines._rows import header, is_csv, rows

COLUMN = Parameter(
    name="column",
    default="",
    help=f"column of CIF texts or AFLOW labels; default: the one named {', '.join(CRYSTAL_COLUMNS)}",
)


def _detect(path: Path) -> bool:
    return is_csv(path) and not set(CRYSTAL_COLUMNS).isdisjoint(header(path))


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each row.

    Raises
    ------
    ReadError
        If the file is damaged, or no column or several could be meant.
    ConfigError
        If there is no column of the given name.
    """
    lines = rows(path)
    _, names = next(lines, (0, []))
    place = _column(names, str(parameters.get("column", COLUMN.default)), path)
    for number, row in lines:
        if row:  # csv gives an empty list for an empty line
            yield _sample(row[place] if place < len(row) else "", f"line {number}")


def _column(names: list[str], wanted: str, path: Path) -> int:
    if wanted:
        if wanted not in names:
            raise ConfigError(f"{path}: {unknown_name('column', wanted, names)}")
        return names.index(wanted)
    found = [name for name in CRYSTAL_COLUMNS if name in names]
    if len(found) != 1:
        several = f"columns {' and '.join(found)} could be meant" if found else "no column of a known name"
        raise ReadError(f"{path}: {several}; set `column` to one of {', '.join(names)[:300]}")
    return names.index(found[0])


def _sample(text: str, place: str) -> Sample:
    if "_cell_length_a" not in text and "\n" not in text.strip() and not text.lstrip().startswith("data_"):
        return _labels.sample(text, place)
    found = _cif.structure(text)
    if isinstance(found, Invalid) and found.reason is InvalidReason.UNREADABLE:
        return Invalid(found.reason, f"{place}: {found.detail}")
    return found


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="csv",
            version="1",
            title="CSV file",
            description="a column of CIF texts or AFLOW labels (crystal-text-llm, cryspr, WyckoffDiff)",
            detect=_detect,
            read=read,
            parameters=(COLUMN,),
        )
    ]
