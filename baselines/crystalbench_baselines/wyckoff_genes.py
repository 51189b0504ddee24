"""Space group, elements and Wyckoff letters without coordinates, as generators of such genes write them.

- WyckoffTransformer, ``*.json(.gz)``: ``[{"group": 225, "species": ["Na", "Cl"], "numIons": [4, 4],
  "sites": [["4a"], ["4b"]]}, ...]``. Invalid genes are left out before saving.
- WyCryst, ``sampled_Wyckoff_Genes.csv``: columns ``reconstructed_sg`` and ``reconstructed_wyckoff``, the
  latter the text of
  a Python dict, ``{'Ca': ['4c'], 'Ti': ['4b'], 'O': ['4c', '8d']}``. Already filtered for the wanted formula.

A letter comes with its multiplicity, which is checked: a contradiction means that the letters are not those of the
International Tables, or that the gene is impossible.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from crystalbench import (
    Parameters,
    Protostructure,
    ProtostructureError,
    ReadError,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench.crystals import wyckoff
from crystalbench.crystals.elements import UnknownElementError, element
from crystalbench.crystals.samples import Invalid, InvalidReason
from crystalbench_baselines import _json, _python_literal
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._elements import BadRecordError, invalid, kind, number
from crystalbench_baselines._json import Node, NoJsonError
from crystalbench_baselines._json_layout import Layout
from crystalbench_baselines._python_literal import LiteralError
from crystalbench_baselines._rows import header, is_csv, rows

_COLUMNS = ("reconstructed_sg", "reconstructed_wyckoff")
_SITE = re.compile(r"([0-9]{1,3})([a-zA-Z])", re.ASCII)


def _is_named(name: str) -> bool:
    return is_csv(name) or _json.is_json(name)


def _holds_genes(head: str) -> bool:
    return '"numIons"' in head or set(_COLUMNS) <= set(header(head))


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each gene.

    Raises
    ------
    ReadError
        If the file is damaged, or has not the columns of WyCryst.
    """
    genes = _wycryst(document) if is_csv(document.plain_name) else _wyckoff_transformer(document)
    for place, gene in genes:
        try:
            yield _gene(gene)
        except ProtostructureError as error:
            yield Invalid(InvalidReason.INVALID_PROTOSTRUCTURE, f"{place}: {error}")
        except (BadRecordError, UnknownElementError) as error:
            yield invalid(error, place)


def _is_gene(node: Node) -> bool:
    return node.is_object and None not in node.get("group", "sites")


def _wyckoff_transformer(document: Document) -> Iterator[tuple[str, object]]:
    for entry in Layout(document, _is_gene, "Wyckoff genes").entries():
        try:
            yield entry.place, entry.node.value() if entry.node is not None else None
        except NoJsonError:
            yield entry.place, None


def _wycryst(document: Document) -> Iterator[tuple[str, object]]:
    lines = rows(document)
    _, names = next(lines, (0, []))
    if not set(_COLUMNS) <= set(names):
        raise ReadError(f"{document}: columns {' and '.join(_COLUMNS)} were expected, found {', '.join(names)[:300]}")
    sg, sites = (names.index(name) for name in _COLUMNS)
    for line, row in lines:
        if row:
            yield document.place(f"line {line}"), _gene_of_wycryst(row, sg, sites)


def _gene_of_wycryst(row: list[str], sg: int, sites: int) -> object:
    try:
        group = number(row[sg], "a space group")
        occupied = _python_literal.parse(row[sites])
    except (BadRecordError, IndexError, LiteralError):
        return None
    if not isinstance(occupied, dict) or not group.is_integer():
        return None
    return {"group": int(group), "species": list(occupied), "sites": list(occupied.values())}


def _gene(gene: object) -> Protostructure:
    """Return the protostructure of a gene; raises what says why there is none."""
    if not isinstance(gene, dict):
        raise BadRecordError("no Wyckoff gene")
    group: Any = gene.get("group")
    species, sites, counts = (gene.get(key) for key in ("species", "sites", "numIons"))
    if not isinstance(species, list) or not isinstance(sites, list) or len(species) != len(sites):
        raise BadRecordError("no Wyckoff gene: species and sites should be lists of one length")
    orbits = [(_element(name), _letter(group, site)) for name, own in zip(species, sites, strict=True) for site in own]
    if counts is not None:
        _check_counts(group, sites, counts)
    return Protostructure(group, orbits, wyckoff.FINEST_FIRST[0])


def _element(name: object) -> str:
    if not isinstance(name, str):
        raise BadRecordError(f"a species should be text, found {kind(name)}")
    return element(name)


def _letter(group: Any, site: object) -> str:
    match = _SITE.fullmatch(site) if isinstance(site, str) else None
    if not match:
        raise ProtostructureError(f"site {str(site)[:20]!r} should be a multiplicity and a letter, such as 4a")
    multiplicity = wyckoff.position(group, match[2]).multiplicity
    if int(match[1]) != multiplicity:
        raise ProtostructureError(f"site {site}: position {match[2]} of space group {group} has {multiplicity} sites")
    return match[2]


def _check_counts(group: int, sites: list[list[str]], counts: object) -> None:
    found = [sum(int(site[:-1]) for site in own) for own in sites]
    if found != counts:
        raise ProtostructureError(f"numIons are {str(counts)[:100]}, but the sites of group {group} have {found}")


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="wyckoff-genes",
            version="3",
            title="Wyckoff genes",
            description="space group, elements and Wyckoff letters (WyckoffTransformer JSON, WyCryst CSV)",
            named=_is_named,
            what="files of genes",
            samples=_samples,
            suffixes=(".json", ".csv"),
            shown=_holds_genes,
            cite=("kazeev2025wyckoff", "zhu2024wycryst"),
        )
    ]
