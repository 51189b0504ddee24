"""The search for the lowest energy of a protostructure: realise, relax, again until the two lowest energies agree.

It is the paper's (section 5): "we repeat this process of realizing and relaxing crystal structures until the two lowest
energies seen lies within a small cutoff of 0.01 eV/atom". Everything is a function of the candidate, the settings, the
realiser, the potential and a seed.
"""

import math
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import monotonic

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Converted, Invalid, RawStructure
from crystalbench.errors import ConfigError
from crystalbench.materials.candidate import Candidate, Material, Reason, Try, was_cut
from crystalbench.materials.potential import Potential
from crystalbench.materials.realise import Propose, Unrealised, realise
from crystalbench.materials.relax import LABEL_SYMPREC, relax
from crystalbench.materials.relaxed import Relaxed, RelaxSettings

AGREEING = 2
"""Relaxations that can agree."""


class OwnGeometry(StrEnum):
    """What the geometry is worth that a sample came with."""

    ENOUGH = "enough"  # relaxed, into whatever protostructure, it is the only try
    FIRST = "first"  # one try among the others
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How long a search goes on.

    Attributes
    ----------
    tries
        At most so many relaxations.
    least
        At least so many, and together, where more is free than the edge of a cubic cell. The paper's rule alone, which
        ends with the first two that agree, missed the known structure's energy for 12 of 100 known materials, this rule
        for 7 (results/README.md).
    agreement
        eV/atom within which the two lowest energies end the search; 0.01 in the paper.
    proposals
        At most so many structures are proposed for each try, before the candidate counts as not realised.
    own
        What a sample's own geometry is worth. It is the sample: random starts of a cell with little symmetry seldom
        find it again, and would count against it. One that relaxes into another protostructure is no reason for them
        either: of 60 samples of CDVAE, DiffCSP++ and SymmCD two did, and up to 9 more tries (141 CPU s for 22 atoms
        without symmetry; over 900 s of a busy machine for another, whose own energy was lost by it) kept none.
    relax
        Of one relaxation.
    """

    tries: int = 10
    least: int = 4
    agreement: float = 0.01
    proposals: int = 20
    own: OwnGeometry = OwnGeometry.ENOUGH
    relax: RelaxSettings = field(default_factory=RelaxSettings)

    def __post_init__(self) -> None:
        if min(self.tries, self.least, self.proposals) < 1 or not self.agreement >= 0:
            raise ConfigError(
                f"tries = {self.tries}, least = {self.least}, proposals = {self.proposals}, agreement = "
                f"{self.agreement}; expected at least 1, 1, 1 and 0"
            )


@dataclass
class _Search:
    """One candidate's search so far."""

    protostructure: Protostructure
    settings: SearchSettings
    propose: Propose
    potential: Potential
    seed: int
    until: float
    tries: list[Try] = field(default_factory=list)
    lowest: Relaxed | None = None
    proposed: int = 0

    def run(self, own: RawStructure | None) -> None:
        if own is not None and self.settings.own is not OwnGeometry.IGNORED:
            self._relax([(own, 0)], own=True)
            if self.settings.own is OwnGeometry.ENOUGH and self.lowest is not None:
                return
        while not self._over:
            wanted = min(max(1, self._least - len(self.tries)), self.settings.tries - len(self.tries))
            found = [one for _ in range(wanted) if not was_cut(self.tries) and (one := self._realised()) is not None]
            if not found:
                return
            self._relax(found)

    @property
    def _over(self) -> bool:
        made = len(self.tries)
        return was_cut(self.tries) or made >= self.settings.tries or (self.agreed and made >= self._least)

    @property
    def _least(self) -> int:
        free = self.protostructure.degrees_of_freedom + self.protostructure.lattice_degrees_of_freedom
        return max(AGREEING, self.settings.least) if free > 1 else AGREEING

    @property
    def agreed(self) -> bool:
        """Whether the two lowest energies agree."""
        energies = sorted(one.energy for one in self.tries if one.energy is not None)
        return len(energies) > 1 and energies[1] - energies[0] <= self.settings.agreement

    def _realised(self) -> tuple[RawStructure, int] | None:
        """Propose until a structure has the protostructure; a try without one is written down."""
        refused: Counter[str] = Counter()
        detail = ""
        for _ in range(self.settings.proposals):
            if monotonic() >= self.until:
                made = Try(reason=Reason.TIMEOUT, detail="at the time limit, not realised", refused=refused.total())
                self.tries.append(made)
                return None
            found = realise(self.protostructure, self.propose, self.seed, self.proposed)
            self.proposed += 1
            if not isinstance(found, Unrealised):
                return found, refused.total()
            refused[str(found.reason)] += 1
            detail = found.detail
        counts = ", ".join(f"{reason} {count}" for reason, count in refused.most_common())
        told = f"{counts}; the last: {detail}" if detail else counts
        self.tries.append(Try(reason=Reason.NOT_REALISED, detail=told, refused=refused.total()))
        return None

    def _relax(self, found: list[tuple[RawStructure, int]], own: bool = False) -> None:
        settings = replace(self.settings.relax, symprec=LABEL_SYMPREC) if own else self.settings.relax
        structures = [structure for structure, _ in found]
        relaxed = relax(structures, self.potential, settings, until=self.until)
        for one, (_, refused) in zip(relaxed, found, strict=True):
            reason = None if one.failure is None else Reason(str(one.failure))
            energy = one.energy if one.converged else None
            made = Try(own=own, reason=reason, detail=one.detail, energy=energy, steps=one.steps, refused=refused)
            self.tries.append(made)
            if one.converged and (self.lowest is None or one.energy < self.lowest.energy):
                self.lowest = one


def search(
    candidate: Candidate,
    settings: SearchSettings,
    propose: Propose,
    potential: Potential,
    seed: int,
    seconds: float = math.inf,
) -> Material:
    """Return what becomes of a candidate, all of whose elements the potential knows.

    After so many ``seconds`` of wall clock nothing more is proposed or evaluated: the energies that there are then
    count, and the material says that it was `cut <Material.cut>`.
    """
    until = monotonic() + seconds
    start = time.process_time()
    protostructure = Protostructure.from_canonical(candidate.label)
    found = _Search(protostructure, settings, propose, potential, seed, until)
    found.run(candidate.own)
    lowest, tries = found.lowest, tuple(found.tries)
    material = Material(label=candidate.label, digest=candidate.digest, tries=tries)
    if lowest is None:
        told = next((one for one in tries if one.reason is Reason.TIMEOUT), tries[0])
        material = replace(material, reason=told.reason, detail=told.detail)
    else:
        own = settings.own is OwnGeometry.ENOUGH and len(tries) == 1 and tries[0].own
        material = replace(
            material,
            energy=lowest.energy,
            structure=lowest.structure,
            relaxed=label_of(lowest.protostructure),
            loose=label_of(lowest.loose),
            agreed=(found.agreed or own) and not material.cut,
        )
    return replace(material, seconds=time.process_time() - start)


def label_of(read: Converted) -> str:
    """Return the label of what was read from a structure; "" for none."""
    return "" if isinstance(read, Invalid) else read.label
