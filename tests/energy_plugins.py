"""A plugin that makes materials of real parts: an exact potential, the shipped realiser, a hull of four phases."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crystalbench import (
    EnergyScheme,
    Evaluated,
    Hull,
    HullSpec,
    Parameter,
    Parameters,
    Potential,
    PotentialSpec,
    RawStructure,
    hookimpl,
    potential_from_calculator,
)
from crystalbench.energies import RealiserSpec
from crystalbench_plugins.realisers.random_orbits import crystalbench_realisers
from tests.materials.morse import SPEC, Morse

NA, CL, CU = 11, 17, 29


QUICK, PAUSE = 60, 3.0
"""Structures that slow pairs see quickly; seconds that each one after them takes."""


class Fragile(Morse):
    """Pairs that raise, hang, get slow or end the process where copper meets chlorine: a file says how."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        for structure in structures:
            if {CU, CL} <= set(structure.numbers.tolist()) and self.file.is_file():
                match self.file.read_text():
                    case "kill":
                        os.kill(os.getpid(), signal.SIGKILL)
                    case "hang":
                        time.sleep(600)
                    case "slow":
                        time.sleep(PAUSE if self.seen >= QUICK else 0)
                    case _:
                        raise RuntimeError("no such pair")
        return super().evaluate(structures)


def load_morse(parameters: Parameters) -> Morse:
    return Fragile(Path(str(parameters["fragile"])))


def load_lennard_jones(parameters: Parameters) -> Potential:
    from ase.calculators.lj import LennardJones

    return potential_from_calculator(LennardJones(sigma=2.4, epsilon=0.35, rc=6.0, ro=4.0, smooth=True))


class Second:
    """A second potential, a calculator of ASE that knows no copper."""

    @hookimpl
    def crystalbench_potentials(self) -> list[PotentialSpec]:
        return [
            PotentialSpec(
                name="lj", version="1", title="Lennard-Jones", description="Other pairs.", load=load_lennard_jones,
                identity=lambda parameters: "1" * 64, elements=frozenset({NA, CL}),
                energy_scheme=EnergyScheme.MP_UNCORRECTED,
            )
        ]  # fmt: skip


class Foreign:
    """A calculator of ASE whose energies are of a scheme of its own: ``shift`` eV for each atom of sodium.

    ``blind``: the atomic number of an element that it cannot evaluate alone.
    """

    @hookimpl
    def crystalbench_potentials(self) -> list[PotentialSpec]:
        shift = Parameter(name="shift", default=0.0, help="eV")
        blind = Parameter(name="blind", default=0, help="atomic number")
        return [
            PotentialSpec(
                name="foreign", version="1", title="Foreign", description="Shifted pairs.", load=Shifted,
                identity=lambda parameters: f"{abs(hash(float(parameters['shift']))):064x}"[-64:],
                elements=frozenset({NA, CL, CU}), energy_scheme=EnergyScheme.OTHER, parameters=(shift, blind),
            )
        ]  # fmt: skip


class Shifted:
    def __init__(self, parameters: Parameters) -> None:
        self.pairs, self.shift, self.blind = load_lennard_jones({}), float(parameters["shift"]), parameters["blind"]

    def evaluate(self, structures: Sequence[RawStructure], /) -> list[Evaluated]:
        if any(set(structure.numbers.tolist()) == {self.blind} for structure in structures):
            raise RuntimeError("seen nothing")
        seen = self.pairs.evaluate(structures)
        more = [self.shift * int((structure.numbers == NA).sum()) for structure in structures]
        return [replace(one, energy=one.energy + extra) for one, extra in zip(seen, more, strict=True)]


def load_hull(parameters: Parameters) -> Hull:
    phases = [{NA: 1, CL: 1}, {NA: 1, CL: 2}, {CU: 1, CL: 1}, {NA: 1, CU: 3}]
    return Hull(phases, np.array([-0.40, -0.20, -0.05, 0.1]), {NA: -2.0, CL: -1.8, CU: -2.2})


class Energies:
    @hookimpl
    def crystalbench_potentials(self) -> list[PotentialSpec]:
        fragile = Parameter(name="fragile", default="", help="a file that says how the process ends")
        made = replace(SPEC, load=load_morse, energy_scheme=EnergyScheme.MP2020_CORRECTED)
        return [replace(made, parameters=(fragile,), default=True)]

    @hookimpl
    def crystalbench_realisers(self) -> list[RealiserSpec]:
        return [replace(spec, default=True) for spec in crystalbench_realisers()]

    @hookimpl
    def crystalbench_hulls(self) -> list[HullSpec]:
        return [
            HullSpec(
                name="four", version="1", title="Four phases", load=load_hull, identity=lambda parameters: "4" * 64,
                card=lambda: "Four phases.", caveat="Four phases, none of them real.", default=True,
            )
        ]  # fmt: skip
