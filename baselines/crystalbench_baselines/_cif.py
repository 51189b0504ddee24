"""Crystallographic Information Files: text to `RawStructure`.

A reader of its own, because with files of generators the details matter, and libraries settle them silently and
differently (pymatgen 2026.10, ASE 3.29):

- CrystaLLM writes an asymmetric unit and a full space-group symbol, but ``x, y, z`` as the only operation. Both
  libraries then read the asymmetric unit as the whole cell (rutile: Ti1O1, not Ti2O4). Here the operations
  of the named group are used (`crystalbench_baselines._cif_symmetry`).
- Na and Cl on one site: ASE drops one of them, pymatgen finds no structure in the file. Here both stay, and
  the screening of all structures, whatever they were read from, says that they overlap. Merged are only the
  images of *one* listed site within `SAME_POSITION`: that is a special position.
- A negative length builds a fine lattice in both. Here lengths and angles are tested first.

Partial occupancy and disorder groups are `Invalid`: a protostructure has whole atoms.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason, RawStructure
from crystalbench_baselines._cif_symmetry import CifError, Sites, expand, operations, settings
from crystalbench_baselines._elements import UnknownElementError, atomic_number, atomic_number_of_label, is_whole

MAX_SITES = 10_000
"""Listed sites in one file."""

_TOKEN = re.compile(
    r"""
      ^;(?P<field>.*?)^;                           # text field: from a semicolon that begins a line to the next one
    | (?P<comment>\#[^\n]*)
    | '(?P<single>[^\n]*?)'(?=\s|\Z)
    | "(?P<double>[^\n]*?)"(?=\s|\Z)
    | (?P<bare>\S+)
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_NUMBER = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:nan|inf))(?:\([0-9]+\))?", re.I)
_UNKNOWN = ("?", ".")
_XYZ = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_NAME = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full")
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_GROUP_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")


@dataclass(slots=True)
class Block:
    """One data block: single values, and columns of loops, by lower-case tag."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)

    def first(self, tags: tuple[str, ...]) -> str:
        """Return the first value that is there and known, or an empty text."""
        found = (self.values.get(tag, "?") for tag in tags)
        return next((value.strip() for value in found if value.strip() not in _UNKNOWN), "")

    def column(self, tag: str) -> list[str]:
        """Return a column of a loop; a single value counts as a column of one row."""
        if tag in self.columns:
            return self.columns[tag]
        return [self.values[tag]] if tag in self.values else []


def structures(text: str) -> list[RawStructure | Invalid]:
    """Return the structure of each data block that has a cell or atoms; one `Invalid` if none has."""
    try:
        blocks = [b for b in _blocks(text) if "_cell_length_a" in b.values or _has_sites(b)]
        if not blocks:
            raise CifError("no cell and no atoms in it")
    except CifError as error:
        return [Invalid(InvalidReason.UNREADABLE, str(error))]
    return [_structure(block) for block in blocks]


def structure(text: str) -> RawStructure | Invalid:
    """Return the one structure in a text."""
    found = structures(text)
    if len(found) > 1:
        return Invalid(InvalidReason.UNREADABLE, f"{len(found)} structures in one text, expected one")
    return found[0]


def _has_sites(block: Block) -> bool:
    return bool(block.column("_atom_site_fract_x"))


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each token, and whether it was quoted."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "comment":
            continue
        token = match[kind or 0]
        if kind == "bare" and (token[0] in "'\"" or (token[0] == ";" and _begins_line(text, match.start()))):
            raise CifError(f"a quotation that does not end: {token[:20]}")
        yield token, kind != "bare"


def _begins_line(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] == "\n"


def _blocks(text: str) -> list[Block]:
    blocks: list[Block] = []
    tokens = list(_tokens(text))
    i = 0
    while i < len(tokens):
        token, quoted = tokens[i]
        lower = token.lower()
        if quoted:
            raise CifError(f"a value without a tag: {token[:20]!r}")
        if lower.startswith("data_"):
            blocks.append(Block(token[5:]))
            i += 1
        elif not blocks:
            raise CifError(f"it does not begin with data_ but with {token[:20]!r}")
        elif lower == "loop_":
            i = _loop(tokens, i + 1, blocks[-1])
        elif token.startswith("_"):
            if i + 1 == len(tokens) or _is_keyword(*tokens[i + 1]):
                raise CifError(f"{token} has no value")
            _put(blocks[-1], lower, tokens[i + 1][0])
            i += 2
        else:
            raise CifError(f"a value without a tag: {token[:20]!r}")
    return blocks


def _is_keyword(token: str, quoted: bool) -> bool:
    return not quoted and (token.startswith("_") or token.lower() == "loop_" or token.lower().startswith("data_"))


def _put(block: Block, tag: str, value: str) -> None:
    if block.values.setdefault(tag, value) != value:
        raise CifError(f"{tag} is given twice, as {block.values[tag][:20]!r} and {value[:20]!r}")


def _loop(tokens: list[tuple[str, bool]], start: int, block: Block) -> int:
    """Read a loop; return the place behind it."""
    i = start
    while i < len(tokens) and not tokens[i][1] and tokens[i][0].startswith("_"):
        i += 1
    tags = [token.lower() for token, _ in tokens[start:i]]
    begin = i
    while i < len(tokens) and not _is_keyword(*tokens[i]):
        i += 1
    values = [token for token, _ in tokens[begin:i]]
    if not tags or len(values) % len(tags):
        raise CifError(f"a loop of {len(tags)} tags ({', '.join(tags)[:60]}) with {len(values)} values")
    if block.columns.keys() & set(tags) or len(set(tags)) < len(tags):
        raise CifError(f"two loops give {', '.join(tags)[:60]}")
    block.columns.update((tag, values[k :: len(tags)]) for k, tag in enumerate(tags))
    return i


def _number(text: str, tag: str) -> float:
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        raise CifError(f"{tag} is {text.strip()[:20]!r}, not a number")
    return float(match[1])


def _structure(block: Block) -> RawStructure | Invalid:
    try:
        cell = [_number(block.values.get(tag, ""), tag) for tag in _CELL]
        sites = _sites(block)
        if isinstance(sites, Invalid):
            return sites
        empty = RawStructure.from_parameters(cell[:3], cell[3:], [], [])
        if isinstance(empty, Invalid):
            return empty
        whole = _whole_cell(block, sites, empty.lattice)
        return RawStructure.of(empty.lattice, whole.frac_coords, whole.numbers)
    except UnknownElementError as error:
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, str(error))
    except CifError as error:
        return Invalid(error.reason, str(error))


_CELL = tuple(f"_cell_{kind}" for kind in (
    "length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"
))  # fmt: skip


def _sites(block: Block) -> Sites | Invalid:
    columns = [block.column(f"_atom_site_fract_{axis}") for axis in "xyz"]
    count = len(columns[0])
    if not count or any(len(column) != count for column in columns):
        raise CifError("no atoms with fractional coordinates")
    if count > MAX_SITES:
        return Invalid(InvalidReason.TOO_MANY_ATOMS, f"{count} listed sites, the limit is {MAX_SITES}")
    if disorder := _disorder(block):
        return disorder
    coords = [[_number(value, "_atom_site_fract") for value in column] for column in columns]
    symbols, labels = block.column("_atom_site_type_symbol"), block.column("_atom_site_label")
    if len(symbols) == count:
        numbers = [atomic_number(symbol) for symbol in symbols]
    elif len(labels) == count:
        numbers = [atomic_number_of_label(label) for label in labels]
    else:
        raise CifError("the atoms have neither type symbols nor labels")
    multiplicities = _multiplicities(block, count)
    return Sites(np.array(coords).T, np.array(numbers, dtype=np.int64), multiplicities)


def _disorder(block: Block) -> Invalid | None:
    for value in block.column("_atom_site_occupancy"):
        if value not in _UNKNOWN and not is_whole(_number(value, "_atom_site_occupancy")):
            return Invalid(InvalidReason.DISORDERED, f"a site with occupancy {value[:20]}")
    if any(value not in _UNKNOWN for value in block.column("_atom_site_disorder_group")):
        return Invalid(InvalidReason.DISORDERED, "disorder groups")
    return None


def _multiplicities(block: Block, count: int) -> NDArray[np.int64] | None:
    for tag in ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity"):
        column = block.column(tag)
        if len(column) == count and all(value not in _UNKNOWN for value in column):
            return np.rint([_number(value, tag) for value in column]).clip(-1, 999).astype(np.int64)
    return None


def _whole_cell(block: Block, sites: Sites, lattice: NDArray[np.float64]) -> Sites:
    """Apply the operations of the file, or of the group that it names beside the identity alone."""
    listed = next((column for tag in _XYZ if (column := block.column(tag))), [])
    given = operations(listed) if listed else None
    if given is not None and len(given) > 1:
        return expand(sites, given, lattice)
    named = settings(block.first(_NAME), block.first(_GROUP_NUMBER), block.first(_HALL))
    return min((expand(sites, candidate, lattice) for candidate in named), key=lambda cell: cell.misfit)
