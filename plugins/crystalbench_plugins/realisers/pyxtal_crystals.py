"""pyxtal's random crystals (Fredericks et al. 2021, doi 10.1016/j.cpc.2020.107810), as in the WyckoffDiff paper."""

import importlib.util
import warnings
from collections.abc import Iterable
from itertools import combinations_with_replacement

import numpy as np

from crystalbench import (
    Parameter,
    Parameters,
    Protostructure,
    RawStructure,
    RealiserSpec,
    Unrealised,
    UnrealisedReason,
    hookimpl,
)
from crystalbench.crystals import wyckoff
from crystalbench.crystals.elements import NUMBERS
from crystalbench.materials.realise import MIN_CLEARANCE
from crystalbench.materials.sizes import element_sizes


def propose(protostructure: Protostructure, seed: int, parameters: Parameters) -> RawStructure | Unrealised:
    """Return what one attempt of ``pyxtal.from_random`` finds, in the conventional cell."""
    from pyxtal import pyxtal
    from pyxtal.database.element import Element
    from pyxtal.msg import Error
    from pyxtal.tolerance import Tol_matrix

    if unknown := [element for element in protostructure.elements if not Element(element).covalent_radius]:
        return Unrealised(UnrealisedReason.NO_SIZE, f"pyxtal has no covalent radius of {', '.join(unknown)}")
    sites: dict[str, list[str]] = {element: [] for element in protostructure.elements}
    for site in protostructure.orbits:
        position = wyckoff.position(protostructure.spacegroup, site.letter)
        sites[site.element].append(f"{position.multiplicity}{position.letter}")
    # pyxtal's own distances are half the sums of its radii: two thirds of its crystals would be refused as too close.
    radii = element_sizes().radii
    pairs = combinations_with_replacement(sites, 2)
    near = [(a, b, MIN_CLEARANCE * (radii[NUMBERS[a]] + radii[NUMBERS[b]])) for a, b in pairs]
    crystal = pyxtal()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of each volume that it enlarges
            crystal.from_random(
                3,
                protostructure.spacegroup,
                list(sites),
                list(protostructure.composition.values()),
                factor=float(parameters["volume_factor"]),
                sites=list(sites.values()),
                tm=Tol_matrix(*near),
                max_count=1,
                random_state=np.random.default_rng(seed),
            )
    except (Error, RuntimeError) as error:
        return Unrealised(UnrealisedReason.NOT_FOUND, f"{type(error).__name__}: {error}"[:200])
    coords, symbols = crystal._get_coords_and_species()
    return RawStructure.of(crystal.lattice.get_matrix(), coords, [NUMBERS[symbol] for symbol in symbols])


def missing(parameters: Parameters) -> str:
    """Say what to install where pyxtal is absent."""
    if importlib.util.find_spec("pyxtal"):
        return ""
    return "pyxtal is not installed; pip install 'crystalbench[discover]'"


@hookimpl
def crystalbench_realisers() -> Iterable[RealiserSpec]:
    factor = Parameter(name="volume_factor", default=1.1, help="Times pyxtal's own estimate of the volume.")
    return [
        RealiserSpec(
            name="pyxtal",
            version="1",
            title="pyxtal",
            description="Random crystals of pyxtal, with its own volumes, and our distances.",
            propose=propose,
            missing=missing,
            parameters=(factor,),
            cite=("fredericks2021pyxtal",),
        )
    ]
