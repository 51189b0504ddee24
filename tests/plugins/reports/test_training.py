"""The picture of a training: losses of a row in one, every other quantity by itself, replicas in colours."""

from pathlib import Path

import pytest

from crystalbench import Evidence, Row, RowEvidence, RowKind, SampleSet, Table
from crystalbench.evidence import TrainingCurve
from crystalbench.runs.training_file import read_training
from crystalbench.tables.charts import Scale
from crystalbench.testing import example_dataset
from crystalbench_plugins.plot import values
from crystalbench_plugins.plot.paper import style, write
from crystalbench_plugins.reports._layout import layout
from crystalbench_plugins.reports._training import ABOUT, POINTS, REPLICAS, Trained, trained, training_curves
from crystalbench_plugins.reports.html import render

SHIPPED = Path(__file__).parents[3] / "wyckoffdiff" / "checkpoints"
TABLE = Table(title="t", columns=(), rows=tuple(
    Row(generator=name, title=name.upper(), kind=RowKind.MEASURED, drawn=1, valid=1) for name in ("a", "b")
))  # fmt: skip


def of(**columns: tuple[float | None, ...]) -> TrainingCurve:
    longest = max(map(len, columns.values()))
    return TrainingCurve(epochs=tuple(map(float, range(1, longest + 1))), columns=columns)


def evidence(*curves: TrainingCurve | None) -> Evidence:
    rows = {"a": RowEvidence(samples=(SampleSet(()),), training=curves), "b": RowEvidence(samples=(SampleSet(()),))}
    return Evidence(dataset=example_dataset(), rows=rows)


def drawn(*curves: TrainingCurve | None) -> list[Trained]:
    return list(trained(layout(TABLE), evidence(*curves)))


def test_losses_share_a_picture_and_every_other_quantity_has_its_own() -> None:
    one = of(training=(3, 2), validation=(2.5, 2.0), bound=(None, 9), seconds=(1, 2), learning_rate=(1, 1))
    pictures = [(p.title, p.quantity, [(c.name, c.points) for c in p.curves]) for p in drawn(one)]
    assert pictures == [
        ("A", "loss", [("training", ((1, 3), (2, 2))), ("validation", ((1, 2.5), (2, 2.0)))]),
        ("A", "bound", [("bound", ((2, 9),))]),
    ]


def test_replicas_have_a_colour_each_and_training_is_dashed() -> None:
    (picture,) = drawn(of(training=(3, 2), validation=(2, 1)), None, of(training=(4, 3)))
    assert [(c.name, c.colour, c.dashed) for c in picture.curves] == [
        ("training, replica 1", 0, True), ("validation, replica 1", 0, False), ("training, replica 3", 2, True)
    ]  # fmt: skip
    assert len(drawn(*[of(training=(1, 2))] * 20)[0].curves) == REPLICAS


@pytest.mark.parametrize(("last", "scale"), [(0.1, Scale.LOGARITHMIC), (0.0, Scale.LINEAR), (-1.0, Scale.LINEAR)])
def test_the_scale_is_logarithmic_where_it_can_be(last: float, scale: Scale) -> None:
    assert drawn(of(training=(3, 2, last)))[0].scale is scale


@pytest.mark.parametrize("n", [1, 2, POINTS, POINTS + 1, 5 * POINTS + 3])
def test_of_many_epochs_as_many_are_drawn_as_are_seen_and_the_last_always(n: int) -> None:
    (points,) = (curve.points for curve in drawn(of(training=tuple(map(float, range(1, n + 1)))))[0].curves)
    assert points[-1] == (n, n)
    assert min(n, POINTS // 2) <= len(points) <= POINTS


def test_a_row_without_a_curve_and_a_page_without_evidence_show_none() -> None:
    assert list(training_curves(layout(TABLE), evidence(None))) == []
    assert ABOUT not in render(TABLE, evidence(None))
    assert ABOUT not in render(TABLE)
    assert ABOUT in render(TABLE, evidence(of(training=(2, 1))))


def test_names_of_strangers_stay_text() -> None:
    page = render(TABLE, evidence(of(**{"<script>alert(1)</script>": (2, 1)})))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_shipped_models_say_how_they_were_trained_in_the_digits_of_their_cards() -> None:
    models = sorted(SHIPPED.glob("*.pt"))
    assert len(models) == 2
    for model in models:
        curve = read_training(model.with_suffix(".training.csv"))
        assert curve is not None
        card = model.with_suffix(".md").read_text(encoding="utf-8").partition("## What it draws")[0]
        lines = [line.strip("| ").split(" | ") for line in card.splitlines() if line[:3].strip("| ").isdigit()]
        told = [
            (f"{epoch:g}", f"{one:.5f}", f"{other:.5f}", "–" if bound is None else f"{bound:.3f}")
            for epoch, one, other, bound in zip(curve.epochs, *curve.columns.values(), strict=True)
        ]
        assert [tuple(line[:4]) for line in lines] == told


def test_a_figure_for_a_paper_is_drawn_of_each(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    made = of(training=(3, 2), validation=(2.5, 2.0), **{"a/b\\c": (1, 0)})
    with style():
        files = [write(one, tmp_path, "svg") for one in values.training(layout(TABLE), evidence(made, made))]
    assert [file.name for file in files] == ["training-A-loss.svg", "training-A-a=2Fb=5Cc.svg"]
    assert all(file.stat().st_size > 1000 for file in files)
