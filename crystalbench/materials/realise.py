"""From a protostructure to a crystal structure that has it: one try at a time, and every try is checked.

A realiser (`crystalbench.energies.RealiserSpec`) proposes free coordinates and a cell. What it proposes counts only if
no two atoms are too close and the structure, converted back at a tight tolerance, has the very protostructure that was
asked for. Everything else is an `Unrealised` with its reason.

A try depends on nothing but the realiser with its settings, the label, the seed and its number: tries can be made in
any order and on any machine. A library that hangs or crashes is the caller's: make tries in workers that can be killed
(`crystalbench.executors`), and write down what was lost as ``TIMEOUT`` or ``CRASH``.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench.crystals.elements import NUMBERS
from crystalbench.crystals.make import fault
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure
from crystalbench.errors import PluginError
from crystalbench.isolation import isolated
from crystalbench.materials.sizes import clearance, element_sizes
from crystalbench.tables.results import Failure

SYMPREC = 0.01
"""Å, the tolerance at which a try must have its protostructure. At the 0.1 Å of samples a free coordinate that happens
to lie near a special value is taken for it."""

MIN_CLEARANCE = 0.7
"""Shortest distance over the sum of the two covalent radii, for every pair of atoms. Of 3,016 materials of MP-20's
validation split 0.1 % have less."""


class UnrealisedReason(StrEnum):
    """Why a try gave no structure. The values are stored in ledgers: never rename one."""

    NO_SIZE = "no_size"  # of an element, neither radius nor volume is known
    NOT_FOUND = "not_found"  # the realiser gave up
    TOO_CLOSE = "too_close"  # two atoms overlap
    OTHER_PROTOSTRUCTURE = "other_protostructure"  # converted back it is another one
    NO_PROTOSTRUCTURE = "no_protostructure"  # converted back it has none
    TIMEOUT = "timeout"
    CRASH = "crash"


@dataclass(frozen=True, slots=True)
class Unrealised:
    """A try that gave no structure."""

    reason: UnrealisedReason
    detail: str = ""


Realised: TypeAlias = RawStructure | Unrealised
Propose: TypeAlias = Callable[[Protostructure, int], Realised]
"""Returns a structure in any cell, or why there is none, from a protostructure and a seed (`RealiserSpec.propose`
with its settings)."""


def realise(protostructure: Protostructure, propose: Propose, seed: int, number: int) -> Realised:
    """Make one try to find a crystal structure of a protostructure.

    Parameters
    ----------
    protostructure
        What the structure must have.
    propose
        A realiser, with its settings.
    seed
        Of the run.
    number
        Of the try, from 0.

    Returns
    -------
    RawStructure or Unrealised
        A structure as the realiser gave it, usually in the conventional cell, or why this try gave none.

    Raises
    ------
    PluginError
        If the realiser returns neither, or arrays of other types or shapes. What it raises is ``CRASH``.
    """
    radii = element_sizes().radii
    if unknown := [element for element in protostructure.elements if np.isnan(radii[NUMBERS[element]])]:
        return Unrealised(UnrealisedReason.NO_SIZE, f"no covalent radius is known of {', '.join(unknown)}")
    proposed = isolated("realise", "", lambda: propose(protostructure, seed_of_try(protostructure, seed, number)))
    if isinstance(proposed, Failure):
        return Unrealised(UnrealisedReason.CRASH, proposed.error)
    if isinstance(proposed, Unrealised):
        return proposed
    if not isinstance(proposed, RawStructure):
        raise PluginError(f"a realiser must return a RawStructure or an Unrealised, not {str(proposed)[:60]!r}")
    if problem := fault(proposed):
        raise PluginError(f"a realiser returned a structure that is not well made: {problem}")
    return checked(proposed, protostructure)


def checked(structure: RawStructure, protostructure: Protostructure) -> Realised:
    """Return a structure if it has the protostructure and no two atoms of it are too close, or why it does not count.

    Elements are those of the protostructure, which have a known radius.
    """
    found = convert(structure, ConversionSettings(symprec=SYMPREC, angle_tolerance=-1, table=protostructure.table))
    if isinstance(found, Invalid):
        close = found.reason is InvalidReason.OVERLAPPING_ATOMS
        reason = UnrealisedReason.TOO_CLOSE if close else UnrealisedReason.NO_PROTOSTRUCTURE
        return Unrealised(reason, found.detail)
    if found != protostructure:
        return Unrealised(UnrealisedReason.OTHER_PROTOSTRUCTURE, f"it is {found}")
    if (closest := clearance(structure)) < MIN_CLEARANCE:
        detail = f"two atoms are {closest:.2g} times the sum of their radii apart, the limit is {MIN_CLEARANCE}"
        return Unrealised(UnrealisedReason.TOO_CLOSE, detail)
    return structure


def seed_of_try(protostructure: Protostructure, seed: int, number: int) -> int:
    """Return the seed of one try, 0 to 2^63 - 1: another one for each label, seed of a run and number of a try."""
    digest = hashlib.sha256(f"{protostructure.label}|{seed}|{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
