"""The way down in energy: BFGS in the free coordinates of a crystal, one evaluation at a time."""

import numpy as np

from crystalbench.crystals.samples import Invalid, InvalidReason, RawStructure
from crystalbench.crystals.screen import screen
from crystalbench.materials.freedom import Floats, Freedom
from crystalbench.materials.potential import Evaluated
from crystalbench.materials.relaxed import RelaxFailure, RelaxSettings

STIFFNESS = 10.0
"""eV/Å², the first guess of the second derivative by a displacement."""

BULK = 0.6
"""eV/Å³ (100 GPa), the first guess of the second derivative by strain, over the volume."""

NOISE = 1e-5
"""eV/atom; energies in single precision differ by less without a reason."""

_CAUSES = {
    InvalidReason.NON_FINITE: RelaxFailure.NON_FINITE,
    InvalidReason.HUGE_CELL: RelaxFailure.EXPLODED,
    InvalidReason.HUGE_COORDINATES: RelaxFailure.EXPLODED,
    InvalidReason.TINY_CELL: RelaxFailure.COLLAPSED,
    InvalidReason.OVERLAPPING_ATOMS: RelaxFailure.COLLAPSED,
}


class Descent:
    """One relaxation: `structure` is what the potential has to see next, `tell` takes what it saw.

    Steps are quasi-Newton steps with the absolute curvatures, no longer than allowed. One that raises the energy is
    taken back, but its forces are learnt from.

    Attributes
    ----------
    freedom
        Where it goes.
    lowest, best
        The lowest structure so far, and what the potential said of it.
    steps, evaluations
        Steps that lowered the energy; structures seen.
    max_force, max_stress
        Of that structure, symmetrised: eV/Å, eV/Å³.
    done, failure, detail
        Whether there is nothing more to see; why it ended before it was relaxed.
    """

    def __init__(self, freedom: Freedom, settings: RelaxSettings) -> None:
        self.freedom, self._settings = freedom, settings
        self._volume = abs(float(np.linalg.det(freedom.start.lattice)))
        stiffness = [BULK * self._volume] * len(freedom.strains) + [STIFFNESS] * len(freedom.shifts)
        self._curvature: Floats = np.diag(stiffness)
        self._next: Floats = np.zeros(freedom.size)
        self._gradient: Floats = np.zeros(freedom.size)
        self._shrink = 1.0
        self.best: Evaluated | None = None
        self._point: Floats = self._next
        self.steps = self.evaluations = 0
        self.max_force = self.max_stress = np.nan
        self.done = False
        self.failure: RelaxFailure | None = None
        self.detail = ""

    @property
    def structure(self) -> RawStructure:
        return self.freedom.at(self._next)

    @property
    def lowest(self) -> RawStructure:
        return self.freedom.at(self._point)

    def fail(self, failure: RelaxFailure, detail: str) -> None:
        """End without a relaxed structure."""
        self.done, self.failure, self.detail = True, failure, detail

    def tell(self, seen: Evaluated) -> None:
        """Go on from what the potential sees of `structure`."""
        self.evaluations += 1
        if not (np.isfinite(seen.energy) and np.isfinite(seen.forces).all() and np.isfinite(seen.stress).all()):
            return self.fail(RelaxFailure.NON_FINITE, "the potential gave NaN or infinity")
        gradient = self.freedom.gradient(self._next, seen.forces, seen.stress)
        if self.best is not None:
            self._learn(self._next - self._point, gradient - self._gradient)
        if self.best is None or seen.energy <= self.best.energy + NOISE * len(seen.forces):
            self.steps += self.best is not None
            self._shrink = min(1.0, 2 * self._shrink)
            self.best, self._point, self._gradient = seen, self._next, gradient
            forces, stress = self.freedom.symmetrised(seen.forces, seen.stress)
            self.max_force = float(np.linalg.norm(forces, axis=1).max())
            self.max_stress = float(np.abs(stress).max())
        else:
            self._shrink /= 4
        return self._go_on()

    def _go_on(self) -> None:
        settings = self._settings
        step = self._newton()
        if self.max_force <= settings.fmax and self.max_stress <= settings.smax:
            self.done = True
        elif self.evaluations >= settings.max_steps:
            self.fail(
                RelaxFailure.NOT_CONVERGED,
                f"after {self.evaluations} evaluations {self.max_force:.3g} eV/Å and {self.max_stress:.3g} eV/Å³",
            )
        elif self._shrink < 1e-4:
            self.fail(RelaxFailure.NOT_CONVERGED, "the energy rises along its own forces")
        else:
            self._next = self._point + self._shortened(step)
            self._check()

    def _learn(self, step: Floats, change: Floats) -> None:
        """The update of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright, eq. 6.19)."""
        bent = self._curvature @ step
        along, before = float(step @ change), float(step @ bent)
        if abs(along) > 1e-10 and abs(before) > 1e-10:
            self._curvature += np.outer(change, change) / along - np.outer(bent, bent) / before

    def _newton(self) -> Floats:
        values, vectors = np.linalg.eigh(self._curvature)
        return np.asarray(-vectors @ ((vectors.T @ self._gradient) / np.maximum(np.abs(values), 1e-3)))

    def _shortened(self, step: Floats) -> Floats:
        split = len(self.freedom.strains)
        strain = np.abs(np.tensordot(step[:split], self.freedom.strains, 1)).max()
        moves = np.linalg.norm(np.tensordot(step[split:], self.freedom.shifts, 1), axis=1).max()
        settings = self._settings
        length = max(strain / settings.max_strain, moves / settings.max_move)
        return np.asarray(step * min(1.0, self._shrink / length if length else 1.0))

    def _check(self) -> None:
        """Refuse what a potential should not see."""
        structure = self.structure
        atoms = len(structure.numbers)
        found = screen(structure, min_distance=self._settings.min_distance, max_atoms=atoms)
        if isinstance(found, Invalid):
            return self.fail(_CAUSES.get(found.reason, RelaxFailure.COLLAPSED), found.detail)
        ratio = abs(float(np.linalg.det(structure.lattice))) / self._volume
        if not 1 / self._settings.max_expansion < ratio < self._settings.max_expansion:
            cause = RelaxFailure.EXPLODED if ratio > 1 else RelaxFailure.COLLAPSED
            return self.fail(cause, f"the volume is {ratio:.3g} times that of the structure that was given")
        return None
