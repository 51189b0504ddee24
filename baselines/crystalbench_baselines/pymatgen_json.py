"""pymatgen's JSON: one Structure, a list, or a dict by name; also gzipped.

So are the structures of WyckoffTransformer's data sets. The text is read as plain JSON: classes named in it
are not looked up, which is how `monty` would import whatever the file says.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from crystalbench import (
    Invalid,
    InvalidReason,
    Parameters,
    RawStructure,
    ReaderSpec,
    Sample,
    hookimpl,
)
from crystalbench_baselines._elements import UnknownElementError, atomic_number, is_whole
from crystalbench_baselines._json import beginning, records


def _detect(path: Path) -> bool:
    start = beginning(path)
    return '"lattice"' in start and '"numIons"' not in start


def read(path: Path, parameters: Parameters) -> Iterator[Sample]:
    """Yield one sample for each structure.

    Raises
    ------
    ReadError
        If the file is missing, damaged or no JSON.
    """
    for place, record in enumerate(records(path), 1):
        yield _sample(record, f"entry {place}")


def _sample(record: Any, place: str) -> Sample:
    try:
        return _structure(record.get("structure", record))
    except UnknownElementError as error:
        return Invalid(InvalidReason.UNKNOWN_ELEMENT, f"{place}: {error}")
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        # Whatever a value of the wrong kind brings about: plain data is asked for its parts, nothing else runs.
        return Invalid(InvalidReason.UNREADABLE, f"{place}: no pymatgen Structure ({type(error).__name__}: {error})")


def _structure(record: dict[str, Any]) -> RawStructure | Invalid:
    lattice, sites = record["lattice"], record["sites"]
    for site in sites:
        species = site["species"]
        if len(species) != 1 or not is_whole(float(species[0].get("occu", 1))):
            return Invalid(InvalidReason.DISORDERED, f"a site of {len(species)} species or partly empty")
    numbers = [atomic_number(site["species"][0]["element"]) for site in sites]
    coords = [[float(x) for x in site["abc"]] for site in sites]
    if "matrix" in lattice:
        return RawStructure.of(lattice["matrix"], np.array(coords).reshape(-1, 3), numbers)
    lengths, angles = ([float(lattice[key]) for key in keys] for keys in (("a", "b", "c"), _ANGLES))
    return RawStructure.from_parameters(lengths, angles, np.array(coords).reshape(-1, 3), numbers)


_ANGLES = ("alpha", "beta", "gamma")


@hookimpl
def crystalbench_readers() -> Iterable[ReaderSpec]:
    return [
        ReaderSpec(
            name="pymatgen-json",
            version="1",
            title="pymatgen JSON",
            description="pymatgen Structures as JSON: one, a list, or a dict by name; also .json.gz",
            detect=_detect,
            read=read,
        )
    ]
