"""The samples of a run as data of its page: who opens it can look at each one.

A label is its structure, of which there are few, and its elements: 100,000 samples take about 1.5 MB.
"""

import json
from collections import Counter
from collections.abc import Sequence

from crystalbench import Converted, Evidence, Invalid, RawStructure, RowKind, SampleSet
from crystalbench.crystals.elements import ELEMENTS
from crystalbench.tables.text import plain
from crystalbench_plugins.reports._layout import Sheet

LISTED = 100_000  # samples in one page; a folder holds all
DETAIL = 120  # characters of why a sample is invalid


def browsable(sheet: Sheet, evidence: Evidence) -> str:
    """Return the data as JSON that no text in it can end.

    ``parts`` has for each structure its label without elements, its prototype ("" where they are the same) and how
    often training has that prototype. ``rows`` has for each generator its samples, a line each: number of the part and
    elements, or "!", the reason and the detail; how often training has a sample (``known``, by place; null where there
    is no training split); and the structures that came with coordinates.
    """
    lines = [line for line in sheet.counted if line.row.kind is not RowKind.TRAINING]
    shown = [(line, evidence.rows[line.row.generator]) for line in lines if line.row.generator in evidence.rows]
    trained = not evidence.dataset.spec.no_train
    prototypes = Counter(evidence.dataset.train.prototypes) if trained else Counter[str]()
    labels = Counter(evidence.dataset.train.labels) if trained else Counter[str]()
    parts: dict[str, tuple[int, str]] = {}
    rows = []
    for line, row in shown:
        if not row.samples:
            continue
        samples = SampleSet(row.samples[0].items[: LISTED // len(shown)])
        listed = [_line(item, parts) for item in samples]
        known = {
            str(place): labels[item.label]
            for place, item in enumerate(samples)
            if not isinstance(item, Invalid) and item.label in labels
        }
        rows.append(
            {
                "title": plain(line.title),
                "kind": str(line.row.kind),
                "of": len(row.samples[0]),
                "samples": "\n".join(listed),
                "known": known if trained else None,
                "structures": {str(place): _arrays(found) for place, found in row.structures.items()},
            }
        )
    table = [
        [part, "" if prototype == part else prototype, prototypes[prototype] if trained else None]
        for part, (_, prototype) in parts.items()
    ]
    return safe_json({"symbols": ELEMENTS, "parts": table, "rows": rows})


def _line(item: Converted, parts: dict[str, tuple[int, str]]) -> str:
    if isinstance(item, Invalid):
        return f"!{item.reason} {plain(item.detail)[:DETAIL]}"
    part, _, elements = item.label.partition(":")
    if part not in parts:
        parts[part] = len(parts), item.prototype
    return f"{parts[part][0]} {elements}"


def _arrays(structure: RawStructure) -> Sequence[object]:
    """Cell, atomic numbers, coordinates: rounded to what a picture can show."""
    return [
        [round(x, 3) for x in structure.lattice.ravel().tolist()],
        structure.numbers.tolist(),
        [round(x, 4) for x in structure.frac_coords.ravel().tolist()],
    ]


def safe_json(document: object) -> str:
    """Return JSON that no text in it can end, for a script element."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")
