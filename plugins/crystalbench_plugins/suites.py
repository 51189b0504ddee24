"""Suites: the comparisons of the WyckoffDiff paper, and a quick look."""

from collections.abc import Iterable, Mapping
from typing import Any

from crystalbench import SuiteSpec, hookimpl

PAPER_METRICS = (
    *("fwd", "novelty", "uniqueness", "novel_fwd", "novel_uniqueness", "novel_per_minute", "prototype_novelty"),
    *("validity", "smact_validity", "smact_validity_all"),
)
"""Columns of the paper's Tables 1 and 2 (4 and 5 for Carbon-24), appendix D's validity of compositions, and ours."""

CONVERSION = {"backend": "spglib", "symprec": 0.1, "angle_tolerance": 5.0, "table": "affine"}
PUBLISHED = {"wrenformer": {"checkpoint": "published"}}


def _paper(dataset: str, number: int, **more: Any) -> Mapping[str, Any]:
    """Section 4: as many samples as novel samples."""
    own = {"dataset": dataset, "n": number, "novel": number, "metrics": list(PAPER_METRICS), "columns": ["paper"]}
    return own | {"encoders": ["wrenformer"], "conversion": CONVERSION} | more


@hookimpl
def crystalbench_suites() -> Iterable[SuiteSpec]:
    def suite(name: str, title: str, description: str, settings: Mapping[str, Any]) -> SuiteSpec:
        return SuiteSpec(name=name, version="1", title=title, description=description, settings=settings)

    return (
        suite(
            "paper-table1",
            "Tables 1 and 2 of the WyckoffDiff paper",
            "wbm, 10,000 samples and 10,000 novel ones, the paper's encoder: dataset and weights are downloaded",
            _paper("wbm", 10_000, encoder=PUBLISHED, published=True),
        ),
        suite(
            "paper-table1-offline",
            "As Tables 1 and 2 of the WyckoffDiff paper, on rebuilt data",
            "wbm-rebuilt, 10,000 samples and 10,000 novel ones, the bundled encoder: not comparable with printed FWD",
            _paper("wbm-rebuilt", 10_000),
        ),
        suite(
            "paper-table4",
            "Tables 4 and 5 of the WyckoffDiff paper",
            "carbon24-bundled, 1,000 samples and 1,000 novel ones, the paper's encoder: its weights are downloaded",
            _paper("carbon24-bundled", 1000, encoder=PUBLISHED, published=True),
        ),
        suite(
            "quick",
            "A quick look",
            "wbm-rebuilt, 200 samples, what needs no encoder: seconds",
            {
                "dataset": "wbm-rebuilt",
                "n": 200,
                "metrics": ["validity", "novelty", "uniqueness", "prototype_novelty", "smact_validity"],
                "conversion": CONVERSION,
            },
        ),
    )
