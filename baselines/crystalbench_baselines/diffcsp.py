"""DiffCSP (Jiao et al., NeurIPS 2023) and its many descendants: ``eval_gen.pt`` with scores of 100 elements an atom.

Early DiffCSP++ files look the same and are read the same.
"""

from collections.abc import Iterable

from crystalbench import ReaderSpec, hookimpl
from crystalbench_baselines._tensors import Layout, reader


def _detect(layout: Layout) -> bool:
    return layout.axis == "flat" and layout.width == 100 and "spacegroups" not in layout.keys


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="diffcsp",
            title="DiffCSP eval_gen.pt",
            description="flat tensors with atom types (N, 100), as DiffCSP, EquiCSP and others write them",
            detect=_detect,
            cite=("jiao2023crystal",),
        )
    ]
