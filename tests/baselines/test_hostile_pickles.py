"""Files that try to run something: nothing runs, and the error names what they tried."""

import argparse
import builtins
import collections
import copyreg
import functools
import io
import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from crystalbench import ReadError
from crystalbench_baselines import _archive, _pickle_as_data
from crystalbench_baselines._archive import TorchArchive

from .conftest import READERS, detected

MARK = "CRYSTALBENCH_TEST_MARK"


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def mark() -> Call:
    """Set an environment variable when unpickled."""
    return Call(exec, f"import os; os.environ['{MARK}'] = '1'")


def archive(path: Path, text: bytes, entries: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a/data.pkl", text)
        for name, content in (entries or {}).items():
            target.writestr(f"a/{name}", content, zipfile.ZIP_DEFLATED)
    return path


def tensors() -> dict[str, object]:
    return dict.fromkeys(("num_atoms", "frac_coords", "atom_types", "lengths", "angles"), 0)


@pytest.fixture(autouse=True)
def _unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MARK, raising=False)


def test_the_attack_works_on_pickle_itself() -> None:
    pickle.loads(pickle.dumps({"num_atoms": mark()}))  # noqa: S301 - what the readers must not do
    assert os.environ.pop(MARK) == "1"


PAYLOADS: dict[str, tuple[object, str]] = {
    "exec": (mark(), "builtins.exec"),
    "eval": (Call(eval, "1"), "builtins.eval"),
    "system": (Call(os.system, "true"), "posix.system"),
    "getattr": (Call(getattr, "x", "upper"), "builtins.getattr"),
    "import": (Call(builtins.__import__, "os"), "builtins.__import__"),
    "in a list": ({**tensors(), "x": [[{"y": mark()}]]}, "builtins.exec"),
    "in a namespace": (argparse.Namespace(model_path=mark()), "builtins.exec"),
    "as an argument": (Call(collections.OrderedDict, [(1, mark())]), "builtins.exec"),
    "partial": (functools.partial(os.system, "true"), "functools.partial"),
    "reconstructor": (Call(copyreg._reconstructor, object, object, None), "copyreg._reconstructor"),
    "torch.hub": (Call(torch.hub.load, "x/y", "z"), "torch.hub.load"),
    "torch.load": (Call(torch.load, "x"), "torch.serialization.load"),
    "numpy": (Call(sys.modules["numpy"].fromfile, "/dev/zero"), "numpy.fromfile"),
    "class": (Path("/x"), "pathlib"),
}


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", PAYLOADS)
def test_nothing_runs_and_the_error_names_it(name: str, protocol: int, tmp_path: Path) -> None:
    content, named = PAYLOADS[name]
    path = archive(tmp_path / "evil.pt", pickle.dumps(content, protocol=protocol))
    assert detected(path) == []
    for reader in ("cdvae", "diffcsp++", "symmcd", "flowmm"):
        with pytest.raises(ReadError, match="nothing was run") as caught:
            list(READERS[reader].read(path, {}))
        assert named in str(caught.value).replace("__builtin__", "builtins").replace("copy_reg", "copyreg")
        assert "evil.pt" in str(caught.value)
    assert MARK not in os.environ


def geometric(name: str) -> type:
    """Return a class that pickles by a name of PyTorch Geometric."""
    module = types.ModuleType("torch_geometric.data.data")
    cls = type(name, (), {"__module__": module.__name__})
    setattr(module, name, cls)
    sys.modules.setdefault("torch_geometric", types.ModuleType("torch_geometric"))
    sys.modules.setdefault("torch_geometric.data", types.ModuleType("torch_geometric.data"))
    sys.modules[module.__name__] = module
    return cls


def test_a_name_with_escapes_is_not_decoded(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"names collections\.\\x4frderedDict,"):
        TorchArchive(archive(tmp_path / "evil.pt", b"\x80\x02ccollections\n\\x4frderedDict\n)R."))


def test_objects_of_pytorch_geometric_are_inert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("torch_geometric", "torch_geometric.data", "torch_geometric.data.data"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    data = geometric("Data")()
    data.__dict__ = {"_store": {"x": [1, 2]}, "__class__": "y"}
    text = pickle.dumps({"batch": data, "cls": type(data)})
    for module in ("torch_geometric", "torch_geometric.data", "torch_geometric.data.data"):
        sys.modules.pop(module)
    with TorchArchive(archive(tmp_path / "pyg.pt", text)) as opened:
        content = opened.content
    name = "torch_geometric.data.data.Data"
    assert content == {"batch": _pickle_as_data.Opaque(name), "cls": _pickle_as_data.Named(name)}
    assert not any(module.startswith("torch_geometric") for module in sys.modules)


@pytest.mark.parametrize(
    "text",
    [
        b"\x80\x02ctorch_geometric.data\nData\n(cos\nsystem\ntR.",  # a stub called with a function
        b"\x80\x02ctorch_geometric.data\nData\n)\x81}(X\x0c\x00\x00\x00__setstate__cos\nsystem\nub.",  # as its state
        b"\x80\x02ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00acos\nsystem\nsb.",  # as state of a dict
    ],
)
def test_functions_handed_to_known_objects_are_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ReadError, match=r"names os\.system"):
        TorchArchive(archive(tmp_path / "evil.pt", text))


@pytest.mark.parametrize(
    "text",
    [
        b"(ios\nsystem\n.",  # INST
        b"\x80\x02(cargparse\nNamespace\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x04\x97.",  # NEXT_BUFFER
        b"\x80\x02Pabc\n.",  # PERSID
        b"\x80\x02U\x01a.",  # a Python 2 string
        b"\x80\x02S'\\q'\n.",  # another, whose decoding warns
        b"\x80\x02\xff.",  # none at all
    ],
)
def test_instructions_that_torch_does_not_write_are_refused(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ReadError, match=r"which torch\.save does not write"):
        TorchArchive(archive(tmp_path / "evil.pt", text))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".",
        b"\x80\x02}",
        b"\x80\x02]]..",
        b"\x80\x02R.",
        b"\x80\x02h\x05.",
        b"\x80\x02t.",
        b"\x80\x02]K\x01K\x02s.",
        b"\x80\x02}K\x01K\x02s.",  # a key that is no text
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01K\x01K\x01tR.",
        b"\x80\x02ctorch\nFloatStorage\n)R.",
        b"\x80\x02K\x01Q.",
        b"\x80\x02)Q.",
        b"\x80\x02ccollections\nOrderedDict",  # a name that does not end
        b"\x80\x02X\xff\xff\xff\x7fa.",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b"ccollections\nOrderedDict\nq\x00" + b"R.",
    ],
)
def test_malformed_pickles_are_read_errors(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(ReadError, match=r"broken\.pt"):
        TorchArchive(archive(tmp_path / "broken.pt", text))


def tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, count: int = 4) -> object:
    """Pickles as a tensor over storage 0."""
    buffer = io.BytesIO()

    class Storage:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> object:
            return ("storage", torch.FloatStorage, "0", "cpu", count) if isinstance(obj, Storage) else None

    call = Call(torch._utils._rebuild_tensor_v2, Storage(), offset, shape, strides, False, collections.OrderedDict())
    Pickler(buffer, protocol=2).dump(call)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((10**9, 3), (0, 0), 0),  # repeats one number
        ((2**47, 2**47), (1, 1), 0),
        ((5,), (1,), 0),
        ((4,), (1,), 1),
        ((2, 2), (3, 1), 0),
    ],
)
def test_tensors_beyond_their_storage_are_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    text = tensor(shape, strides, offset)
    assert isinstance(text, bytes)
    with TorchArchive(archive(tmp_path / "a.pt", text, {"data/0": bytes(16)})) as opened:
        record = opened.content
        assert isinstance(record, _pickle_as_data.TensorRecord)
        with pytest.raises(ReadError, match="its storage 0 has 4"):
            opened.array(record)


@pytest.mark.parametrize(
    ("shape", "strides"), [((-1,), (1,)), ((1, 1), (1,)), ((1,), (-1,)), ((1,) * 9, (1,) * 9), ((2**64,), (1,))]
)
def test_impossible_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    text = tensor(shape, strides)
    assert isinstance(text, bytes)
    with pytest.raises(ReadError, match="malformed pickle"):
        TorchArchive(archive(tmp_path / "a.pt", text))


def test_a_missing_storage_is_named(tmp_path: Path) -> None:
    text = tensor((4,), (1,))
    assert isinstance(text, bytes)
    with TorchArchive(archive(tmp_path / "a.pt", text)) as opened:
        assert isinstance(opened.content, _pickle_as_data.TensorRecord)
        with pytest.raises(ReadError, match="entry data/0 is missing"):
            opened.array(opened.content)


def test_zip_bombs_are_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archive, "MAX_INFLATED_BYTES", 2**20)
    text = tensor((2**20,), (1,), count=2**20)
    assert isinstance(text, bytes)
    path = archive(tmp_path / "bomb.pt", text, {"data/0": bytes(2**22)})
    assert path.stat().st_size < 2**14
    with TorchArchive(path) as opened:
        assert isinstance(opened.content, _pickle_as_data.TensorRecord)
        with pytest.raises(ReadError, match="4194304 bytes, the limit is 1048576"):
            opened.array(opened.content)


def test_a_huge_pickle_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pickle_as_data, "MAX_PICKLE_BYTES", 100)
    with pytest.raises(ReadError, match=r"entry data\.pkl has 203 bytes, the limit is 100"):
        TorchArchive(archive(tmp_path / "a.pt", b"\x80\x02" + b"N" * 200 + b"."))


def test_an_archive_of_very_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archive, "MAX_ENTRIES", 3)
    with pytest.raises(ReadError, match="4 files in the archive, the limit is 3"):
        TorchArchive(archive(tmp_path / "a.pt", b"N.", {"b": b"", "c": b"", "d": b""}))


def test_encrypted_and_other_zips_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as target:
        target.writestr("x.txt", "hello")
    with pytest.raises(ReadError, match=r"not written by torch\.save"):
        TorchArchive(tmp_path / "other.zip")
    content = bytearray(archive(tmp_path / "a.pt", b"\x80\x02N.").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag of encryption
    (tmp_path / "locked.pt").write_bytes(content)
    with pytest.raises(ReadError, match=r"entry data.pkl: encrypted"):
        TorchArchive(tmp_path / "locked.pt")
