"""DiffCSP++ (Jiao et al., ICLR 2024): ``eval_gen.pt`` of its ``generation.py``, ``eval_diff.pt`` of ``evaluate.py``.

Space group and Wyckoff letters are drawn, with replacement, from the training set, so cells are conventional
and prototypes are never novel. The lattice is a matrix exponential: infinite, zero and NaN lengths happen.
``eval_diff.pt`` (structure prediction for given compositions) has a leading axis of evaluations and the
lattices; DiffCSP and SymmCD write it alike, so its origin cannot be told and it is read the same by all of
their readers.
"""

from collections.abc import Iterable
from pathlib import Path

from crystalbench import GeneratorSpec, Given, ReaderSpec, hookimpl
from crystalbench_baselines._tensors import Layout, reader


def _detect(layout: Layout) -> bool:
    if layout.axis == "evaluations":
        return "lattices" in layout.keys
    return layout.axis == "flat" and layout.width == 0 and "spacegroups" not in layout.keys


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="diffcsp++",
            title="DiffCSP++ eval_gen.pt",
            description="flat tensors with atomic numbers (eval_gen.pt), or evaluations with lattices (eval_diff.pt)",
            detect=_detect,
            cite=("jiao2024space",),
        )
    ]


@hookimpl
def crystalbench_generators() -> Iterable[GeneratorSpec]:
    return [
        GeneratorSpec(
            name="diffcsp++",
            version="1",
            title="DiffCSP++",
            description="space-group constrained diffusion (arXiv:2402.03992), by its eval_gen.pt",
            reader="diffcsp++",
            given=dict.fromkeys(Given, "those of training rows"),
            cite=("jiao2024space",),
            trained_on=("mp20", "mp20-eval"),
            example=lambda: Path(__file__).with_name("examples") / "diffcsppp.pt",
        )
    ]
