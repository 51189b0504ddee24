"""Which relaxed materials are one structure, by pymatgen's `StructureMatcher` (Ong et al. 2013) as it comes."""

from collections.abc import Sequence
from enum import StrEnum
from importlib.metadata import version

from crystalbench import NotComputable
from crystalbench.materials.candidate import Material


class Same(StrEnum):
    """What makes two samples one material."""

    PROTOSTRUCTURE = "protostructure"  # their labels, as everywhere here
    STRUCTURE = "structure"  # their relaxed structures match


def distinct(materials: Sequence[Material]) -> int:
    """Return how many different structures some materials have.

    Only materials of one protostructure are held against each other: they kept theirs when they relaxed. One whose
    structure is that of several others counts with the first of them.

    Raises
    ------
    NotComputable
        pymatgen is not installed.
    """
    try:
        from pymatgen.analysis.structure_matcher import StructureMatcher
        from pymatgen.core import Structure
    except ImportError:
        raise NotComputable("structures are matched by pymatgen; pip install 'crystalbench[discover]'") from None
    matcher = StructureMatcher()
    found: dict[str, list[Structure]] = {}
    for material in materials:
        raw, seen = material.structure, found.setdefault(material.label, [])
        if raw is None:
            raise NotComputable("a material has an energy and no structure")
        crystal = Structure(raw.lattice, raw.numbers.tolist(), raw.frac_coords)
        if not any(matcher.fit(crystal, other) for other in seen):
            seen.append(crystal)
    return sum(map(len, found.values()))


def matcher_name() -> str:
    return f"pymatgen's StructureMatcher ({version('pymatgen')}) of relaxed structures"
