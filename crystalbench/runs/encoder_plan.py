"""The encoders of a run: resolved, identified, and why there is none."""

import re
from dataclasses import dataclass

from crystalbench.errors import ConfigError, CrystalbenchError, EncoderError, PluginError
from crystalbench.interfaces import EncoderSpec
from crystalbench.isolation import required
from crystalbench.parameters import Parameters
from crystalbench.plugins import Plugins
from crystalbench.runs.config import RunConfig, check_parameters
from crystalbench.runs.keys import checked_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderPlan:
    """An encoder of a run. ``label`` names it in tables; "" where it is the one of the published values."""

    spec: EncoderSpec
    parameters: Parameters
    identity: str
    label: str

    @property
    def shown(self) -> str:
        """How columns are told apart: label and beginning of the identity, or nothing."""
        return f"{self.label}-{self.identity[:4]}" if self.label else ""

    def describe(self) -> str:
        return f"{self.shown or self.spec.title} ({self.spec.name} {self.spec.version}, sha256 {self.identity[:12]})"


def plan_encoders(config: RunConfig, plugins: Plugins) -> tuple[tuple[EncoderPlan, ...], str]:
    """Return the encoders of a run, and why there is none: only the default one may be missing."""
    names = config.encoders or tuple(spec.name for spec in plugins.encoders.values() if spec.default)
    plans, reasons = [], []
    for name in names:
        spec = plugins.encoders[name]
        parameters = check_parameters(f"encoder.{name}", config.encoder.get(name, {}), spec.parameters)
        try:
            plans.append(plan_encoder(spec, parameters))
        except CrystalbenchError as error:
            reasons.append(str(error))
    if reasons and (config.encoders or config.encoder):
        raise ConfigError("; ".join(reasons))
    known = ", ".join(sorted(plugins.encoders)) or "none is installed"
    return tuple(plans), "" if plans else "; ".join(reasons) or f"name an encoder with --encoder; known: {known}"


def plan_encoder(spec: EncoderSpec, parameters: Parameters) -> EncoderPlan:
    """Return one encoder with its identity.

    Raises
    ------
    EncoderError
        Something is missing that it needs.
    PluginError
        No column could be named after it.
    """
    if missing := required("missing", f"encoder {spec.name}", lambda: spec.missing(parameters)):
        raise EncoderError(f"encoder {spec.name}: {missing}")
    identity = required("identity", f"encoder {spec.name}", lambda: spec.identity(parameters))
    label = required("label", f"encoder {spec.name}", lambda: spec.label(parameters))
    checked_identity(f"encoder {spec.name}", identity)
    if not re.fullmatch(r"[A-Za-z0-9.-]*", label):
        raise PluginError(f"encoder {spec.name}: its label may hold letters, digits, dots and hyphens, got {label!r}")
    return EncoderPlan(spec=spec, parameters=parameters, identity=identity, label=label)
