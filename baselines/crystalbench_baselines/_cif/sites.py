"""The listed sites of a block: where they are, and of which elements.

The element is the type symbol's. Only where that is absent or unknown it is read from the label, and with care:
``CA`` is a carbon or a calcium, ``HO3'`` a hydroxyl hydrogen or a holmium, ``Wat`` no tungsten. The formula says which;
where it does not, a label that may be two elements is none.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason
from crystalbench.crystals.elements import MixedElementsError
from crystalbench_baselines._cif.grammar import UNKNOWN, Block, CifError, number
from crystalbench_baselines._elements import NUMBERS, UnknownElementError, atomic_number, is_whole

MAX_SITES = 10_000
"""Listed sites in one file."""

_MAX_ASSIGNMENTS = 16
"""Combinations of elements that ambiguous labels may mean."""

_WATER = re.compile(r"(W|WAT|OW|HOH|H2O|WATER)(?![A-Z])", re.I)
_HYDROGENATED = re.compile(r"(OH|O-H|OW|WAT|HOH|H2O|NH[1-4]|CH[1-3])(?![A-Z])", re.I)
_WHOLE_WATER = re.compile(r"(HOH|H2O)(?![A-Z])", re.I)
"""The oxygen of a water, or a hydrogen that is named after it."""

_LABEL = re.compile(r"[A-Za-z][0-9A-Za-z'*]*(\([IVX0-9]+\))?")
_MULTIPLICITY = ("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")
_FRACT = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")


@dataclass(frozen=True, slots=True)
class Sites:
    """The listed sites, dummies left out.

    Attributes
    ----------
    labels
        A name of each, for messages.
    frac_coords, decimals
        (n, 3) fractional coordinates, and how many decimals each is written with.
    assignments
        (n,) atomic numbers; more than one where labels leave the element open.
    multiplicities
        (n,) as stated, or None.
    unlisted_hydrogen
        The first site that the file says to have hydrogen atoms that it does not list, or nothing.
    """

    labels: Sequence[str]
    frac_coords: NDArray[np.float64]
    decimals: NDArray[np.int64]
    assignments: list[NDArray[np.int64]]
    multiplicities: NDArray[np.int64] | None
    unlisted_hydrogen: str


def has_sites(block: Block) -> bool:
    """Whether a block lists atoms, in whatever state."""
    return any(tag in block.damaged or block.columns.get(tag) for tag in _FRACT)


def read(block: Block, formula: frozenset[int]) -> Sites | Invalid:
    """Read the sites of a block; ``formula`` has the elements that its formula names, if it has one.

    Raises
    ------
    CifError, UnknownElementError
        If they are not readable.
    """
    columns = [block.column(tag) for tag in _FRACT]
    count = len(columns[0])
    if not count or any(len(column) != count for column in columns):
        raise CifError("no atoms with fractional coordinates")
    if count > MAX_SITES:
        return Invalid(InvalidReason.TOO_MANY_ATOMS, f"{count} listed sites, the limit is {MAX_SITES}")
    real = _real(block, count)
    if not real:
        raise CifError("no atoms, only dummy sites")
    if disorder := _disorder(block, real, count):
        return disorder
    labels, types = (_aligned(block, f"_atom_site_{tag}", count) for tag in ("label", "type_symbol"))
    labels = labels or _aligned(block, "_atom_site_label_atom_id", count)
    names = [(labels or types or [""] * count)[i] for i in real]
    groups = [*names, *(types[i] for i in real if types)]
    coords, decimals = [], []
    for i, name in zip(real, names, strict=True):
        texts = [column[i] for column in columns]
        if all(text in UNKNOWN for text in texts) and "?" in texts:
            return Invalid(InvalidReason.MISSING_ATOMS, f"the site {name[:20]!r} has no coordinates")
        # CIF's dictionary: a coordinate that is not given is 0.
        pairs = [number("0" if text == "." else text, tag) for text, tag in zip(texts, _FRACT, strict=True)]
        coords.append([value for value, _ in pairs])
        decimals.append([places for _, places in pairs])
    assignments = _assignments([_options(i, types, labels, formula) for i in real], names)
    return Sites(
        labels=names,
        frac_coords=np.array(coords),
        decimals=np.array(decimals, dtype=np.int64),
        assignments=assignments,
        multiplicities=_multiplicities(block, real, count),
        unlisted_hydrogen=_attached(block, real, names, count) or _implied(groups, formula, assignments),
    )


def _aligned(block: Block, tag: str, count: int) -> list[str]:
    column = block.column(tag)
    return column if len(column) == count else []


def _real(block: Block, count: int) -> list[int]:
    flags = _aligned(block, "_atom_site_calc_flag", count)
    return [i for i in range(count) if not flags or flags[i].lower() not in ("dum", "dummy")]


def _disorder(block: Block, real: list[int], count: int) -> Invalid | None:
    occupancies = _aligned(block, "_atom_site_occupancy", count)
    groups = _aligned(block, "_atom_site_disorder_group", count)
    for i in real:
        if occupancies and occupancies[i] not in UNKNOWN:
            occupancy, _ = number(occupancies[i], "_atom_site_occupancy")
            if not is_whole(occupancy):
                return Invalid(InvalidReason.DISORDERED, f"a site with occupancy {occupancies[i][:20]}")
        if groups and groups[i] not in (*UNKNOWN, "0"):
            return Invalid(InvalidReason.DISORDERED, "disorder groups")
    return None


def _multiplicities(block: Block, real: list[int], count: int) -> NDArray[np.int64] | None:
    for tag in _MULTIPLICITY:
        column = _aligned(block, tag, count)
        if column and all(column[i] not in UNKNOWN for i in real):
            stated = [number(column[i], tag)[0] for i in real]
            if np.isfinite(stated).all():
                return np.rint(stated).clip(-1, 999).astype(np.int64)
    return None


def _attached(block: Block, real: list[int], names: list[str], count: int) -> str:
    """Return the first site that has hydrogen which is not listed, as CIF's dictionary defines that tag."""
    tag = "_atom_site_attached_hydrogens"
    attached = _aligned(block, tag, count)
    held = (name for i, name in zip(real, names, strict=True) if attached and attached[i] not in UNKNOWN
            and number(attached[i], tag)[0] > 0)  # fmt: skip
    return next(held, "")


def _implied(groups: list[str], formula: frozenset[int], assignments: list[NDArray[np.int64]]) -> str:
    """Return the first name that is one of water or a hydroxyl, where neither a formula nor hydrogen is given."""
    listed = {int(z) for numbers in assignments for z in numbers}
    if formula or listed & {1, NUMBERS["W"]}:
        return ""
    return next((name for name in groups if _HYDROGENATED.match(name)), "")


def _options(i: int, types: list[str], labels: list[str], formula: frozenset[int]) -> tuple[int, ...]:
    symbol = types[i].strip() if types else ""
    if symbol not in UNKNOWN:
        try:
            return (atomic_number(symbol),)
        except MixedElementsError:
            raise
        except UnknownElementError as error:
            if not _LABEL.fullmatch(symbol):
                raise
            try:
                return of_label(symbol, formula)  # some write labels there: Fe1, OH
            except UnknownElementError:
                raise error from None
    if labels:
        return of_label(labels[i], formula)
    raise CifError("the atoms have neither type symbols nor labels")


def of_label(label: str, formula: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Return the elements that a label may mean, given those of a formula.

    Raises
    ------
    UnknownElementError
        If it means none.
    """
    letters = re.match(r"[A-Za-z]*", label.strip().lstrip("'\""))
    name = letters[0] if letters else ""
    one, two = NUMBERS.get(name[:1].upper()), NUMBERS.get(name[:2].capitalize()) if len(name) > 1 else None
    mixed = name[1:2].islower()
    if _WHOLE_WATER.match(label) and (not formula or formula >= {1, NUMBERS["O"]}):
        return (NUMBERS["O"], 1)
    known = tuple(z for z in (two, one) if z in formula and z is not None)
    if known:
        return known[:1] if mixed else known
    if formula and NUMBERS["O"] in formula and _WATER.match(label):
        return (NUMBERS["O"],)
    if two and mixed and not name[2:3].islower():
        return (two,)
    if one and len(name) == 1:
        return (one,)
    if one and mixed and one in (NUMBERS["H"], NUMBERS["O"]) and name[0] in "HO":
        return (one,)  # Oa, Ob, Ow of minerals
    if not mixed and (both := tuple(z for z in (two, one) if z)):
        return both
    if _WATER.match(label):
        return (NUMBERS["O"],)
    raise UnknownElementError(f"the site label {label[:20]!r} begins with no element")


def _assignments(options: list[tuple[int, ...]], names: list[str]) -> list[NDArray[np.int64]]:
    """Return the elements of all sites; labels that begin alike are alike."""
    alike = [name[:2].upper() for name in names]
    # A label that may be two elements is one of both throughout.
    open_ = {key: choice for key, choice in zip(alike, options, strict=True) if len(choice) > 1}
    combinations = list(itertools.islice(itertools.product(*open_.values()), _MAX_ASSIGNMENTS + 1))
    if len(combinations) > _MAX_ASSIGNMENTS:
        raise UnknownElementError(f"the labels {', '.join(sorted(open_))[:60]} may each be two elements")
    found = []
    for combination in combinations:
        chosen = dict(zip(open_, combination, strict=True))
        numbers = [chosen[key] if len(choice) > 1 else choice[0] for key, choice in zip(alike, options, strict=True)]
        found.append(np.array(numbers, dtype=np.int64))
    return found
