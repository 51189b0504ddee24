"""What stands behind samples in the checks of metrics: energies and geometries that no potential or file gave."""

from collections.abc import Sequence
from dataclasses import dataclass

from crystalbench.crystals.geometry import Geometry
from crystalbench.crystals.protostructure import Protostructure
from crystalbench.crystals.samples import Invalid, SampleSet
from crystalbench.materials.candidate import Material
from crystalbench.materials.judged import Judged


@dataclass(frozen=True, slots=True)
class ExampleEnergies:
    """Energies for checks, that no potential is behind: every fourth space group is on the hull."""

    samples: SampleSet

    def sampled(self, rows: Sequence[int], /) -> list[int]:
        return list(rows)

    def judged(self, rows: Sequence[int], /) -> list[Judged]:
        made = [item for row in rows if isinstance(item := self.samples.items[row], Protostructure)]
        return [
            Judged(
                material=Material(label=item.label, energy=-3.0, relaxed=item.label, loose=item.label),
                formation=-1.0,
                distance=item.spacegroup % 4 / 20,
            )
            for item in made
        ]


def example_geometries(samples: SampleSet) -> tuple[Geometry, ...]:
    """Cubic cells of 2 Å and one more for each atom, where overlapping atoms are 0.1 Å apart."""
    return tuple(map(_geometry, samples))


def _geometry(item: Protostructure | Invalid) -> Geometry:
    atoms = 2 if isinstance(item, Invalid) else item.n_atoms
    a = 2.0 + atoms
    pair = 0.1 if isinstance(item, Invalid) else None if atoms == 1 else a / 2
    lengths, angles = dict.fromkeys("abc", a), dict.fromkeys(("alpha", "beta", "gamma"), 90.0)
    return Geometry(atoms=atoms, volume=a**3, density=2.0 + atoms, pair=pair, image=a, **lengths, **angles)
