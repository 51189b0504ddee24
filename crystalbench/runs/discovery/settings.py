"""Which samples of a generator are made into materials, and how many."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self

from crystalbench.errors import ConfigError
from crystalbench.materials.selection import PAPER_BLOCKS, Block
from crystalbench.tables.results import JSON


class Order(StrEnum):
    """Which candidates are taken first."""

    HULL = "hull"  # by the distance from the hull that the encoder's formation energy gives
    ENERGY = "energy"  # by that formation energy; the paper took the lowest after relaxation, and found it to bias
    SAMPLE = "sample"  # as they were generated: an unbiased part


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverySettings:
    """See the fields.

    Attributes
    ----------
    top
        At most so many candidates are relaxed.
    order
        Which of them first.
    known
        Keep protostructures of the training split, too.
    blocks, noble_gases
        Elements of other blocks keep a protostructure out, and so do noble gases. By default as in the paper.
    """

    top: int = 200
    order: Order = Order.HULL
    known: bool = False
    blocks: tuple[Block, ...] = PAPER_BLOCKS
    noble_gases: bool = False

    def __post_init__(self) -> None:
        if self.top < 1:
            raise ConfigError(f"top must be at least 1, got {self.top}")
        if not self.blocks:
            raise ConfigError("blocks: name some of s, p, d, f")

    def to_mapping(self) -> dict[str, JSON]:
        """All settings as plain JSON."""
        plain: dict[str, JSON] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            plain[item.name] = (
                list(map(str, value)) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value
            )
        return plain

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_mapping`; raises `ValueError`, `TypeError` or `LookupError` for anything else."""
        blocks = tuple(Block(name) for name in data["blocks"])
        return cls(**{**data, "order": Order(data["order"]), "blocks": blocks})
