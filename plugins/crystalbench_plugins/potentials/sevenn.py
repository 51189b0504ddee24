"""SevenNet (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)): some of its weights come in its wheel."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from crystalbench import (
    EnergyScheme,
    Parameter,
    Parameters,
    Potential,
    PotentialSpec,
    hookimpl,
    potential_from_calculator,
)
from crystalbench_plugins.potentials._packages import MPTRJ_ELEMENTS, installed, weights_identity

FILES = {
    "7net-0": "SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
    "7net-l3i5": "SevenNet_l3i5/checkpoint_l3i5.pth",
}


def _weights(parameters: Parameters) -> Path:
    return installed("sevenn") / "pretrained_potentials" / FILES[str(parameters["model"])]


def missing(parameters: Parameters) -> str:
    return "" if find_spec("sevenn") else "SevenNet is not installed; pip install 'crystalbench[sevenn]'"


def load(parameters: Parameters) -> Potential:
    """Read the weights."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of e3nn and torch about TorchScript, and that there is no faster kernel here
        from sevenn.calculator import SevenNetCalculator

        return potential_from_calculator(SevenNetCalculator(str(_weights(parameters)), device="cpu"))


@hookimpl
def crystalbench_potentials() -> Iterable[PotentialSpec]:
    return (
        PotentialSpec(
            name="sevenn",
            version="1",
            title="SevenNet",
            description="Equivariant network trained on MPtrj: uncorrected energies, better ones than CHGNet's.",
            load=load,
            identity=lambda parameters: weights_identity(_weights(parameters), "sevenn"),
            elements=MPTRJ_ELEMENTS,
            energy_scheme=EnergyScheme.MP_UNCORRECTED,
            missing=missing,
            cite=("park2024scalable",),
            parameters=(
                Parameter(
                    name="model", default="7net-0", help="7net-l3i5: more accurate, slower", choices=tuple(FILES)
                ),
            ),
        ),
    )
