"""CDVAE (Xie et al., ICLR 2022): ``eval_gen.pt`` as its ``scripts/evaluate.py --tasks gen`` writes it.

The tensors carry a leading axis of evaluations (one by default). ``eval_recon.pt`` and ``eval_opt.pt`` have the
same layout, but are reconstructions and optimised crystals: not samples of the generator.
"""

from collections.abc import Iterable
from pathlib import Path

from crystalbench import GeneratorSpec, ReaderSpec, hookimpl
from crystalbench_baselines._tensors import Layout, reader


def _detect(layout: Layout) -> bool:
    return layout.axis == "evaluations" and "lattices" not in layout.keys


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="cdvae",
            title="CDVAE eval_gen.pt",
            description="tensors with a leading axis of evaluations, as CDVAE's evaluate.py writes them",
            detect=_detect,
            cite=("xie2022crystal",),
        )
    ]


@hookimpl
def crystalbench_generators() -> Iterable[GeneratorSpec]:
    return [
        GeneratorSpec(
            name="cdvae",
            version="1",
            title="CDVAE",
            description="crystal diffusion variational autoencoder (arXiv:2110.06197), by its eval_gen.pt",
            reader="cdvae",
            cite=("xie2022crystal",),
            trained_on=("mp20", "mp20-eval"),
            example=lambda: Path(__file__).with_name("examples") / "cdvae.pt",
        )
    ]
