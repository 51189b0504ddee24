"""What the samples of one replica measure, ``samples/NAME.R.geometry.csv``: a row for each that has a geometry."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from crystalbench.crystals.geometry import FIELDS, Geometry
from crystalbench.errors import ReadError

SUFFIX = ".geometry.csv"


def geometry_text(geometries: Sequence[Geometry | None]) -> str:
    """Rows with index and `FIELDS`, all digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("index", *FIELDS))
    writer.writerows((i, *one.row()) for i, one in enumerate(geometries) if one is not None)
    return text.getvalue()


def read_geometries(path: Path, n: int) -> tuple[Geometry | None, ...]:
    """Read the geometries of ``n`` samples back; there are none where there is no such file.

    Raises
    ------
    ReadError
        The file is damaged.
    """
    if not path.exists():
        return ()
    found: list[Geometry | None] = [None] * n
    try:
        rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        if next(rows, []) != ["index", *FIELDS]:
            raise ValueError(f"its first line is not index,{','.join(FIELDS)}")
        for index, *values in rows:
            place = int(index)
            if not 0 <= place < n or found[place] is not None:
                raise ValueError(f"sample {place} of {n} is there twice, or is none")
            found[place] = Geometry.of_row(values)
    except (ValueError, csv.Error) as error:
        raise ReadError(f"{path}: no geometries of a run ({error}); run again") from error
    return tuple(found)
