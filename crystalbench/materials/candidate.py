"""What becomes of a protostructure on its way to a material: its tries, its energy, or the reason why it has none."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from crystalbench.crystals.samples import RawStructure


class Reason(StrEnum):
    """Why a candidate is no material, or where it stopped. The values are stored in ledgers: never rename one."""

    # before anything is computed
    INVALID = "invalid"  # no protostructure
    EXCLUDED_ELEMENT = "excluded_element"  # a noble gas, or of a block that is not asked for
    KNOWN = "known"  # in the training split
    DUPLICATE = "duplicate"  # of an earlier sample
    UNKNOWN_ELEMENT = "unknown_element"  # the potential does not know it
    TOO_MANY_ATOMS = "too_many_atoms"
    NOT_TAKEN = "not_taken"  # beyond the number that was asked for
    # of a try, or of all tries of a candidate (those of `crystalbench.materials.relaxed.RelaxFailure` included)
    NOT_REALISED = "not_realised"  # no structure with this protostructure and sensible distances was found
    INVALID_STRUCTURE = "invalid_structure"
    NO_SYMMETRY = "no_symmetry"
    POTENTIAL_FAILED = "potential_failed"
    NON_FINITE = "non_finite"
    EXPLODED = "exploded"
    COLLAPSED = "collapsed"
    NOT_CONVERGED = "not_converged"
    TIMEOUT = "timeout"  # of a candidate: no try had given an energy at the time limit
    CRASH = "crash"
    # with an energy, but not with all that a metric asks for
    LOST_SYMMETRY = "lost_symmetry"  # relaxed into another protostructure
    NO_REFERENCE = "no_reference"  # an element without a reference energy
    HULL_TOO_THIN = "hull_too_thin"  # the hull knows no compound of the chemical system
    NOT_RETURNED = "not_returned"  # energies came back for others, and none for it


REPEATED = frozenset({Reason.TIMEOUT, Reason.CRASH})
"""Reasons that depend on the machine and its load: a candidate with such a try is tried again in the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A protostructure that is to become a material.

    Attributes
    ----------
    label
        AFLOW label, canonical under the affine letter table.
    own
        The geometry that the sample came with; None for a label.
    """

    label: str
    own: RawStructure | None = None

    @property
    def digest(self) -> str:
        """What tells two candidates of one label apart: SHA-256 of their own geometry, "" for none."""
        return self.own.digest().hex() if self.own is not None else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One structure of a candidate that was relaxed, or could not be.

    Attributes
    ----------
    own
        Whether it began from the sample's own geometry.
    reason, detail
        Why it gave no energy; None and "" where it did.
    energy
        eV/atom.
    steps
        Of the relaxation.
    refused
        Structures that were thrown away before this one: other protostructures, and atoms too close.
    """

    own: bool = False
    reason: Reason | None = None
    detail: str = ""
    energy: float | None = None
    steps: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What became of a candidate.

    Attributes
    ----------
    label, digest
        Of the candidate.
    tries
        In order.
    energy
        Lowest of all tries, eV/atom in the scheme of the potential; None where no try gave one.
    structure
        The one of that energy, in its primitive cell.
    relaxed, loose
        Its protostructure at 0.01 and at 0.1 Å; "" where there is none.
    agreed
        Whether the search ended because the two lowest energies agree, not at the cap of tries or the time limit.
    reason, detail
        Why there is no energy.
    seconds
        CPU time of all tries.
    """

    label: str
    digest: str = ""
    tries: tuple[Try, ...] = ()
    energy: float | None = None
    structure: RawStructure | None = None
    relaxed: str = ""
    loose: str = ""
    agreed: bool = False
    reason: Reason | None = None
    detail: str = ""
    seconds: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether it still is the protostructure that it began as, judged at 0.01 Å."""
        return self.relaxed == self.label

    @property
    def cut(self) -> bool:
        """Whether the time limit ended the search: an energy is the lowest of those that were found until then."""
        return was_cut(self.tries)

    @property
    def repeated(self) -> bool:
        """Whether it depends on the machine and its load: it is not kept, and is tried again in the next run."""
        return any(reason in REPEATED for reason in (self.reason, *(one.reason for one in self.tries)))

    @property
    def best(self) -> int:
        """Number of the try, from 1, that gave the energy; 0 for none."""
        return next((i for i, one in enumerate(self.tries, 1) if one.energy == self.energy is not None), 0)

    def to_json(self) -> dict[str, Any]:
        """As JSON, exactly: a float64 survives."""
        data = asdict(self)
        data["tries"] = [{k: v for k, v in asdict(one).items() if v != _PLAIN[k]} for one in self.tries]
        data["structure"] = structure_to_json(self.structure) if self.structure is not None else None
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`; raises `ValueError`, `TypeError` or `LookupError` for anything else."""
        tries = tuple(Try(**(one | {"reason": _reason(one.get("reason"))})) for one in data["tries"])
        structure = data["structure"] and RawStructure.of(**data["structure"])
        return cls(**{**data, "tries": tries, "structure": structure, "reason": _reason(data["reason"])})


def was_cut(tries: Iterable[Try]) -> bool:
    """Whether the time limit came before a try was over, or could begin."""
    return any(one.reason is Reason.TIMEOUT for one in tries)


_PLAIN = asdict(Try())


def structure_to_json(structure: RawStructure) -> dict[str, Any]:
    """The arrays of a structure as lists."""
    return {
        "lattice": structure.lattice.tolist(),
        "frac_coords": structure.frac_coords.tolist(),
        "numbers": structure.numbers.tolist(),
    }


def _reason(value: str | None) -> Reason | None:
    return None if value is None else Reason(value)
