"""The second target of training: the prototype, to be read off the embedding whatever the elements are.

An energy answers to elements before it answers to letters, and so does an embedding that serves nothing else: orbits
thrown together at random were nearer to the training set (FWD 67) than its own prototypes with other elements (73).
With this target they are farther (90 and 67; ``data/wbm.md``). A linear layer behind the embedding names the prototype.
It learns from every protostructure with its elements exchanged for others: a prototype has no elements, and an
embedding that knew the prototype by them would take other elements for another prototype.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crystalbench_plugins.wrenformer.feature_tables import element_rows
from crystalbench_plugins.wrenformer.featurise import Tokens

if TYPE_CHECKING:
    from torch import Tensor, nn

Ints = NDArray[np.int64]
RARE = -1
SMOOTHING = 0.1
"""Of the labels: keeps embeddings of frequent prototypes, and their distances, from growing without end."""


class PrototypeTarget:
    """The classes of a training split: its prototypes with at least ``least`` rows.

    Attributes
    ----------
    names
        Canonical prototype labels, sorted.
    classes
        (n,) place in ``names`` of each training row; `RARE` for the rows of rarer prototypes, which teach nothing.
    """

    def __init__(self, prototypes: Sequence[str], least: int) -> None:
        counts = Counter(prototypes)
        self.names = sorted(name for name, n in counts.items() if n >= least)
        self.classes = self.of(prototypes)

    def of(self, prototypes: Sequence[str]) -> Ints:
        """Return the classes (n,) of prototypes."""
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(name, RARE) for name in prototypes], np.int64)

    def loss(self, head: "nn.Module", embeddings: "Tensor", rows: Ints) -> "Tensor":
        """Return the summed cross-entropy (smoothed) of some training rows, in nats, from their embeddings (m, d)."""
        import torch
        from torch.nn import functional

        classes = torch.from_numpy(self.classes[rows])
        return functional.cross_entropy(
            head(functional.relu(embeddings)), classes, reduction="sum", ignore_index=RARE, label_smoothing=SMOOTHING
        )

    def accuracy(self, head: "nn.Module", embeddings: NDArray[np.float32], prototypes: Sequence[str]) -> float:
        """Return the share of rows whose prototype the embeddings (n, d) tell; rare ones count as not told."""
        import torch

        with torch.inference_mode():
            found = head(torch.from_numpy(embeddings).relu()).argmax(1).numpy()
        return float((found == self.of(prototypes)).mean())


def elements_in(labels: Sequence[str]) -> Ints:
    """Return the rows of `feature_tables.element_features` that occur in labels, ascending."""
    used = {element for label in labels for element in label.partition(":")[2].split("-")}
    return np.array([row for element, row in element_rows().items() if element in used], np.int64)


def exchanged(tokens: Tokens, elements: Ints, random: np.random.Generator) -> Tokens:
    """Return tokens with every element exchanged for another or itself, by one permutation for the whole batch.

    Parameters
    ----------
    elements
        What `elements_in` returned for the labels that the tokens are of, and others.
    """
    image = np.arange(int(elements.max()) + 1)
    image[elements] = random.permutation(elements)
    return replace(tokens, elements=image[tokens.elements])
