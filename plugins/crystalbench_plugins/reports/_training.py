"""How the models of a run were trained: a picture of the losses of each row, and one of every other quantity."""

from collections.abc import Iterator
from dataclasses import dataclass

from crystalbench import Evidence
from crystalbench.evidence import TrainingCurve
from crystalbench.tables.charts import Curve, Scale, curves
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import Sheet

LOSSES = ("training", "validation")  # of one unit, in one picture
NOT_DRAWN = frozenset({"seconds", "minutes", "hours", "step", "steps", "learning_rate"})
REPLICAS, POINTS = 6, 200  # at most: more lines are not told apart, more points not seen
ABOUT = (
    "As a table beside the model says (NAME.training.csv), up to the epoch at which it was taken; a loss has the unit "
    "of its own network. Colours are replicas. Training is dashed: a mean over the epoch while the network changes, so "
    "it may lie above the validation. That a loss falls does not say that samples are good: see the table."
)


@dataclass(frozen=True, slots=True)
class Trained:
    """One picture: the row, the quantity, and a curve for each replica (of losses two)."""

    title: str
    quantity: str
    curves: tuple[Curve, ...]

    @property
    def scale(self) -> Scale:
        """Logarithmic where it can be: what is gained late is small."""
        return Scale.LOGARITHMIC if all(y > 0 for one in self.curves for _, y in one.points) else Scale.LINEAR


def training_curves(sheet: Sheet, evidence: Evidence) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield a title with the drawings of all rows whose models say how they were trained."""
    drawn = [
        (
            f"{one.title}: {one.quantity}",
            curves(
                one.curves, "epoch", one.quantity, across_scale=Scale.LINEAR, upward_scale=one.scale,
                width=460, height=260,
            ),
        )
        for one in trained(sheet, evidence)
    ]  # fmt: skip
    if drawn:
        yield "Training of the models", drawn


def trained(sheet: Sheet, evidence: Evidence) -> Iterator[Trained]:
    """Yield what there is to draw, row by row: losses first."""
    for line in sheet.counted:
        row = evidence.rows.get(line.row.generator)
        several = len(row.training) > 1 if row else False
        known = [(i, curve) for i, curve in enumerate(row.training) if curve][:REPLICAS] if row else []
        names = dict.fromkeys(name for _, curve in known for name in curve.columns)
        others = [(name,) for name in names if name not in {*LOSSES, *NOT_DRAWN}]
        for group in (LOSSES, *others):
            shown = [
                Curve(
                    f"{plain(name)}, replica {i + 1}" if several else plain(name),
                    points,
                    colour=i,
                    dashed=name == LOSSES[0],
                    dots=name != LOSSES[0] and len(points) <= POINTS // 4,
                )
                for i, curve in known
                for name in group
                if (points := _points(curve, name))
            ]
            if shown:
                yield Trained(line.title, "loss" if group is LOSSES else plain(group[0]), tuple(shown))


def _points(curve: TrainingCurve, name: str) -> tuple[tuple[float, float], ...]:
    """Epoch and value; of many every so many, and the last."""
    values = curve.columns.get(name, ())
    found = [(x, y) for x, y in zip(curve.epochs, values, strict=False) if y is not None]
    step = -(-len(found) // POINTS) or 1
    return tuple(found[(len(found) - 1) % step :: step])
