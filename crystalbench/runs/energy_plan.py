"""What the energies of a run are computed with: realiser, potential, hull and elemental references."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from crystalbench.energies import HullSpec, PotentialSpec, RealiserSpec, calibration_of
from crystalbench.errors import ConfigError, unknown_name
from crystalbench.isolation import required
from crystalbench.materials.elements import RELAXED, References, element_structures, structures_digest
from crystalbench.materials.potential import EnergyScheme
from crystalbench.materials.search import search
from crystalbench.parameters import Parameters
from crystalbench.plugins import Plugins, Registry
from crystalbench.runs.cache import content_key
from crystalbench.runs.code_identity import code_identity
from crystalbench.runs.config import check_parameters, plain_values
from crystalbench.runs.energy_config import EnergyConfig
from crystalbench.runs.hull_file import hull_from_file
from crystalbench.runs.keys import checked_identity
from crystalbench.tables.results import JSON
from crystalbench.versions import DISCOVER, packages


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialPlan:
    """A potential of a run."""

    spec: PotentialSpec
    parameters: Parameters
    identity: str

    @property
    def shown(self) -> str:
        """How columns are told apart: name and beginning of the identity."""
        return f"{self.spec.name}-{self.identity[:4]}"

    def describe(self) -> str:
        return f"{self.spec.title} ({self.spec.name} {self.spec.version}, sha256 {self.identity[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class HullPlan:
    """The hull of a run; ``file`` is where it was read from, "" for one of a plugin."""

    spec: HullSpec
    parameters: Parameters
    identity: str
    file: str = ""

    def describe(self) -> str:
        return f"{self.spec.title} ({self.spec.name} {self.spec.version}, sha256 {self.identity[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealiserPlan:
    """The realiser of a run."""

    spec: RealiserSpec
    parameters: Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyPlan:
    """Everything that energies depend on but the samples."""

    config: EnergyConfig
    potentials: tuple[PotentialPlan, ...]
    hull: HullPlan
    realiser: RealiserPlan

    def search_key(self, potential: PotentialPlan) -> str:
        """SHA-256 of all that a material depends on but the candidate, the seed and the letter table."""
        return content_key(
            settings=plain_values(asdict(self.config.search)),
            potential=[potential.spec.name, potential.spec.version, potential.identity, dict(potential.parameters)],
            realiser=[self.realiser.spec.name, self.realiser.spec.version, dict(self.realiser.parameters)],
            code=[
                code_identity(search, within="crystalbench.materials"),
                code_identity(potential.spec.load),
                code_identity(self.realiser.spec.propose),
            ],
            packages=dict(packages(DISCOVER)),
        )

    def of_elements(self) -> Self:
        """The plan by which the structures of the elements are relaxed, whatever the settings of a search."""
        largest = max(len(one.own.numbers) for one in element_structures().values() if one.own is not None)
        config = EnergyConfig(
            tries=RELAXED.tries, least=RELAXED.least, own=RELAXED.own, max_atoms=largest, timeout=self.config.timeout
        )
        return replace(self, config=config)

    def identity(self, potential: PotentialPlan) -> str:
        """SHA-256 of what tells two columns of energies apart: settings, and versions and content of all parts."""
        config = self.config.to_mapping()
        apart = ("potentials", "hull", "references", "realiser", "timeout")
        own: list[JSON] = [["elements", structures_digest()]] if self.config.references is References.OWN else []
        return content_key(
            config={key: value for key, value in config.items() if key not in apart},
            parts=[
                [potential.spec.name, potential.spec.version, potential.identity],
                [self.hull.spec.name, self.hull.spec.version, self.hull.identity],
                [self.realiser.spec.name, self.realiser.spec.version, dict(self.realiser.parameters)],
                *own,
            ],
        )

    def basis(self, potential: PotentialPlan) -> str:
        """The sentence that stands under every table of these energies."""
        own = self.config.references is References.OWN
        scheme = _SCHEMES[potential.spec.energy_scheme]
        known = calibration_of(self.hull.spec, potential.identity, self.config.references)
        error = next(
            (one.short for one in reversed(known)),
            f"its errors against DFT {'with these references ' if own else ''}were not measured",
        )
        dft = "" if self.hull.file else " (DFT)"
        references = "hull and elemental references"
        if own:
            references = (
                "elemental references: its own, the elements' ground states relaxed with it (structures of the "
                f"Materials Project, sha256 {structures_digest()[:12]}); the phases of the hull keep their formation "
                f"energies{' from DFT' if dft else ''}, so that the two sides of a distance come from different "
                "methods; hull"
            )
        return (
            f"relaxed with {potential.describe()}, {scheme}; {error}; {references}{dft}: {self.hull.describe()}: "
            f"{self.hull.spec.caveat.rstrip('.')}"
        )


_SCHEMES = {
    EnergyScheme.MP2020_CORRECTED: "predicts MP2020-corrected energies",
    EnergyScheme.MP_UNCORRECTED: "corrected by MP2020",
    EnergyScheme.OTHER: "predicts energies of a scheme of its own, which are left so though the hull is corrected",
}


def plan_energies(
    config: EnergyConfig,
    parameters: Mapping[str, Mapping[str, Parameters]],
    plugins: Plugins,
    written: Mapping[str, str] | None = None,
) -> EnergyPlan:
    """Resolve names and parameters.

    Parameters
    ----------
    parameters
        ``{"potential": {NAME: …}, "hull": …, "realiser": …}``.
    written
        Identities of the potentials of a finished run: nothing has to be installed to judge its materials again.

    Raises
    ------
    ConfigError
        For what the user must change, install or fetch.
    ReadError
        For a file that holds no hull.
    PluginError
        For an identity that is no SHA-256.
    """
    hull = _hull(config.hull, parameters["hull"], plugins)
    names = config.potentials or _defaults(plugins.potentials)
    potentials = tuple(
        _potential(plugins.potentials[name], parameters["potential"].get(name, {}), written) for name in names
    )
    for potential in potentials:
        if potential.spec.energy_scheme is EnergyScheme.OTHER and config.references is References.HULL:
            raise ConfigError(
                f"potential {potential.spec.name}: imitates no energies of the Materials Project, so that the elements "
                f"of a hull of them are no references for it; take its own with --references {References.OWN} "
                f'(energies.references = "{References.OWN}"), or name another potential'
            )
    realiser_name = config.realiser or _defaults(plugins.realisers)[0]
    realiser = plugins.realisers[realiser_name]
    of_realiser = check_parameters(
        f"realiser.{realiser_name}", parameters["realiser"].get(realiser_name, {}), realiser.parameters
    )
    if written is None and (
        lacking := required("missing", f"realiser {realiser_name}", lambda: realiser.missing(of_realiser))
    ):
        raise ConfigError(f"realiser {realiser_name}: {lacking}")
    return EnergyPlan(
        config=replace(config, hull=hull.file or config.hull),
        potentials=potentials,
        hull=hull,
        realiser=RealiserPlan(spec=realiser, parameters=of_realiser),
    )


def _hull(given: str, parameters: Mapping[str, Parameters], plugins: Plugins) -> HullPlan:
    """Return a hull by the name of a record, or from a file: a name comes first."""
    name = given or _defaults(plugins.hulls)[0]
    file = "" if name in plugins.hulls else str(Path(name).expanduser().absolute())
    if file and not Path(file).is_file():
        raise ConfigError(f"{unknown_name('hull', name, plugins.hulls)}; nor is it a file")
    spec = _from_file(Path(file), plugins) if file else plugins.hulls[name]
    own = check_parameters(f"hull.{name}", parameters.get(name, {}), spec.parameters)
    if missing := required("missing", f"hull {name}", lambda: spec.missing(own)):
        raise ConfigError(f"hull {name}: {missing}")
    if spec.energy_scheme is not EnergyScheme.MP2020_CORRECTED:
        raise ConfigError(
            f"hull {name}: its energies are of the scheme {spec.energy_scheme}; those of materials are "
            f"{EnergyScheme.MP2020_CORRECTED}, and two schemes are never mixed; name another one"
        )
    identity = required("identity", f"hull {name}", lambda: spec.identity(own))
    return HullPlan(spec=spec, parameters=own, identity=checked_identity(f"hull {name}", identity), file=file)


def _from_file(path: Path, plugins: Plugins) -> HullSpec:
    """Return a hull of the user's own, on the elements of the default one unless it brings its own."""
    base = plugins.hulls[_defaults(plugins.hulls)[0]]
    parameters = check_parameters(f"hull.{base.name}", {}, base.parameters)
    return hull_from_file(path, base, parameters)


def _potential(spec: PotentialSpec, given: Parameters, written: Mapping[str, str] | None) -> PotentialPlan:
    parameters = check_parameters(f"potential.{spec.name}", given, spec.parameters)
    if written is not None:
        identity = written[spec.name]
    elif missing := required("missing", f"potential {spec.name}", lambda: spec.missing(parameters)):
        raise ConfigError(f"potential {spec.name}: {missing}")
    else:
        identity = required("identity", f"potential {spec.name}", lambda: spec.identity(parameters))
    return PotentialPlan(
        spec=spec, parameters=parameters, identity=checked_identity(f"potential {spec.name}", identity)
    )


def _defaults(registry: Registry[Any]) -> tuple[str, ...]:
    names = tuple(spec.name for spec in registry.values() if spec.default)
    if not names:
        known = ", ".join(sorted(registry)) or "none is installed"
        raise ConfigError(f"name a {registry.kind.removesuffix('s')} in [energies]; known: {known}")
    return names[:1]
