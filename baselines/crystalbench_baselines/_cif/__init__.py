"""Crystallographic Information Files: text to `RawStructure`.

A reader of its own, because with files of generators the details matter, and libraries settle them silently and
differently (pymatgen 2026.10, ASE 3.29, gemmi 0.7.5):

- CrystaLLM writes an asymmetric unit and a full space-group symbol, but ``x, y, z`` as the only operation. pymatgen
  and ASE then read the asymmetric unit as the whole cell (rutile: Ti1O1, not Ti2O4). Here the operations of the named
  group are used (`symmetry`).
- Na and Cl on one site: ASE drops one of them, pymatgen finds no structure in the file. Here both stay, and
  the screening of all structures, whatever they were read from, says that they overlap. Merged are only the
  images of *one* listed site that are one special position (`orbits`).
- A negative length builds a fine lattice in all. Here lengths and angles are tested first.

What a file leaves open, such as the origin of ``F d -3 m``, is decided by what else it states: the cell, stated
multiplicities, the formula, Z, the density (`statements`). A file that contradicts itself is an `Invalid` that says
what contradicts what. So are partial occupancy and disorder groups: a protostructure has whole atoms.

The table of settings and the reading of Hall symbols are gemmi's (`settings`). Its grammar is not used: it refuses a
file for a damaged part that the crystal does not need.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import Invalid, InvalidReason, RawStructure
from crystalbench_baselines._cif import sites as listed
from crystalbench_baselines._cif import symmetry
from crystalbench_baselines._cif.grammar import Block, CifError, blocks, contradiction, number
from crystalbench_baselines._cif.operations import Group
from crystalbench_baselines._cif.orbits import MAX_IMAGES, NO_BOND, Orbits, is_whole, orbits
from crystalbench_baselines._cif.sites import Sites
from crystalbench_baselines._cif.statements import Stated
from crystalbench_baselines._cif.symmetry import Candidate
from crystalbench_baselines._elements import UnknownElementError, invalid

_LENGTHS = tuple(f"_cell_length_{axis}" for axis in "abc")
_CELL_LENGTHS = (1e-3, 1e5)
"""Å. Outside of them nothing is filled; the screening of all structures names the cell as too small or large."""

_MAX_COMPARED = 2000
"""Atoms in cells of which the distances help to decide, quadratic in time; few real cells have more."""

_ANGLES = tuple(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma"))


Work = Callable[[int], None]
"""What counts the work, in words that could be read meanwhile."""

_IMAGES_A_WORD = 8


def _uncounted(words: int) -> None:
    """For texts that one has written oneself."""


def structures(text: str, work: Work = _uncounted) -> Iterator[RawStructure | Invalid]:
    """Yield the structure of each data block that has a cell or atoms; one `Invalid` if none has.

    A block of a measured pattern that repeats the cell is no crystal.
    """
    found = False
    try:
        for block in blocks(text):
            if listed.has_sites(block) or _lacks_its_sites(block):
                found = True
                yield _structure(block, work)
    except CifError as error:
        found = True
        yield Invalid(error.reason, str(error))
    if not found:
        yield Invalid(InvalidReason.UNREADABLE, "no cell and no atoms in it")


def structure(text: str, work: Work = _uncounted) -> RawStructure | Invalid:
    """Return the one structure in a text."""
    only, count = None, 0
    try:
        for block in blocks(text):
            if listed.has_sites(block):
                only, count = block, count + 1
    except CifError as error:
        return Invalid(error.reason, str(error))
    if count > 1:
        return Invalid(InvalidReason.UNREADABLE, f"{count} structures in one text, expected one")
    return _structure(only, work) if only else next(structures(text, work))


def _lacks_its_sites(block: Block) -> bool:
    return _LENGTHS[0] in block and not any(tag.startswith("_pd_") for tag in block.columns)


def _structure(block: Block, work: Work) -> RawStructure | Invalid:
    try:
        cell = _cell(block)
        empty = RawStructure.from_parameters(cell[:3], cell[3:], [], [])
        stated = Stated.of(block)
        sites = listed.read(block, frozenset(stated.formula))
        if isinstance(sites, Invalid):
            return sites
        if isinstance(empty, Invalid):
            return empty
        if not np.isfinite(sites.frac_coords).all():
            return Invalid(InvalidReason.NON_FINITE, "a coordinate that is no finite number")
        if min(cell[:3]) < _CELL_LENGTHS[0] or max(cell[:3]) > _CELL_LENGTHS[1]:
            return RawStructure.of(empty.lattice, sites.frac_coords, sites.assignments[0])  # for the screening
        return _chosen(symmetry.candidates(block), sites, stated, empty.lattice, work)
    except UnknownElementError as error:
        return invalid(error)
    except CifError as error:
        return Invalid(error.reason, str(error))


def _cell(block: Block) -> list[float]:
    lengths = [number(block.value(tag), tag)[0] for tag in _LENGTHS]
    # CIF's dictionary: an angle that is not given is 90°. One whose tag is not there may have been lost.
    default = ["90" if block.column(tag) and block.column(tag)[0] == "." else block.value(tag) for tag in _ANGLES]
    return lengths + [number(text, tag)[0] for text, tag in zip(default, _ANGLES, strict=True)]


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """The crystal that one candidate makes of the sites, and what is wrong with it, if anything."""

    candidate: Candidate
    frac_coords: NDArray[np.float64]
    numbers: NDArray[np.int64]
    wrong: CifError | None
    severity: int = 0

    def same(self, other: "_Reading") -> bool:
        if len(self.numbers) != len(other.numbers) or (self.numbers != other.numbers).any():
            return False
        mine, others = self._rows(), other._rows()
        return bool(np.array_equal(mine, others))

    def structure(self, lattice: NDArray[np.float64]) -> RawStructure:
        return RawStructure.of(lattice, self.frac_coords, self.numbers)

    @property
    def content(self) -> Counter[int]:
        return _content(self.numbers)

    def _rows(self) -> NDArray[np.float64]:
        rows = np.column_stack([self.numbers, np.round(self.frac_coords % 1.0, 4) % 1.0])
        return np.asarray(rows[np.lexsort(rows.T)], dtype=np.float64)


def _content(numbers: NDArray[np.int64]) -> Counter[int]:
    """Return how many atoms there are of each element."""
    counts = np.bincount(numbers)
    return Counter({z: int(counts[z]) for z in np.flatnonzero(counts).tolist()})


def _chosen(
    candidates: tuple[Candidate, ...], sites: Sites, stated: Stated, lattice: NDArray[np.float64], work: Work
) -> RawStructure | Invalid:
    """Return what the most usual candidate that contradicts nothing makes of the sites."""
    refused: list[_Reading] = []
    crowded: list[_Reading] = []
    tiers = sorted({candidate.tier for candidate in candidates})
    for tier in tiers:
        fit: list[_Reading] = []
        for candidate in (one for one in candidates if one.tier == tier):
            if len(sites.labels) * len(candidate.group) > MAX_IMAGES:
                detail = f"{len(sites.labels)} sites × {len(candidate.group)} operations, the limit is {MAX_IMAGES}"
                return Invalid(InvalidReason.TOO_MANY_ATOMS, detail)
            work(len(sites.labels) * len(candidate.group) * len(sites.assignments) // _IMAGES_A_WORD)
            for reading in _readings(candidate, sites, stated, lattice):
                (refused if reading.wrong else fit).append(reading)
        distinct = [one for i, one in enumerate(fit) if not any(one.same(other) for other in fit[:i])]
        distinct = [one for one in distinct if stated.is_the_cells(one.content)] or distinct
        if len(distinct) > 1 or (distinct and len(tiers) > 1):
            crowded += (apart := _by_overlap(distinct, lattice))[1]
            distinct = apart[0]
        if distinct:
            return distinct[0].structure(lattice) if len(distinct) == 1 else _undecided(distinct, sites)
    if crowded:
        return crowded[0].structure(lattice) if len(crowded) == 1 else _undecided(crowded, sites)
    best = min(refused, key=lambda reading: reading.severity)
    assert best.wrong is not None
    return Invalid(best.wrong.reason, f"{best.wrong} ({best.candidate.name})")


def _by_overlap(readings: list[_Reading], lattice: NDArray[np.float64]) -> tuple[list[_Reading], list[_Reading]]:
    """Return those whose atoms are apart, and those with two atoms on one place."""
    crowded = [reading for reading in readings if _overlaps(reading, lattice)]
    return [reading for reading in readings if reading not in crowded], crowded


def _undecided(fit: list[_Reading], sites: Sites) -> Invalid:
    names = list(dict.fromkeys(reading.candidate.name for reading in fit))
    if len(names) == 1:
        detail = (
            f"the labels {', '.join(sites.labels[:5])[:60]} may each be two elements, and no type symbol says which"
        )
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, detail)
    which = " or ".join(f"{name} ({len(r.numbers)} atoms)" for name, r in zip(names, fit, strict=False))
    return Invalid(InvalidReason.CONTRADICTION, f"{which}: nothing that is stated decides between them")


def _readings(candidate: Candidate, sites: Sites, stated: Stated, lattice: NDArray[np.float64]) -> list[_Reading]:
    group = candidate.group
    found = orbits(sites.frac_coords, sites.decimals, sites.multiplicities, group, lattice)
    readings = []
    for numbers in sites.assignments:
        whole = len(group) > 1 and is_whole(sites.frac_coords, numbers, found, lattice)
        coords = sites.frac_coords if whole else found.frac_coords
        atoms = numbers if whole else np.repeat(numbers, found.sizes)
        content = _content(atoms)
        volume = abs(float(np.linalg.det(lattice)))
        wrong: CifError | None = None
        severity = 0
        if len(group) > 1 and not group.fits(lattice):
            wrong, severity = contradiction("the operations do not fit the lengths and angles of the cell"), 4
        elif candidate.only_if_confirmed and not stated.confirms(content):
            wrong, severity = _unconfirmed(candidate), 5
        elif candidate.in_other_axes and not (stated.confirms(content) and _special_as_stated(sites, found, group)):
            wrong, severity = contradiction(candidate.in_other_axes), 5
        elif unlike := stated.disagreement(content, volume):
            wrong, severity = unlike, 1 if unlike.reason is InvalidReason.MISSING_ATOMS else 3
        elif other := _multiplicity(sites, found, candidate, whole or stated.confirms(content)):
            wrong, severity = other, 2
        elif sites.unlisted_hydrogen and not stated.formula:
            text = f"hydrogen at the site {sites.unlisted_hydrogen[:20]!r} is stated and not listed"
            wrong, severity = CifError(text, InvalidReason.MISSING_ATOMS), 1
        readings.append(_Reading(candidate, coords, atoms, wrong, severity))
    return readings


def _unconfirmed(candidate: Candidate) -> CifError:
    return CifError(f"{candidate.name}, and no formula and Z confirm that the listed atoms are the whole cell")


def _special_as_stated(sites: Sites, found: Orbits, group: Group) -> bool:
    """Whether sites lie on special positions of the very multiplicities that are stated: in other axes they do not."""
    stated = sites.multiplicities
    return stated is not None and bool((found.sizes == stated).all() and (found.sizes < len(group)).any())


def _multiplicity(sites: Sites, found: Orbits, candidate: Candidate, whole: bool) -> CifError | None:
    """Compare with stated multiplicities, which SHELXL-97 writes as the order of the site symmetry instead."""
    stated = sites.multiplicities
    if stated is None or (found.sizes == stated).all() or (found.sizes * stated == len(candidate.group)).all():
        return None
    if whole and ((stated == 1).all() or len(candidate.group) == 1):
        return None
    i = int((found.sizes != stated).argmax())
    text = f"the site {sites.labels[i][:20]!r} has {found.sizes[i]} images in the cell, stated are {stated[i]}"
    return contradiction(text)


def _overlaps(reading: _Reading, lattice: NDArray[np.float64]) -> bool:
    """Whether two atoms are closer than any bond."""
    coords = reading.frac_coords
    if len(coords) > _MAX_COMPARED:
        return False
    for i in range(len(coords) - 1):
        difference = coords[i + 1 :] - coords[i]
        vectors = (difference - np.rint(difference)) @ lattice
        if ((vectors**2).sum(axis=-1) < NO_BOND**2).any():
            return True
    return False
