"""The log of a training: JSON lines that can be plotted.

``kind`` is "step" (mean ``loss`` of the last `EVERY` steps) or "epoch" (``train_loss``, ``val_loss``, ``val_bound``);
both have ``step`` and ``seconds`` since the start, pauses between resumed processes left out.
"""

import json
from pathlib import Path
from typing import Any

from crystalbench.runs.cache import naming, write_text

EVERY = 50


class Log:
    """JSON lines; what an earlier process wrote beyond ``step`` is dropped, since it will be done again."""

    def __init__(self, path: Path, step: int) -> None:
        kept = [row for row in read_log(path) if row["step"] <= step] if path.exists() else []
        write_text(path, "".join(f"{json.dumps(row)}\n" for row in kept))
        self.path = path

    def write(self, **row: str | float | None) -> None:
        with naming(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(row)}\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a log; a last line that a killed process cut off is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
