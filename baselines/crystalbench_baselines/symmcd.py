"""SymmCD (Levy et al., ICLR 2025): ``eval_gen.pt`` as its ``scripts/generation.py`` writes it.

Atom types are one-hot over 94 elements (95 with a mask), cells are conventional, and many lattices are
NaN or infinite (the authors report 4 % and drop them; here they stay, as invalid samples). ``spacegroups`` is what was
asked for, not what came out, and is not used; ``site_symmetries``, 780 bytes an atom, is not even read.

``crystal.csv`` of the same script holds only the last crystal (its writer stands outside the loop): never use it.
"""

from collections.abc import Iterable
from pathlib import Path

from crystalbench import GeneratorSpec, Given, ReaderSpec, hookimpl
from crystalbench_baselines._tensors import Layout, reader


def _detect(layout: Layout) -> bool:
    return layout.axis == "flat" and ("spacegroups" in layout.keys or layout.width in (94, 95))


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="symmcd",
            title="SymmCD eval_gen.pt",
            description="flat tensors with one-hot atom types and space groups, as SymmCD's generation.py writes them",
            detect=_detect,
            cite=("levy2025symmcd",),
        )
    ]


@hookimpl
def crystalbench_generators() -> Iterable[GeneratorSpec]:
    return [
        GeneratorSpec(
            name="symmcd",
            version="1",
            title="SymmCD",
            description="symmetry-preserving diffusion of asymmetric units (arXiv:2502.03638), by its eval_gen.pt",
            reader="symmcd",
            given={Given.SPACEGROUPS: "drawn at their training frequencies"},
            cite=("levy2025symmcd",),
            trained_on=("mp20", "mp20-eval"),
            example=lambda: Path(__file__).with_name("examples") / "symmcd.pt",
        )
    ]
