"""A hull of the user's own: a CSV or JSON file of formulas and formation energies."""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np

from crystalbench.crystals.elements import NUMBERS
from crystalbench.energies import HullSpec
from crystalbench.errors import ReadError
from crystalbench.materials.formulas import parse_formula
from crystalbench.materials.hull import Hull
from crystalbench.parameters import Parameters
from crystalbench.runs.energy_table import cells_of, content_of, energy_of, possible
from crystalbench.strict_data import Node

FORMULA, ENERGY, REFERENCES = "formula", "formation_energy", "references"

_Row = tuple[str, str, float]
"""Where it stands, the formula, eV/atom."""


def hull_from_file(path: Path, base: HullSpec, parameters: Parameters) -> HullSpec:
    """Return the hull of a file, with the elements of another where the file has none.

    A CSV file has the columns ``formula`` and ``formation_energy`` (eV/atom); others are not read. A JSON file is a
    list of ``{"formula": "NaCl", "formation_energy": -2.1}``, or has it under ``phases`` beside ``references``, the
    energies of the elements in eV/atom (``{"Na": -1.32}``).

    Parameters
    ----------
    base : HullSpec
        Its elements and scheme are those that the formation energies rest on, unless the file has its own elements.
    parameters
        Settings of ``base``.

    Raises
    ------
    ReadError
        With the file, the line or place, and what was expected.
    """
    content = content_of(path)
    rows, own = _json(content, path) if path.suffix == ".json" else (_csv(content, path), None)
    compositions, energies = [], []
    for place, formula, energy in rows:
        try:
            composition = parse_formula(formula)
        except ValueError as error:
            raise ReadError(f"{place}: {error}") from None
        if len(composition) == 1 and energy < 0:
            raise ReadError(
                f"{place}: {formula} has {energy:g} eV/atom, below its reference; formation energies of elements are "
                "0 or more"
            )
        compositions.append(composition)
        energies.append(possible(energy, place))
    if not compositions:
        raise ReadError(f"{path}: holds no phases")
    references = base.load(parameters).references if own is None else own
    whose = f"those of {base.title}" if own is None else "its own"
    hull = Hull(compositions, np.array(energies, dtype=np.float64), references)
    absent = sorted({z for c in compositions for z in c} - references.keys())
    if own is not None and absent:
        symbols = ", ".join(symbol for symbol, z in NUMBERS.items() if z in absent)
        raise ReadError(f"{path}: {REFERENCES} lacks elements of its phases: {symbols}")
    identity = sha256(content + (base.identity(parameters).encode() if own is None else b"")).hexdigest()
    said = (
        f"the user's own file {path.name} ({len(hull):,} phases), taken to be {base.energy_scheme}; elemental "
        f"references: {whose}; nothing says how good it is"
    )
    return HullSpec(
        name=path.stem,
        version="1",
        title=path.name,
        load=lambda parameters: hull,
        identity=lambda parameters: identity,
        card=lambda: f"# {path.name}\n\n{said[0].upper()}{said[1:]}.\n",
        caveat=said,
        energy_scheme=base.energy_scheme,
    )


def _csv(content: bytes, path: Path) -> Iterator[_Row]:
    for place, (formula, energy) in cells_of(content, path, (FORMULA, ENERGY)):
        yield place, formula, energy_of(energy, place)


def _json(content: bytes, path: Path) -> tuple[Iterator[_Row], Mapping[int, float] | None]:
    try:
        document = Node(json.loads(content), str(path))
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path}: not readable as JSON: {error}") from error
    if isinstance(document.value, list):
        return _phases(document), None
    parts = document.record(("phases",), (REFERENCES,))
    return _phases(parts["phases"]), _references(parts[REFERENCES]) if REFERENCES in parts else None


def _phases(listed: Node) -> Iterator[_Row]:
    for item in listed.sequence():
        found = item.mapping()
        for name in (FORMULA, ENERGY):
            if name not in found:
                raise ReadError(f"{item.file}: {item.path or 'top level'} lacks {name}")
        yield f"{item.file}: {item.path}", found[FORMULA].text(), found[ENERGY].number()


def _references(node: Node) -> Mapping[int, float]:
    references = {}
    for symbol, energy in node.mapping().items():
        if symbol not in NUMBERS:
            raise ReadError(f"{node.file}: {node.path} has {symbol!r}, which is no element")
        references[NUMBERS[symbol]] = energy.number()
    return references
