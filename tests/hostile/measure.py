"""What each hostile file takes at its full size, as a table; results/README.md prints its summary.

``python -m tests.hostile.measure TABLE.csv [NAME ...]`` makes each file (or those named), reads it in a process of its
own with limits, and writes a line at once; it takes half an hour of CPU time. ``--summary TABLE.csv`` prints by kind.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.bounded import Outcome, in_child
from tests.hostile.files import FILES
from tests.hostile.makers import PACK

KINDS = {
    "cif": "CIF", "xyz": "extended XYZ", "json": "JSON", "jsonl": "JSON", "csv": "CSV", "txt": "labels",
    "POSCAR": "POSCAR", "pt": "tensors", "zip": "archives", "tar": "archives",
}  # fmt: skip
COLUMNS = ("kind", "file", "bytes", "outcome", "samples", "message", "cpu_seconds", "peak_mb")


def kind(name: str) -> str:
    """The kind of a file by its name; what is compressed is one, whatever it holds."""
    if "tar" not in name.split(".") and name.rpartition(".")[2] in PACK:
        return "compressed text"
    return KINDS[name.removesuffix(".gz").rpartition(".")[2]]


def line(name: str, path: Path, outcome: Outcome) -> dict[str, object]:
    """A row of the table; a message names the file and no folder."""
    (message,) = outcome.errors.values() or ("",)
    return {
        "kind": kind(path.name),
        "file": name,
        "bytes": path.stat().st_size,
        "outcome": "lost" if outcome.lost else "refused" if message else "read",
        "samples": sum(outcome.samples.values()),
        "message": message.replace(f"{path.parent}/", ""),
        "cpu_seconds": round(outcome.seconds, 2),
        "peak_mb": round(outcome.peak / 1e6),
    }


def measure(table: Path, names: Iterable[str]) -> None:
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for name in names:
            with TemporaryDirectory() as folder:
                path = FILES[name](Path(folder), 1.0)
                writer.writerow(line(name, path, in_child(path)))
            file.flush()


def summary(table: Path) -> str:
    """The table by kind, as Markdown: what was tried, and the most that a file of it took."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kinds = sorted({row["kind"] for row in rows})
    lines = [
        "| kind | tried | read | refused | lost | CPU s, most | peak MB, most |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for title, chosen in (*((one, [row for row in rows if row["kind"] == one]) for one in kinds), ("all", rows)):
        counts = [sum(row["outcome"] == outcome for row in chosen) for outcome in ("read", "refused", "lost")]
        seconds, peak = (max(float(row[column]) for row in chosen) for column in ("cpu_seconds", "peak_mb"))
        lines.append(
            "| " + " | ".join([title, str(len(chosen)), *map(str, counts), f"{seconds:.1f}", f"{peak:.0f}"]) + " |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1] == "--summary":
        print(summary(Path(sys.argv[2])), end="")
    else:
        measure(Path(sys.argv[1]), sys.argv[2:] or FILES)
