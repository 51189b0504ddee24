"""Convex hulls that come with crystalbench and need no network (made by `build_bundled` in this folder)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from crystalbench import Hull, HullSpec, hookimpl
from crystalbench.materials.calibration import Calibration
from crystalbench.materials.elements import References
from crystalbench.runs.cache import content_key, file_digest
from crystalbench_plugins.hulls.packed import unpack

_DATA = Path(str(files(__package__) / "data"))
TABLE, FACTS, CALIBRATION = _DATA / "hulls.npz", _DATA / "hulls.json", _DATA / "calibration.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A hull of some of the sources in the package's table."""

    name: str
    title: str
    sources: tuple[str, ...]
    default: bool = False

    def load(self) -> Hull:
        return unpack(TABLE, self.sources, "install crystalbench again: this file is part of it")

    def identity(self) -> str:
        return content_key(table=file_digest(TABLE), sources=list(self.sources))

    def card(self) -> str:
        facts = _facts()
        table = "\n".join(f"| {name} | {_figures(figures)} |" for name, figures in facts["agreement"].items())
        sources = "\n".join(f"- `{name}` sha256 `{digest}`" for name, digest in facts["sources"].items())
        errors = "\n".join(f"- {record}" for record in _calibrations())
        prose = (_DATA / "hulls.md").read_text(encoding="utf-8")
        counts = {name: f"{value:,}" for name, value in facts.items() if isinstance(value, int)}
        return prose.format(**counts, table=table, sources=sources, errors=errors, size=f"{TABLE.stat().st_size:,}")

    @property
    def spec(self) -> HullSpec:
        return HullSpec(
            name=self.name,
            version="1",
            title=self.title,
            load=lambda parameters: self.load(),
            identity=lambda parameters: self.identity(),
            card=self.card,
            cite=tuple(CITE[source] for source in self.sources),
            caveat=self.caveat,
            calibrations=_calibrations,
            default=self.default,
        )

    @property
    def caveat(self) -> str:
        facts = _facts()
        figures = facts["agreement"][self.name]
        added = "" if self.name == "mp20" else ", to which WBM adds phases"
        return (
            f"agrees with the Materials Project{added} on which of {facts['held_out']:,} materials left out of it "
            f"are stable for {figures['stable_agrees']:.1%}, on the distance within 0.1 eV/atom for "
            f"{figures['within_0.1']:.1%}"
        )


def _calibrations() -> tuple[Calibration, ...]:
    rows = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return tuple(
        Calibration(**{**row, "references": References(row["references"]), "quantiles": tuple(row["quantiles"])})
        for row in rows
    )


def _figures(figures: Mapping[str, float]) -> str:
    shares = ("stable_agrees", "unstable_called_stable", "stable_called_unstable", "within_0.1")
    errors = ("unstable_median_error", "unstable_mean_error", "unstable_p95_error")
    return " | ".join([*(f"{figures[s]:.1%}" for s in shares), *(f"{figures[e]:.4f}" for e in errors)])


@lru_cache(maxsize=1)
def _facts() -> Any:
    return json.loads(FACTS.read_text(encoding="utf-8"))


CITE = {"mp": "jain2013commentary", "wbm": "wang2021predicting"}

BUNDLED = (
    Bundled(name="mp20-wbm", title="MP-20 + WBM", sources=("mp", "wbm"), default=True),
    Bundled(name="mp20", title="MP-20", sources=("mp",)),
)


@hookimpl
def crystalbench_hulls() -> Iterable[HullSpec]:
    return [hull.spec for hull in BUNDLED]
