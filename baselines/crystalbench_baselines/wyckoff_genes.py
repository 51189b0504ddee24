"""Space group, elements and Wyckoff letters without coordinates, as generators of such genes write them.

- WyckoffTransformer, ``*.json(.gz)``: ``[{"group": 225, "species": ["Na", "Cl"], "numIons": [4, 4],
  "sites": [["4a"], ["4b"]]}, ...]``. Invalid genes are left out before saving.
- WyCryst, ``sampled_Wyckoff_Genes.csv``: columns ``reconstructed_sg`` and ``reconstructed_wyckoff``, the
  latter the text of
  a Python dict, ``{'Ca': ['4c'], 'Ti': ['4b'], 'O': ['4c', '8d']}``. Already filtered for the wanted formula.

A letter comes with its multiplicity, which is checked: a contradiction means that the letters are not those of the
International Tables, or that the gene is impossible.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from crystalbench import (
    Invalid,
    InvalidReason,
    Parameters,
    Protostructure,
    ProtostructureError,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench.crystals import wyckoff
from crystalbench_baselines._json import beginning, records
from crystalbench_baselines._rows import header, is_csv, rows

_COLUMNS = ("reconstructed_sg", "reconstructed_wyckoff")
_SITE = re.compile(r"([0-9]{1,3})([a-zA-Z])")
MAX_LITERAL = 100_000
"""Characters of a Python literal; WyCryst's have about 50."""


def _is_wycryst(path: Path) -> bool:
    return is_csv(path) and set(_COLUMNS) <= set(header(path))


def _detect(path: Path) -> bool:
    return _is_wycryst(path) or '"numIons"' in beginning(path)


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each gene.

    Raises
    ------
    ReadError
        If the file is missing or damaged, or has not the columns of WyCryst.
    """
    yield from _wycryst(path) if is_csv(path) else _wyckoff_transformer(path)


def _wyckoff_transformer(path: Path) -> Iterator[Sample]:
    for place, gene in enumerate(records(path), 1):
        where = f"entry {place}"
        try:
            group, species, sites = gene["group"], gene["species"], gene["sites"]  # type: ignore[index]
            pairs = list(zip(species, sites, strict=True))
            counts = gene.get("numIons")  # type: ignore[attr-defined]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield Invalid(InvalidReason.UNREADABLE, f"{where}: no Wyckoff gene ({type(error).__name__}: {error})")
            continue
        yield _gene(group, pairs, counts, where)


def _wycryst(path: Path) -> Iterator[Sample]:
    lines = rows(path)
    _, names = next(lines, (0, []))
    if not set(_COLUMNS) <= set(names):
        raise ReadError(f"{path}: columns {' and '.join(_COLUMNS)} were expected, found {', '.join(names)[:300]}")
    sg, sites = (names.index(name) for name in _COLUMNS)
    for number, row in lines:
        if not row:
            continue
        where = f"line {number}"
        try:
            group, literal = int(float(row[sg])), row[sites]
            pairs = list(_literal(literal).items())
        except (AttributeError, IndexError, OverflowError, ValueError) as error:
            yield Invalid(InvalidReason.UNREADABLE, f"{where}: no Wyckoff gene ({error})")
            continue
        yield _gene(group, pairs, None, where)


def _literal(text: str) -> Any:
    """Evaluate the text of a dict: only literals, so nothing runs."""
    if len(text) > MAX_LITERAL:
        raise ValueError(f"{len(text)} characters")
    try:
        return ast.literal_eval(text)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text[:40]!r} is no dict") from error


def _gene(group: Any, pairs: list[tuple[Any, Any]], counts: Any, where: str) -> Sample:
    try:
        orbits = [(element, _letter(group, site)) for element, sites in pairs for site in sites]
        if counts is not None:
            _check_counts(group, pairs, counts)
        return Protostructure(group, orbits, wyckoff.FINEST_FIRST[0])
    except ProtostructureError as error:
        return Invalid(InvalidReason.INVALID_PROTOSTRUCTURE, f"{where}: {error}")
    except (TypeError, ValueError) as error:
        return Invalid(InvalidReason.UNREADABLE, f"{where}: no Wyckoff gene ({type(error).__name__}: {error})")


def _letter(group: int, site: str) -> str:
    match = _SITE.fullmatch(site)
    if not match:
        raise ProtostructureError(f"site {site[:20]!r} should be a multiplicity and a letter, such as 4a")
    multiplicity = wyckoff.position(group, match[2]).multiplicity
    if int(match[1]) != multiplicity:
        raise ProtostructureError(f"site {site}: position {match[2]} of space group {group} has {multiplicity} sites")
    return match[2]


def _check_counts(group: int, pairs: list[tuple[str, list[str]]], counts: list[int]) -> None:
    found = [sum(int(site[:-1]) for site in sites) for _, sites in pairs]
    if found != list(counts):
        raise ProtostructureError(f"numIons are {list(counts)}, but the sites of group {group} have {found}")


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="wyckoff-genes",
            version="1",
            title="Wyckoff genes",
            description="space group, elements and Wyckoff letters (WyckoffTransformer JSON, WyCryst CSV)",
            detect=_detect,
            read=read,
        )
    ]
