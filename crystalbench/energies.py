"""The records of plugins on the way from a protostructure to an energy: realisers, potentials, convex hulls.

``cite`` is as in `crystalbench.interfaces`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.materials.calibration import Calibration
from crystalbench.materials.elements import References
from crystalbench.materials.hull import Hull
from crystalbench.materials.potential import EnergyScheme, Potential
from crystalbench.materials.realise import Realised
from crystalbench.parameters import Parameter, Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class RealiserSpec:
    """A way from a protostructure to crystal structures that have it.

    Attributes
    ----------
    propose
        One try: given a protostructure, the seed of the try (0 to 2^63 - 1) and settings, returns a structure in any
        cell, or an `Unrealised`. It depends on nothing else. What it proposes is checked
        (`crystalbench.materials.realise.realise`): only a structure of the same protostructure counts.
    missing
        What must be installed or fetched before, as a sentence with the remedy; "" for nothing.
    default
        The realiser of a command that names none.
    """

    name: str
    version: str
    title: str
    description: str
    propose: Callable[[Protostructure, int, Parameters], Realised]
    missing: Callable[[Parameters], str] = lambda parameters: ""
    parameters: tuple[Parameter, ...] = ()
    default: bool = False
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialSpec:
    """An interatomic potential.

    Attributes
    ----------
    load
        Reads the weights.
    identity
        SHA-256 in hex that changes with the weights and with what is done with them; cheap: known before ``load``.
    elements
        Atomic numbers that it knows.
    energy_scheme
        Which energies it imitates.
    missing
        What must be installed or fetched before ``load`` can work, as a sentence with the remedy; "" for nothing.
    default
        The potential of a command that names none.
    """

    name: str
    version: str
    title: str
    description: str
    load: Callable[[Parameters], Potential]
    identity: Callable[[Parameters], str]
    elements: frozenset[int]
    energy_scheme: EnergyScheme
    missing: Callable[[Parameters], str] = lambda parameters: ""
    parameters: tuple[Parameter, ...] = ()
    default: bool = False
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HullSpec:
    """Known phases and elemental references of one energy scheme.

    Attributes
    ----------
    load
        Reads the table.
    identity
        SHA-256 in hex of the table; cheap.
    card
        Markdown: origin, licence, counts, how well its distances agree with the source's.
    caveat
        One sentence under every table of distances from this hull.
    calibrations
        How far the energies of potentials are from DFT's in the scheme of this hull, of those that were measured;
        `calibration_of` finds those of a potential.
    ready
        False where ``load`` must download.
    missing, default
        As in `PotentialSpec`.
    """

    name: str
    version: str
    title: str
    load: Callable[[Parameters], Hull]
    identity: Callable[[Parameters], str]
    card: Callable[[], str]
    caveat: str
    calibrations: Callable[[], Sequence[Calibration]] = tuple
    energy_scheme: EnergyScheme = EnergyScheme.MP2020_CORRECTED
    missing: Callable[[Parameters], str] = lambda parameters: ""
    ready: Callable[[], bool] = lambda: True
    parameters: tuple[Parameter, ...] = ()
    default: bool = False
    cite: tuple[str, ...] = ()


def calibration_of(hull: HullSpec, identity: str, references: References = References.HULL) -> tuple[Calibration, ...]:
    """Return what is known of the errors of a potential's identity with these references; empty where nothing is."""
    known = hull.calibrations()
    return tuple(record for record in known if (record.identity, record.references) == (identity, references))
