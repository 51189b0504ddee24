"""Embeddings and energies of many protostructures, in blocks of equal length."""

from collections.abc import Sequence

import numpy as np

from crystalbench import Encoded
from crystalbench_plugins.wrenformer.featurise import Bucket
from crystalbench_plugins.wrenformer.network import Wrenformer

MAX_TOKENS = 1024
"""Tokens in one block, all settings counted. Embedding 1,500 labels with the published network took 2.3 s, and 3.3 s
with blocks of 8,192, whose widest layer (64 MB) fits into no cache."""


def predict(network: Wrenformer, buckets: Sequence[Bucket], n: int) -> Encoded:
    """Return one row for each of the ``n`` labels that the buckets hold."""
    import torch

    embeddings = np.empty((n, network.d), np.float32)
    energies = np.empty(n, np.float32)
    with torch.inference_mode():
        for bucket in buckets:
            for members in bucket.batches(MAX_TOKENS):
                rows = bucket.rows[members]
                found = network(bucket.all_settings(members))
                embeddings[rows], energies[rows] = found[0].numpy(), found[1].numpy()
    return Encoded(embeddings, energies)
