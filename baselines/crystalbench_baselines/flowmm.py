"""FlowMM (Miller et al., ICML 2024): ``consolidated_generate.pt``, or the ``eval_for_dft.pt`` made of it.

Each key of the consolidated file is a list with one entry for each run (``generate_00``, ``generate_01``, ...);
``evaluation`` chooses the run, the first by default as in FlowMM's own ``eval_for_dft.pt``. Atom types
are seven analog bits, which can spell atomic numbers up to 128: those are invalid samples.
"""

from collections.abc import Iterable

from crystalbench import ReaderSpec, hookimpl
from crystalbench_baselines._tensors import BITS, Layout, reader


def _detect(layout: Layout) -> bool:
    return layout.axis == "runs" or (layout.axis == "flat" and layout.width == BITS)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="flowmm",
            title="FlowMM consolidated_generate.pt",
            description="lists of tensors with 7 analog bits an atom, as FlowMM's consolidate writes them",
            detect=_detect,
            cite=("miller2024flowmm",),
        )
    ]
