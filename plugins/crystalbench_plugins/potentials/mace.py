"""MACE (Batatia et al., arXiv:2401.00096), of which the WyckoffDiff paper used mace-mpa-0.

mace-torch pins an e3nn that no other package here can be installed beside, so it is no extra of crystalbench, and the
project's tests do not run it. It was tried in an environment of its own (mace-torch 0.3.16, torch 2.13) with a small
network of random weights: `discover`, its `verify --redraw` and the contract (``crystalbench plugin check mace``); the
weights of mace-mpa-0 were not at hand. Its files of weights are pickles: loading one runs what is in it.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from crystalbench import (
    EnergyScheme,
    Parameter,
    Parameters,
    Potential,
    PotentialError,
    PotentialSpec,
    hookimpl,
    potential_from_calculator,
)
from crystalbench_plugins.potentials._packages import MPTRJ_ELEMENTS, installed, weights_identity

WITHIN = Path("calculators/foundations_models/mace-mpa-0-medium.model")
"""Where some releases of mace-torch have the weights of mace-mpa-0."""

ADDRESS = "https://github.com/ACEsuit/mace-foundations/releases/download/mace_mpa_0/mace-mpa-0-medium.model"


def _weights(parameters: Parameters) -> Path:
    given = str(parameters["checkpoint"])
    return Path(given).expanduser() if given else installed("mace") / WITHIN


def missing(parameters: Parameters) -> str:
    if not find_spec("mace"):
        return "MACE is not installed; pip install mace-torch (in an environment of its own: it needs another e3nn)"
    weights = _weights(parameters)
    if weights.is_file():
        return ""
    return f"there is no file {weights}; give the path of weights as the setting checkpoint ({ADDRESS})"


def load(parameters: Parameters) -> Potential:
    """Read the weights; raises `PotentialError`."""
    if problem := missing(parameters):
        raise PotentialError(problem)
    from mace.calculators import MACECalculator

    return potential_from_calculator(
        MACECalculator(model_paths=str(_weights(parameters)), device="cpu", default_dtype="float64")
    )


@hookimpl
def crystalbench_potentials() -> Iterable[PotentialSpec]:
    return (
        PotentialSpec(
            name="mace",
            version="1",
            title="MACE",
            description="Equivariant network, mace-mpa-0 by default: uncorrected energies. Weights from a file.",
            load=load,
            identity=lambda parameters: weights_identity(_weights(parameters), "mace-torch"),
            elements=MPTRJ_ELEMENTS,
            energy_scheme=EnergyScheme.MP_UNCORRECTED,
            missing=missing,
            cite=("batatia2023foundation",),
            parameters=(
                Parameter(
                    name="checkpoint",
                    default="",
                    help="file of weights trained on energies of the Materials Project (a pickle: only from who you "
                    'trust); "" for the mace-mpa-0 that some releases of mace-torch contain',
                ),
            ),
        ),
    )
