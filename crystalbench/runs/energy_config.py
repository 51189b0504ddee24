"""The section ``[energies]`` of a configuration: how materials are made of protostructures, and judged."""

from dataclasses import dataclass, fields

from crystalbench.errors import ConfigError
from crystalbench.materials.elements import References
from crystalbench.materials.search import OwnGeometry, SearchSettings
from crystalbench.tables.results import JSON

DEFAULT = SearchSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyConfig:
    """The section ``[energies]`` of a configuration.

    Attributes
    ----------
    potentials
        A column for each; left out: the default one.
    hull
        Name of a hull, or a file of formulas and formation energies (`crystalbench.runs.hull_file`). Left out: the
        default one.
    references
        Whose energies of the elements formation energies are counted from: those of the hull, or the potential's own.
    realiser
        Left out: the default one.
    tries, least, agreement, proposals, own
        As in `SearchSettings`.
    max_atoms
        In the primitive cell: a larger material is not relaxed.
    at_most
        Each metric has at most so many samples of a replica relaxed, drawn at random; 0: all that it needs. A row takes
        minutes rather than hours by default.
    timeout
        Seconds of wall clock for one candidate with all its tries: then the search ends with the energies that it has.
        No part of the identity: what it cuts is not kept, and tried again in the next run.
    """

    potentials: tuple[str, ...] = ()
    hull: str = ""
    references: References = References.HULL
    realiser: str = ""
    tries: int = DEFAULT.tries
    least: int = DEFAULT.least
    agreement: float = DEFAULT.agreement
    proposals: int = DEFAULT.proposals
    own: OwnGeometry = DEFAULT.own
    max_atoms: int = 60
    at_most: int = 100
    timeout: float = 900.0

    def __post_init__(self) -> None:
        for key, least in {"max_atoms": 1, "at_most": 0}.items():
            if getattr(self, key) < least:
                raise ConfigError(f"energies.{key} must be at least {least}, got {getattr(self, key)}")
        if repeated := sorted({name for name in self.potentials if self.potentials.count(name) > 1}):
            raise ConfigError(f"energies.potentials names {', '.join(repeated)} more than once; name each once")
        if not self.timeout > 0:
            raise ConfigError(f"energies.timeout must be positive, got {self.timeout:g}")
        self.search  # noqa: B018 - raises for what makes no sense

    def to_mapping(self) -> dict[str, JSON]:
        """All settings as plain JSON."""
        plain: dict[str, JSON] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            plain[field.name] = (
                list(value) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value
            )
        return plain

    @property
    def search(self) -> SearchSettings:
        return SearchSettings(
            tries=self.tries, least=self.least, agreement=self.agreement, proposals=self.proposals, own=self.own
        )
