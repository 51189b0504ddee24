"""Protostructures: space group, elements and Wyckoff positions of a crystal, without coordinates or lattice.

A protostructure is written as an AFLOW label with its chemical system (Mehl et al., doi
10.1016/j.commatsci.2017.01.017; Goodall et al., doi 10.1126/sciadv.abn4117)::

    A2B_tP6_136_f_a:O-Ti
    |   |   |   | | `--- elements, alphabetical
    |   |   |   | `----- Wyckoff letters of the second element (Ti on 2a)
    |   |   |   `------- Wyckoff letters of the first element (O on 4f); `a3i` is one orbit on a, three on i
    |   |   `----------- space-group number
    |   `--------------- Pearson symbol: crystal family, centring, atoms in the conventional cell
    `------------------- reduced formula, elements named A, B, C in the order of the list

`Protostructure` is canonical by construction: all equivalent letterings (`crystalbench.crystals.wyckoff.permutations`)
give the same object. Everything but the space group and the orbits is derived.
"""

import contextlib
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import index
from string import ascii_uppercase
from typing import NoReturn, Self

from crystalbench.crystals import prototype, wyckoff
from crystalbench.crystals.elements import ELEMENTS, ISOTOPES, NUMBERS
from crystalbench.crystals.prototype import RUN, Parts
from crystalbench.crystals.wyckoff import Table
from crystalbench.errors import ProtostructureError

_SYMBOLS = {symbol: symbol for symbol in ELEMENTS}


@dataclass(frozen=True, slots=True, order=True)
class Orbit:
    """One orbit: an element on a Wyckoff position.

    Attributes
    ----------
    element : str
        Element symbol.
    letter : str
        Wyckoff letter, ``a`` to ``z`` or ``A``.
    """

    element: str
    letter: str


_orbit = functools.lru_cache(maxsize=1 << 14)(Orbit)  # 118 elements x 27 letters at most: orbits are shared


@dataclass(frozen=True, slots=True, order=True, init=False, repr=False)
class Protostructure:
    """A space group and the orbits of its atoms, canonical by construction.

    Equality and order are those of ``(spacegroup, orbits)``. Objects made with different tables may describe
    one crystal with different letters: use one table throughout.

    Parameters
    ----------
    spacegroup : int
        Space-group number, 1 to 230.
    orbits : iterable of Orbit or (element, letter)
        One entry per orbit, in any order and any equivalent lettering (standard setting).
    table : Table
        Which letterings count as equivalent.

    Raises
    ------
    ProtostructureError
        If the space group, an element or a letter does not exist, a position without free coordinates is
        occupied twice, or there are no orbits (also a `ValueError`).

    Examples
    --------
    >>> rutile = Protostructure(136, [("Ti", "b"), ("O", "g")])
    >>> rutile.label
    'A2B_tP6_136_f_a:O-Ti'
    """

    spacegroup: int
    orbits: tuple[Orbit, ...]
    table: Table = field(compare=False)
    label: str = field(compare=False)
    """Canonical label, for example ``A2B_tP6_136_f_a:O-Ti``."""

    def __init__(self, spacegroup: int, orbits: Iterable[Orbit | tuple[str, str]], table: Table = Table.AFFINE) -> None:
        with contextlib.suppress(TypeError):  # what is no integer is refused with the other bad groups below
            spacegroup = index(spacegroup)
        names, letters = [], []
        for orbit in orbits:
            name, letter = (orbit.element, orbit.letter) if isinstance(orbit, Orbit) else orbit
            element = _SYMBOLS.get(name)
            if element is None:
                raise ProtostructureError(f"{name!r} is no element symbol; expected one of H to Og")
            names.append(element)
            letters.append(wyckoff.position(spacegroup, letter).letter)
        self._set_canonical(spacegroup, *_by_element(names, letters), Table(table))

    def _set_canonical(self, spacegroup: int, elements: tuple[str, ...], parts: Parts, table: Table) -> None:
        parts, aflow = prototype.canonical(spacegroup, parts, table)
        self._set(spacegroup, elements, parts, table, f"{aflow}:{'-'.join(elements)}")

    def _set(self, spacegroup: int, elements: Iterable[str], parts: Parts, table: Table, label: str) -> None:
        pairs = zip(elements, parts, strict=True)
        put = object.__setattr__
        put(self, "spacegroup", spacegroup)
        put(self, "orbits", tuple([_orbit(element, letter) for element, part in pairs for letter in part]))
        put(self, "table", table)
        put(self, "label", label)

    def __hash__(self) -> int:
        # The label is a function of (space group, orbits), and a string remembers its hash.
        return hash(self.label)

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        table = "" if self.table is Table.AFFINE else f", {self.table!s}"
        return f"{type(self).__name__}.parse({self.label!r}{table})"

    @classmethod
    def parse(cls, label: str, table: Table = Table.AFFINE) -> Self:
        """Read a label; every part of it is checked against the others.

        Any equivalent lettering is accepted, and so are the spellings ``1a`` for ``a``, ``oS``, ``oA``, ``mS`` for
        base-centred Pearson symbols, and AFLOW's ``hR2`` for ``hR6``: it counts the atoms of the primitive
        rhombohedral cell, a third of the hexagonal one that is written here. D and T are hydrogen.

        Raises
        ------
        ProtostructureError
            If the text is no label, or its parts contradict each other. The message shows the place and the
            remedy.
        """
        if not isinstance(label, str):
            raise ProtostructureError(f"a label is text such as 'A2B_tP6_136_f_a:O-Ti', not {label!r}")
        try:
            spacegroup, parts, elements = _read(label)
        except _LabelError as error:
            raise error.explain(label) from None
        self = cls.__new__(cls)
        self._set_canonical(spacegroup, *_by_element(elements, parts), Table(table))
        return self

    @classmethod
    def from_canonical(cls, label: str, table: Table = Table.AFFINE) -> Self:
        """Read a label that this class wrote with the same table, without checking it again (see `parse`)."""
        aflow, _, chemsys = label.partition(":")
        _, _, number, text = aflow.split("_", 3)
        self = cls.__new__(cls)
        self._set(int(number), chemsys.split("-"), prototype.trusted_parts(text), Table(table), label)
        return self

    @property
    def elements(self) -> tuple[str, ...]:
        """Element symbols, alphabetical."""
        return tuple(dict.fromkeys([orbit.element for orbit in self.orbits]))

    @property
    def chemsys(self) -> str:
        """Chemical system, for example ``"O-Ti"``."""
        return self.label.partition(":")[2]

    @property
    def composition(self) -> dict[str, int]:
        """Atoms of each element in the conventional cell, alphabetical."""
        table = wyckoff.by_letter(self.spacegroup)
        counts = dict.fromkeys(self.elements, 0)
        for orbit in self.orbits:
            counts[orbit.element] += table[orbit.letter].multiplicity
        return counts

    @property
    def formula(self) -> str:
        """Reduced formula in alphabetical order, for example ``"O2Ti"``."""
        composition = self.composition
        numbers = prototype.reduced(tuple(composition.values()))
        return "".join([f"{el}{n}" if n > 1 else el for el, n in zip(composition, numbers, strict=True)])

    @property
    def pearson(self) -> str:
        """Pearson symbol, for example ``"tP6"`` (base-centred lattices are spelt ``oC``, ``mC``)."""
        return self.label.split("_", 2)[1]

    @property
    def n_atoms(self) -> int:
        """Number of atoms in the conventional cell."""
        return int(self.pearson[2:])

    @property
    def n_sites_primitive(self) -> int:
        """Number of atoms in the primitive cell."""
        return self.n_atoms // wyckoff.lattice_points(self.spacegroup)

    @property
    def degrees_of_freedom(self) -> int:
        """Free coordinates of all orbits together (the lattice has `lattice_degrees_of_freedom` more)."""
        table = wyckoff.by_letter(self.spacegroup)
        return sum([table[orbit.letter].dof for orbit in self.orbits])

    @property
    def lattice_degrees_of_freedom(self) -> int:
        """Free lattice parameters, 1 (cubic) to 6 (triclinic)."""
        return wyckoff.lattice_dof(self.spacegroup)

    @property
    def prototype(self) -> str:
        """Canonical AFLOW label of the prototype, ``"A2B_tP6_136_f_a"`` with the less frequent element first.

        Equal for all protostructures that differ only in which element is where.
        """
        aflow = self.label.partition(":")[0]
        return prototype.prototype_label(self.spacegroup, prototype.trusted_parts(aflow.split("_", 3)[3]), self.table)

    @property
    def occupation(self) -> str:
        """Which positions hold how many orbits, ``"tP6_136_af"``: the prototype without its colours.

        Canonical under the affine normaliser, whatever the table.
        """
        return prototype.occupation(self.label.partition(":")[0])


def _by_element(elements: Iterable[str], letters: Iterable[str]) -> tuple[tuple[str, ...], Parts]:
    """Elements, alphabetical, and the sorted letters of each."""
    found: dict[str, str] = {}
    for element, text in zip(elements, letters, strict=True):
        found[element] = found.get(element, "") + text
    names = tuple(sorted(found))
    return names, tuple(["".join(sorted(found[name])) for name in names])


def canonical_orbits(
    spacegroup: int, orbits: Iterable[Orbit | tuple[str, str]], table: Table = Table.AFFINE
) -> tuple[Orbit, ...]:
    """Return the orbits in the canonical lettering, sorted (see `crystalbench.crystals.prototype`)."""
    return Protostructure(spacegroup, orbits, table).orbits


class _LabelError(Exception):
    """What is wrong with a label, at which column (from 0), and what would be right."""

    def __init__(self, column: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.column, self.problem, self.remedy = column, problem, remedy

    def explain(self, label: str) -> ProtostructureError:
        start = max(0, self.column - 60)  # a long label is shown around the place
        shown = "".join(c if c.isprintable() else "?" for c in label[start : self.column + 60])
        return ProtostructureError(
            f"not a protostructure label: {self.problem} (column {self.column + 1})\n"
            f"    {shown}\n    {' ' * (self.column - start)}^\n{self.remedy}"
        )


_EXAMPLE = "expected formula_pearson_group_letters...:elements, such as A2B_tP6_136_f_a:O-Ti"
_BLANK = re.compile(r"\s|^$")
_PEARSON = re.compile(r"([amothc])([PCSABIFR])([1-9][0-9]{0,8})")
_FORMULA = re.compile(r"(?:[A-Z](?:[1-9][0-9]{0,8})?)+")
_SUFFIX = re.compile(r"[-.](?:[0-9]+|[A-Z][A-Za-z0-9-]*)")  # AFLOW's prototypes: A_hP4_194_f-001, A_cF8_227_a.C
_TERM = re.compile(r"[A-Z][0-9]*")


def _read(label: str) -> tuple[int, Parts, tuple[str, ...]]:
    """Space group, parts (letters sorted) and elements of a label; raises `_LabelError`."""
    if blank := _BLANK.search(label):
        _refuse_blank(label, blank.start())
    aflow, colon, chemsys = label.partition(":")
    if not colon:
        remedy = f"{_EXAMPLE} (a prototype has no elements)"
        raise _LabelError(len(label), "no ':' followed by elements", remedy)
    fields = aflow.split("_")
    if len(fields) < 4:
        raise _LabelError(len(aflow), f"{len(fields)} of at least 4 fields before the colon", _EXAMPLE)
    starts = [0]
    for part in fields:
        starts.append(starts[-1] + len(part) + 1)
    elements = _read_elements(chemsys, len(aflow) + 1)
    spacegroup = _read_spacegroup(fields[2], starts[2])
    if len(fields) - 3 != len(elements):
        problem = f"Wyckoff letters of {len(fields) - 3} elements, but {len(elements)} after the colon"
        raise _LabelError(starts[3], problem, "give one group of letters per element, separated by '_'")
    places = starts[3:-1]
    read: list[str] = []
    for text, at in zip(fields[3:], places, strict=True):
        read.append(_read_part(text, spacegroup, at, prototype.MAX_ORBITS - sum(map(len, read))))
    parts = tuple(read)
    _check_occupation(parts, spacegroup, places)
    atoms = prototype.amounts(spacegroup, parts)
    _check_formula(fields[0], prototype.reduced(atoms))
    _check_pearson(fields[1], spacegroup, sum(atoms), starts[1])
    return spacegroup, parts, elements


def _refuse_blank(label: str, at: int) -> NoReturn:
    if label.strip() and not _BLANK.search(label.strip()):
        raise _LabelError(at, "blank space around the label", "remove it")
    remedy = "a labelling tool may have returned its error message as the label; convert the crystal again"
    raise _LabelError(at, "a sentence, not a label", f"{_EXAMPLE}; {remedy}")


def _read_elements(chemsys: str, at: int) -> tuple[str, ...]:
    symbols = chemsys.split("-")
    previous = ""
    for symbol in symbols:
        if symbol not in NUMBERS:
            remedy = "expected symbols from H to Og, joined by '-'"
            raise _LabelError(at, f"{symbol!r} is no element symbol", remedy)
        if symbol <= previous:
            remedy = "list each element once, alphabetically, and the Wyckoff letters in the same order"
            raise _LabelError(at, f"{symbol} after {previous}", remedy)
        previous = symbol
        at += len(symbol) + 1
    if len(symbols) > prototype.MAX_ELEMENTS:
        remedy = f"a label has at most {prototype.MAX_ELEMENTS} (A to Z)"
        raise _LabelError(at - 1, f"{len(symbols)} elements", remedy)
    return tuple([ISOTOPES.get(symbol, symbol) for symbol in symbols])


def _read_spacegroup(text: str, at: int) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text) or int(text) > 230:
        raise _LabelError(at, f"{text!r} is no space-group number", "expected a number from 1 to 230")
    return int(text)


def _read_part(text: str, spacegroup: int, at: int, free: int) -> str:
    """Letters of one element, sorted, with repeats; ``free`` orbits at most."""
    known = wyckoff.letters(spacegroup)
    read = ""
    end = 0
    for run in RUN.finditer(text):
        if run.start() != end:
            break
        count, letter = run.groups()
        end = run.end()
        if letter not in known:
            remedy = f"its letters are {known[0]} to {known[-1]}; check letters and group"
            raise _LabelError(at + end - 1, f"space group {spacegroup} has no Wyckoff letter {letter!r}", remedy)
        if letter in read:
            remedy = f"write the number of its orbits once, as in 2{letter}"
            raise _LabelError(at + end - 1, f"{letter} twice for one element", remedy)
        if count.startswith("0") or len(count) > 4 or len(read) + int(count or 1) > free:
            remedy = f"expected a number from 1, and {prototype.MAX_ORBITS} orbits at most in all"
            raise _LabelError(at + run.start(), f"{count[:20] or 1} orbits", remedy)
        read += letter * int(count or 1)
    if suffix := _SUFFIX.fullmatch(text, end):
        problem = f"{suffix[0]!r} numbers a prototype among those of one label"
        raise _LabelError(at + end, problem, "remove it: a protostructure has no coordinates to tell them apart")
    if end != len(text) or not text:
        problem = f"{text[end]!r} is no Wyckoff letter" if text[end:] else "an element without Wyckoff letters"
        raise _LabelError(at + end, problem, "expected letters such as a, 2f or c3i, numbers before letters")
    return "".join(sorted(read))


def _check_occupation(parts: Parts, spacegroup: int, starts: list[int]) -> None:
    known = wyckoff.by_letter(spacegroup)
    seen = ""
    for part, at in zip(parts, starts, strict=True):
        for letter in dict.fromkeys(part):
            if (letter in seen or part.count(letter) > 1) and known[letter].dof == 0:
                problem = f"position {letter} of space group {spacegroup} is occupied twice"
                raise _LabelError(at, problem, "it has no free coordinate and holds one orbit only")
            seen += letter


def _check_formula(text: str, expected: tuple[int, ...]) -> None:
    right = "".join([a if n == 1 else f"{a}{n}" for a, n in zip(ascii_uppercase, expected, strict=False)])
    if text == right:
        return
    if not _FORMULA.fullmatch(text):
        raise _LabelError(0, f"{text!r} is no formula", "expected A, B, C... with amounts, such as A2B")
    column = 0
    for stated, wanted in zip(_TERM.findall(text), _TERM.findall(right), strict=False):
        if stated != wanted:
            break
        column += len(stated)
    problem = f"formula {text}, but the Wyckoff letters give {right}"
    raise _LabelError(column, problem, "check the amounts, or the letters and the group")


def _check_pearson(text: str, spacegroup: int, n_atoms: int, at: int) -> None:
    prefix = wyckoff.pearson_prefix(spacegroup)
    if text == f"{prefix}{n_atoms}":
        return
    remedy = f"expected {prefix}{n_atoms}"
    match = _PEARSON.fullmatch(text)
    if not match:
        raise _LabelError(at, f"{text!r} is no Pearson symbol", remedy)
    family, centring, stated = match.groups()
    if family + ("C" if prefix[1] == "C" and centring in "SAB" else centring) != prefix:
        raise _LabelError(at, f"Pearson symbol {text} in space group {spacegroup}", remedy)
    primitive = n_atoms // wyckoff.lattice_points(spacegroup)
    if int(stated) != n_atoms and not (prefix == "hR" and int(stated) == primitive):
        remedy += f" (or AFLOW's hR{primitive}, which counts the primitive cell)" * (prefix == "hR")
        raise _LabelError(at + 2, f"{stated} atoms, but the Wyckoff letters hold {n_atoms}", remedy)
