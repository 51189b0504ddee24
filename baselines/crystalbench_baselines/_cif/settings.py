"""Names and numbers of space groups, and the settings that they may mean.

The table of 564 settings is gemmi's, and so is the reading of Hall symbols. What is a name is decided here, because
a name that gemmi gives one setting may mean several: ``F d -3 m`` leaves the origin open, ``P 2/m`` the unique axis.

Known are the symbols of International Tables in short and full, with and without spaces, with ``_`` or ``()`` for
subscripts; those before 1952 (``F d 3 m``) and before 2002 (``C m c a``, now ``C m c e``); and what marks the origin
or the axes: ``:1 :2 :H :R``, and ICSD's ``S Z H R HR RS``.
"""

import functools
import re
from dataclasses import dataclass

import numpy as np

from crystalbench_baselines._cif.grammar import CifError
from crystalbench_baselines._cif.operations import Group, closed

_CUBIC = (*range(200, 207), *range(221, 231))
"""Groups whose symbol began with ``-3`` only since 1952 (``P m -3``)."""

_E_GLIDES = (39, 41, 64, 67, 68)
"""Groups whose glide plane across the centring axis is ``e`` since 2002."""

_CHOICE = re.compile(r"(.*?):?(1|2|h|r|hr|rs|s|z)")
_MEANT = {"s": "1", "z": "2", "hr": "h", "rs": "r"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes
    ----------
    number, name, hall
        Of the space group; the name with its origin or axes, such as ``F d -3 m:1``.
    symbol
        The name alone.
    choice
        Origin ``1`` or ``2``, axes ``h`` or ``r``, or cell ``b1`` to ``c3``.
    standard
        Whether International Tables know it as the group's first symbol.
    """

    number: int
    name: str
    hall: str
    symbol: str
    choice: str
    standard: bool

    def group(self) -> Group:
        """Return the operations."""
        return of_hall(self.hall)


@dataclass(frozen=True, slots=True)
class _Table:
    by_symbol: dict[str, list[Setting]]
    by_number: dict[int, list[Setting]]


@functools.cache
def _table() -> _Table:
    import gemmi

    table = _Table({}, {})
    rows = list(gemmi.spacegroup_table())
    standard = {row.number: row.hm for row in rows if row.is_reference_setting()}
    for row in rows:
        choice = row.ext.strip("\0").lower() or row.qualifier.lstrip("-")
        setting = Setting(row.number, row.xhm(), row.hall, row.hm, choice, row.hm == standard[row.number])
        table.by_number.setdefault(row.number, []).append(setting)
        for symbol in _symbols(row.number, row.hm):
            alike = table.by_symbol.setdefault(symbol, [])
            # A symbol means one group, the earlier of the table: ``C 2`` is group 5 in other axes, never ``C 1 1 2``.
            if not alike or alike[0].number == row.number:
                alike.append(setting)
    return table


def _symbols(number: int, symbol: str) -> set[str]:
    """Return the spellings of a symbol, without spaces and in lower case."""
    parts = symbol.lower().split()
    found = {"".join(parts)}
    if 3 <= number <= 15:
        found.add("".join(part for part in parts if part != "1"))
    if number in _CUBIC:
        found.add("".join(parts).replace("-3", "3"))
    if number in _E_GLIDES:
        axis = 1 + "abc".index(parts[0])
        found.add("".join("e" if i == axis else part for i, part in enumerate(parts)))
    if parts[0] == "r":
        found.add("h" + "".join(parts[1:]))
    return found


def _short(symbol: str) -> str:
    """Return the short form of a full symbol: ``P 42/m 21/n 2/m`` is ``P 42/m n m``."""
    symbol = re.sub(r"-32/", "-3", re.sub(r"(?<![0-9\s])\s*(?<![0-9])21?/|(?<=\s)21?/", "", symbol))
    symbol = re.sub(r"(-?3\s+)2/", r"\1", symbol)
    return re.sub(r"^(\w\s*)4[123]?/(\w\s*-?3)", r"\1\2", symbol)


def named(name: str) -> list[Setting]:
    """Return the settings that a Hermann-Mauguin symbol may mean, the usual first; none if it is no symbol."""
    table = _table().by_symbol
    plain = re.sub(r"[_()]", "", name.strip().lower())
    spellings = [(plain, "")]
    if match := _CHOICE.fullmatch(plain):
        spellings.append((match[1], match[2]))
    if ":" in plain:
        spellings.append((plain.partition(":")[0], plain.partition(":")[2].strip()))
    for spelling, choice in spellings:
        for symbol in (spelling, _short(spelling)):
            if found := table.get("".join(symbol.split())):
                return _chosen(found, choice)
    return []


def _chosen(found: list[Setting], choice: str) -> list[Setting]:
    """Return those of the marked origin or axes; without a mark the symbol may mean all, ``C m m e`` two of them."""
    chosen = [one for one in found if choice and one.choice == _MEANT.get(choice, choice)]
    return chosen or found


def numbered(text: str) -> list[Setting]:
    """Return the settings of the group with a number.

    Raises
    ------
    CifError
        If there is none.
    """
    found = _table().by_number.get(int(text)) if re.fullmatch("[0-9]{1,3}", text) else None
    if not found:
        raise CifError(f"there is no space group number {text[:20]!r}")
    return found


def tier(setting: Setting, by_name: bool) -> int:
    """Return how far a setting is from what is usually meant: 0, or more for other axes than the standard ones.

    Origins, and the two kinds of axes of rhombohedral groups, are equally usual.
    """
    if by_name and 3 <= setting.number <= 15:
        return {"b": 0, "c": 1, "a": 2}.get(setting.choice[:1], 0)
    return 0 if setting.standard else 1


@functools.lru_cache(maxsize=256)
def of_hall(symbol: str) -> Group:
    """Return the operations of a Hall symbol.

    Raises
    ------
    CifError
        If it is none.
    """
    import gemmi

    try:
        found = list(gemmi.symops_from_hall(symbol))
    except (ValueError, RuntimeError) as error:
        raise CifError(f"{symbol[:30]!r} is no Hall symbol") from error
    scale = gemmi.Op.DEN
    return closed(np.array([np.column_stack([operation.rot, operation.tran]) for operation in found]) / scale)
