"""pymatgen's structures as JSON: alone, in a list, by name, in lines, in tables of pandas, in entries and answers.

So are the structures of WyckoffTransformer's data sets and FlowMM's relaxed samples. The text is read as plain JSON:
classes named in it are not looked up, which is how `monty` would import whatever the file says. Where the crystals
of a file stand: `crystalbench_baselines._json_layout`.
"""

from collections.abc import Iterable, Iterator

from crystalbench import Parameter, Parameters, ReaderSpec, Sample, hookimpl
from crystalbench_baselines import _json
from crystalbench_baselines._documents import Document, reader
from crystalbench_baselines._elements import BadRecordError, invalid
from crystalbench_baselines._json import Node, NoJsonError
from crystalbench_baselines._json_layout import Layout
from crystalbench_baselines._pymatgen import structure

KEY = Parameter(
    name="key",
    default="",
    help="which structure of a record, where it holds several and none is called structure: initial_structure, ...",
)


def _is_structure(node: Node) -> bool:
    return node.is_object and None not in node.get("lattice", "sites")


def _shows_structures(head: str) -> bool:
    return ('"lattice"' in head or r"\"lattice\"" in head) and '"numIons"' not in head


def _samples(document: Document, parameters: Parameters) -> Iterator[Sample]:
    layout = Layout(document, _is_structure, "structures of pymatgen", str(parameters.get("key", KEY.default)))
    for entry in layout.entries():
        if entry.node is None:
            yield invalid(BadRecordError("no structure of pymatgen"), entry.place)
            continue
        try:
            value = entry.node.value()
        except NoJsonError as error:
            yield invalid(BadRecordError(str(error)), entry.place)
            continue
        yield structure(value, entry.place)


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        reader(
            name="pymatgen-json",
            version="2",
            title="pymatgen JSON",
            description="pymatgen Structures as JSON: one, a list, by name, in lines, in tables and entries",
            named=_json.is_json,
            what="JSON files",
            samples=_samples,
            suffixes=(".json", ".jsonl", ".ndjson"),
            shown=_shows_structures,
            parameters=(KEY,),
            cite=("ong2013python",),
        )
    ]
