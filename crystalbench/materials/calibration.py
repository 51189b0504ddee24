"""How far a potential's energies are from those of DFT, measured on materials whose energies are known."""

from dataclasses import dataclass

from crystalbench.materials.elements import References


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Errors of a potential on one set of materials in their DFT structures, or relaxed from there.

    Errors are the potential's formation energy minus DFT's, eV/atom. Distances from a hull of DFT energies have the
    same errors, for the hull is the same, whatever the references.

    Attributes
    ----------
    potential, identity
        Name of the potential with its parameters, and what `PotentialSpec.identity` gives for them.
    references
        Whose energies of the elements they were counted from.
    materials
        Which materials; whether the potential was trained on them.
    relaxed
        Whether the potential relaxed the structures first.
    n
        How many materials; ``asked`` is how many there were to be, the others have no energy.
    mae, bias
        Mean absolute and mean error.
    quantiles
        5, 25, 50, 75 and 95 % of the errors.
    stable, called_stable, both
        Shares of the n materials on or below the hull of the others by DFT, by the potential, and by both.
    """

    potential: str
    identity: str
    references: References
    materials: str
    relaxed: bool
    asked: int
    n: int
    mae: float
    bias: float
    quantiles: tuple[float, float, float, float, float]
    stable: float
    called_stable: float
    both: float

    @property
    def agreement(self) -> float:
        """Share of the materials of which DFT and the potential say the same, stable or not."""
        return 1 - self.stable - self.called_stable + 2 * self.both

    @property
    def short(self) -> str:
        """What stands under a table."""
        how = "relaxed by it" if self.relaxed else "in their DFT structures"
        return (
            f"against DFT on {self.n:,} materials ({self.materials}), {how}: mean absolute error {self.mae:.3f} "
            f"eV/atom, stable or not agrees for {self.agreement:.0%}"
        )

    def __str__(self) -> str:
        how = "relaxed by it" if self.relaxed else "in their DFT structures"
        low, high = self.quantiles[0], self.quantiles[-1]
        own = " with elemental references of its own" if self.references is References.OWN else ""
        return (
            f"{self.potential}{own} against DFT on {self.n:,} materials ({self.materials}), {how}: mean absolute error "
            f"{self.mae:.3f} eV/atom, 90 % of the errors between {low:+.3f} and {high:+.3f}; stable or not agrees for "
            f"{self.agreement:.0%} ({self.both:.0%} stable by both, {self.stable:.0%} by DFT, "
            f"{self.called_stable:.0%} by the potential)"
        )
