"""The symmetry that a block states: which settings of which group may be meant, and whether its statements agree.

Read are listed operations, Hermann-Mauguin and Hall symbols, the number, and the operations of magnetic CIF without
their time reversal. They have to agree. CrystaLLM writes a full Hermann-Mauguin symbol and an asymmetric unit, but
``x, y, z`` as the only operation: beside a named group the identity alone states nothing.
"""

import functools
import re
from dataclasses import dataclass
from enum import Enum

from crystalbench_baselines._cif import operations, settings
from crystalbench_baselines._cif.grammar import UNKNOWN, Block, CifError, contradiction
from crystalbench_baselines._cif.operations import Group
from crystalbench_baselines._cif.settings import Setting


class _Kind(Enum):
    """What a tag says of the symmetry."""

    XYZ = re.compile(r"_(space_group_symop|symmetry_equiv)(?!_magn|_ssg|_generator)\w*_xyz")
    MAGNETIC = re.compile(r"_space_group_symop_magn(_operation)?_xyz")
    CENTRING = re.compile(r"_space_group_symop_magn_centering_xyz")
    NAME = re.compile(r"_(symmetry_)?space_group_name_h-?m(_alt|_full)?")
    HALL = re.compile(r"_(symmetry_)?space_group_name_hall")
    NUMBER = re.compile(r"_(symmetry_)?(space_group_(it_)?|int_tables_|it_)number")
    CHOICE = re.compile(r"_space_group_it_coordinate_system_code")
    NO_OPERATION = re.compile(
        r"_symmetry_cell_setting|_space_group_(crystal_system|laue_class|point_group_h-m|id)|_space_group_wyckoff\w*"
        r"|_symmetry_equiv_pos_site_id|_space_group_symop_id|_symmetry_equiv_id|.*_sg_id"
    )
    NOT_READ = re.compile(r"_(\w*space_group|symmetry|\w*symop)_?.*")
    OTHER = re.compile(".*")


@functools.lru_cache(maxsize=4096)
def _kind(tag: str) -> _Kind:
    return next(kind for kind in _Kind if kind.value.fullmatch(tag))


_CHOICE = "_space_group_it_coordinate_system_code"
_SYSTEM = ("_symmetry_cell_setting", "_space_group_crystal_system")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One group of operations that may be meant; a lower ``tier`` is the more usual meaning.

    Attributes
    ----------
    only_if_confirmed
        Only if formula and Z confirm the content of the cell.
    in_other_axes
        What to say of listed operations in other axes than the name's: pymatgen writes them so for a cell that is kept
        (``refine_struct=False``). They are meant if, beside formula and Z, stated multiplicities of special positions
        confirm them.
    """

    name: str
    group: Group
    tier: int = 0
    only_if_confirmed: bool = False
    in_other_axes: str = ""


IDENTITY = operations.parse(("x,y,z",))


@dataclass(frozen=True, slots=True)
class Statements:
    """What a block states of its symmetry, as texts."""

    xyz: tuple[tuple[str, ...], ...]
    magnetic: tuple[str, ...]
    centring: tuple[str, ...]
    names: tuple[str, ...]
    halls: tuple[str, ...]
    numbers: tuple[str, ...]
    choice: str
    silent: str


def candidates(block: Block) -> tuple[Candidate, ...]:
    """Return the operations that may be meant, the usual ones first.

    Raises
    ------
    CifError
        If statements contradict each other, or are not understood.
    """
    found = _resolved(_statements(block))
    if isinstance(found, CifError):
        raise CifError(str(found), found.reason)
    return found


def _statements(block: Block) -> Statements:
    tags = [tag for tag in (*block.columns, *block.damaged) if "sym" in tag or "space_group" in tag]
    kinds = {tag: kind for tag in tags if (kind := _kind(tag)) is not _Kind.OTHER}

    def values(kind: _Kind) -> tuple[str, ...]:
        found = (block.value(tag) for tag, its in kinds.items() if its is kind)
        return tuple(dict.fromkeys(value for value in found if value))

    def lists(kind: _Kind) -> tuple[tuple[str, ...], ...]:
        found = [tuple(block.column(tag)) for tag, its in kinds.items() if its is kind]
        if (longest := max(map(len, found), default=0)) > operations.MAX_OPERATIONS:
            raise CifError(f"{longest} symmetry operations, the limit is {operations.MAX_OPERATIONS}")
        known = (tuple(text for text in column if text not in UNKNOWN) for column in found)
        return tuple(column for column in dict.fromkeys(known) if column)

    silent = ""
    for tag in (tag for tag, kind in kinds.items() if kind is _Kind.NOT_READ):
        if tag in block.damaged or any(value not in UNKNOWN for value in block.columns[tag]):
            silent = silent or tag
    for tag in _SYSTEM:
        system = block.optional(tag).lower()
        silent = silent or (f"{tag} {system}" if system not in ("", "triclinic", "anorthic") else "")
    magnetic, centring = lists(_Kind.MAGNETIC), lists(_Kind.CENTRING)
    return Statements(
        xyz=lists(_Kind.XYZ),
        magnetic=magnetic[0] if magnetic else (),
        centring=centring[0] if centring else (),
        names=values(_Kind.NAME),
        halls=values(_Kind.HALL),
        numbers=values(_Kind.NUMBER),
        choice=block.optional(_CHOICE).lower(),
        silent=silent,
    )


@functools.lru_cache(maxsize=1024)
def _resolved(stated: Statements) -> tuple[Candidate, ...] | CifError:
    """Return the candidates, or the error: both are worth remembering for the next file of the same group."""
    try:
        return _magnetic(stated) if stated.magnetic else _ordinary(stated)
    except CifError as error:
        return error


def _magnetic(stated: Statements) -> tuple[Candidate, ...]:
    """Names in such files are those of the magnetic group, or of the one before the order."""
    group = operations.parse(stated.magnetic)
    if stated.centring:
        group = operations.times(group, stated.centring)
    return (Candidate("the listed magnetic operations", group),)


def _ordinary(stated: Statements) -> tuple[Candidate, ...]:
    lists = [operations.parse(listed) for listed in stated.xyz]
    explicit = [group for group in lists if len(group) > 1]
    meant = _settings(stated, bool(explicit))
    if explicit:
        for other in explicit[1:]:
            if not operations.agree(explicit[0], other):
                raise contradiction("two lists of operations are two groups")
        unlike = _check(explicit[0], meant, stated) if stated.names or stated.numbers or stated.halls else ""
        return (Candidate("the listed operations", explicit[0], in_other_axes=unlike),)
    whole = Candidate("the identity alone", IDENTITY)
    if not meant:
        if stated.silent:
            return (Candidate(f"no operations beside {stated.silent}", IDENTITY, only_if_confirmed=True),)
        return (whole,)
    by_name = bool(stated.names or stated.halls)
    named = [Candidate(f"space group {one.name}", one.group(), settings.tier(one, by_name)) for one in meant]
    named.sort(key=lambda candidate: candidate.tier)
    if lists and len(named[0].group) > 1:
        named.append(Candidate("x,y,z", IDENTITY, tier=named[-1].tier + 1, only_if_confirmed=True))
    return tuple(named)


def _settings(stated: Statements, listed: bool) -> list[Setting]:
    """Return the settings that all names and numbers allow."""
    sets: list[tuple[str, list[Setting]]] = []
    for hall in stated.halls:
        try:
            group = settings.of_hall(hall)
        except CifError:
            if listed or stated.names or stated.numbers:
                continue
            raise
        number = operations.number(group)
        exact = Setting(number or 0, f"Hall {hall}", hall, hall, "", True)
        same = [one for one in settings.numbered(str(number)) if operations.agree(one.group(), group)] if number else []
        sets.append((f"Hall symbol {hall[:30]!r}", [exact, *same]))
    for name in stated.names:
        found = settings.named(name)
        if not found and not listed:
            raise CifError(f"there is no space group {name[:20]!r}")
        if found:
            sets.append((f"space group {name[:20]!r}", found))
    sets.extend((f"number {text[:20]}", settings.numbered(text)) for text in stated.numbers)
    if not sets:
        return []
    what, meant = sets[0]
    for other, allowed in sets[1:]:
        left = [one for one in meant if any(_same(one, two) for two in allowed)]
        if not left:
            raise contradiction(f"{what} is not {other}")
        meant = left
    exact_ones = [one for one in meant if one.name.startswith("Hall ")]
    if exact_ones and not listed:
        return exact_ones[:1]
    chosen = [one for one in meant if stated.choice and one.choice == stated.choice]
    # ``C c c a:1`` and ``C c c b:1`` are the same operations: a group is known by its most usual name.
    usual = sorted(chosen or meant, key=lambda one: not one.standard)
    return list({one.hall: one for one in reversed(usual)}.values())[::-1]


def _same(one: Setting, other: Setting) -> bool:
    return one.number == other.number and (one.hall == other.hall or operations.agree(one.group(), other.group()))


def _check(listed: Group, meant: list[Setting], stated: Statements) -> str:
    """Hold listed operations to the names and numbers beside them; return what to say if only their axes differ."""
    if not meant:
        return ""
    numbers = {one.number for one in meant}
    found = operations.number(listed)
    what = " ".join((*stated.names, *stated.halls, *stated.numbers))[:60]
    if found is not None and found not in numbers:
        raise contradiction(f"the {len(listed)} listed operations are those of group {found}, not of {what!r}")
    named = [one for one in meant if len(one.group()) == len(listed)]
    if (stated.names or stated.halls) and not any(operations.agree(listed, one.group()) for one in named):
        return f"the {len(listed)} listed operations are of group {found}, but in other axes than {what!r}"
    return ""
