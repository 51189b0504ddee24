"""What a CIF file states decides what it leaves open, and a file that contradicts itself is no crystal.

Every text is made here. What is expected follows from the prototype (diamond, spinel, cuprite, ...) or from the rule
that the test names.
"""

import csv
import gzip
from pathlib import Path

import pytest

from crystalbench import Invalid, InvalidReason, Protostructure
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench_baselines import _cif

CONTRADICTION, MISSING = InvalidReason.CONTRADICTION, InvalidReason.MISSING_ATOMS
UNREADABLE, UNKNOWN = InvalidReason.UNREADABLE, InvalidReason.UNKNOWN_ELEMENT
DISORDERED = InvalidReason.DISORDERED


def cif(
    cell: str,
    sites: str,
    *heads: str,
    formula: str = "",
    z: str = "",
    columns: str = "type_symbol label fract_x fract_y fract_z",
) -> str:
    """Return a text; ``cell`` has one length and 90°, or all six numbers."""
    numbers = cell.split()
    six = numbers if len(numbers) == 6 else [*(numbers * 3)[:3], "90", "90", "90"]
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_x", *heads, *(f"_cell_{name} {value}" for name, value in zip(names, six, strict=True))]
    lines += [f"_chemical_formula_sum '{formula}'"] * bool(formula) + [f"_cell_formula_units_Z {z}"] * bool(z)
    lines += ["loop_", *(f"_atom_site_{column}" for column in columns.split()), *sites.split("; ")]
    return "\n".join(lines) + "\n"


def name(symbol: str) -> str:
    return f"_symmetry_space_group_name_H-M '{symbol}'"


def group(number: int) -> str:
    return f"_symmetry_Int_Tables_number {number}"


def listed(*operations: str, tag: str = "_symmetry_equiv_pos_as_xyz") -> str:
    return "\n".join(("loop_", tag, *(f"'{one}'" for one in operations)))


def read(text: str) -> str:
    """Return the label of the one crystal in a text, or why there is none."""
    found = _cif.structure(text)
    sample = found if isinstance(found, Invalid) else convert(found, ConversionSettings())
    return sample.label if isinstance(sample, Protostructure) else sample.reason


MULT = "type_symbol label symmetry_multiplicity fract_x fract_y fract_z"
LABEL = "label fract_x fract_y fract_z"
EIGHTH = "C C1 .125 .125 .125"
LITHARGE = "Pb Pb1 .25 .25 .2385; O O1 .75 .25 0"
SPINEL = "Mg Mg1 .125 .125 .125; Al Al1 .5 .5 .5; O O1 .2624 .2624 .2624"
SPINEL_1 = "Mg Mg1 0 0 0; Al Al1 .625 .625 .625; O O1 .3874 .3874 .3874"
CUPRITE_1, CUPRITE_2 = "O O1 0 0 0; Cu Cu1 .25 .25 .25", "O O1 .25 .25 .25; Cu Cu1 0 0 0"
ANATASE_1, ANATASE_2 = "Ti Ti1 0 0 0; O O1 0 0 .2081", "Ti Ti1 0 .75 .125; O O1 0 .75 .3331"
PBNM = "Gd Gd1 -.0163 .0626 .25; Fe Fe1 .5 0 0; O O1 .1009 .467 .25; O O2 .6957 .3016 .0506"
ROCKSALT = "Na Na1 0 0 0; Cl Cl1 .5 .5 .5"
TELLURIDE = "Bi Bi1 0 0 .4; Te Te1 0 0 0; Te Te2 0 0 .2095"
HEX = "4.386 4.386 30.497 90 90 120"
ORTHORHOMBIC = "5.346 5.616 7.668 90 90 90"
SETTINGS = {
    "diamond, origin by Z": (cif("3.567", EIGHTH, name("F d -3 m"), formula="C", z="8"), "A_cF8_227_a:C"),
    "diamond, origin by the cell's formula": (cif("3.567", EIGHTH, group(227), formula="C8", z="8"), "A_cF8_227_a:C"),
    "diamond, origin by density": (
        cif("3.567", EIGHTH, name("F d -3 m"), "_exptl_crystal_density_diffrn 3.515"),
        "A_cF8_227_a:C",
    ),
    "diamond, origin by multiplicity": (
        cif("3.567", "C C1 8 .125 .125 .125", name("Fd-3m"), columns=MULT),
        "A_cF8_227_a:C",
    ),
    "diamond, first origin": (cif("3.567", "C C1 0 0 0", name("F d -3 m"), formula="C", z="8"), "A_cF8_227_a:C"),
    "silicon, before 1952": (cif("5.431", "Si Si1 0 0 0", name("F d 3 m"), formula="Si", z="8"), "A_cF8_227_a:Si"),
    "diamond, ICSD's Z": (cif("3.567", EIGHTH, name("F d -3 m Z")), "A_cF8_227_a:C"),
    "diamond, ICSD's S": (cif("3.567", "C C1 0 0 0", name("F d -3 m S")), "A_cF8_227_a:C"),
    "diamond, full symbol": (cif("3.567", EIGHTH, name("F 41/d -3 2/m :2")), "A_cF8_227_a:C"),
    "diamond, code of the coordinate system": (
        cif("3.567", EIGHTH, name("F d -3 m"), "_space_group_IT_coordinate_system_code 2"),
        "A_cF8_227_a:C",
    ),
    "litharge": (cif("3.972 3.972 5.018 90 90 90", LITHARGE, name("P 4/n m m"), formula="O Pb"), "AB_tP4_129_a_c:O-Pb"),
    "spinel, second origin": (
        cif("8.0806", SPINEL, name("F d -3 m"), formula="Al2 Mg O4"),
        "A2BC4_cF56_227_c_b_e:Al-Mg-O",
    ),
    "spinel, first origin": (
        cif("8.0806", SPINEL_1, name("F d -3 m"), formula="Al2 Mg O4"),
        "A2BC4_cF56_227_c_b_e:Al-Mg-O",
    ),
    "cuprite, first origin": (cif("4.27", CUPRITE_1, name("P n -3 m"), formula="Cu2 O", z="2"), "A2B_cP6_224_b_a:Cu-O"),
    "cuprite, second origin": (cif("4.27", CUPRITE_2, group(224), formula="Cu2 O", z="2"), "A2B_cP6_224_b_a:Cu-O"),
    "cuprite, old name": (cif("4.27", CUPRITE_2, name("P n 3 m"), formula="Cu2 O"), "A2B_cP6_224_b_a:Cu-O"),
    "anatase, first origin": (
        cif("3.785 3.785 9.514 90 90 90", ANATASE_1, name("I 41/a m d"), formula="O2 Ti", z="4"),
        "A2B_tI12_141_e_a:O-Ti",
    ),
    "anatase, second origin": (
        cif("3.785 3.785 9.514 90 90 90", ANATASE_2, name("I 41/a m d"), formula="O2 Ti", z="4"),
        "A2B_tI12_141_e_a:O-Ti",
    ),
    "Pbnm by name": (cif(ORTHORHOMBIC, PBNM, name("P b n m")), "ABC3_oP20_62_a_c_cd:Fe-Gd-O"),
    "neither Pbnm nor Pnam": (cif(ORTHORHOMBIC, PBNM, group(62), formula="Fe Gd O3", z="4"), CONTRADICTION),
    "other axes by the formula": (
        cif("6 7 5 90 90 90", "Na Na1 .1 .25 .2; Cl Cl1 .3 .4 .1", group(57), formula="Cl2 Na", z="4"),
        CONTRADICTION,
    ),
    "hexagonal axes": (cif(HEX, TELLURIDE, name("R -3 m H"), formula="Bi2 Te3", z="3"), "A2B3_hR15_166_c_ac:Bi-Te"),
    "hexagonal axes by the cell": (cif(HEX, TELLURIDE, group(166)), "A2B3_hR15_166_c_ac:Bi-Te"),
    "rhombohedral axes": (
        cif(
            "10.473 10.473 10.473 24.17 24.17 24.17",
            "Bi Bi1 .4 .4 .4; Te Te1 0 0 0; Te Te2 .2095 .2095 .2095",
            name("R -3 m RS"),
            formula="Bi2 Te3",
            z="1",
        ),
        "A2B3_hR15_166_c_ac:Bi-Te",
    ),
    "rhombohedral axes by the cell": (
        cif(
            "10.473 10.473 10.473 24.17 24.17 24.17",
            "Bi Bi1 .4 .4 .4; Te Te1 0 0 0; Te Te2 .2095 .2095 .2095",
            name("R -3 m"),
        ),
        "A2B3_hR15_166_c_ac:Bi-Te",
    ),
    "short monoclinic": (
        cif("6.1 7.3 8.9 90 101 90", "Cs Cs1 .11 .22 .33; Br Br1 .41 .37 .08", name("P 21/n"), group(14)),
        "AB_mP8_14_e_e:Br-Cs",
    ),
    "short monoclinic, unique axis by the cell": (
        cif("6.1 7.3 8.9 90 90 101", "Cs Cs1 .11 .22 .33; Br Br1 .41 .37 .08", name("P 21/n")),
        "AB_mP8_14_e_e:Br-Cs",
    ),
    "subscripts": (
        cif("6.1 7.3 8.9 90 101 90", "Cs Cs1 .11 .22 .33; Br Br1 .41 .37 .08", name("P2_1/c")),
        "AB_mP8_14_e_e:Br-Cs",
    ),
    "brackets for subscripts": (
        cif("6.1 7.3 8.9 90 101 90", "Cs Cs1 .11 .22 .33; Br Br1 .41 .37 .08", name("P 2(1)/c")),
        "AB_mP8_14_e_e:Br-Cs",
    ),
    "no quotation marks": (
        cif("3.972 3.972 5.018 90 90 90", LITHARGE, "_symmetry_space_group_name_H-M P 4/n m m", formula="O Pb"),
        "AB_tP4_129_a_c:O-Pb",
    ),
    "before 2002": (
        cif("4.5197 7.6633 4.526 90 90 90", "Ga Ga1 0 .1549 .081", name("C m c a"), formula="Ga", z="8"),
        "A_oC8_64_f:Ga",
    ),
    "since 2002": (
        cif("4.5197 7.6633 4.526 90 90 90", "Ga Ga1 0 .1549 .081", name("C m c e"), formula="Ga", z="8"),
        "A_oC8_64_f:Ga",
    ),
    "centred triclinic": (
        cif("5 6 7 80 95 105", "Na Na1 .1 .2 .3; Cl Cl1 .6 .3 .1", name("C -1"), formula="Na Cl", z="4"),
        "AB_aP4_2_i_i:Cl-Na",
    ),
    "the whole cell beside its group": (
        cif("4.123", "Cs Cs1 0 0 0; Cl Cl1 .5 .5 .5", name("P m -3 m"), listed("x,y,z"), formula="Cs Cl", z="1"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "a moved whole cell beside its group": (
        cif(
            "5.64",
            "Na Na1 .01 0 0; Na Na2 .01 .5 .5; Na Na3 .51 0 .5; Na Na4 .51 .5 0; "
            "Cl Cl1 .51 .5 .5; Cl Cl2 .51 0 0; Cl Cl3 .01 .5 0; Cl Cl4 .01 0 .5",
            name("F m -3 m"),
            listed("x,y,z"),
            formula="Na4 Cl4",
            z="4",
        ),
        "AB_cF8_225_a_b:Cl-Na",
    ),
    "nothing decides the origin": (cif("3.567", EIGHTH, name("F d -3 m")), CONTRADICTION),
    "no setting fits the formula": (cif("5.64", ROCKSALT, name("F m -3 m"), formula="Na2 Cl"), CONTRADICTION),
    "no setting fits Z": (cif("3.567", EIGHTH, name("F d -3 m"), formula="C", z="5"), CONTRADICTION),
    "the cell does not fit the group": (cif("5 5 6 90 90 90", ROCKSALT, name("F m -3 m")), CONTRADICTION),
    "an angle does not fit the group": (cif("5 5 5 90 90 95", ROCKSALT, name("P 4/m m m")), CONTRADICTION),
    "name against number": (cif("5.64", ROCKSALT, name("F m -3 m"), group(221)), CONTRADICTION),
    "two names": (cif("5.64", ROCKSALT, name("F m -3 m"), "_space_group_name_H-M_alt 'P m -3 m'"), CONTRADICTION),
    "Hall symbol against name": (
        cif("6.1 7.3 8.9 90 101 90", "Cs Cs1 .11 .22 .33", name("P 1 21/c 1"), "_space_group_name_Hall '-P 2yn'"),
        CONTRADICTION,
    ),
    "Hall symbol settles the origin": (
        cif("3.567", EIGHTH, name("F d -3 m"), "_space_group_name_Hall '-F 4vw 2vw 3'"),
        "A_cF8_227_a:C",
    ),
    "a short symbol is of one group, whatever the axes": (
        cif("5 6 7 90 90 105", "Na Na1 .1 .2 .3; Cl Cl1 .4 .1 .7", name("C 2")),
        CONTRADICTION,
    ),
    "the full symbol of another group in other axes": (
        cif("5 6 7 90 90 105", "Na Na1 .1 .2 .3; Cl Cl1 .4 .1 .7", name("C 1 1 2")),
        "AB_mP4_3_e_e:Cl-Na",
    ),
    "the short symbol of another axis": (
        cif("5 6 7 90 90 105", "Na Na1 .1 .2 .3; Cl Cl1 .4 .1 .7", name("B 2")),
        "AB_mC8_5_c_c:Cl-Na",
    ),
    "Cmme, the usual axes": (
        cif("6 7 5 90 90 90", "Na Na1 .25 0 0; Cl Cl1 0 .25 .3", name("C m m e")),
        "AB_oC8_67_g_a:Cl-Na",
    ),
    "Cmme, the other axes by the formula": (
        cif("7 6 5 90 90 90", "Na Na1 0 0 0; Cl Cl1 .25 0 .3", name("C m m e"), formula="Cl Na", z="4"),
        "AB_oC8_67_g_c:Cl-Na",
    ),
    "Ccce, of which the first origin has two names": (
        cif(
            "7 8 9 90 90 90",
            "Na Na1 4 0 0 0; Cl Cl1 4 0 0 .5; O O1 16 .13 .21 .09",
            name("C c c e"),
            columns=MULT,
        ),
        "ABC4_oC24_68_a_b_i:Cl-Na-O",
    ),
    "the volume of another cell": (cif("5.64", ROCKSALT, name("F m -3 m"), "_cell_volume 44.85"), CONTRADICTION),
    "the volume of this cell": (
        cif("5.64", ROCKSALT, name("F m -3 m"), "_cell_volume 179.41(12)"),
        "AB_cF8_225_a_b:Cl-Na",
    ),
    "Hall symbol with a moved origin": (
        cif("3.567", EIGHTH, "_symmetry_space_group_name_Hall 'F 4d 2 3 -1d (x-1/8,y-1/8,z-1/8)'"),
        "A_cF8_227_a:C",
    ),
}

MAGNETIC = """loop_
_space_group_symop{dot}magn_operation{end}
x,y,z,+1
-x,-y,z,-1
-x,-y,-z,+1
x,y,-z,-1
loop_
_space_group_symop{dot}magn_centering{end}
x,y,z,+1
x+1/2,y+1/2,z+1/2,-1"""
BODY = "type_symbol label fract_x fract_y fract_z"
IRON = "Fe Fe1 0 0 .15; O O1 .21 .33 0"
SYMMETRY = {
    "magnetic, as it is now": (
        cif("4.2 4.5 6.1 90 90 90", IRON, "_space_group_magn.name_BNS 'P_I 2/m'", MAGNETIC.format(dot="_", end=".xyz")),
        "AB_mC8_12_g_i:Fe-O",
    ),
    "magnetic, as it was": (
        cif("4.2 4.5 6.1 90 90 90", IRON, MAGNETIC.format(dot=".", end="_xyz")),
        "AB_mC8_12_g_i:Fe-O",
    ),
    "magnetic name alone": (cif("4.2", IRON, "_space_group_magn.name_BNS 'P_I 4/m n c'"), UNREADABLE),
    "group of the paramagnetic parent alone": (
        cif("4.2", IRON, "_parent_space_group.name_H-M_alt 'P m -3 m'"),
        UNREADABLE,
    ),
    "dotted name": (cif("5.64", ROCKSALT, "_symmetry.space_group_name_H-M 'F m -3 m'"), "AB_cF8_225_a_b:Cl-Na"),
    "dotted number": (cif("5.64", ROCKSALT, "_space_group.IT_number 225"), "AB_cF8_225_a_b:Cl-Na"),
    "dotted Hall symbol": (cif("5.64", ROCKSALT, "_space_group.name_Hall '-F 4 2 3'"), "AB_cF8_225_a_b:Cl-Na"),
    "dotted operations": (
        cif("4 5 6 90 90 90", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,-z", tag="_space_group_symop.operation_xyz")),
        "A_aP2_2_i:Na",
    ),
    "dotted old operations": (
        cif("4 5 6 90 90 90", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,-z", tag="_symmetry_equiv.pos_as_xyz")),
        "A_aP2_2_i:Na",
    ),
    "Schoenflies alone": (cif("5.64", ROCKSALT, "_space_group_name_Schoenflies Oh^5"), UNREADABLE),
    "superspace alone": (cif("5.64", ROCKSALT, "_space_group_ssg_name 'Fm-3m(00g)'"), UNREADABLE),
    "a crystal system alone": (cif("5.64", ROCKSALT, "_symmetry_cell_setting cubic"), UNREADABLE),
    "a crystal system beside the whole cell": (
        cif("4.2", "Cs Cs1 0 0 0; Cl Cl1 .5 .5 .5", "_symmetry_cell_setting cubic", formula="Cl Cs", z="1"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "unknown values state nothing": (
        cif("4.2", "Cs Cs1 0 0 0; Cl Cl1 .5 .5 .5", "_symmetry_cell_setting ?\n_space_group_name_Schoenflies ."),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "a product is missing": (cif("5", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,z", "x,-y,-z")), CONTRADICTION),
    "the identity is missing": (cif("5", "Na Na1 .1 .2 .3", listed("-x,-y,-z", "-x,y,z")), CONTRADICTION),
    "a centring is missing for some": (
        cif("5", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,-z", "x+1/2,y+1/2,z")),
        CONTRADICTION,
    ),
    "the centring is missing for all": (
        cif(
            "5.64",
            ROCKSALT,
            name("I m m m"),
            listed("x,y,z", "-x,-y,z", "x,-y,-z", "-x,y,-z", "-x,-y,-z", "x,y,-z", "-x,y,z", "x,-y,z"),
        ),
        CONTRADICTION,
    ),
    "a screw became an axis": (
        cif("5 6 7 90 101 90", "Na Na1 .1 .2 .3", name("P 1 21 1"), listed("x,y,z", "-x,y,-z")),
        CONTRADICTION,
    ),
    "a glide in another direction": (
        cif(
            "5 6 7 90 101 90",
            "Na Na1 .1 .2 .3",
            name("P 1 21/c 1"),
            listed("x,y,z", "-x+1/2,y+1/2,-z+1/2", "-x,-y,-z", "x+1/2,-y+1/2,z+1/2"),
        ),
        CONTRADICTION,
    ),
    "operations against the Hall symbol": (
        cif("5 6 7 90 101 90", "Na Na1 .1 .2 .3", "_space_group_name_Hall '-P 2y'", listed("x,y,z", "-x,-y,-z")),
        CONTRADICTION,
    ),
    "operations against P 1": (
        cif("5 6 7 90 101 90", "Na Na1 .1 .2 .3", name("P 1"), listed("x,y,z", "-x,-y,-z")),
        CONTRADICTION,
    ),
    "operations against Z": (
        cif("5 6 7 90 101 90", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,-z"), formula="Na", z="4"),
        CONTRADICTION,
    ),
    "two lists": (
        cif(
            "5 6 7 90 101 90",
            "Na Na1 .1 .2 .3",
            listed("x,y,z", "-x,-y,-z"),
            listed("x,y,z", "-x,y,-z", tag="_space_group_symop_operation_xyz"),
        ),
        CONTRADICTION,
    ),
    "an operation twice does no harm": (
        cif("4 5 6 90 90 90", "Na Na1 .1 .2 .3", listed("x,y,z", "-x,-y,-z", "1-x,-y,1-z")),
        "A_aP2_2_i:Na",
    ),
    "another origin does no harm": (
        cif(
            "4 5 6 90 101 90",
            "Na Na1 .1 .1 .3; Cl Cl1 .4 .1 .7",
            name("P 1 2/m 1"),
            listed("x,y,z", "-x+.2,y,-z", "-x+.2,-y+.5,-z", "x,-y+.5,z"),
        ),
        "AB_mP8_10_o_o:Cl-Na",
    ),
    "rounded translations": (
        cif("5 5 9 90 90 120", "Na Na1 .1 .3 .05", name("P 31"), listed("x,y,z", "-y,x-y,z+0.33", "-x+y,-x,z+.67")),
        "A_hP3_144_a:Na",
    ),
}

BRUCITE = "3.142 3.142 4.766 90 90 120"
P3M1 = name("P -3 m 1")
ATOMS = {
    "a water label": (cif("3.35", "Wat 0 0 0", name("I m -3 m"), columns=LABEL, formula="H2 O"), MISSING),
    "the oxygen of a water": (
        cif("4.1", "Cs1 0 0 0; H2O .5 .5 .5", name("P m -3 m"), columns=LABEL, formula="Cs H2 O"),
        MISSING,
    ),
    "a hydrogen named after its oxygen": (
        cif("3 4 5 90 90 90", "Cs1 0 0 0; H2O .5 .5 .5; O1 .5 0 0", columns=LABEL, formula="Cs H O"),
        "ABC_oP3_47_b_g_a:Cs-H-O",
    ),
    "a water as type symbol": (
        cif("4.1", "Cs Cs1 0 0 0; H2O O1 .5 .5 .5", name("P m -3 m"), formula="Cs H2 O"),
        MISSING,
    ),
    "a water as type symbol without formula": (cif("4.1", "Cs Cs1 0 0 0; H2O O1 .5 .5 .5"), UNKNOWN),
    "two elements as type symbol": (cif("4.1", "Nb/Zr M1 0 0 0; Cl Cl1 .5 .5 .5"), DISORDERED),
    "shares as type symbol": (cif("4.1", "Nb0.8Zr0.2 M1 0 0 0; Cl Cl1 .5 .5 .5"), DISORDERED),
    "a share as type symbol": (cif("4.1", "Fe0.9 M1 0 0 0; Cl Cl1 .5 .5 .5"), DISORDERED),
    "an element or nothing as type symbol": (cif("4.1", "Fe/Vac M1 0 0 0; Cl Cl1 .5 .5 .5"), UNKNOWN),
    "a label as type symbol": (cif("4.1", "Cs1 Cs1 0 0 0; Cl(2) Cl2 .5 .5 .5"), "AB_cP2_221_a_b:Cl-Cs"),
    "a water label without formula": (cif("3.35", "Wat 0 0 0", columns=LABEL), MISSING),
    "water as W": (cif("9", "Na1 0 0 0; W1 .5 .5 .5", columns=LABEL, formula="H2 Na O"), MISSING),
    "tungsten as W": (cif("4", "W1 0 0 0", columns=LABEL, formula="W"), "A_cP1_221_a:W"),
    "tungsten without formula": (cif("4", "W1 0 0 0", columns=LABEL), "A_cP1_221_a:W"),
    "a hydroxyl hydrogen": (
        cif("9 10 11 90 90 90", "C1' .1 .1 .1; O3' .2 .1 .1; HO3' .25 .15 .1", columns=LABEL, formula="C H O"),
        "ABC_mP3_6_a_a_a:C-H-O",
    ),
    "a carbonyl carbon": (
        cif("9 10 11 90 90 90", "CO1 0 0 0; O1 .1 0 0", columns=LABEL, formula="C O"),
        "AB_oP2_25_a_a:C-O",
    ),
    "cobalt": (cif("4.26", "CO1 0 0 0; O1 .5 .5 .5", columns=LABEL, formula="Co O"), "AB_cP2_221_a_b:Co-O"),
    "nitrogen": (cif("9 10 11 90 90 90", "NO1 0 0 0; O1 .1 0 0", columns=LABEL, formula="N O"), "AB_oP2_25_a_a:N-O"),
    "a carbon alpha": (
        cif("9 10 11 90 90 90", "CA 0 0 0; N .1 0 0", columns=LABEL, formula="C N"),
        "AB_oP2_25_a_a:C-N",
    ),
    "calcium": (cif("9 10 11 90 90 90", "CA 0 0 0; N .1 0 0", columns=LABEL, formula="Ca N"), "AB_oP2_25_a_a:Ca-N"),
    "carbon and calcium by the formula's ratio": (
        cif("9 10 11 90 90 90", "CA 0 0 0; C1 .2 0 0; C2 .4 0 0", columns=LABEL, formula="C2 Ca"),
        "A2B_oP3_25_2a_a:C-Ca",
    ),
    "carbon or calcium, nobody says": (cif("9", "CA 0 0 0; N .1 0 0", columns=LABEL), UNKNOWN),
    "cobalt or carbon, nobody says": (cif("9", "CO1 0 0 0", columns=LABEL), UNKNOWN),
    "a carbon delta": (
        cif("9 10 11 90 90 90", "Cd1 0 0 0; N .1 0 0", columns=LABEL, formula="C N"),
        "AB_oP2_25_a_a:C-N",
    ),
    "two letters in capitals that are one element": (
        cif("4.2", "MG1 0 0 0; O1 .5 .5 .5", columns=LABEL),
        "AB_cP2_221_a_b:Mg-O",
    ),
    "sites of minerals": (cif("4.2", "MgM1 0 0 0; Oa .5 .5 .5", columns=LABEL), "AB_cP2_221_a_b:Mg-O"),
    "deuterium": (cif("4.2", "Li1 0 0 0; D1 .5 .5 .5", columns=LABEL, formula="D Li"), "AB_cP2_221_a_b:H-Li"),
    "charges in the formula": (
        cif("4.2", "Cs1+ Cs1 0 0 0; Cl- Cl1 .5 .5 .5", formula="Cs 1+ Cl 1-"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "type symbols that are labels": (cif("4.2", "Cs1 x 0 0 0; Cl1 y .5 .5 .5"), "AB_cP2_221_a_b:Cl-Cs"),
    "an unknown type and a good label": (cif("4.2", "? Cs1 0 0 0; . Cl1 .5 .5 .5"), "AB_cP2_221_a_b:Cl-Cs"),
    "a dummy site": (
        cif("4.2", "Cs Cs1 0 0 0 .; Cl Cl1 .5 .5 .5 d; X Cg1 .25 .25 .25 dum", columns=BODY + " calc_flag"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "a vacancy": (cif("4.2", "Vac X1 0 0 0; Cl Cl1 .5 .5 .5"), UNKNOWN),
    "attached hydrogen": (
        cif(
            BRUCITE,
            "Mg2+ Mg1 0 0 0 0; O2- O1 .33333 .66667 .2216 1",
            P3M1,
            columns=BODY + " attached_hydrogens",
            formula="H2 Mg O2",
            z="1",
        ),
        MISSING,
    ),
    "attached hydrogen without formula": (
        cif(BRUCITE, "Mg2+ Mg1 0 0 0 0; O2- O1 .33333 .66667 .2216 1", P3M1, columns=BODY + " attached_hydrogens"),
        MISSING,
    ),
    "a hydroxyl label": (
        cif(BRUCITE, "Mg 0 0 0; OH .33333 .66667 .2216", P3M1, columns=LABEL, formula="Mg H2 O2"),
        MISSING,
    ),
    "a hydroxyl label without formula": (
        cif(BRUCITE, "Mg 0 0 0; OH .33333 .66667 .2216", P3M1, columns=LABEL),
        MISSING,
    ),
    "a hydroxyl as type": (cif(BRUCITE, "Mg M1 0 0 0; OH O1 .33333 .66667 .2216", P3M1), MISSING),
    "half of all but the metal": (
        cif(BRUCITE, "Mg Mg 0 0 0; O O .33333 .66667 .2216; H H1 .33333 .66667 .43", name("P 3"), formula="Mg H2 O2"),
        MISSING,
    ),
    "some of the hydrogen": (cif("9", "C C1 .1 .1 .1; H H1 .2 .1 .1; H H2 .1 .2 .1", formula="C H4", z="1"), MISSING),
    "hydrogen without coordinates": (cif(BRUCITE, "Mg Mg 0 0 0; O O .33333 .66667 .2216; H H1 ? ? ?", P3M1), MISSING),
    "water left out": (cif("5.64", ROCKSALT, name("F m -3 m"), formula="Na Cl H4 O2"), MISSING),
    "all the hydrogen is there": (
        cif(BRUCITE, "Mg Mg 0 0 0; O O .33333 .66667 .2216; H H1 .33333 .66667 .43", P3M1, formula="Mg H2 O2", z="1"),
        "A2BC2_hP5_164_d_a_d:H-Mg-O",
    ),
    "multiplicities and formula of another group": (
        cif(
            "4.2",
            "Na Na1 4 0 0 0; Cl Cl1 4 .5 .5 .5",
            name("P m -3 m"),
            listed("x,y,z"),
            columns=MULT,
            formula="Na4 Cl4",
            z="4",
        ),
        CONTRADICTION,
    ),
    "multiplicities alone": (
        cif("4.2", "Na Na1 4 0 0 0; Cl Cl1 4 .5 .5 .5", name("P m -3 m"), listed("x,y,z"), columns=MULT),
        CONTRADICTION,
    ),
    "multiplicities without a group": (cif("4.2", "Na Na1 4 0 0 0; Cl Cl1 4 .5 .5 .5", columns=MULT), CONTRADICTION),
    "multiplicities that are orders of site symmetries": (
        cif("4 5 6 90 90 90", "Na Na1 1 .1 .2 .3; Cl Cl1 2 .5 0 .5", name("P -1"), columns=MULT),
        "AB2_aP3_2_a_i:Cl-Na",
    ),
    "formula of another compound": (cif("5.64", ROCKSALT, name("F m -3 m"), formula="K Cl"), CONTRADICTION),
    "another ratio": (cif("5.64", ROCKSALT, name("F m -3 m"), formula="Na Cl3"), CONTRADICTION),
    "a formula unit that is more than the cell": (
        cif("4.2", "Cs Cs 0 0 0; Cl Cl .5 .5 .5", formula="Cs4 Cl4"),
        CONTRADICTION,
    ),
    "rounded fractions in the formula": (
        cif("4.2", "Cs Cs 0 0 0; Cl Cl .5 .5 .5", formula="Cs0.5 Cl0.5"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "pymatgen's Z of diatomic elements": (
        cif("5 5 5 90 90 90", "O O1 .1 .1 .1; O O2 .9 .9 .9; O O3 .4 .6 .2; O O4 .6 .4 .8", formula="O4", z="2"),
        "A_aP4_2_2i:O",
    ),
    "density of another crystal": (
        cif("4.2", "Cs Cs 0 0 0; Cl Cl .5 .5 .5", "_exptl_crystal_density_diffrn 7.5"),
        CONTRADICTION,
    ),
}

P63MMC, P6MMM = name("P 63/m m c"), name("P 6/m m m")
MOS2 = "3.16 3.16 12.3 90 90 120"
SODIUM = "Na Na1 .1 .2 .3"
PBNM_LIST = listed(
    "x,y,z", "-x+1/2,y+1/2,-z+1/2", "-x,-y,z+1/2", "x+1/2,-y+1/2,-z",
    "-x,-y,-z", "x+1/2,-y+1/2,z+1/2", "x,y,-z+1/2", "-x+1/2,y+1/2,z",
)  # fmt: skip
PEROVSKITE = "Gd Gd1 4 -.0163 .0626 .25; Fe Fe1 4 .5 0 0; O O1 4 .1009 .467 .25; O O2 8 .6957 .3016 .0506"
TURNED = "Gd Gd1 4 .0626 .25 -.0163; Fe Fe1 4 0 0 .5; O O1 4 .467 .25 .1009; O O2 8 .3016 .0506 .6957"
GENERAL = "Na Na1 8 .1 .2 .3; Cl Cl1 8 .4 .1 .7"
OTHER_AXES = {  # the list is that of Pbnm, the name Pnma: so pymatgen writes a cell that it keeps
    "formula, Z and multiplicities confirm the list": (
        cif(ORTHORHOMBIC, PEROVSKITE, name("Pnma"), PBNM_LIST, formula="Fe Gd O3", z="4", columns=MULT),
        "ABC3_oP20_62_a_c_cd:Fe-Gd-O",
    ),
    "no multiplicities": (
        cif(ORTHORHOMBIC, PBNM, name("Pnma"), PBNM_LIST, formula="Fe Gd O3", z="4"),
        CONTRADICTION,
    ),
    "no Z": (
        cif(ORTHORHOMBIC, PEROVSKITE, name("Pnma"), PBNM_LIST, formula="Fe Gd O3", columns=MULT),
        CONTRADICTION,
    ),
    "the sites are those of the name": (
        cif("5.616 7.668 5.346 90 90 90", TURNED, name("Pnma"), PBNM_LIST, formula="Fe Gd O3", z="4", columns=MULT),
        CONTRADICTION,
    ),
    "general positions have the same multiplicity in all axes": (
        cif("5 6 7 90 90 90", GENERAL, name("Pnma"), PBNM_LIST, formula="Cl Na", z="8", columns=MULT),
        CONTRADICTION,
    ),
    "the list is of another group": (
        cif(ORTHORHOMBIC, PEROVSKITE, name("P b c a"), PBNM_LIST, formula="Fe Gd O3", z="4", columns=MULT),
        CONTRADICTION,
    ),
}

ROUNDED = {
    "thirds, two decimals": (
        cif(MOS2, "Mo Mo1 2 0.33 0.67 0.25; S S1 4 0.33 0.67 0.62", P63MMC, columns=MULT),
        "AB2_hP6_194_c_f:Mo-S",
    ),
    "thirds, two decimals, no multiplicity": (
        cif(MOS2, "Mo Mo1 0.33 0.67 0.25; S S1 0.33 0.67 0.62", P63MMC),
        "AB2_hP6_194_c_f:Mo-S",
    ),
    "thirds, cut": (cif(MOS2, "Mo Mo1 0.33 0.66 0.25; S S1 0.33 0.66 0.62", P63MMC), "AB2_hP6_194_c_f:Mo-S"),
    "thirds, three decimals in a large cell": (
        cif("31.6 31.6 12.3 90 90 120", "Mo Mo1 0.333 0.667 0.25; S S1 0.333 0.667 0.62", P63MMC),
        "AB2_hP6_194_c_f:Mo-S",
    ),
    "thirds, one decimal, by multiplicity": (
        cif(MOS2, "Mo Mo1 2 0.3 0.7 0.25; S S1 4 0.3 0.7 0.6", P63MMC, columns=MULT),
        "AB2_hP6_194_c_f:Mo-S",
    ),
    "x, 2x": (
        cif("5.6 5.6 5.2 90 90 120", "Ni Ni1 6 0.17 0.33 0.5; Al Al1 1 0 0 0", P6MMM, columns=MULT),
        "AB6_hP7_191_a_m:Al-Ni",
    ),
    "x, 2x, no multiplicity": (
        cif("5.6 5.6 5.2 90 90 120", "Ni Ni1 0.17 0.33 0.5; Al Al1 0 0 0", P6MMM),
        "AB6_hP7_191_a_m:Al-Ni",
    ),
    "x, 2x, by the formula": (
        cif("5.6 5.6 5.2 90 90 120", "Ni Ni1 0.17 0.33 0.5; Al Al1 0 0 0", P6MMM, formula="Al Ni6", z="1"),
        "AB6_hP7_191_a_m:Al-Ni",
    ),
    "sixths": (cif("5.6 5.6 5.2 90 90 120", "Ni Ni1 0.17 0.83 0.5; Al Al1 0 0 0", P6MMM), "AB6_hP7_191_a_m:Al-Ni"),
    "atoms apart stay apart": (cif("5 6 20 90 90 90", "Na Na1 .3 .2 .07", name("P m m m")), "A_oP8_47_A:Na"),
}

NACL = cif("5.64", ROCKSALT, name("F m -3 m"))
LABELLED = "AB_cF8_225_a_b:Cl-Na"
LOOPED = NACL.replace("_cell_angle_gamma 90\n", "loop_\n_cell_angle_gamma\n90\n")
ODD = {
    "an unrelated tag twice": (NACL + "_audit_creation_date 2020\n_audit_creation_date 2021\n", LABELLED),
    "an unrelated short loop": (
        NACL + "loop_\n_geom_bond_distance\n_geom_bond_atom_site_label_1\n2.8 Na1 2.9\n",
        LABELLED,
    ),
    "an unrelated tag without a value": (NACL + "_journal_name\n_journal_year 2020\n", LABELLED),
    "an unrelated quotation that does not end": (NACL + "_journal_name 'Acta\n_journal_year 2020\n", LABELLED),
    "an unrelated text that does not end": (NACL + "_publ_comment\n;so it\n goes on\n", LABELLED),
    "a value too many": (NACL + "_journal_year 2020 2021\n", LABELLED),
    "a loop without values": (NACL + "loop_\n_geom_bond_distance\n_geom_angle\n", LABELLED),
    "a loop without tags": (NACL + "loop_\nloop_\n_geom_angle\n1\n", LABELLED),
    "words before the first block": ("Here it is:\n" + NACL, LABELLED),
    "an angle in a loop": (LOOPED, LABELLED),
    "the cell in a loop": (NACL.replace("_cell_length_a", "loop_\n_cell_length_a", 1), LABELLED),
    "a coordinate that is a point": (NACL.replace("Na Na1 0 0 0", "Na Na1 . 0 ."), LABELLED),
    "an angle that is a point": (NACL.replace("_cell_angle_beta 90", "_cell_angle_beta ."), LABELLED),
    "a length twice, alike": (NACL + "_cell_length_a 5.6400(3)\n", LABELLED),
    "a length twice, unlike": (NACL + "_cell_length_a 5.74\n", CONTRADICTION),
    "the coordinates twice, unlike": (NACL + "loop_\n_atom_site_fract_x\n.1\n.2\n", CONTRADICTION),
    "a short loop of atoms": (NACL.rstrip().removesuffix(".5"), UNREADABLE),
    "a coordinate that is unknown": (NACL.replace("Na Na1 0 0 0", "Na Na1 ? 0 0"), UNREADABLE),
    "a pattern's block": (NACL + "data_pattern\n_cell_length_a 5.64\n_pd_meas_2theta_range_min 5\n", LABELLED),
    "an empty block": (NACL + "data_global\n_journal_name x\n", LABELLED),
    "a save frame": (NACL + "save_frame\n_a 1\nsave_\n", LABELLED),
    "another cell without atoms": (NACL + "data_other\n_cell_length_a 4\n", LABELLED),
    "line ends of Windows": (NACL.replace("\n", "\r\n"), LABELLED),
    "tags in capitals": (
        NACL.replace("_cell_length_a", "_CELL_LENGTH_A").replace("_atom_site_fract_x", "_ATOM_SITE_FRACT_X"),
        LABELLED,
    ),
    "no element of dummy occupancy": (
        cif("4.2", "Cs Cs1 0 0 0 1 .; Cl Cl1 .5 .5 .5 1 .; X X1 .2 .2 .2 0 dum", columns=BODY + " occupancy calc_flag"),
        "AB_cP2_221_a_b:Cl-Cs",
    ),
    "half an atom": (cif("4.2", "Cs Cs1 0 0 0 1; Cl Cl1 .5 .5 .5 .5", columns=BODY + " occupancy"), DISORDERED),
}

KINDS = {
    f"{kind}: {case}": value
    for kind, cases in {
        "setting": SETTINGS,
        "symmetry": SYMMETRY,
        "other axes": OTHER_AXES,
        "atoms": ATOMS,
        "rounded": ROUNDED,
        "odd": ODD,
    }.items()
    for case, value in cases.items()
}


@pytest.mark.parametrize("case", KINDS)
def test_a_statement_decides_or_contradicts(case: str) -> None:
    text, expected = KINDS[case]
    assert read(text) == expected


GIVEN = {
    "a1-origin2-diamond": "A_cF8_227_a:C",
    "a2-origin2-litharge": "AB_tP4_129_a_c:O-Pb",
    "a3-origin2-spinel": "A2BC4_cF56_227_c_b_e:Al-Mg-O",
    "b1-magnetic-cif": "AB2_tI12_87_e_h:Fe-O",
    "b2-dotted-group-name": "AB_cF8_225_a_b:Cl-Na",
    "c1-centring-twice": CONTRADICTION,
    "c3-screws-lost": CONTRADICTION,
    "d1-P21n": "AB_mP8_14_e_e:Br-Cs",
    "d2-R-3mH": "A2B3_hR15_166_c_ac:Bi-Te",
    "d3-old-cubic": "A_cF8_227_a:Si",
    "d4-Cmca": "A_oC8_64_f:Ga",
    "e1-Wat": MISSING,
    "e2-HO3prime": "ABC_mP3_6_a_a_a:C-H-O",
    "f1-attached-H": MISSING,
    "f2-OH-label": MISSING,
    "f6-multiplicity-contradicts": CONTRADICTION,
    "g1-third-2-decimals": "AB2_hP6_194_c_f:Mo-S",
    "g2-x2x-2-decimals": "AB6_hP7_191_a_m:Al-Ni",
    "i1-unrelated-tag-twice": "AB_cF8_225_a_b:Cl-Na",
    "i2-powder-block-in-folder": "AB_cF8_225_a_b:Cl-Na",
}


@pytest.mark.parametrize("case", GIVEN)
def test_given_cases_are_read_or_refused_as_their_notes_say(case: str, shared: Path) -> None:
    (path,) = (shared / "reader_cases" / case).rglob("*.cif")
    assert read(path.read_text()) == GIVEN[case]


def test_real_crystals_contradict_nothing(shared: Path) -> None:
    with gzip.open(shared / "carbon_24/val.csv.gz", "rt", encoding="utf-8") as file:
        texts = [row["cif"] for row in csv.DictReader(file)]
    found = [_cif.structure(text) for text in texts]
    assert len(found) == 2032
    assert [sample for sample in found if isinstance(sample, Invalid)] == []
