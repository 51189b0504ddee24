"""Every format of one file: compressed, in folders, zips and tars, in one order, with one set of limits."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crystalbench import ReadError
from crystalbench_baselines import _limits
from crystalbench_baselines._documents import documents
from crystalbench_baselines._streams import SUFFIXES

from .conftest import READERS, detected
from .test_cif import CONTAINERS, Container, as_folder, as_tar_gz, as_zip, cif
from .test_examples import example
from .test_text_formats import RUTILE, frame, gene, outcomes, poscar, pymatgen, read

FORMATS = {
    "cif": ("gen_{}.cif", cif("Na Na1 0 0 0")),
    "csv": ("part_{}.csv", f"protostructure\n{RUTILE}\n"),
    "extxyz": ("part_{}.extxyz", frame()),
    "labels": ("part_{}.txt", f"{RUTILE}\n"),
    "poscar": ("POSCAR_{}", poscar("0 0 0", ".5 .5 .5")),
    "pymatgen-json": ("part_{}.json", json.dumps([pymatgen("Na")])),
    "samples": ("part_{}.samples", json.dumps(RUTILE)),
    "wyckoff-genes": ("part_{}.json", json.dumps([gene()])),
}
PACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_from_any_container(name: str, container: Container, tmp_path: Path) -> None:
    pattern, text = FORMATS[name]
    files = {f"run_{folder}/{pattern.format(number)}": text for folder in (10, 9) for number in (10, 9)}
    path = container(tmp_path, files | {"README.md": "no", "run_9/.hidden_" + pattern.format(1): text})
    assert detected(path) == [name]
    assert len(read(name, path)) == 4


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_read_compressed_alone_and_in_a_folder(name: str, suffix: str, tmp_path: Path) -> None:
    pattern, text = FORMATS[name]
    path = tmp_path / f"{pattern.format(1)}{suffix}"
    path.write_bytes(PACK[suffix](text.encode()))
    assert detected(path) == [name]
    assert outcomes(read(name, path)) == outcomes(read(name, tmp_path))


def test_the_order_is_the_same_in_all_containers(tmp_path: Path) -> None:
    files = {f"{folder}/{number}.txt": RUTILE for folder in ("b2", "b10", "a") for number in ("9", "10", "010", "x1")}
    found = []
    for container in CONTAINERS:
        path = container(tmp_path, files)
        found.append([document.name for document in documents(path, lambda name: True, "")])
    assert all(order == found[0] for order in found)
    assert found[0][:4] == ["a/9.txt", "a/010.txt", "a/10.txt", "a/x1.txt"]
    assert [name.split("/")[0] for name in found[0][::4]] == ["a", "b2", "b10"]


@pytest.mark.parametrize("name", ["cdvae", "diffcsp++", "symmcd"])
def test_tensor_files_are_read_from_any_container(name: str, tmp_path: Path) -> None:
    whole = example(name)
    content = whole.read_bytes()
    (tmp_path / "eval_gen.pt.gz").write_bytes(gzip.compress(content, 1))
    (tmp_path / "runs/seed").mkdir(parents=True)
    (tmp_path / "runs/eval_gen_1.pt").write_bytes(content)
    (tmp_path / "runs/seed/eval_gen_2.pt").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "runs.zip", "w") as archive:
        archive.writestr("a/eval_gen.pt", content)
    for path, copies in ((tmp_path / "eval_gen.pt.gz", 1), (tmp_path / "runs", 2), (tmp_path / "runs.zip", 1)):
        assert detected(path) == [name]
        assert outcomes(read(name, path)) == outcomes(read(name, whole)) * copies


def test_a_reader_of_texts_is_not_misled_by_a_tensor_file() -> None:
    with pytest.raises(ReadError, match="a PyTorch file; no CIF files in it"):
        read("cif", example("cdvae"))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_the_usual_name_is_read_when_the_reader_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "crystals.dat"
    path.write_text(FORMATS[name][1])
    assert detected(path) == []
    if name != "wyckoff-genes":  # which has two formats, told by the name
        assert len(read(name, path)) == 1


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bomb_is_refused_in_one_line(name: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_BYTES", 2**16)
    monkeypatch.setattr(_limits, "MAX_LINE", 2**15)
    pattern, text = FORMATS[name]
    for filling in (b"\n", b"ab\n", b"x", b"{}\n"):
        path = tmp_path / f"{pattern.format(1)}{suffix}"
        path.write_bytes(PACK[suffix](text.encode() + filling * (2**17 // len(filling))))
        with pytest.raises(ReadError, match=r"^/[^\n]*$"):
            read(name, path)


def test_caps_on_files_lines_and_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_folder(tmp_path, {f"{number}.txt": RUTILE + "\n" for number in range(9)})
    archives = [path, as_zip(tmp_path, {f"{n}.txt": RUTILE for n in range(9)}), as_tar_gz(tmp_path, {"a": "", "b": ""})]
    monkeypatch.setattr(_limits, "MAX_SAMPLES", 8)
    with pytest.raises(ReadError, match="over 8 samples; split it"):
        read("labels", path)
    monkeypatch.setattr(_limits, "MAX_MEMBERS", 1)
    for archive in archives:
        with pytest.raises(ReadError, match="over 1 files in it; split it"):
            read("labels", archive)
    monkeypatch.setattr(_limits, "MAX_WORDS", 8)
    (tmp_path / "x.txt").write_text(f"{RUTILE}\n" * 5)
    with pytest.raises(ReadError, match=r"x\.txt: over 8 words and lines \(unpacked\); split it"):
        read("labels", tmp_path / "x.txt")


def test_a_zip_that_lies_about_the_size_of_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_BYTES", 2**22)
    path = as_zip(tmp_path, {"gen_0.cif": "x" * 2**24})
    content = bytearray(path.read_bytes())
    for size in range(len(content) - 3):
        if content[size : size + 4] == struct.pack("<I", 2**24):
            content[size : size + 4] = struct.pack("<I", 100)
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"gen_0\.cif: damaged; copy it again"):
        read("cif", path)


def test_members_that_overlap_are_counted_as_often_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_limits, "MAX_BYTES", 2**20)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.cif", "#" * 2**18)
        for number in range(1, 20):  # as many names for the same bytes
            info = zipfile.ZipInfo(f"{number}.cif")
            first = archive.infolist()[0]
            for field in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(info, field, getattr(first, field))
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
    with pytest.raises(ReadError, match=r"x\.zip"):
        read("cif", path)


def test_xz_that_asks_for_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_limits, "MAX_WINDOW_BYTES", 2**20)
    path = tmp_path / "x.txt.xz"
    path.write_bytes(lzma.compress(f"{RUTILE}\n".encode() * 9, preset=9))
    with pytest.raises(ReadError, match="takes over 1048576 bytes of memory"):
        read("labels", path)


def test_several_streams_in_one_xz_or_gz_are_one_text(tmp_path: Path) -> None:
    line = f"{RUTILE}\n".encode()
    for suffix in SUFFIXES:
        path = tmp_path / f"x.txt{suffix}"
        path.write_bytes(PACK[suffix](line) + PACK[suffix](line * 2))
        assert outcomes(read("labels", path)) == [RUTILE] * 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_off_file_is_said_in_words(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.txt{suffix}"
    whole = PACK[suffix](b"".join(b"%d\n" % (number * 7919) for number in range(20_000)))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"x\.txt.*: (it ends too early|damaged); copy it again"):
        read("labels", path)


def test_a_tar_without_its_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"{number}.txt")
            info.size = 512
            archive.addfile(info, io.BytesIO(RUTILE.ljust(511).encode() + b"\n"))
    path.write_bytes(buffer.getvalue()[: 2 * 1024])  # two whole files of three
    with pytest.raises(ReadError, match="it ends too early; copy it again"):
        read("labels", path)


def test_pipes_and_devices_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.cif")
    for path in (tmp_path / "pipe.cif", Path("/dev/zero")):
        assert detected(path) == []
        with pytest.raises(ReadError, match="neither a file nor a folder"):
            read("cif", path)
    (tmp_path / "absent.cif").symlink_to("nowhere.cif")
    for name in ("absent.cif", "pipe.cif"):  # in their order
        with pytest.raises(ReadError, match=f"{name}: a link without a file, a pipe or a device; put the file there"):
            read("cif", tmp_path)
        (tmp_path / name).unlink()
    with pytest.raises(ReadError, match="no CIF files in it, it is empty"):
        read("cif", tmp_path)


def test_a_link_among_the_files_of_a_folder_is_no_sample_lost_in_silence(tmp_path: Path) -> None:
    (tmp_path / "0.cif").symlink_to("nowhere.cif")
    (tmp_path / "1.cif").write_text(FORMATS["cif"][1])
    assert detected(tmp_path) == ["cif"]
    with pytest.raises(ReadError, match=r"0\.cif: a link without a file"):
        read("cif", tmp_path)
    (tmp_path / "nowhere.cif").write_text(FORMATS["cif"][1])
    assert len(read("cif", tmp_path)) == 3


@pytest.mark.parametrize("sort", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_in_a_tar_is_no_sample_lost_in_silence(sort: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    link, file = tarfile.TarInfo("1.cif"), tarfile.TarInfo("0.cif")
    content = FORMATS["cif"][1].encode()
    link.type, link.linkname, file.size = sort, "0.cif", len(content)
    with tarfile.open(path, "w") as archive:
        archive.addfile(file, io.BytesIO(content))
        archive.addfile(link)
    assert detected(path) == ["cif"]
    with pytest.raises(ReadError, match=r"1\.cif: a link without a file"):
        read("cif", path)


def test_a_zip_without_its_end_is_not_taken_for_an_archive_inside(tmp_path: Path) -> None:
    """`zipfile` reads the list of the last archive that lies in it as a member, and passes over all others."""
    inside = io.BytesIO()
    with zipfile.ZipFile(inside, "w") as archive:
        archive.writestr("9.cif", FORMATS["cif"][1])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("0.cif", FORMATS["cif"][1])
        archive.writestr("more.zip", inside.getvalue())
        archive.writestr("cdvae.pt", example("cdvae").read_bytes())
    assert len(read("cif", tmp_path / "a.zip")) == 1
    for end in (30, 200):
        (tmp_path / "cut.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-end])
        assert detected(tmp_path / "cut.zip") == []
        for name in ("cif", "cdvae"):
            with pytest.raises(ReadError, match="copy it again"):
                read(name, tmp_path / "cut.zip")


@pytest.mark.parametrize("text", ["Na Na1 0 0 0", "N\0a N\0a1 0 0 0"])
def test_a_text_with_bytes_of_zero_is_not_read_around_them(text: str, tmp_path: Path) -> None:
    content = cif(text).encode("utf-8" if "\0" in text else "utf-16-le")
    for path in (tmp_path / "alone.cif", tmp_path / "folder" / "0.cif"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        (found,) = read("cif", path.parent if path.name == "0.cif" else path)
        assert "bytes of zero in it; save it as text in UTF-8" in str(found)


def test_a_folder_of_other_files_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("")
    with pytest.raises(ReadError, match=r"no POSCAR files in it; it holds notes\.md"):
        list(READERS["poscar"].read(tmp_path, {}))
