"""Relaxation under the space group: many structures at a time, each on its own way down."""

import math
from collections.abc import Sequence
from time import monotonic

import numpy as np

from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.crystals.samples import Converted, RawStructure
from crystalbench.crystals.screen import screen
from crystalbench.isolation import isolated
from crystalbench.materials.descent import Descent
from crystalbench.materials.freedom import Freedom
from crystalbench.materials.potential import Evaluated, Potential
from crystalbench.materials.relaxed import Relaxed, RelaxFailure, RelaxSettings
from crystalbench.tables.results import Failure

IDENTITY_SYMPREC, LABEL_SYMPREC = 0.01, 0.1
"""Å. Of 24 materials of MP-20 that CHGNet had relaxed, all had their protostructure at the first, 23 at the last."""

_MAX_ATOMS = 2000


def relax(
    structures: Sequence[RawStructure],
    potential: Potential,
    settings: RelaxSettings | None = None,
    *,
    elements: frozenset[int] | None = None,
    until: float = math.inf,
) -> list[Relaxed]:
    """Relax cell and positions of each structure in the space group that it has.

    Parameters
    ----------
    structures
        Whatever their cell: the primitive one is relaxed.
    potential
        Sees all structures that are not yet relaxed at once. Its numbers decide the result: the same call gives the
        same bytes; other neighbours in the call change it by the rounding of a potential that depends on them.
    settings
        By default those of `RelaxSettings`.
    elements
        Atomic numbers that the potential knows; None for all.
    until
        On the clock of `time.monotonic`, s: nothing is evaluated from then on, and what is not relaxed yet has failed.

    Returns
    -------
    list of Relaxed
        In the order of the structures. Nothing is raised for a bad structure.

    Notes
    -----
    Runs in this process. spglib can end it: structures that `crystalbench.crystals.screen.screen` refuses are not
    shown to it.
    """
    settings = settings or RelaxSettings()
    begun = [_begin(structure, settings, elements) for structure in structures]
    descents = [descent for descent in begun if isinstance(descent, Descent)]
    while active := [descent for descent in descents if not descent.done]:
        if monotonic() >= until:
            for descent in active:
                descent.fail(RelaxFailure.TIMEOUT, f"at the time limit, after {descent.evaluations} evaluations")
            break
        for descent, seen in zip(active, _evaluate(potential, [d.structure for d in active]), strict=True):
            if isinstance(seen, Evaluated):
                descent.tell(seen)
            else:
                descent.fail(RelaxFailure.POTENTIAL_FAILED, seen)
    return [_finish(structure, descent) for structure, descent in zip(structures, begun, strict=True)]


def _begin(
    structure: RawStructure, settings: RelaxSettings, elements: frozenset[int] | None
) -> Descent | tuple[RelaxFailure, str]:
    if problem := screen(structure, min_distance=settings.min_distance, max_atoms=_MAX_ATOMS):
        return RelaxFailure.INVALID_STRUCTURE, f"{problem.reason}: {problem.detail}"
    if elements is not None and (unknown := sorted(set(structure.numbers.tolist()) - elements)):
        return RelaxFailure.UNKNOWN_ELEMENT, "the potential does not know " + ", ".join(
            ELEMENTS[z - 1] for z in unknown
        )
    freedom = Freedom.of(structure, settings.symprec)
    if freedom is None:
        return RelaxFailure.NO_SYMMETRY, f"spglib finds no symmetry at {settings.symprec:g} Å"
    return Descent(freedom, settings)


def _evaluate(potential: Potential, structures: list[RawStructure]) -> Sequence[Evaluated | str]:
    """Return what the potential sees of each, or what it raised; where it raises for all at once, each is tried."""
    found = isolated("evaluate", "potential", lambda: [*potential.evaluate(structures)])
    if not isinstance(found, Failure):
        return found
    if len(structures) == 1:
        return [" ".join(found.error.split())[:200]]
    return [_evaluate(potential, [structure])[0] for structure in structures]


def _finish(given: RawStructure, descent: Descent | tuple[RelaxFailure, str]) -> Relaxed:
    if not isinstance(descent, Descent):
        failure, detail = descent
        read = _read(given, IDENTITY_SYMPREC)
        return Relaxed(
            structure=given, energy=np.nan, steps=0, evaluations=0, max_force=np.nan, max_stress=np.nan,
            failure=failure, detail=detail, before=read, protostructure=read, loose=_read(given, LABEL_SYMPREC),
        )  # fmt: skip
    structure = descent.lowest if descent.best else given
    return Relaxed(
        structure=structure,
        energy=descent.best.energy / len(structure.numbers) if descent.best else np.nan,
        steps=descent.steps,
        evaluations=descent.evaluations,
        max_force=descent.max_force,
        max_stress=descent.max_stress,
        failure=descent.failure,
        detail=descent.detail,
        before=_read(descent.freedom.start, IDENTITY_SYMPREC),
        protostructure=_read(structure, IDENTITY_SYMPREC),
        loose=_read(structure, LABEL_SYMPREC),
    )


def _read(structure: RawStructure, symprec: float) -> Converted:
    return convert(structure, ConversionSettings(symprec=symprec))
