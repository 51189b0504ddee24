"""Read a pickle as data: its instructions are followed, but nothing that it names is ever imported or called.

Files of generated crystals come from strangers, and unpickling runs what the file says. PyTorch's ``weights_only``
loader refuses the files that hold PyTorch Geometric batches (DiffCSP++'s ``eval_diff.pt``, FlowMM's
``consolidated_generate.pt``), even with all their classes allowed (torch 2.13). So this is a third way: a small
machine for the instructions that `torch.save` emits, in which a class is only its name, an object is only a
record that its class was named, and a tensor is a description of where its numbers lie. There is no
call in it that a file could choose. It needs neither PyTorch nor PyTorch Geometric, and leaves large tensors that
nobody asks for unread.
"""

import io
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from crystalbench import ReadError

MAX_PICKLE_BYTES = 8 * 2**20
"""Size of the instructions, without the numbers. A FlowMM file takes 140 bytes a crystal, all others 1 kB in all."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class or function that the pickle names; it is not imported."""

    name: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """An object of a class that is not imported. Its content is dropped."""

    of: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A file of numbers in the archive: NumPy type character and size, name, count."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """Where a tensor's numbers lie: ``offset`` and ``strides`` count elements of ``storage``."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "b1",
}
_TENSOR = "torch._utils._rebuild_tensor_v2"
_DICT = "collections.OrderedDict"
_ALLOWED = {*_STORAGES, _TENSOR, _DICT, "argparse.Namespace"}
_INERT_PACKAGE = "torch_geometric."
_MAX_NUMBER = 2**48
_MAX_AXES = 8

_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}

_T = TypeVar("_T")


def parse(text: bytes, where: str) -> object:
    """Return what the pickle describes.

    Parameters
    ----------
    text
        The pickle.
    where
        Name of the file, for messages.

    Raises
    ------
    ReadError
        If the pickle names something that a file of crystals has no use for, or is malformed.
    """
    if len(text) > MAX_PICKLE_BYTES:
        raise ReadError(f"{where}: {len(text)} bytes of pickle, the limit is {MAX_PICKLE_BYTES}")
    machine = _Machine(where)
    try:
        for name, argument in _instructions(text, where):
            _STEPS[name](machine, argument)
    except (IndexError, KeyError, TypeError, ValueError) as error:  # ill-typed or truncated
        raise ReadError(f"{where}: malformed pickle; was the file copied completely?") from error
    if len(machine.stack) != 1:
        raise ReadError(f"{where}: malformed pickle ({len(machine.stack)} objects left, expected 1)")
    return machine.stack[0]


def _instructions(text: bytes, where: str) -> Iterator[tuple[str, object]]:
    """Yield name and argument of each instruction; unlike `pickletools.genops`, decode only what is understood."""
    file = io.BytesIO(text)
    while True:
        code = file.read(1).decode("latin-1")
        if not code:
            raise ValueError("it does not end")
        opcode = _OPCODES.get(code)
        if opcode is None or opcode.name not in _STEPS:
            name = opcode.name if opcode else repr(code)
            raise ReadError(f"{where}: pickle instruction {name}, which torch.save does not write")
        if opcode.name == "GLOBAL":  # pickletools would resolve escapes in it, and warn
            yield "GLOBAL", f"{_line(file)}.{_line(file)}"
        else:
            yield opcode.name, opcode.arg.reader(file) if opcode.arg else None
        if opcode.name == "STOP":
            return


def _line(file: io.BytesIO) -> str:
    line = file.readline()
    if not line.endswith(b"\n"):
        raise ValueError("a name that does not end")
    return line[:-1].decode()


class _Machine:
    """The stack, the marks in it, and the memo of a pickle."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        return self.stack.pop()

    def pop_to_mark(self) -> list[object]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def take(self, count: int) -> tuple[object, ...]:
        values = tuple(self.pop() for _ in range(count))
        return values[::-1]

    def name(self, name: str) -> None:
        if name not in _ALLOWED and not name.startswith(_INERT_PACKAGE):
            raise ReadError(
                f"{self.where}: the file names {name}, which no file of generated crystals needs, so it was not read "
                "(nothing was run). If you trust it, load it yourself and save a dict of plain tensors"
            )
        self.push(Named(name))

    def put_items(self, pairs: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, Opaque):
            return
        table = _of(dict, target)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            table[_of(str, key)] = value  # text only: its hash is salted, so no file can choose keys that collide

    def append(self, values: list[object]) -> None:
        _of(list, self.stack[-1]).extend(values)

    def call(self) -> None:
        """Stand in for a call: records of the few functions that are known, otherwise only that there was one."""
        function, arguments = self.take(2)
        given = _of(tuple, arguments)
        name = function.of if isinstance(function, Opaque) else _of(Named, function).name
        if name == _TENSOR:
            self.push(_tensor(*given[:4]))
        elif name == _DICT and not given:
            self.push({})
        elif name.startswith(_INERT_PACKAGE):
            self.push(Opaque(name))
        else:
            raise ReadError(f"{self.where}: the file calls {name}, which no file of generated crystals needs")

    def new(self) -> None:
        cls, _ = self.take(2)
        self.push(Opaque(_of(Named, cls).name))

    def persistent(self) -> None:
        kind, storage, key, _, count = _of(tuple, self.pop())
        if kind != "storage":
            raise ValueError("a persistent object that is no storage")
        self.push(Storage(_STORAGES[_of(Named, storage).name], _of(str, key), _natural(count)))


def _of(kind: type[_T], value: object) -> _T:
    # The value itself is never shown: it may be nested deeper than Python can print.
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} in the place of {kind.__name__}")
    return value


def _natural(value: object) -> int:
    number = _of(int, value)
    if not 0 <= number < _MAX_NUMBER:
        raise ValueError("a size or place out of range")
    return number


def _tensor(storage: object, offset: object, shape: object, strides: object) -> TensorRecord:
    sizes = tuple(map(_natural, _of(tuple, shape)))
    steps = tuple(map(_natural, _of(tuple, strides)))
    if len(sizes) != len(steps) or len(sizes) > _MAX_AXES:
        raise ValueError(f"{len(sizes)} sizes and {len(steps)} strides")
    return TensorRecord(_of(Storage, storage), _natural(offset), sizes, steps)


def _stack_global(m: _Machine) -> None:
    module, name = m.take(2)
    m.name(f"{_of(str, module)}.{_of(str, name)}")


def _value(m: _Machine, argument: object) -> None:
    m.push(argument)


def _memoize(m: _Machine, _: object) -> None:
    m.memo[len(m.memo)] = m.stack[-1]


_STEPS: dict[str, Callable[[_Machine, object], object]] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, a: None),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _value),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _value),
    "NONE": lambda m, a: m.push(None),
    "NEWTRUE": lambda m, a: m.push(True),
    "NEWFALSE": lambda m, a: m.push(False),
    "EMPTY_DICT": lambda m, a: m.push({}),
    "EMPTY_LIST": lambda m, a: m.push([]),
    "EMPTY_TUPLE": lambda m, a: m.push(()),
    "MARK": lambda m, a: m.marks.append(len(m.stack)),
    "TUPLE": lambda m, a: m.push(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, a: m.push(m.take(1)),
    "TUPLE2": lambda m, a: m.push(m.take(2)),
    "TUPLE3": lambda m, a: m.push(m.take(3)),
    "APPEND": lambda m, a: m.append([m.pop()]),
    "APPENDS": lambda m, a: m.append(m.pop_to_mark()),
    "SETITEM": lambda m, a: m.put_items(list(m.take(2))),
    "SETITEMS": lambda m, a: m.put_items(m.pop_to_mark()),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda m, a: m.memo.__setitem__(a, m.stack[-1])),  # type: ignore[index]
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda m, a: m.push(m.memo[a])),  # type: ignore[index]
    "MEMOIZE": _memoize,
    "GLOBAL": lambda m, a: m.name(str(a)),
    "STACK_GLOBAL": lambda m, a: _stack_global(m),
    "NEWOBJ": lambda m, a: m.new(),
    "REDUCE": lambda m, a: m.call(),
    "BUILD": lambda m, a: m.pop(),  # the content of an object that is not imported
    "BINPERSID": lambda m, a: m.persistent(),
}
