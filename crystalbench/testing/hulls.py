"""The contract of convex hulls."""

import math
import re

import numpy as np

from crystalbench.crystals.elements import ELEMENTS
from crystalbench.energies import HullSpec
from crystalbench.materials.hull import Hull
from crystalbench.runs.config import check_parameters


def check_hull(spec: HullSpec) -> None:
    """A hull has a card, a caveat and an identity, its elements are their own references, and no phase lies below it.

    A hull that would have to be downloaded is not loaded.
    """
    parameters = check_parameters(spec.name, {}, spec.parameters)
    for what, text in (("card", spec.card()), ("caveat", spec.caveat)):
        said: object = text
        assert isinstance(said, str), f"{spec.name}: the {what} must be text, got {said!r}"
        assert said.strip(), f"{spec.name}: the {what} is empty"
    identity: object = spec.identity(parameters)
    assert isinstance(identity, str), f"{spec.name}: identity must be text, got {identity!r}"
    assert re.fullmatch(r"[0-9a-f]{64}", identity), f"{spec.name}: identity must be a SHA-256 in hex, got {identity!r}"
    if spec.missing(parameters) or not spec.ready():
        return
    hull: object = spec.load(parameters)
    assert isinstance(hull, Hull), f"{spec.name}: load returned {type(hull).__name__}, not a Hull"
    assert hull.references, f"{spec.name}: no element has a reference"
    for z, energy in hull.references.items():
        assert 1 <= z <= len(ELEMENTS), f"{spec.name}: {z} is no atomic number"
        assert math.isfinite(energy), f"{spec.name}: the reference of {ELEMENTS[z - 1]} is {energy}"
        assert abs(hull.distance({z: 1}, 0.0)) < 1e-9, (
            f"{spec.name}: a phase of {ELEMENTS[z - 1]} lies below its reference; formation energies of elements are 0 "
            "or more"
        )
    for row in np.linspace(0, len(hull) - 1, min(len(hull), 50)).astype(int).tolist():
        composition, energy = hull.compositions[row], float(hull.energies[row])
        assert composition.keys() <= hull.references.keys(), f"{spec.name}: {composition} has an unknown element"
        below = -hull.distance(composition, energy)
        assert below < 1e-6, f"{spec.name}: {composition} lies {below:g} eV/atom below the hull that it belongs to"
