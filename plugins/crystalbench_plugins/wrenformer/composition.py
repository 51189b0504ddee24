"""The baseline without Wyckoff positions: a token per element with its share of the atoms, and nothing else."""

from collections.abc import Sequence

import numpy as np

from crystalbench import Protostructure
from crystalbench_plugins.wrenformer.feature_tables import element_rows
from crystalbench_plugins.wrenformer.featurise import Bucket, Skeleton


def composition_buckets(labels: Sequence[str]) -> list[Bucket]:
    """As `featurise.buckets`; every token has the same Wyckoff position, which tells the network nothing."""
    known = element_rows()
    rows: dict[int, list[int]] = {}
    skeletons: dict[tuple[float, ...], Skeleton] = {}
    compositions = [Protostructure.from_canonical(label).composition for label in labels]
    shares = [tuple(n / sum(composition.values()) for n in composition.values()) for composition in compositions]
    for row, share in enumerate(shares):
        rows.setdefault(len(share), []).append(row)
        if share not in skeletons:
            n = len(share)
            skeletons[share] = Skeleton(
                settings=np.zeros((1, n), np.int64),
                slots=np.arange(n),
                counts=np.ones(n, np.int64),
                ratios=np.array(share, np.float32),
            )
    return [
        Bucket(
            rows[n],
            [skeletons[shares[row]] for row in rows[n]],
            [[known[element] for element in compositions[row]] for row in rows[n]],
        )
        for n in sorted(rows)
    ]
