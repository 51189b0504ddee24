"""Files of other programs that no reader takes, told by their first bytes, with the way out."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

_EXPORT = "export its crystals as CIF, extended XYZ or the JSON of pymatgen"
_PICKLE = (
    "a Python pickle, which can run any program when it is opened, so it is never read; export its structures: "
    "json.dump([structure.as_dict() for structure in structures], open('crystals.json', 'w'))"
)
_KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9", "a PyTorch file of before 1.6, which is a pickle; load it and save it again"),
    *((b"\x80" + bytes([protocol]), _PICKLE) for protocol in range(2, 6)),
    (b"\x93NUMPY", f"an array of NumPy; {_EXPORT}"),
    (b"\x89HDF", f"an HDF5 file; {_EXPORT}"),
    (b"PAR1", f"a Parquet file; {_EXPORT}, or as CSV with a column of CIF texts or labels"),
    (b"ARROW1", f"a Feather file; {_EXPORT}, or as CSV with a column of CIF texts or labels"),
    (b"FEA1", f"a Feather file; {_EXPORT}, or as CSV with a column of CIF texts or labels"),
    (b"SQLite format 3", f"a database, as ASE writes it; {_EXPORT}"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd; unpack it, or compress it with gzip"),
    (b"7z\xbc\xaf", "an archive of 7-Zip; unpack it, or make a zip"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"Rar!", "a RAR archive; unpack it, or make a zip"),
    *((mark, "text in UTF-16, as Windows writes it; save it as UTF-8") for mark in (b"\xff\xfe", b"\xfe\xff")),
)
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib")
_PACKED: tuple[tuple[bytes, Callable[[Path], gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ", lzma.LZMAFile),
)
_LOOKED_AT = 20  # files of a folder


def described(source: Path) -> str:
    """Return what a file is, or the files of a folder are, and how to export it; "" for what is not known."""
    if source.is_dir():
        shown = (path for path in source.rglob("*") if path.is_file() and not path.name.startswith("."))
        files = list(islice(shown, _LOOKED_AT))
        if not files:
            return "an empty folder"
        return next((f"holds {path.name}: {what}" for path in files if (what := _known(path))), "")
    if source.is_file() and not source.stat().st_size:
        return "an empty file"
    return _known(source)


def pickled(source: Path) -> str:
    """As `described`, of pickles only: no reader takes them, whoever names one."""
    what = described(source)
    return what if "a pickle" in what or _PICKLE in what else ""


def _known(path: Path) -> str:
    start = _start(path)
    name = path.name.lower()
    if what := next((what for magic, what in _KNOWN if start.startswith(magic)), ""):
        return what
    plain = name.rpartition(".")[0] if name.endswith((".gz", ".bz2", ".xz")) else name
    return _PICKLE if plain.endswith(_PICKLE_SUFFIXES) else ""


def _start(path: Path) -> bytes:
    """The first bytes of a file, decompressed; none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
        for magic, unpack in _PACKED:
            if start.startswith(magic):
                with unpack(path) as unpacked:
                    return unpacked.read(16)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, MemoryError):
        return b""
    return start
