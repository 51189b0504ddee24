"""Formation energies that the user brings for the materials of a discovery: what DFT gave for the inputs of VASP."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import fmean

from crystalbench.crystals.protostructure import Protostructure
from crystalbench.errors import ProtostructureError, ReadError
from crystalbench.materials.candidate import Reason
from crystalbench.materials.judged import Judge, Judged
from crystalbench.runs.energy_table import cells_of, content_of, energy_of

LABEL, ENERGY = "label", "formation_energy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A table of formation energies, in eV/atom and of the scheme of the hull.

    Attributes
    ----------
    name, content
        Of the file.
    energies
        By label, with where each stands in the file.
    """

    name: str
    content: bytes
    energies: Mapping[str, tuple[str, float]]

    def to_json(self) -> dict[str, str]:
        """What a manifest says of it."""
        return {"file": self.name, "sha256": self.digest}

    @property
    def digest(self) -> str:
        return sha256(self.content).hexdigest()

    def put(self, judged: Mapping[int, Judged], judge: Judge) -> dict[int, Judged]:
        """Return the materials by these energies alone: one without has no distance, for two origins do not mix.

        Raises
        ------
        ReadError
            For an energy of what is none of the materials.
        """
        labels = {one.material.label for one in judged.values()}
        for label, (place, _) in self.energies.items():
            if label not in labels:
                raise ReadError(f"{place}: {label} is none of the {len(labels):,} materials of this discovery")
        return {row: self._put(one, judge) for row, one in judged.items()}

    def _put(self, one: Judged, judge: Judge) -> Judged:
        if one.material.label in self.energies:
            return judge.given(one.material, self.energies[one.material.label][1])
        why = f"{self.name} has no formation energy of it"
        return replace(Judged(material=one.material), reason=one.material.reason or Reason.NOT_RETURNED, detail=why)

    def basis(self, judged: Mapping[int, Judged], of_potential: Mapping[int, Judged], hull: str, potential: str) -> str:
        """The sentence that stands under every table of these energies."""
        pairs = [(judged[row].formation, of_potential[row].formation) for row in judged]
        errors = [other - own for own, other in pairs if own is not None and other is not None]
        apart = (
            f", from which the potential's own differ by {fmean(map(abs, errors)):.3f} eV/atom in the mean of "
            f"{len(errors):,} absolute values ({fmean(errors):+.3f} with their signs)"
            if errors
            else ""
        )
        return (
            f"formation energies of the user's file {self.name} (sha256 {self.digest[:12]}) for {len(self.energies):,} "
            f"of {len(judged):,} materials, taken to be of the scheme of the hull{apart}; the others have none here "
            f"and stand last; hull: {hull}; structures: {potential}"
        )


def read_returned(path: Path) -> Returned:
    """Read the table ``energies.csv`` that is written beside the inputs of VASP, some or all of it filled.

    It has the columns ``label`` and ``formation_energy`` (eV/atom); others are not read, and empty cells are those that
    are not there yet.

    Raises
    ------
    ReadError
        With the line, and what was expected.
    """
    return returned_of(path.name, content_of(path), path)


def returned_of(name: str, content: bytes, path: Path) -> Returned:
    """Read the content of `read_returned`, wherever it is kept."""
    energies: dict[str, tuple[str, float]] = {}
    for place, (text, energy) in cells_of(content, path, (LABEL, ENERGY)):
        if not energy:
            continue
        try:
            label = Protostructure.parse(text).label
        except ProtostructureError as error:
            raise ReadError(f"{place}: {error}") from None
        if label in energies:
            raise ReadError(f"{place}: {label} has an energy already; the first: {energies[label][0]}")
        energies[label] = place, energy_of(energy, place)
    if not energies or not all(math.isfinite(energy) for _, energy in energies.values()):
        raise ReadError(f"{path}: no formation energy is filled in")
    return Returned(name=name, content=content, energies=energies)
