"""One table with every case a report must show.

``python tests/plugins/reports/report_table.py`` rewrites the goldens.
"""

import re
from decimal import Decimal
from pathlib import Path

from crystalbench import Cell, Column, ColumnSet, Direction, Failure, MetricResult, Missing, Row, RowKind, Table

GOLDEN = Path(__file__).parents[2] / "golden"

COLUMNS = (
    Column(key="fwd", title="FWD", latex="FWD", direction=Direction.LOWER, digits=2,
           description="Fréchet distance of embeddings to the training set's."),
    Column(key="fwd@wren_small-0123", title="FWD", latex="FWD", direction=Direction.LOWER, digits=2,
           description="The same with other embeddings.", show_interval=True),
    Column(key="novelty", title="Novelty", latex="Nov.", unit="%",
           description="Novel samples / drawn samples."),
    Column(key="uniqueness", title="Uniqueness", latex="Uniq.", unit="%", direction=Direction.HIGHER,
           description="Distinct protostructures / drawn samples."),
    Column(key="p1_share", title="Space group 1", latex="$P1$", unit="%", direction=Direction.TARGET,
           within=ColumnSet.ALL, description="Share of the valid samples in space group 1."),
    Column(key="novel_fwd", title="FWD", latex="FWD", direction=Direction.LOWER, digits=2, group="novel",
           description="The same with novel samples only."),
    Column(key="prototype_novelty", title="New prototypes", latex=r"\# prototypes", unit="count", digits=0,
           direction=Direction.HIGHER, group="novel", description="Distinct prototypes that training lacks."),
    Column(key="novel_per_minute", title="Novel per minute", latex="", unit="1/min", digits=0,
           direction=Direction.HIGHER, description="Novel protostructures / minutes of generation."),
)  # fmt: skip
SETTINGS = {
    "dataset": "wbm-rebuilt 1.0 (train 227,814)",
    "conversion": "spglib 2.8.0, symprec 0.01 Å, angle tolerance 5°",
    "letter table": "affine",
    "samples": "10,000 per replica, seed 0",
    "encoder": "Wrenformer (sha256 20cecd1560e5); wren_small-0123 (sha256 0123abcd0123)",
}


def of(*values: float, n: int = 10_000, interval: tuple[float, float] | None = None) -> Cell:
    return Cell(outcomes=tuple(MetricResult(value=value, n=n, interval=interval) for value in values))


def paper(mean: str, std: str = "") -> Cell:
    return Cell(published=(Decimal(mean), Decimal(std) if std else None))


def rich_table() -> Table:
    rows = (
        Row(
            generator="symmcd", title="SymmCD", kind=RowKind.PUBLISHED, replicas=3,
            notes=("Somebody et al. 2025, arXiv:2502.06485: Table 1", "on the authors' own split"),
            cells={
                "fwd": paper("1.47", "0.29"),
                "novelty": paper("0.523", "0.0121"),
                "uniqueness": paper("0.999", "0.0000"),
                "novel_fwd": paper("4.53", "0.65"),
                "prototype_novelty": paper("780", "49"),
                "novel_per_minute": paper("115"),
            },
        ),
        Row(
            generator="wyckoffdiff", title="WyckoffDiff-zeros", kind=RowKind.MEASURED, replicas=3,
            asked=30_000, drawn=30_000, valid=29_991,
            searched=99_000, novel=30_140, used=30_000, reasons={"empty": 9},
            cells={
                "fwd": of(0.46, 0.48, 0.50),
                "fwd@wren_small-0123": of(4.6, 4.8, 5.0),
                "novelty": of(0.302, 0.292, 0.312),
                "uniqueness": of(0.99996, 0.99996, 0.99996),
                "p1_share": of(0.004, 0.0042, 0.0038),
                "novel_fwd": of(4.0, 4.34, 4.68),
                "prototype_novelty": of(1175, 1255, 1095),
                "novel_per_minute": of(119.4, 120.2, 118.1),
            },
        ),
        Row(
            generator="diffcsp++", title="DiffCSP++", kind=RowKind.MEASURED, asked=10_000, drawn=10_000, valid=9_402,
            searched=22_000, novel=10_640, used=10_000,
            reasons={"non_finite": 41, "overlapping_atoms": 512, "timeout": 3, "tiny_cell": 42},
            cells={
                "fwd": Cell(
                    outcomes=(
                        MetricResult(
                            value=0.8312, n=9_402, interval=(0.79, 0.88), details={"corrected": 0.71, "floor": 0.12}
                        ),
                    )
                ),
                "fwd@wren_small-0123": of(0.0004, n=9_402, interval=(0.0, 12.5)),
                "novelty": of(0.484, n=9_402, interval=(0.474, 0.494)),
                "uniqueness": of(0.984, interval=(0.981, 0.987)),
                "p1_share": of(0.0211, n=9_402),
                "novel_fwd": Cell(outcomes=(Failure("score", "fwd", "MemoryError: 3 GiB & 100% of\nswap"),)),
                "prototype_novelty": of(527),
                "novel_per_minute": Cell(outcomes=(Missing("no clock: samples were read from a file"),)),
            },
        ),
        Row(
            generator="my_model 100%", title="my_model 100% <b>a&b</b> | Å–β 模型", kind=RowKind.MEASURED, replicas=3,
            asked=3_000, drawn=2_400, valid=2_390, reasons={"crash": 7},
            notes=("stream ended after 2,400 samples: the file holds no more",),
            cells={
                "fwd": Cell(
                    outcomes=(
                        MetricResult(value=2.0, n=800),
                        Failure("score", "fwd", "ValueError: singular"),
                        Missing("fewer than 257 samples"),
                    )
                ),
                "novelty": of(0.9996, 1.0, 0.9992, n=800),
                "uniqueness": of(0.5, 0.52, 0.48, n=800),
                "p1_share": of(0.00004, 0.00004, 0.00004, n=800),
                "novel_fwd": of(41.9, 44.6, 39.2, n=800),
                "prototype_novelty": of(2_083, 2_144, 2_022),
                "novel_per_minute": Cell(outcomes=(Missing("no clock: samples were read from a file"),) * 3),
            },
        ),
        Row(
            generator="cdvae", title="CDVAE", kind=RowKind.EXAMPLE, asked=1_000, drawn=20, valid=19,
            reasons={"impossible_angles": 1},
            cells={"novelty": of(0.95, n=20), "uniqueness": of(1.0, n=20), "p1_share": of(0.35, n=19)},
        ),
        Row(
            generator="train", title="training copy", kind=RowKind.TRAINING, asked=10_000, drawn=10_000, valid=10_000,
            searched=10_000, novel=0, used=0,
            cells={
                "fwd": of(0.000123), "fwd@wren_small-0123": of(0.0), "novelty": of(0.0), "uniqueness": of(0.957),
                "p1_share": of(0.003),
                "novel_fwd": Cell(outcomes=(Missing("no novel samples"),)),
                "prototype_novelty": of(0.0), "novel_per_minute": of(1_234_567.0),
            },
        ),
        Row(
            generator="random", title="random orbits", kind=RowKind.REFERENCE, asked=10_000, drawn=10_000, valid=10_000,
            cells={"novelty": of(0.98), "uniqueness": of(1.0), "p1_share": of(0.004)},
        ),
    )  # fmt: skip
    return Table(
        title="WBM, 10,000 samples & 100% honest_numbers",
        columns=COLUMNS,
        rows=rows,
        settings=SETTINGS,
        notes=("A table that says what its numbers rest on.",),
    )


def goldens() -> dict[str, str]:
    """Return the text of every golden file by its name."""
    from crystalbench_plugins.reports import csv, html, json, latex, markdown

    modules = (csv, html, json, latex, markdown)
    specs = [spec for module in modules for spec in module.crystalbench_reporters()]
    return {f"report_table{spec.suffix}": _without_script(spec.report(rich_table())) for spec in specs}


def _without_script(text: str) -> str:
    """The page of a script that has tests of its own."""
    text = re.sub(r"(<script>).*?(</script>)", r"\1\2", text, flags=re.DOTALL)
    return re.sub(r"sha256-[A-Za-z0-9+/=]{44}", "sha256-", text)


if __name__ == "__main__":
    for name, text in goldens().items():
        (GOLDEN / name).write_text(text, encoding="utf-8", newline="")
