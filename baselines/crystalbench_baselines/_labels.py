"""AFLOW labels as other programs write them: text to `Protostructure`, error sentences to `Invalid`."""

import re

from crystalbench import Invalid, InvalidReason, Protostructure, ProtostructureError
from crystalbench.crystals.wyckoff import FINEST_FIRST

LABEL = re.compile(r"\s*[A-Z][A-Za-z0-9]*_[a-z][A-Z][0-9]+_[0-9]+_\S+:[A-Z][A-Za-z-]*\s*")
"""What a label looks like, for telling a column of labels from other text."""

NOTHING = ("", "nan", "none", "null")  # as pandas and others write an empty cell

_SENTENCES = {
    "unable to determine symmetry": InvalidReason.NO_SYMMETRY,
    "invalid wp multiplicities": InvalidReason.INCONSISTENT_SYMMETRY,
}
"""Beginnings of what pymatgen and aviary return in the place of a label when they find none."""


def sample(text: str, place: str) -> Protostructure | Invalid:
    """Return the protostructure that a label describes.

    Parameters
    ----------
    text
        The label, or an error sentence.
    place
        Where it stands, for the ledger of invalid samples.
    """
    text = text.strip()
    if text.lower() in NOTHING:
        return Invalid(InvalidReason.UNREADABLE, f"{place}: no label")
    for beginning, reason in _SENTENCES.items():
        if text.lower().startswith(beginning):
            return Invalid(reason, f"{place}: {text[:200]}")
    try:
        return Protostructure.parse(text, FINEST_FIRST[0])
    except ProtostructureError as error:
        return Invalid(InvalidReason.INVALID_PROTOSTRUCTURE, f"{place}: {str(error)[:500]}")
