"""How the model of a replica was trained: a table of epochs beside its file, of which the run keeps a copy.

A generator that names the file of a model (`GeneratorSpec.files`), ``model.pt`` say, shows how it was trained by a
file ``model.training.csv`` beside it: numbers of epochs that rise in the column ``epoch``, then columns of numbers with
names of its own (``training`` and ``validation`` for losses in one unit), empty where an epoch has none.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

from crystalbench.errors import ReadError
from crystalbench.evidence import TrainingCurve
from crystalbench.runs.cache import read_regular
from crystalbench.runs.plan import GeneratorPlan, ReplicaPlan, generator_files

SUFFIX = ".training.csv"
EPOCH = "epoch"
MAX_BYTES, MAX_COLUMNS, MAX_NAME = 1_000_000, 16, 40


def beside(files: Iterable[Path]) -> Path | None:
    """Return the table of epochs beside one of some files; None where there is none."""
    tables = (file.with_name(file.stem + SUFFIX) for file in files)
    return next((table for table in tables if table.is_file()), None)


def curve_of(generator: GeneratorPlan, replica: ReplicaPlan, dataset: str) -> TrainingCurve | None:
    """Return how the model of a live generator was trained, if a table beside it says so; raises `ReadError`."""
    if generator.spec is None or generator.reader is not None:
        return None
    table = beside(generator_files(generator.spec, replica.parameters, dataset))
    return read_training(table) if table else None


def training_text(curve: TrainingCurve) -> str:
    """The table of a curve, all digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((EPOCH, *curve.columns))
    rows = zip(curve.epochs, *curve.columns.values(), strict=True)
    writer.writerows(["" if value is None else repr(value).removesuffix(".0") for value in row] for row in rows)
    return text.getvalue()


def read_training(path: Path) -> TrainingCurve | None:
    """Read a table of epochs; None where there is no such file.

    Raises
    ------
    ReadError
        It is damaged, or another table.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReadError(f"{path}: over {MAX_BYTES:,} bytes; a table of epochs is shorter")
        text = read_regular(path).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{path}: cannot be read: {error}") from error
    try:
        return _parsed(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        form = f"expected a line {EPOCH},training,validation and a line of numbers for each epoch"
        raise ReadError(f"{path}: {error}; {form}") from error


def _parsed(reader: Iterator[list[str]]) -> TrainingCurve:
    names = [name.strip() for name in next(reader, [])]
    if names[:1] != [EPOCH] or not 2 <= len(names) <= MAX_COLUMNS:
        raise ValueError(f"line 1: {len(names)} columns, the first {names[0] if names else ''!r}")
    if len({*names}) < len(names) or not all(0 < len(name) <= MAX_NAME and name.isprintable() for name in names):
        raise ValueError("line 1: a name is missing, twice there, or too long")
    epochs: list[float] = []
    columns: dict[str, list[float | None]] = {name: [] for name in names[1:]}
    for line, texts in enumerate(reader, 2):
        if len(texts) != len(names):
            raise ValueError(f"line {line}: {len(texts)} values, {len(names)} columns")
        epoch, *values = (_number(text, line) for text in texts)
        if epoch is None or (epochs and epoch <= epochs[-1]):
            raise ValueError(f"line {line}: epoch {texts[0]!r} does not rise")
        epochs.append(epoch)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    if not epochs:
        raise ValueError("line 2: no epoch")
    return TrainingCurve(epochs=tuple(epochs), columns={name: tuple(column) for name, column in columns.items()})


def _number(text: str, line: int) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e30:
        raise ValueError(f"line {line}: {text!r} is no number")
    return value
