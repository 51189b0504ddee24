"""JSON files of strangers: plain data, with limits."""

import json
from pathlib import Path

from crystalbench import ReadError
from crystalbench_baselines._members import decode, head, inflate

MAX_BYTES = 2**28
"""Size of a file after decompression; 50,000 structures of 20 atoms."""


def is_json(path: Path) -> bool:
    """Return whether the name says so."""
    return path.is_file() and path.name.lower().endswith((".json", ".json.gz"))


def beginning(path: Path) -> str:
    """Return the first characters of a JSON file, for telling formats apart."""
    return head(path, 2**16) if is_json(path) else ""


def records(path: Path) -> list[object]:
    """Return the entries of a JSON file that holds a list, or a dict by name.

    Raises
    ------
    ReadError
        If the file is missing, damaged or too large, or no JSON.
    """
    try:
        content: object = json.loads(decode(inflate(path, MAX_BYTES)))
    except (ValueError, RecursionError) as error:  # a number of over 4,300 digits is a ValueError too
        raise ReadError(f"{path}: no JSON ({str(error)[:200]}); was the file copied completely?") from error
    found = content if isinstance(content, list) else [content]
    if isinstance(content, dict) and "lattice" not in content and "group" not in content:
        found = list(content.values())
    if found and not any(isinstance(record, dict) for record in found):
        raise ReadError(f"{path}: a list of records was expected, found {type(found[0]).__name__}s")
    return found
