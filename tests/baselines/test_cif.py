"""CIF texts, and the folders and archives that hold them."""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crystalbench import Invalid, InvalidReason, Protostructure, RawStructure, ReadError, Sample
from crystalbench.crystals.convert import ConversionSettings, convert
from crystalbench_baselines import _cif, _limits
from crystalbench_baselines._cif.orbits import is_whole, orbits
from crystalbench_baselines._cif.settings import numbered as settings_of

from .conftest import READERS, detected

CELL = """
_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha {alpha}
_cell_angle_beta {beta}
_cell_angle_gamma {gamma}
"""
CUBE = {"a": "4.0", "b": "4.0", "c": "4.0", "alpha": "90", "beta": "90", "gamma": "90"}
SITES = """
loop_
_atom_site_type_symbol
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""


def cif(*sites: str, head: str = "", **cell: str) -> str:
    return "data_x\n" + head + CELL.format(**{**CUBE, **cell}) + SITES + "\n".join(sites) + "\n"


def raw(text: str) -> RawStructure:
    found = _cif.structure(text)
    assert isinstance(found, RawStructure), found
    return found


def reason(text: str) -> InvalidReason:
    found = _cif.structure(text)
    assert isinstance(found, Invalid), found
    return found.reason


def label(sample: Sample) -> str:
    assert isinstance(sample, RawStructure), sample
    found = convert(sample, ConversionSettings())
    assert isinstance(found, Protostructure), found
    return found.label


IDENTITY = "loop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"
RUTILE = {"a": "4.594", "b": "4.594", "c": "2.959"}
RUTILE_SITES = ("Ti Ti0 0.0000 0.0000 0.0000", "O O1 0.3050 0.3050 0.0000")


def test_an_asymmetric_unit_beside_a_group_and_the_identity_alone_is_expanded() -> None:
    text = cif(*RUTILE_SITES, head="_symmetry_space_group_name_H-M P4_2/mnm\n" + IDENTITY, **RUTILE)
    structure = raw(text)
    assert sorted(structure.numbers.tolist()) == [8, 8, 8, 8, 22, 22]
    assert label(structure) == "A2B_tP6_136_f_a:O-Ti"


@pytest.mark.parametrize(
    "head",
    [
        "_symmetry_space_group_name_H-M 'P 42/m n m'\n",
        "_space_group_name_H-M_alt 'P 4_2/m n m'\n_space_group_IT_number 136\n",
        "_space_group_IT_number 136\n",
        "_symmetry_Int_Tables_number 136\n_symmetry_space_group_name_H-M ?\n",
        "_space_group_name_Hall '-P 4n 2n'\n",
    ],
)
def test_a_group_may_be_named_in_several_ways(head: str) -> None:
    assert label(_cif.structure(cif(*RUTILE_SITES, head=head, **RUTILE))) == "A2B_tP6_136_f_a:O-Ti"


def test_a_list_that_is_the_whole_cell_already_stays_as_it_is() -> None:
    head = "_symmetry_space_group_name_H-M P4_2/mnm\n" + IDENTITY
    whole = raw(cif(*RUTILE_SITES, head=head, **RUTILE))
    sites = [
        f"{'Ti' if z == 22 else 'O'} X {x} {y} {w}"
        for z, (x, y, w) in zip(whole.numbers, whole.frac_coords, strict=True)
    ]
    again = raw(cif(*sites, head=head, **RUTILE))
    assert (again.frac_coords == whole.frac_coords).all()
    assert (again.numbers == whole.numbers).all()


def test_without_a_group_the_list_is_the_cell() -> None:
    assert len(raw(cif("Na Na1 0 0 0", "Cl Cl1 .5 .5 .5")).numbers) == 2
    assert len(raw(cif("Na Na1 0 0 0", head="_symmetry_space_group_name_H-M 'P 1'\n")).numbers) == 1


def test_listed_operations_are_applied_and_have_to_be_those_of_the_name() -> None:
    operations = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z\n"
    for head in (operations, "_symmetry_space_group_name_H-M P-1\n" + operations):
        assert len(raw(cif("Na Na1 .1 .2 .3", head=head)).numbers) == 2
    wrong = "_symmetry_space_group_name_H-M Pm-3m\n" + operations
    assert reason(cif("Na Na1 .1 .2 .3", head=wrong)) is InvalidReason.CONTRADICTION


def test_the_stated_multiplicity_settles_the_origin() -> None:
    """Fd-3m has two origins: diamond's atoms are at 0 with the first, at 1/8 with the second."""
    sites = SITES.replace("loop_\n", "loop_\n_atom_site_symmetry_multiplicity\n")
    text = (
        "data_x\n_symmetry_space_group_name_H-M Fd-3m\n"
        + CELL.format(**CUBE | {"a": "3.567", "b": "3.567", "c": "3.567"})
        + sites
    )
    for position in ("0 0 0", ".125 .125 .125"):
        assert label(_cif.structure(f"{text}8 C C1 {position}\n")) == "A_cF8_227_a:C"
    first = "_symmetry_space_group_name_H-M Fd-3m:1\n"
    second = "_symmetry_space_group_name_H-M Fd-3m:2\n"
    assert len(raw(cif("C C1 .125 .125 .125", head=first)).numbers) == 16
    assert len(raw(cif("C C1 .125 .125 .125", head=second)).numbers) == 8


def test_a_rhombohedral_cell_gets_the_operations_of_its_axes() -> None:
    angles = {"alpha": "60", "beta": "60", "gamma": "60"}
    head = "_symmetry_space_group_name_H-M R-3m\n"
    rhombohedral = raw(cif("Bi Bi1 .23 .23 .23", head=head, **angles))
    hexagonal = raw(cif("Bi Bi1 0 0 .23", head=head, c="11.86", gamma="120"))
    assert (len(rhombohedral.numbers), len(hexagonal.numbers)) == (2, 6)


def test_images_of_one_site_are_merged_and_different_sites_never() -> None:
    head = "_symmetry_space_group_name_H-M P4/mmm\n"
    assert len(raw(cif("Na Na1 0.0001 0 0", head=head)).numbers) == 1
    for other in ("Cl Cl1 0 0 0", "Na Na2 0 0 0"):
        found = raw(cif("Na Na1 0 0 0", other))
        assert len(found.numbers) == 2
        invalid = convert(found, ConversionSettings())
        assert isinstance(invalid, Invalid)
        assert invalid.reason is InvalidReason.OVERLAPPING_ATOMS


@given(
    group=st.integers(1, 230),
    position=st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 1 / 3, 0.1234, 0.2718])] * 3),
)
@settings(max_examples=60, deadline=None)
def test_an_orbit_is_closed_and_its_size_divides_the_order_of_the_group(
    group: int, position: tuple[float, float, float]
) -> None:
    setting = next(one for one in settings_of(str(group)) if one.standard)
    operations = setting.group()
    metric = (operations.rotations.transpose(0, 2, 1) @ operations.rotations).mean(axis=0)
    lattice = 7 * np.linalg.cholesky(metric)
    assert operations.fits(lattice)
    found = orbits(np.array([position]), np.full((1, 3), 12), None, operations, lattice)
    order = len(operations)
    assert order % found.sizes[0] == 0
    again = orbits(found.frac_coords, np.full(found.frac_coords.shape, 12), None, operations, lattice)
    assert (again.sizes == found.sizes[0]).all()
    assert is_whole(found.frac_coords, np.full(len(found.frac_coords), 6), again, lattice)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (cif("Na Na1 0 0 0", a="-4"), InvalidReason.NON_POSITIVE_LATTICE),
        (cif("Na Na1 0 0 0", a="nan"), InvalidReason.NON_FINITE),
        (cif("Na Na1 0 0 0", alpha="0"), InvalidReason.IMPOSSIBLE_ANGLES),
        (cif("Xx X1 0 0 0"), InvalidReason.UNKNOWN_ELEMENT),
        (cif("X X1 0 0 0"), InvalidReason.UNKNOWN_ELEMENT),
        (cif("Na Na1 0 0 abc"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 ?"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0"), InvalidReason.UNREADABLE),
        (cif(), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", a="'4"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", a="four"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", a="?"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", head="_cell_length_a 5\n"), InvalidReason.CONTRADICTION),  # given twice
        (cif("Na Na1 0 0 0", head="_symmetry_space_group_name_H-M P99/z\n"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", head="_space_group_IT_number 231\n"), InvalidReason.UNREADABLE),
        (
            cif("Na Na1 0 0 0", head="_symmetry_space_group_name_H-M Pm-3m\n_space_group_IT_number 225\n"),
            InvalidReason.CONTRADICTION,
        ),
        (cif("Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\nx,y\n"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\nx,y,2*z\n"), InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z+1/0\n"), InvalidReason.UNREADABLE),
        (
            cif("Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\n" + "x,y,z\n" * 193),
            InvalidReason.UNREADABLE,
        ),
        ("", InvalidReason.UNREADABLE),
        ("data_x\n", InvalidReason.UNREADABLE),
        ("data_NaCl\nloop_\n_cell_length_a 5.6\nbroken\n", InvalidReason.UNREADABLE),
        ("I cannot generate that crystal.", InvalidReason.UNREADABLE),
        ("\x00\xff" * 50, InvalidReason.UNREADABLE),
        ("data_x\n;never ends\n", InvalidReason.UNREADABLE),
        (cif("Na Na1 0 0 0") + cif("Na Na1 0 0 0"), InvalidReason.UNREADABLE),  # two crystals
    ],
)  # fmt: skip
def test_a_text_that_is_no_crystal_says_why(text: str, expected: InvalidReason) -> None:
    assert reason(text) is expected


def with_column(tag: str, *values: str) -> str:
    sites = SITES.replace("_atom_site_label\n", f"_atom_site_label\n{tag}\n")
    rows = [f"Na Na{i} {value} 0 0 .{i}" for i, value in enumerate(values)]
    return "data_x" + CELL.format(**CUBE) + sites + "\n".join(rows)


def test_partial_occupancy_and_disorder_groups_are_invalid() -> None:
    assert reason(with_column("_atom_site_occupancy", "1.0", "0.5")) is InvalidReason.DISORDERED
    assert reason(with_column("_atom_site_occupancy", "nan")) is InvalidReason.DISORDERED
    assert reason(with_column("_atom_site_occupancy", "2")) is InvalidReason.DISORDERED
    assert reason(with_column("_atom_site_disorder_group", ".", "1")) is InvalidReason.DISORDERED
    assert len(raw(with_column("_atom_site_occupancy", "1.000", "1(0)")).numbers) == 2
    assert len(raw(with_column("_atom_site_disorder_group", ".", "?")).numbers) == 2


def test_elements_are_read_as_they_are_written_elsewhere() -> None:
    assert raw(cif("Fe3+ Fe 0 0 0", "O2- O .5 .5 .5", "CL x .5 0 0", "D x 0 .5 0")).numbers.tolist() == [26, 8, 17, 1]
    only_labels = cif("Fe1 0 0 0", "O1A .5 .5 .5", "Cl2 .5 0 0").replace("_atom_site_type_symbol\n", "")
    assert raw(only_labels).numbers.tolist() == [26, 8, 17]


def test_uncertainties_comments_quotes_and_text_fields_are_understood() -> None:
    text = (
        """# a comment
data_x  # another
_journal_name 'Acta Cryst. ''B'  # no
""".replace("'Acta Cryst. ''B'", "'it's fine'")
        + cif("'Na' Na1 0.1000(5) 0 1e-1", a="4.0(2)").removeprefix("data_x")
    )
    text += "_publ_section_comment\n;\nloop_ _cell_length_a 9 data_y\n;\n"
    structure = raw(text)
    assert structure.frac_coords.tolist() == [[0.1, 0, 0.1]]
    assert abs(structure.lattice[0]).max() == 4


def test_a_bad_text_costs_no_time() -> None:
    n = 10**5
    for text in ("'" * n, ";\n" * n, "loop_ " * n, "data_x " + "_a 1 " * n, "data_x\nloop_\n" + "_a\n" * n):
        assert isinstance(_cif.structure(text), Invalid)


def hostile() -> dict[str, str]:
    """Return texts that would cost much with a careless reader, each with one good atom."""
    good = cif("Na Na1 .1 .2 .3", a="30", b="30", c="30")
    sites = [f"Na Na{i} .{i * 7919 % 9973:04} .{i * 104729 % 9967:04} .{i * 1299709 % 9949:04}" for i in range(10_000)]
    return {
        "all sites, all operations": cif(*sites, head="_space_group_IT_number 225\n", a="30", b="30", c="30"),
        "thousands of atoms on one place": cif(*["Na Na1 .1 .2 .3"] * 4000, head="_space_group_IT_number 47\n"),
        "a long line": good + "_x " + "a" * 5_000_000,
        "a line of open quotations": good + "_x " + "'a " * 1_000_000,
        "a long loop": good + "loop_\n_x\n" + "1 " * 1_000_000,
        "one tag again and again": good + "".join(f"_x {i}\n" for i in range(200_000)),
        "operations without end": cif("Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\n" + "x,y,z\n" * 100_000),
        "an operation without end": cif(
            "Na Na1 0 0 0", head="loop_\n_symmetry_equiv_pos_as_xyz\n'" + "x+" * 500_000 + ",y,z'\n"
        ),
        "a name without end": cif("Na Na1 0 0 0", head="_space_group_name_H-M_alt '" + "2/" * 100_000 + "'\n"),
        "a Hall symbol without end": cif("Na Na1 0 0 0", head="_space_group_name_Hall '" + "P 2" * 100_000 + "'\n"),
        "a formula without end": good + "_chemical_formula_sum '" + "Na " * 500_000 + "'\n",
        "numbers that overflow": good + "_chemical_formula_sum 'Na" + "9" * 400 + "'\n_cell_formula_units_Z 1e5000\n",
        "a cell that overflows": cif("Na Na1 0 0 0", a="1e300", b="1e300", head="_space_group_IT_number 2\n"),
        "a coordinate that overflows": cif("Na Na1 1e400 0 0", head="_space_group_IT_number 227\n"),
    }


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", hostile())
def test_a_hostile_text_is_one_sample(kind: str) -> None:
    found = _cif.structure(hostile()[kind])
    assert isinstance(found, Invalid | RawStructure)
    if isinstance(found, Invalid):
        assert 10 < len(found.detail) < 300


@pytest.mark.parametrize("kind", ["label", "number", "tag"])
def test_ten_times_the_text_costs_about_ten_times_the_time(kind: str) -> None:
    def seconds(n: int) -> float:
        lines = {
            "label": "".join(f"_x{i} 'some {i}'\n" for i in range(n)),
            "number": "loop_\n_x\n_y\n" + "1.0 2.0\n" * n,
            "tag": "".join(f"loop_\n_x{i}\n_y{i}\n1 2\n" for i in range(n)),
        }
        text = cif("Na Na1 0 0 0") + lines[kind]
        start = process_time()
        assert isinstance(_cif.structure(text), RawStructure)
        return process_time() - start

    few, many = (min(seconds(n) for _ in range(3)) for n in (2_000, 20_000))
    assert many < 40 * few


# --- folders and archives ---------------------------------------------------------------------------------------------

NAMES = ["gen_10.cif", "gen_2.cif", "gen_0.cif", "gen_1.cif"]


def numbered(name: str) -> str:
    """Return a crystal whose cell length tells the number in its file's name."""
    return cif("Na Na1 0 0 0", a=str(4 + int(name.rpartition("_")[2].removesuffix(".cif")) / 100))


def as_folder(path: Path, files: dict[str, str]) -> Path:
    path = path / "cifs"
    path.mkdir()
    for name, text in files.items():
        (path / name).parent.mkdir(exist_ok=True, parents=True)
        (path / name).write_text(text)
    return path


def as_zip(path: Path, files: dict[str, str]) -> Path:
    path /= "cifs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def tar_bytes(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def as_tar(path: Path, files: dict[str, str]) -> Path:
    path /= "cifs.tar"
    path.write_bytes(tar_bytes(files))
    return path


def as_tar_gz(path: Path, files: dict[str, str]) -> Path:
    path /= "cifs.tar.gz"
    path.write_bytes(gzip.compress(tar_bytes(files)))
    return path


def as_tar_bz2(path: Path, files: dict[str, str]) -> Path:
    path /= "cifs.tar.bz2"
    path.write_bytes(bz2.compress(tar_bytes(files)))
    return path


CONTAINERS = [as_folder, as_zip, as_tar, as_tar_gz, as_tar_bz2]
Container = Callable[[Path, dict[str, str]], Path]


def read(path: Path, **parameters: int) -> list[Sample]:
    return list(READERS["cif"].read(path, parameters))


def numbers(samples: list[Sample]) -> list[int | None]:
    return [
        round((float(np.linalg.norm(s.lattice[0])) - 4) * 100) if isinstance(s, RawStructure) else None for s in samples
    ]


@pytest.mark.parametrize("container", CONTAINERS)
def test_files_come_in_numeric_order_and_others_are_passed_over(container: Container, tmp_path: Path) -> None:
    files = {name: numbered(name) for name in NAMES}
    path = container(tmp_path, files | {"README.md": "no", ".gen_3.cif": "no", "__MACOSX/gen_4.cif": "no"})
    assert detected(path) == ["cif"]
    assert numbers(read(path)) == [0, 1, 2, 10]


@pytest.mark.parametrize("container", CONTAINERS)
def test_no_files_is_an_error(container: Container, tmp_path: Path) -> None:
    path = container(tmp_path, {"README.md": "no"})
    assert detected(path) == []
    with pytest.raises(ReadError, match="no CIF files in it"):
        read(path)


@pytest.mark.parametrize("container", [as_zip, as_tar, as_tar_gz])
def test_names_cannot_leave_the_archive(container: Container, tmp_path: Path) -> None:
    path = container(tmp_path, {"../../out_1.cif": numbered("_1.cif"), "/out_2.cif": numbered("_2.cif")})
    before = sorted(tmp_path.parent.rglob("*.cif"))
    assert sorted(map(str, numbers(read(path)))) == ["1", "2"]
    assert sorted(tmp_path.parent.rglob("*.cif")) == before


@pytest.mark.parametrize("container", CONTAINERS)
def test_folders_further_down_are_read_in_their_order(container: Container, tmp_path: Path) -> None:
    files = [f"batch_{batch}/gen_{number}.cif" for batch in (10, 2) for number in (11, 3)]
    path = container(tmp_path, {name: numbered(name) for name in files})
    assert detected(path) == ["cif"]
    assert numbers(read(path)) == [3, 11, 3, 11]


@pytest.mark.parametrize("container", CONTAINERS)
def test_an_absent_number_is_said_and_counts_as_nothing(container: Container, tmp_path: Path) -> None:
    names = [f"{number}.cif" for number in range(20, 24) if number != 21]
    path = container(tmp_path, {name: numbered(f"_{name}") for name in names})
    assert len(read(path)) == 3
    (note,) = READERS["cif"].notes(path)
    assert "1 of its numbered files is absent (21.cif)" in note


def test_names_that_are_no_count_have_no_gaps(tmp_path: Path) -> None:
    path = as_folder(tmp_path, dict.fromkeys(("mp-149.cif", "mp-2534.cif", "mp-804.cif", "Fe2O3.cif", "Fe3O4.cif"), ""))
    assert not list(READERS["cif"].notes(path))


@pytest.mark.parametrize("container", [as_zip, as_tar_gz])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_archive_is_an_error(container: Container, share: float, tmp_path: Path) -> None:
    path = container(tmp_path, {name: numbered(name) for name in NAMES})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ReadError, match="cifs"):
        read(path)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_text_that_is_too_large_costs_one_sample(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_limits, "MAX_MEMBER_BYTES", 1000)
    path = container(tmp_path, {"gen_0.cif": "x" * 1001, "gen_1.cif": numbered("gen_1.cif")})
    samples = read(path)
    assert samples[0] == Invalid(InvalidReason.UNREADABLE, "gen_0.cif: over 1000 bytes of text")
    assert numbers(samples) == [None, 1]


def test_archive_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_BYTES", 2**20)
    files = {"gen_0.cif": "x" * 2**21}
    for container in (as_folder, as_zip, as_tar, as_tar_gz):
        with pytest.raises(ReadError, match=r"over 1048576 bytes \(unpacked\); split it"):
            read(container(tmp_path, files))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_not_followed_and_named(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "cifs.tar", "w") as archive:
        info = tarfile.TarInfo("evil_1.cif")
        info.type, info.linkname = kind, "/etc/hostname"
        archive.addfile(info)
    with pytest.raises(ReadError, match=r"cifs\.tar, evil_1\.cif: a link without a file, a pipe or a device"):
        read(tmp_path / "cifs.tar")


def test_an_absurd_number_in_a_name_is_sorted(tmp_path: Path) -> None:
    huge = "gen_" + "9" * 5000 + ".cif"
    path = as_zip(tmp_path, {huge: numbered("gen_9.cif"), "gen_1.cif": numbered("gen_1.cif")})
    assert numbers(read(path)) == [1, 9]


def test_denoising_paths_are_refused(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {"gen_0.cif": numbered("gen_0.cif")}).rename(tmp_path / "generated_trajectories.zip")
    with pytest.raises(ReadError, match="denoising paths"):
        read(path)


def test_magnetic_files_by_their_name_are_cif_files(tmp_path: Path) -> None:
    (tmp_path / "gen_1.mcif").write_text(numbered("gen_1.cif"))
    assert detected(tmp_path) == detected(tmp_path / "gen_1.mcif") == ["cif"]
    assert numbers(read(tmp_path)) == [1]


def test_a_single_file_may_hold_several_crystals(tmp_path: Path) -> None:
    path = tmp_path / "all.cif"
    path.write_text("data_header\n_audit_creation_method x\n" + numbered("gen_1.cif") + numbered("gen_2.cif"))
    assert detected(path) == ["cif"]
    assert numbers(read(path)) == [1, 2]
