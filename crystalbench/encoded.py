"""What an encoder is to the core: labels in, embeddings and energies out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an encoder says of n protostructures; a row of NaN where it can say nothing.

    Attributes
    ----------
    embeddings
        (n, d) float32.
    energies
        (n,) float32, predicted formation energy in eV/atom.
    """

    embeddings: NDArray[np.float32]
    energies: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.energies.shape != (len(self.embeddings),):
            raise ValueError(
                f"embeddings {self.embeddings.shape} and energies {self.energies.shape} disagree; "
                "expected (n, d) and (n,)"
            )

    def __len__(self) -> int:
        return len(self.embeddings)


class RunEncoder(Protocol):
    """The encoder of a run, as metrics see it. Repeats are welcome: a label is computed once."""

    def encode(self, labels: Sequence[str], /) -> Encoded:
        """Encode canonical AFLOW labels of the run's letter table, one row each, in their order."""
        ...


class Encoder(Protocol):
    """A loaded network. ``d`` is the width of its embeddings."""

    @property
    def d(self) -> int: ...

    def encode(self, labels: Sequence[str], /) -> Encoded:
        """Encode canonical AFLOW labels of the affine letter table, one row each, in their order.

        A row depends on its label alone: not on the others, their order or their number, to 1e-5. A label that the
        encoder cannot encode, for example with an element that it does not know, has NaN in its whole row.
        """
        ...
