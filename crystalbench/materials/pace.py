"""How long materials will take, before the first: a few of their first structures are evaluated against the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import RawStructure
from crystalbench.isolation import isolated
from crystalbench.materials.candidate import Candidate
from crystalbench.materials.potential import Potential
from crystalbench.materials.realise import Propose, Unrealised, realise
from crystalbench.materials.search import OwnGeometry, SearchSettings
from crystalbench.tables.results import Failure

FREE = (1.0, 2.0, 3.5, 6.5, 12.0, 20.0)
"""Free coordinates and edges of a protostructure, at which the means below stand."""

TRIES, EVALUATIONS = (2.0, 4.0, 4.4, 5.8, 7.0, 7.2), (4.0, 6.0, 12.0, 23.0, 31.0, 55.0)
"""Of a material, and of one of its tries: means of 60 novel protostructures of WyckoffDiff and CHGNet
(results/discover-wyckoffdiff), which other potentials and generators differ from."""

OWN_TRIES, OWN_EVALUATIONS = (1.0, 1.0, 1.0, 1.0, 1.0, 1.7), (2.5, 4.0, 6.0, 13.0, 15.0, 60.0)
"""The same of 60 samples with coordinates of CDVAE, DiffCSP++ and SymmCD: their own geometry is often enough."""

OF_ELEMENT = 4.6
"""Evaluations of an atom in the structures of 89 elements, which DFT has relaxed: mean with CHGNet (SevenNet: 3.0)."""

BATCH = 4
"""Structures of one protostructure that are evaluated at once, as many as a search begins with."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Candidates of typical sizes, to be timed and not to be searched for."""

    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of wall clock that one evaluation takes for each atom; NaN where nothing could be evaluated."""

    seconds: float


def typical(candidates: Sequence[Candidate]) -> Probe:
    """Return the candidates at the quartiles of the number of atoms."""
    ordered = sorted(candidates, key=lambda one: (_atoms(one), one.label))
    places = sorted({int(share * (len(ordered) - 1)) for share in (0.25, 0.5, 0.75)})
    return Probe(tuple(ordered[place] for place in places))


def measure(probe: Probe, propose: Propose, potential: Potential, seed: int) -> Pace:
    """Evaluate first structures of each candidate twice; the second time counts, with everything loaded."""
    seconds = atoms = 0.0
    for candidate in probe.candidates:
        structures = _begun(candidate, propose, seed)
        first = isolated("evaluate", "probe", partial(potential.evaluate, structures)) if structures else None
        if first is None or isinstance(first, Failure):
            continue
        start = perf_counter()
        potential.evaluate(structures)
        seconds += perf_counter() - start
        atoms += sum(len(structure.numbers) for structure in structures)
    return Pace(seconds / atoms if atoms else np.nan)


def _begun(candidate: Candidate, propose: Propose, seed: int) -> list[RawStructure]:
    if candidate.own is not None:
        return [candidate.own]
    protostructure = Protostructure.from_canonical(candidate.label)
    found = [realise(protostructure, propose, seed, number) for number in range(BATCH)]
    return [one for one in found if not isinstance(one, Unrealised)]


def expected(candidate: Candidate, settings: SearchSettings) -> float:
    """Return how many atoms a search is expected to evaluate: structures times atoms in the primitive cell."""
    protostructure = Protostructure.from_canonical(candidate.label)
    free = protostructure.degrees_of_freedom + protostructure.lattice_degrees_of_freedom
    own = candidate.own is not None and settings.own is OwnGeometry.ENOUGH
    tries, each = (OWN_TRIES, OWN_EVALUATIONS) if own else (TRIES, EVALUATIONS)
    wanted = min(float(np.interp(free, FREE, tries)), settings.tries)
    return wanted * float(np.interp(free, FREE, each)) * protostructure.n_sites_primitive


def expected_of_element(candidate: Candidate, settings: SearchSettings) -> float:
    """Return the same of the structure of an element, whatever the settings."""
    return OF_ELEMENT * _atoms(candidate)


def _atoms(candidate: Candidate) -> int:
    return Protostructure.from_canonical(candidate.label).n_sites_primitive
