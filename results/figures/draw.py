"""Draw the pictures of results/README.md from the tables beside this file and from the committed runs.

``python results/figures/draw.py [FOLDER]`` writes them beside this file, or into FOLDER.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from crystalbench.tables.charts import Curve, Scale, curves, histograms, standalone, values
from crystalbench.tables.distribution import distributions

HERE = Path(__file__).parent
STEPS = (20, 50, 100, 250, 1000)
BLOCKS = (5, 10, 20, 50, 100)


def rows(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pairs(name: str, first: str, second: str) -> tuple[tuple[float, float], ...]:
    return tuple((float(row[first]), float(row[second])) for row in rows(name))


def cells(run: str, generator: str) -> dict[str, Any]:
    """The first replica's score of each metric."""
    scores = json.loads((HERE.parent / run / "scores.json").read_text(encoding="utf-8"))[generator]
    return {key.partition("@")[0]: outcomes[0] | {"encoder": key.partition("@")[2]} for key, outcomes in scores.items()}


def energies(run: str, generator: str) -> str:
    """The paper's Figures 2 and 4: predicted energies of all samples, of the novel ones and of training rows."""
    scores = cells(run, generator)
    every, novel = (distributions(scores[name]["details"]) for name in ("energy", "novel_energy"))
    found = {item.name: item for item in (*every, *novel[:1])}  # training rows as many as all samples, not as the novel
    return histograms(list(found.values()), f"formation energy (eV/atom, {scores['energy']['encoder']})")


def epochs() -> str:
    """How a training of `entries` on wbm-rebuilt moves: what is new among its samples, and the bound."""
    made = [
        Curve("novel samples, %", pairs("epochs.csv", "epoch", "novelty"), dots=True),
        Curve("new prototypes, % of samples", pairs("epochs.csv", "epoch", "prototypes"), colour=1, dots=True),
        Curve("bound, nats a material", pairs("epochs.csv", "epoch", "bound"), colour=2, dots=True),
        Curve(
            "FWD∞, with its interval",
            pairs("epochs.csv", "epoch", "fwd_corrected"),
            pairs("epochs.csv", "low", "high"),
            colour=3,
            dots=True,
        ),
    ]
    return curves(made, "epochs of 22", "square-root scale", across_scale=Scale.LINEAR)


def steps() -> str:
    """Quality against time: one network's chain in fewer and fewer steps, its events, and the entries."""

    def curve(name: str, generators: list[str], colour: int) -> Curve:
        found = [cells("carbon24-steps", generator) for generator in generators]
        clock = [scores["novel_per_minute"] for scores in found]
        times = [1000 * score["details"]["cpu_seconds"] / score["n"] for score in clock]
        distance = [scores["fwd_corrected"] for scores in found]
        points = tuple((t, one["value"]) for t, one in zip(times, distance, strict=True))
        return Curve(name, points, tuple(tuple(one["interval"]) for one in distance), colour=colour, dots=True)

    made = [
        curve(f"chain of {STEPS[0]} to {STEPS[-1]:,} steps", [f"steps-{n}" for n in STEPS], 0),
        curve(f"events in {BLOCKS[0]} to {BLOCKS[-1]} blocks", [f"events-{n}" for n in BLOCKS], 1),
        curve("entries", ["entries"], 2),
    ]
    return curves(made, "CPU ms a sample", "FWD∞, square-root scale")


def priors() -> str:
    """The bound of validation materials over the epochs, a mean over seeds for each prior."""
    by_prior: dict[str, dict[float, list[float]]] = {}
    for row in rows("priors.csv"):
        by_prior.setdefault(row["prior"], {}).setdefault(float(row["epoch"]), []).append(float(row["bound"]))
    made = [
        Curve(prior, tuple((epoch, fmean(found)) for epoch, found in points.items()), colour=number)
        for number, (prior, points) in enumerate(by_prior.items())
    ]
    return curves(made, "epochs", "bound, nats a material", upward_scale=Scale.LOGARITHMIC)


def growth() -> str:
    """Time and memory against the number of labels that are scored, and of structures that are converted."""
    made = [
        Curve(
            f"{what}, {title}",
            tuple((float(row["samples"]), float(row[column])) for row in rows("growth.csv") if row["what"] == what),
            colour=colour,
            dashed=column == "peak_mb",
            dots=True,
        )
        for colour, what in enumerate(("labels", "structures"))
        for column, title in (("cpu_seconds", "CPU s"), ("peak_mb", "peak MB"))
    ]
    return curves(made, "samples", "CPU s and peak MB", upward_scale=Scale.LOGARITHMIC)


def symmetry_search() -> str:
    """FWD∞ of real crystals, and of the same displaced, against the tolerance of the symmetry search."""
    made = []
    for colour, (name, title) in enumerate({"mp20": "MP-20", "displaced": "MP-20, displaced by 0.02 Å"}.items()):
        for backend in ("spglib", "moyo"):
            found = sorted(
                (float(row["symprec"]), float(row["value"]), (float(row["low"]), float(row["high"])))
                for row in rows("symmetry-search.csv")
                if (row["generator"], row["backend"]) == (name, backend) and row["column"].startswith("fwd_corrected")
            )
            made.append(
                Curve(
                    f"{title}, {backend}",
                    tuple((x, y) for x, y, _ in found),
                    tuple(ends for _, _, ends in found),
                    colour,
                    dashed=backend == "moyo",
                    dots=True,
                )
            )
    return curves(made, "symprec, Å", "FWD∞ of 500 crystals, square-root scale", height=380)


def tried() -> str:
    made = [(f"{row['network']} ({row['settings']})", float(row["bound"])) for row in rows("tried.csv")]
    return values(made, "bound after 100 CPU s, nats a material")


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the name of each file and its text."""
    yield "energies-wbm-rebuilt.svg", energies("wbm-rebuilt", "wyckoffdiff")
    for row in ("zeros", "marginal", "uniform", "entries"):
        yield f"energies-carbon24-{row}.svg", energies("carbon24-priors", row)
    yield "epochs.svg", epochs()
    yield "growth.svg", growth()
    yield "priors.svg", priors()
    yield "steps.svg", steps()
    yield "symmetry-search.svg", symmetry_search()
    yield "tried.svg", tried()


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for name, picture in pictures():
        (folder / name).write_text(standalone(picture), encoding="utf-8")
