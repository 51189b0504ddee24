"""Settings of the networks and of their training, and the presets `paper`, `small` and `entries`."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class Prior(StrEnum):
    """The distribution that noise ends in (paper, section 3.5)."""

    ZEROS = "zeros"
    UNIFORM = "uniform"
    MARGINAL = "marginal"


class Precision(StrEnum):
    """Arithmetic of the matrix products in training; weights and losses are float32 always."""

    FLOAT32 = "float32"
    TF32 = "tf32"  # CUDA only; as float32 elsewhere
    BF16 = "bf16"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Sizes of WyckoffGNN; the defaults are the paper's (Table 3).

    Attributes
    ----------
    n_elements
        N_a: atomic numbers 1 to N_a can be modelled.
    max_orbits
        P: most orbits of one element on one unconstrained position.
    hidden, position_features
        Width of h_i, and of h_i^pos.
    pair_hidden, message_hidden, decoder_hidden
        Widths of the three hidden layers in the networks of the attention score, the message and the decoders.
    timesteps
        T.
    """

    n_elements: int = 100
    max_orbits: int = 54
    hidden: int = 256
    layers: int = 3
    position_features: int = 16
    pair_hidden: int = 544
    message_hidden: int = 544
    decoder_hidden: int = 512
    timesteps: int = 1000

    def __post_init__(self) -> None:
        _check_sizes(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySettings:
    """Sizes of `wyckoffdiff.entries.network.EntryNetwork`, which completes a material entry by entry.

    Attributes
    ----------
    n_elements, max_orbits
        As in `ModelSettings`.
    hidden, heads
        Width of the tokens, and attention heads that share it.
    layers, readings
        Layers in which the entries attend to each other, and in which the positions read from them.
    """

    n_elements: int = 100
    max_orbits: int = 54
    hidden: int = 192
    heads: int = 6
    layers: int = 6
    readings: int = 2

    def __post_init__(self) -> None:
        _check_sizes(asdict(self))
        if self.hidden % self.heads:
            raise ValueError(f"hidden must be a multiple of heads, got {self.hidden} and {self.heads}")


NetworkSettings: TypeAlias = ModelSettings | EntrySettings

_NETWORKS: Mapping[str, type[NetworkSettings]] = {"wyckoff-gnn": ModelSettings, "entries": EntrySettings}


def to_plain(settings: NetworkSettings) -> dict[str, Any]:
    """Return plain values that `from_plain` reads, the kind of network among them."""
    (kind,) = (name for name, kind in _NETWORKS.items() if isinstance(settings, kind))
    return {"network": kind, **asdict(settings)}


def from_plain(plain: Mapping[str, Any]) -> NetworkSettings:
    """Undo `to_plain`; raises `KeyError`, `TypeError` or `ValueError` for what is none of its values."""
    sizes = dict(plain)
    return _NETWORKS[sizes.pop("network")](**sizes)


def _check_sizes(sizes: Mapping[str, int]) -> None:
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
    if sizes["n_elements"] > 118:
        raise ValueError(f"n_elements must be 1 to 118, got {sizes['n_elements']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How a model is trained; the defaults are the paper's (Table 3) and its code's (no weight decay).

    Attributes
    ----------
    prior
        Distribution that the forward noise ends in.
    epochs, batch_size
        Passes over the training split, and materials in a step (over all processes together).
    learning_rate, weight_decay, beta_2
        Of AdamW; beta_2 is the decay of its average of squared gradients.
    warmup
        Steps over which the learning rate rises linearly; 0 for none.
    decay
        Share of all steps, at the end, over which the learning rate falls linearly to 0; 0 for none.
    ema
        Decay of the exponential moving average of the weights (a step); 0 for none.
    clip
        Largest norm of the gradient; 0 for no limit.
    informed_start
        Start the biases of the outputs at the frequencies of the training split, not near uniform ones, which cost the
        first few hundred steps.
    augment
        Give each material in a random equivalent lettering every time it is seen.
    """

    prior: Prior = Prior.ZEROS
    epochs: int = 1000
    batch_size: int = 256
    learning_rate: float = 2e-4
    weight_decay: float = 0.0
    beta_2: float = 0.999
    warmup: int = 0
    decay: float = 0.0
    ema: float = 0.0
    clip: float = 0.0
    informed_start: bool = False
    augment: bool = True
    precision: Precision = Precision.FLOAT32
    compile: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "prior", Prior(self.prior))
        object.__setattr__(self, "precision", Precision(self.precision))
        for name, low, high in (
            ("epochs", 1, math.inf),
            ("batch_size", 1, math.inf),
            ("learning_rate", 1e-12, 1.0),
            ("weight_decay", 0.0, 1.0),
            ("beta_2", 0.0, 1.0 - 1e-9),
            ("warmup", 0, math.inf),
            ("decay", 0.0, 1.0),
            ("ema", 0.0, 1.0 - 1e-9),
            ("clip", 0.0, math.inf),
            ("seed", 0, 2**63 - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be from {low} to {high}, got {getattr(self, name)}")

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of step number ``step`` (from 0) of ``steps``."""
        rate = self.learning_rate
        if step < self.warmup:
            rate *= (step + 1) / self.warmup
        falling = self.decay * steps
        if falling and step >= steps - falling:
            rate *= max(steps - step, 0) / falling
        return rate

    def ema_at(self, step: int) -> float:
        """Return the decay of the moving average at a step: lower at first, so that the start is forgotten."""
        return min(self.ema, (1 + step) / (10 + step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A model and how to train it. ``orbits_from_data``: P is the most that the training split has."""

    model: NetworkSettings
    training: TrainingSettings
    orbits_from_data: bool

    def __post_init__(self) -> None:
        if isinstance(self.model, EntrySettings) and self.training.prior is not Prior.ZEROS:
            raise ValueError(f"a network of entries needs the prior zeros, got {self.training.prior}")


PRESETS: Mapping[str, Preset] = {
    "paper": Preset(model=ModelSettings(), training=TrainingSettings(), orbits_from_data=False),
    "small": Preset(
        model=ModelSettings(hidden=192, pair_hidden=32, message_hidden=128, decoder_hidden=192),
        training=TrainingSettings(
            epochs=20, learning_rate=1e-3, warmup=500, decay=0.4, ema=0.999, clip=1.0, informed_start=True
        ),
        orbits_from_data=True,
    ),
    "entries": Preset(
        model=EntrySettings(),
        training=TrainingSettings(
            epochs=20,
            learning_rate=2e-3,
            beta_2=0.95,
            warmup=500,
            decay=0.7,
            ema=0.999,
            clip=1.0,
            informed_start=True,
            augment=False,
        ),
        orbits_from_data=True,
    ),
}
