"""How figures for papers look, and how they become files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crystalbench import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SINGLE, DOUBLE = 3.4, 7.0
"""Inches: one column of a paper, and two."""
DPI = 300
INK, GREY, LIGHT = "#1d2327", "#5c6770", "#dcdfe1"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""M. Okabe and K. Ito (2008): told apart with any kind of colour vision."""
STYLE: dict[str, object] = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same figure everywhere
    "font.size": 7, "axes.labelsize": 7, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5,
    "axes.linewidth": 0.5, "xtick.major.width": 0.5, "ytick.major.width": 0.5,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "lines.linewidth": 1.0,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY, "axes.labelcolor": INK,
    "xtick.color": GREY, "ytick.color": GREY, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "text.color": INK,
    "pdf.fonttype": 42,  # embedded as they are
    "svg.fonttype": "path", "svg.hashsalt": "crystalbench",  # the same file twice
    "figure.constrained_layout.h_pad": 0.02, "figure.constrained_layout.w_pad": 0.02,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure, not drawn yet: its file without suffix, its size in inches, and what draws it."""

    name: str
    width: float
    height: float
    draw: Callable[["Figure"], None]


@contextmanager
def style() -> Iterator[None]:
    """Have matplotlib draw as `STYLE` says; raises `ConfigError` where it is not installed."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise ConfigError("figures for papers need matplotlib: pip install 'crystalbench[plot]'") from error
    with mpl.rc_context(STYLE):
        yield


def write(drawing: Drawing, folder: Path, suffix: str) -> Path:
    """Draw into a file of exactly the size that was asked for; the same input gives the same bytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(drawing.width, drawing.height), layout="constrained")
    drawing.draw(figure)
    path = folder / f"{drawing.name}.{suffix}"
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[suffix]
    figure.savefig(path, format=suffix, dpi=DPI, metadata=dates)
    return path


def number(value: float, _: object = None) -> str:
    """Return a number as axes show it."""
    return f"{value:,.6g}".replace("-", "−")


def root_scale(axes: "Axes", which: str) -> None:
    """Give an axis a scale of square roots with their sign: small, large and negative values in one."""
    import numpy as np

    there, back = (lambda x: np.sign(x) * np.sqrt(np.abs(x))), (lambda x: np.sign(x) * np.square(x))
    scale = axes.set_xscale if which == "x" else axes.set_yscale
    scale("function", functions=(there, back))


def ticks_of(axes: "Axes", which: str, ticks: list[float]) -> None:
    """Set round numbers as ticks."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(ticks, labels=[number(tick) for tick in ticks], minor=False)
    axis.set_ticks([], minor=True)
