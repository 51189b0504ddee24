"""Makers of files that take all time or memory there is.

Every one takes a folder and a share of the full size, so that growth can be measured, and returns what to read.
"""

import bz2
import csv
import gzip
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

Maker = Callable[[Path, float], Path]

MB = 1_000_000
PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
CELL = "".join(f"_cell_length_{axis} 5\n" for axis in "abc") + "".join(
    f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma")
)
SITES = "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
POSCAR_HEAD = "x\n1\n5 0 0\n0 5 0\n0 0 5\n"
LATTICE = 'Lattice="5 0 0 0 5 0 0 0 5"'
TENSORS = ("num_atoms", "frac_coords", "atom_types", "lengths", "angles")


def plain(name: str, text: Callable[[int], str]) -> Maker:
    """A file whose text has about so many bytes."""

    def make(folder: Path, share: float) -> Path:
        path = folder / name
        path.write_text(text(int(10 * MB * share)), encoding="utf-8")
        return path

    return make


def repeated(piece: str, before: str = "", after: str = "") -> Callable[[int], str]:
    """Text of one piece, over and over."""
    return lambda size: before + piece * max(1, (size - len(before) - len(after)) // len(piece)) + after


def bomb(name: str, piece: str, before: str = "", size: int = 1000 * MB, after: str = "") -> Maker:
    """A compressed text of one piece: 1,000 MB, packed as streams one after the other."""
    pack = PACK[name.rpartition(".")[2]]

    def make(folder: Path, share: float) -> Path:
        path = folder / name
        unit = (piece * (int(min(10 * MB, size * share)) // len(piece))).encode()
        whole = pack(unit) * max(1, int(size * share) // len(unit))
        path.write_bytes(pack(before.encode()) + whole + pack(after.encode()))
        return path

    return make


def streams(name: str) -> Maker:
    """A compressed file of very many empty streams."""
    empty = PACK[name.rpartition(".")[2]](b"")

    def make(folder: Path, share: float) -> Path:
        path = folder / name
        path.write_bytes(empty * int(10 * MB * share / len(empty)))
        return path

    return make


def tar(folder: Path, share: float) -> Path:
    """A million empty members."""
    header = tarfile.TarInfo("a.cif").tobuf(tarfile.USTAR_FORMAT)
    path = folder / "a.tar.gz"
    whole = header * int(1e6 * share)
    path.write_bytes(gzip.compress(whole + bytes(1024), 1))
    return path


def tar_headers(folder: Path, share: float) -> Path:
    """A tar archive of nothing but extended headers, each of which the next one is read for."""
    member = tarfile.TarInfo("x" * 90 + ".cif")
    member.pax_headers = {"comment": "y" * 400}
    path = folder / "a.tar"
    path.write_bytes(member.tobuf(tarfile.PAX_FORMAT)[:-512] * int(10 * MB * share / 1536) + bytes(1024))
    return path


def zip_of(name: str, member: str, text: Callable[[int], bytes], count: int) -> Maker:
    """An archive of equal members."""

    def make(folder: Path, share: float) -> Path:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            content = text(0)
            for number in range(max(1, int(count * share))):
                archive.writestr(member.format(number), content)
        return folder / name

    return make


def _local(name: bytes, packed: bytes, crc: int, size: int, method: int) -> bytes:
    head = (b"PK\3\4", 20, 0, method, 0, 0, crc, len(packed), size, len(name), 0)
    return struct.pack("<4sHHHHHIIIHH", *head) + name + packed


def _central(name: bytes, packed: bytes, crc: int, size: int, method: int, at: int) -> bytes:
    head = (b"PK\1\2", 20, 20, 0, method, 0, 0, crc, len(packed), size, len(name), 0, 0, 0, 0, 0, at)
    return struct.pack("<4sHHHHHHIIIHHHHHII", *head) + name


def raw_zip(members: Iterable[tuple[bytes, bytes, int, int, int]], *, overlapping: bool = False) -> bytes:
    """A zip archive of (name, packed bytes, CRC, stated size, method); ``overlapping``: all share the first's bytes."""
    body, directory, count = bytearray(), bytearray(), 0
    for name, packed, crc, size, method in members:
        at = 0 if overlapping else len(body)
        if not overlapping or not body:
            body += _local(name, packed, crc, size, method)
        directory += _central(name, packed, crc, size, method, at)
        count += 1
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def overlapping(folder: Path, share: float) -> Path:
    """60,000 members that are all the same 8 MB; both shrink, for five of 8 MB already reach the cap (4 CPU s)."""
    content = b"\n" * int(8 * MB * share)
    packed, crc = deflated(content), zlib.crc32(content)
    members = ((b"a.cif", packed, crc, len(content), 8) for _ in range(int(60_000 * share)))
    path = folder / "a.zip"
    path.write_bytes(raw_zip(members, overlapping=True))
    return path


def lying_zip(method: int, name: str, member: bytes) -> Maker:
    """A member that states 1 kB and unpacks to 1,000 MB."""

    def make(folder: Path, share: float) -> Path:
        whole = bytes(int(1000 * MB * share))
        packed = {8: deflated, 12: bz2.compress}[method](whole)
        path = folder / name
        path.write_bytes(raw_zip([(member, packed, zlib.crc32(whole[:1000]), 1000, method)]))
        return path

    return make


def torch_file(name: str, pickled: Callable[[int], bytes], entries: dict[str, bytes] | None = None) -> Maker:
    def make(folder: Path, share: float) -> Path:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("a/data.pkl", pickled(int(8 * 2**20 * share)))
            for entry, content in (entries or {}).items():
                archive.writestr(f"a/{entry}", content)
        return folder / name

    return make


def columns(text: Callable[[int], str], name: str = "cif") -> Maker:
    """A CSV file of one cell."""

    def make(folder: Path, share: float) -> Path:
        with (folder / "a.csv").open("w", newline="") as file:
            csv.writer(file).writerows([[name], [text(int(10 * MB * share))]])
        return folder / "a.csv"

    return make


def cif_blocks(size: int) -> str:
    block = f"data_x\n{CELL}{SITES}Na 0 0 0\nCl .5 .5 .5\nH .1 .2 .3\n"
    return block * (size // len(block))


def cif_sites(sites: int, operations: str = "_symmetry_space_group_name_H-M 'F m -3 m'\n") -> str:
    rows = (f"Na {i / 9973 % 1:.5f} {i / 7919 % 1:.5f} {i / 6007 % 1:.5f}\n" for i in range(1, sites + 1))
    return f"data_x\n{CELL}{operations}{SITES}{''.join(rows)}"


def cif_many_sites(size: int) -> str:
    """Blocks of as many sites as may be, each with 192 operations."""
    block = cif_sites(1041)
    return block * max(1, size // len(block))


def cif_ambiguous(size: int) -> str:
    """Labels that may be of two elements, in a group whose setting is open."""
    rows = "".join(
        f"{('CA', 'CO', 'HO', 'NP')[i % 4]} {i / 97 % 1:.4f} {i / 89 % 1:.4f} {i / 83 % 1:.4f}\n" for i in range(1, 250)
    )
    block = f"data_x\n{CELL}_symmetry_Int_Tables_number 227\n{SITES}{rows}"
    return block * max(1, size // len(block))


def labels_of_many_orbits(size: int) -> str:
    letters = "".join(f"9999{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
    elements = ["Ac", "Ag", "Al", "Am", "Ar", "As", "At", "Au", "B", "Ba", "Be", "Bh", "Bi", "Bk", "Br", "C", "Ca"]
    line = f"A_oP1_47_{'_'.join([letters] * len(elements))}:{'-'.join(elements)}\n"
    return line * max(1, size // len(line))


def structure_dict(atoms: int = 1) -> dict[str, object]:
    site = {"species": [{"element": "Na", "occu": 1}], "abc": [0, 0, 0]}
    return {"lattice": {"matrix": [[5, 0, 0], [0, 5, 0], [0, 0, 5]]}, "sites": [site] * atoms}


RUTILE = "A2B_tP6_136_f_a:O-Ti"
STRUCTURE = json.dumps(structure_dict())


ODD = (
    "nan",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "1e-308",
    "99999999999999999999",
    "-1",
    "0",
    "1e999",
    "9" * 5000,
    "2e19",
)


def with_odd_numbers(odd: str) -> Iterable[tuple[str, str]]:
    """Name and text of a good file of each format, with one number in it replaced, by turns."""
    frame = f"2\n{LATTICE} Properties=species:S:1:pos:R:3\nNa 0 0 0\n17 2 2 2\n"
    poscar = f"{POSCAR_HEAD}Na Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    cif = (
        f"data_x\n{CELL}_symmetry_Int_Tables_number 1\n_cell_formula_units_Z 1\n_chemical_formula_sum 'Na1 Cl1'\n"
        f"_exptl_crystal_density_diffrn 1\nloop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x+1/2,-y,z\n"
        "loop_\n_atom_site_label\n_atom_site_occupancy\n_atom_site_site_symmetry_multiplicity\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa1 1 1 0 0 0\nCl2 1 1 .5 .5 .5\n"
    )
    gene = '[{"group": 225, "species": ["Na", "Cl"], "numIons": [4, 4], "sites": [["4a"], ["4b"]]}]'
    label = "A2B_tP6_136_f_a:O-Ti\n"
    for name, text in (
        ("a{}.xyz", frame), ("a{}.vasp", poscar), ("a{}.cif", cif), ("a{}.json", f"[{STRUCTURE}]"),
        ("gene{}.json", gene), ("a{}.txt", label),
    ):  # fmt: skip
        at = 0
        while at < len(text):
            end = at
            while end < len(text) and (text[end].isdigit() or text[end] == "."):
                end += 1
            if end > at:
                yield name.format(f"_{at}"), text[:at] + odd + text[end:]
            at = max(end, at + 1)


def nested_tuples(size: int) -> bytes:
    return b"\x80\x02)" + b"\x85" * (size - 4) + b"."


def memo(size: int) -> bytes:
    return b"\x80\x02" + (b"]r%s" % struct.pack("<I", 7)) * (size // 6 - 2) + b"."


def nested_lists(size: int) -> bytes:
    return b"\x80\x02" + b"(]" * (size // 4) + b"e."


def genes(size: int) -> str:
    """Genes of 10,000 sites."""
    gene = '{"group":47,"species":["Na"],"numIons":[1],"sites":[[' + '"8A",' * 10_000 + '"8A"]]},'
    return "[" + gene * (size // len(gene)) + '{"group":47,"species":[],"numIons":[],"sites":[]}]'


def gene(size: int) -> str:
    """A gene of as many sites as fit a crystal's text."""
    return '[{"group":225,"species":["Na"],"numIons":[1],"sites":[[' + '"4a",' * min(size // 5, 1_600_000) + '"4a"]]}]'


def numbered(piece: str, count: int) -> str:
    return "".join(piece.format(number) for number in range(count))


def nested(opening: str, inside: str, closing: str, size: int) -> str:
    depth = size // len(opening + closing)
    return opening * depth + inside + closing * depth
