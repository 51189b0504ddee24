"""The encoder plugin: bundled weights, the published ones, or the user's own."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from crystalbench import CommandSpec, Encoded, EncoderError, EncoderSpec, Parameter, Parameters, hookimpl
from crystalbench.crystals.wyckoff import TABLE_VERSION, Table
from crystalbench.runs.cache import content_key, file_digest
from crystalbench_plugins.wrenformer import published

if TYPE_CHECKING:
    from crystalbench_plugins.wrenformer.network import Wrenformer

VERSION = "1"
PUBLISHED = "published"


class WrenformerEncoder:
    """Embeddings, the output of the trunk before its ReLU, and formation energies.

    Runs on as many threads as torch has (``OMP_NUM_THREADS``; all cores by default).
    """

    def __init__(self, network: "Wrenformer", table: Table) -> None:
        self._network, self._table = network, table

    @property
    def d(self) -> int:
        return self._network.d

    def encode(self, labels: Sequence[str], /) -> Encoded:
        """See `crystalbench.Encoder`; NaN for a label with an element beyond Lr, of which nothing is known."""
        import numpy as np

        from crystalbench_plugins.wrenformer.featurise import buckets, has_features
        from crystalbench_plugins.wrenformer.infer import predict

        rows = [row for row, label in enumerate(labels) if has_features(label)]
        found = predict(self._network, buckets([labels[row] for row in rows], self._table), len(rows))
        if len(rows) == len(labels):
            return found
        whole = Encoded(np.full((len(labels), self.d), np.nan, np.float32), np.full(len(labels), np.nan, np.float32))
        whole.embeddings[rows], whole.energies[rows] = found.embeddings, found.energies
        return whole


def bundled() -> Path:
    """The weights in the package; their card lies beside them."""
    return Path(str(files(__package__) / "data" / "wbm.pt"))


def _path(parameters: Parameters) -> Path:
    given = str(parameters["checkpoint"])
    if not given:
        return bundled()
    return published.cached() if given == PUBLISHED else Path(given).expanduser()


def _sha256(parameters: Parameters) -> str:
    """Digest of the weights. Of the published ones it is known before they are there."""
    return published.SHA256 if parameters["checkpoint"] == PUBLISHED else file_digest(_path(parameters))


def load(parameters: Parameters) -> WrenformerEncoder:
    """Read the weights; raises `EncoderError`."""
    from crystalbench_plugins.wrenformer.weights import Weights

    if parameters["checkpoint"] == PUBLISHED:
        published.fetch()
    path = _path(parameters)
    if not path.is_file():
        raise EncoderError(missing(parameters))
    is_published = _sha256(parameters) == published.SHA256
    weights = published.read_published(path) if is_published else Weights.read(path)
    return WrenformerEncoder(weights.build(), weights.table)


def identity(parameters: Parameters) -> str:
    return content_key(weights=_sha256(parameters), version=VERSION, letters=TABLE_VERSION)


def label(parameters: Parameters) -> str:
    """Nothing for the paper's own weights, wherever they lie; else what the weights are."""
    if _sha256(parameters) == published.SHA256:
        return ""
    return "wrenformer" if parameters["checkpoint"] else "wrenformer-wbm"


def missing(parameters: Parameters) -> str:
    """The published weights are downloaded by `load`; any other file must be there."""
    path = _path(parameters)
    if parameters["checkpoint"] == PUBLISHED or path.is_file():
        return ""
    remedy = (
        "give the path of weights that 'crystalbench encoder train' made"
        if parameters["checkpoint"]
        else ("install crystalbench again; this file is part of it")
    )
    return f"there is no file {path}; {remedy}"


@hookimpl
def crystalbench_encoders() -> Iterable[EncoderSpec]:
    return (
        EncoderSpec(
            name="wrenformer",
            version=VERSION,
            title="Wrenformer",
            description="Transformer over Wyckoff positions that predicts formation energies; 256-wide embeddings.",
            load=load,
            identity=identity,
            label=label,
            missing=missing,
            default=True,
            cite=("goodall2022rapid", "riebesell2023matbench", "tshitoyan2019unsupervised", "paszke2019pytorch"),
            parameters=(
                Parameter(
                    name="checkpoint",
                    default="",
                    help='weights: "" for the bundled ones, "published" for those of the paper (downloaded), or the '
                    "path of a file that 'crystalbench encoder train' wrote",
                ),
            ),
        ),
    )


@hookimpl
def crystalbench_commands() -> Iterable[CommandSpec]:
    return [
        CommandSpec(
            name="encoder train",
            help="Train an encoder on energies and prototypes.",
            command="crystalbench_plugins.wrenformer.train_command:command",
        ),
    ]
