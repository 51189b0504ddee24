"""What a relaxation depends on and what comes of it."""

import math
from dataclasses import dataclass
from enum import StrEnum

from crystalbench.crystals.samples import Converted, RawStructure
from crystalbench.errors import ConfigError


class RelaxFailure(StrEnum):
    """Why a structure has not been relaxed. The values are stored in ledgers: never rename one."""

    INVALID_STRUCTURE = "invalid_structure"  # nothing that a symmetry library or a potential may see
    UNKNOWN_ELEMENT = "unknown_element"  # the potential has never seen it
    NO_SYMMETRY = "no_symmetry"  # no space group is found for the structure that was given
    POTENTIAL_FAILED = "potential_failed"  # it raised
    NON_FINITE = "non_finite"  # it gave NaN or infinity
    EXPLODED = "exploded"
    COLLAPSED = "collapsed"
    NOT_CONVERGED = "not_converged"
    TIMEOUT = "timeout"  # the time limit came first


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaxSettings:
    """What the result of a relaxation depends on, besides the potential.

    Attributes
    ----------
    fmax
        Largest force on an atom at the end, eV/Å; 0.05 as in the relaxations of matbench-discovery.
    smax
        Largest component of the stress at the end, eV/Å³. 0.003 (0.5 GPa) is worth under 1 meV/atom in a solid of
        50 GPa and 20 Å³/atom.
    max_steps
        Evaluations of the potential, for a structure.
    max_move, max_strain
        Å and strain of one step.
    symprec
        Å within which the structure that is given has its space group. It is made exact, and then kept.
    min_distance
        Å; atoms that come closer have collapsed into each other.
    max_expansion
        Volume over the first one at which the crystal has exploded; its inverse is a collapse.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    fmax: float = 0.05
    smax: float = 0.003
    max_steps: int = 200
    max_move: float = 0.2
    max_strain: float = 0.08
    symprec: float = 0.01
    min_distance: float = 0.5
    max_expansion: float = 5.0

    def __post_init__(self) -> None:
        for name in ("fmax", "smax", "max_steps", "max_move", "max_strain", "symprec", "min_distance"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ConfigError(f"setting {name} of the relaxation = {value!r}; expected a number over 0")
        if not 1 < self.max_expansion < math.inf:
            raise ConfigError(f"max_expansion = {self.max_expansion!r}; expected a number over 1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relaxed:
    """A structure after its relaxation, or as far as that came.

    Attributes
    ----------
    structure
        Primitive cell of the lowest energy seen; the structure that was given where no energy was.
    energy
        eV/atom; NaN where the potential gave none.
    steps, evaluations
        Steps that lowered the energy; structures that the potential saw.
    max_force, max_stress
        At that structure, after symmetrisation: eV/Å, eV/Å³; NaN where the potential gave none.
    failure, detail
        None, or why it is not relaxed.
    before
        Protostructure of the structure that was given, once its symmetry had been made exact.
    protostructure
        Read from ``structure`` at 0.01 Å: the identity of the material.
    loose
        Read from ``structure`` at 0.1 Å, the tolerance of the samples' labels.
    """

    structure: RawStructure
    energy: float
    steps: int
    evaluations: int
    max_force: float
    max_stress: float
    failure: RelaxFailure | None
    detail: str
    before: Converted
    protostructure: Converted
    loose: Converted

    @property
    def converged(self) -> bool:
        return self.failure is None

    @property
    def symmetry_changed(self) -> bool:
        """Whether the relaxed structure is of another protostructure, for all that its space group was kept.

        Coordinates that have moved to a special place add symmetry; none can be lost.
        """
        return self.before != self.protostructure
