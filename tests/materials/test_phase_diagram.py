"""Pictures of phase diagrams."""

from pathlib import Path

import numpy as np
import pytest

from crystalbench import Hull
from crystalbench.errors import ConfigError
from crystalbench.materials.phase_diagram import draw

LI, FE, OX, P = 3, 26, 8, 15
HULL = Hull(
    [{LI: 2, OX: 1}, {FE: 2, OX: 3}, {FE: 1, OX: 1}, {LI: 1, FE: 1, OX: 2}, {P: 2, OX: 5}],
    np.array([-2.0, -1.7, -1.4, -1.9, -2.2]),
    {LI: -1.9, FE: -8.5, OX: -4.9, P: -5.4},
)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("material", [{LI: 1, OX: 1}, {LI: 5, FE: 1, OX: 4}])
def test_a_material_of_two_or_three_elements_has_a_picture(material: dict[int, int], tmp_path: Path) -> None:
    pytest.importorskip("pymatgen.analysis.phase_diagram")
    draw(HULL, material, -2.1, tmp_path / "stable.svg")
    draw(HULL, material, -1.0, tmp_path / "high.svg")
    draw(HULL, material, -2.1, tmp_path / "c.png")
    stable, high = ((tmp_path / name).read_text() for name in ("stable.svg", "high.svg"))
    assert stable.startswith("<?xml")
    assert stable != high
    assert "-1.000 eV/atom" in high  # matplotlib writes the text of a label in a comment
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("material", [{LI: 2}, dict.fromkeys((LI, FE, OX, P, 11), 1)], ids=["one", "five"])
def test_one_element_or_five_have_no_picture(material: dict[int, int], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected two or three"):
        draw(HULL, material, -1.0, tmp_path / "a.svg")


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("oxides", [(6, 7, 8, 9), (12, 13, 14, 15, 16)], ids=["four", "five"])
def test_labels_of_a_dense_edge_cover_neither_one_another_nor_a_phase(
    oxides: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymatgen.analysis.phase_diagram")
    import matplotlib.pyplot as plt

    phases = [{FE: 5, OX: n} for n in oxides] + [{LI: 2, OX: 1}]
    parts = np.array([n / (n + 5) for n in oxides])
    dense = Hull(phases, np.append(-4 * parts * (1 - parts), -2.0), {LI: -1.9, FE: -8.5, OX: -4.9})
    left = []
    monkeypatch.setattr(plt, "close", left.append)
    draw(dense, {LI: 1, FE: 2, OX: 4}, -1.0, tmp_path / "dense.png")
    (figure,) = left
    labels = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_window_extent() for text in labels]
    assert len(boxes) == len(oxides) + 5
    assert not [
        (one.get_text(), other.get_text())
        for i, (one, box) in enumerate(zip(labels, boxes, strict=True))
        for other, another in zip(labels[:i], boxes[:i], strict=True)
        if box.overlaps(another)
    ]
    monkeypatch.undo()
    plt.close(figure)
