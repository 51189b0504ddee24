"""CHGNet (Deng et al., Nature Machine Intelligence 5, 1031 (2023)): its weights come in its wheel."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from crystalbench import EnergyScheme, Parameter, Parameters, Potential, PotentialSpec, hookimpl
from crystalbench_plugins.potentials._packages import MPTRJ_ELEMENTS, installed, weights_identity

FILES = {"0.3.0": "0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar"}
"""The other models in the wheel are an older one that its authors call deprecated, and one of another functional."""


def _weights(parameters: Parameters) -> Path:
    return installed("chgnet") / "pretrained" / FILES[str(parameters["model"])]


def missing(parameters: Parameters) -> str:
    return "" if find_spec("chgnet") else "CHGNet is not installed; pip install 'crystalbench[discover]'"


def load(parameters: Parameters) -> Potential:
    """Read the weights."""
    import io
    import warnings
    from contextlib import redirect_stdout

    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # it says that it was made
        warnings.simplefilter("ignore")  # of pymatgen and nvidia-ml-py, about things that nobody here can change
        from chgnet.model import CHGNet

        from crystalbench_plugins.potentials.chgnet_network import CHGNetPotential

        network = CHGNet.load(model_name=str(parameters["model"]), use_device="cpu", verbose=False)
    return CHGNetPotential(network.eval().requires_grad_(False))


@hookimpl
def crystalbench_potentials() -> Iterable[PotentialSpec]:
    return (
        PotentialSpec(
            name="chgnet",
            version="1",
            title="CHGNet",
            description="Graph network trained on relaxations of the Materials Project (MPtrj); corrected energies.",
            load=load,
            identity=lambda parameters: weights_identity(_weights(parameters), "chgnet"),
            elements=MPTRJ_ELEMENTS,
            energy_scheme=EnergyScheme.MP2020_CORRECTED,
            missing=missing,
            cite=("deng2023chgnet",),
            parameters=(Parameter(name="model", default="0.3.0", help="the model of the wheel", choices=tuple(FILES)),),
            default=True,
        ),
    )
