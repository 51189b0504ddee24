"""Embeddings of the samples and of reference rows to hold them against: what every metric on embeddings starts from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crystalbench import Encoded, NotComputable, ScoreInput

ROWS = 0x7EA1  # makes this choice of rows independent of everything else that is drawn with the run's seed


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """Embeddings of the samples and of as many reference rows, or of all where there are fewer.

    Attributes
    ----------
    samples
        (n, d): the samples that have an embedding, in the order of their labels, so that no result depends on the
        order of generation.
    reference
        (m, d): rows of the reference split, drawn without replacement by the run's seed. Fewer rows are a beginning of
        more rows, so that generators, and novel samples among all, meet the same ones.
    asked, valid
        All samples, and those of them that have a protostructure, whether the encoder can encode it or not.
    """

    samples: Encoded
    reference: Encoded
    asked: int
    valid: int

    @property
    def notes(self) -> tuple[str, ...]:
        """The denominator, where it is not the number of valid samples, which stands under every table."""
        n = len(self.samples)
        return () if n == self.valid else (f"from {n:,} of {self.valid:,} valid samples: the others have no embedding",)


def embed(given: ScoreInput, least: int = 2) -> Embedded:
    """Encode the valid samples and as many reference rows.

    Raises
    ------
    NotComputable
        If fewer than ``least`` of either have an embedding.
    """
    samples = encodable(given, sorted(protostructure.label for protostructure in given.samples.valid))
    reference = encodable(given, reference_rows(given, len(samples)))
    if len(samples) < least:
        raise NotComputable(f"needs at least {least} valid samples, there are {len(samples)}")
    if len(reference) < least:
        raise NotComputable(f"needs at least {least} reference rows, there are {len(reference)}")
    return Embedded(samples, reference, len(given.samples), len(given.samples.valid))


def encodable(given: ScoreInput, labels: Sequence[str]) -> Encoded:
    """Encode labels; those that the encoder cannot encode are left out."""
    encoded = given.encode(labels)
    known = np.isfinite(encoded.energies)
    return encoded if known.all() else Encoded(encoded.embeddings[known], encoded.energies[known])


def encodable_labels(given: ScoreInput, labels: Sequence[str]) -> list[str]:
    """Return the labels that `encodable` keeps."""
    known = np.isfinite(given.encode(labels).energies)
    return [label for label, kept in zip(labels, known.tolist(), strict=True) if kept]


def reference_rows(given: ScoreInput, n: int, skip: int = 0) -> Sequence[str]:
    """Return the labels of ``n`` reference rows in the order of the run's seed, after the first ``skip``."""
    train = given.reference.labels
    order: NDArray[np.int64] = np.random.default_rng((given.seed, ROWS)).permutation(len(train))
    return [train[row] for row in order[skip : skip + n].tolist()]
