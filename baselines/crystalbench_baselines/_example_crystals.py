"""Real crystals for the example files: structure types, and compounds that have them.

Structure types are given by the Hall number of their setting and one position for each orbit (International
Tables; Wyckoff, *Crystal Structures*, 2nd ed., 1963). Lattice parameters are room-temperature textbook values
(Wyckoff; Pearson's Handbook), rounded to 0.01 Å or better. They make realistic files; they are no reference data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Orbits = Sequence[tuple[int, float, float, float]]
"""Place of the element in the formula, and the position of one atom."""

THIRD, TWO_THIRDS, EIGHTH = 1 / 3, 2 / 3, 1 / 8


@dataclass(frozen=True, slots=True)
class StructureType:
    """``orbits`` and ``cell`` take what stands behind the elements of a compound."""

    hall_number: int
    cell: Callable[..., tuple[float, ...]]
    orbits: Callable[..., Orbits]
    compounds: str


def _cubic(a: float, *_: float) -> tuple[float, ...]:
    return a, a, a, 90, 90, 90


def _tetragonal(a: float, c: float, *_: float) -> tuple[float, ...]:
    return a, a, c, 90, 90, 90


def _hexagonal(a: float, c: float, *_: float) -> tuple[float, ...]:
    return a, a, c, 90, 90, 120


def _orthorhombic(a: float, b: float, c: float, *_: float) -> tuple[float, ...]:
    return a, b, c, 90, 90, 90


def _fixed(*orbits: tuple[int, float, float, float]) -> Callable[..., Orbits]:
    return lambda *_: orbits


TYPES = {
    "copper": StructureType(523, _cubic, _fixed((0, 0, 0, 0)), """
        Cu 3.615; Al 4.050; Ag 4.086; Au 4.078; Ni 3.524; Pt 3.924; Pd 3.891; Pb 4.951; Rh 3.803; Ir 3.839"""),
    "tungsten": StructureType(529, _cubic, _fixed((0, 0, 0, 0)), """
        W 3.165; Fe 2.867; Na 4.291; K 5.328; V 3.024; Nb 3.301; Mo 3.147; Li 3.510; Ba 5.028"""),
    "magnesium": StructureType(488, _hexagonal, _fixed((0, THIRD, TWO_THIRDS, 0.25)), """
        Mg 3.209 5.211; Ti 2.951 4.684; Zn 2.665 4.947; Co 2.507 4.069; Zr 3.232 5.147; Ru 2.706 4.282"""),
    "diamond": StructureType(525, _cubic, _fixed((0, 0, 0, 0)), "C 3.567; Si 5.431; Ge 5.658; Sn 6.489"),
    "rock salt": StructureType(523, _cubic, _fixed((0, 0, 0, 0), (1, 0.5, 0.5, 0.5)), """
        Na Cl 5.640; K Cl 6.293; Li F 4.026; Mg O 4.212; Ca O 4.811; Sr O 5.160; Ni O 4.177; Mn O 4.446;
        Ti N 4.242; Ti C 4.328; Zr C 4.698; Pb S 5.936; Pb Te 6.462; Ag Cl 5.549; K Br 6.600; Rb I 7.342"""),
    "caesium chloride": StructureType(517, _cubic, _fixed((0, 0, 0, 0), (1, 0.5, 0.5, 0.5)), """
        Cs Cl 4.123; Cs Br 4.286; Cs I 4.567; Tl Cl 3.834; Ni Al 2.887; Fe Al 2.909; Ni Ti 3.015; Co Al 2.864"""),
    "zinc blende": StructureType(512, _cubic, _fixed((0, 0, 0, 0), (1, 0.25, 0.25, 0.25)), """
        Ga As 5.653; Zn S 5.409; Zn Se 5.668; Zn Te 6.104; In Sb 6.479; In P 5.869; Ga P 5.451; Al As 5.661;
        Cd Te 6.482; B N 3.615; Si C 4.360; Cu Cl 5.405"""),
    "wurtzite": StructureType(480, _hexagonal, lambda a, c, u: (
        (0, THIRD, TWO_THIRDS, 0), (1, THIRD, TWO_THIRDS, u)), """
        Zn O 3.250 5.207 .382; Ga N 3.189 5.185 .377; Al N 3.111 4.978 .382; Cd S 4.136 6.713 .377;
        In N 3.545 5.703 .379; Be O 2.698 4.377 .378"""),
    "nickel arsenide": StructureType(488, _hexagonal, _fixed(
        (0, 0, 0, 0), (1, THIRD, TWO_THIRDS, 0.25)), """
        Ni As 3.619 5.034; Mn As 3.724 5.706; Co Sb 3.870 5.190; Ni Sb 3.934 5.138"""),
    "gold copper": StructureType(400, _tetragonal, _fixed((0, 0, 0, 0), (1, 0.5, 0.5, 0.5)), """
        Au Cu 2.800 3.670; Pt Fe 2.724 3.714; Al Ti 2.832 4.070"""),
    "fluorite": StructureType(523, _cubic, _fixed((0, 0, 0, 0), (1, 0.25, 0.25, 0.25)), """
        Ca F 5.463; Sr F 5.800; Ba F 6.200; Ce O 5.411; U O 5.470; Th O 5.597; O Li 4.619; O Na 5.550;
        O K 6.436; Si Mg 6.351"""),
    "rutile": StructureType(419, _tetragonal, lambda a, c, u: ((0, 0, 0, 0), (1, u, u, 0)), """
        Ti O 4.594 2.959 .305; Sn O 4.738 3.187 .307; Mn O 4.404 2.877 .303; Ru O 4.492 3.107 .306;
        Mg F 4.621 3.052 .303; V O 4.555 2.853 .300; Pb O 4.956 3.387 .308; Zn F 4.703 3.134 .303"""),
    "cadmium iodide": StructureType(456, _hexagonal, lambda a, c, u: (
        (0, 0, 0, 0), (1, THIRD, TWO_THIRDS, u)), """
        Cd I 4.240 6.840 .25; Ti S 3.407 5.695 .25; Sn S 3.648 5.899 .25; Hf S 3.635 5.837 .25;
        Pt S 3.543 5.039 .23"""),
    "aluminium diboride": StructureType(485, _hexagonal, _fixed(
        (0, 0, 0, 0), (1, THIRD, TWO_THIRDS, 0.5)), """
        Mg B 3.086 3.524; Ti B 3.028 3.228; Zr B 3.169 3.530; Al B 3.005 3.257"""),
    "pyrite": StructureType(501, _cubic, lambda a, u: ((0, 0, 0, 0), (1, u, u, u)), """
        Fe S 5.418 .385; Co S 5.535 .390; Ni S 5.687 .394; Ru S 5.609 .388"""),
    "MgCu2": StructureType(526, _cubic, _fixed((0, EIGHTH, EIGHTH, EIGHTH), (1, 0.5, 0.5, 0.5)), """
        Mg Cu 7.04; Ca Al 8.02; Y Al 7.86"""),
    "Cu3Au": StructureType(517, _cubic, _fixed((0, 0, 0, 0), (1, 0.5, 0.5, 0)), """
        Au Cu 3.750; Al Ni 3.572; Fe Pt 3.872; Sc Al 4.103"""),
    "rhenium trioxide": StructureType(517, _cubic, _fixed((0, 0, 0, 0), (1, 0.5, 0, 0)), """
        Re O 3.748; Sc F 4.011; N Cu 3.817"""),
    "Cr3Si": StructureType(520, _cubic, _fixed((0, 0, 0, 0), (1, 0.25, 0, 0.5)), """
        Si Cr 4.558; Si V 4.725; Sn Nb 5.289; Ga V 4.817; Al Nb 5.187"""),
    "corundum": StructureType(460, _hexagonal, lambda a, c, z, x: ((0, 0, 0, z), (1, x, 0, 0.25)), """
        Al O 4.759 12.991 .352 .306; Fe O 5.035 13.747 .355 .306; Cr O 4.959 13.596 .348 .306;
        V O 4.952 14.003 .346 .312"""),
    "perovskite": StructureType(517, _cubic, _fixed(
        (0, 0, 0, 0), (1, 0.5, 0.5, 0.5), (2, 0.5, 0.5, 0)), """
        Sr Ti O 3.905; Ba Ti O 4.006; K Ta O 3.989; Ba Zr O 4.193; K Mg F 3.989; K Ni F 4.014; K Zn F 4.055;
        Cs Pb Br 5.874; Cs Sn I 6.219"""),
    "GdFeO3": StructureType(292, _orthorhombic, lambda a, b, c: (
        (0, 0.036, 0.25, 0.993), (1, 0, 0, 0.5), (2, 0.484, 0.25, 0.071), (2, 0.289, 0.037, 0.711)), """
        Ca Ti O 5.442 7.640 5.380; Gd Fe O 5.611 7.669 5.349"""),
    "half-Heusler": StructureType(512, _cubic, _fixed(
        (0, 0, 0, 0), (1, 0.5, 0.5, 0.5), (2, 0.25, 0.25, 0.25)), """
        Sn Ti Ni 5.930; Sn Zr Ni 6.108; Sn Hf Ni 6.083; Sb Ti Co 5.884; N Mg Li 4.955"""),
    "Heusler": StructureType(523, _cubic, _fixed(
        (0, 0, 0, 0), (1, 0.5, 0.5, 0.5), (2, 0.25, 0.25, 0.25)), """
        Al Mn Cu 5.949; Ga Mn Ni 5.823; Si Mn Co 5.654; Al V Fe 5.761; Sn Mn Ni 6.053"""),
    "delafossite": StructureType(458, _hexagonal, lambda a, c, u: (
        (0, 0, 0, 0), (1, 0, 0, 0.5), (2, 0, 0, u)), """
        Cu Al O 2.857 16.943 .110; Cu Fe O 3.035 17.166 .107; Co Li O 2.816 14.052 .260; Ni Li O 2.878 14.190 .258"""),
    "chalcopyrite": StructureType(399, _tetragonal, lambda a, c, u: (
        (0, 0, 0, 0), (1, 0, 0, 0.5), (2, u, 0.25, EIGHTH)), """
        Cu Fe S 5.289 10.423 .257; Cu In Se 5.782 11.619 .230; Cu Ga S 5.351 10.484 .254; Ag Ga S 5.757 10.304 .291"""),
    "ThCr2Si2": StructureType(424, _tetragonal, lambda a, c, z: (
        (0, 0, 0, 0), (1, 0, 0.5, 0.25), (2, 0, 0, z)), """
        Th Cr Si 4.043 10.577 .374; Ba Fe As 3.963 13.017 .3545; Sr Fe As 3.925 12.370 .360;
        K Fe As 3.842 13.861 .3525"""),
    "spinel": StructureType(526, _cubic, lambda a, u: (
        (0, EIGHTH, EIGHTH, EIGHTH), (1, 0.5, 0.5, 0.5), (2, u, u, u)), """
        Mg Al O 8.083 .2624; Zn Al O 8.086 .2636; Zn Fe O 8.441 .2605; Mg Cr O 8.333 .2612"""),
}  # fmt: skip
