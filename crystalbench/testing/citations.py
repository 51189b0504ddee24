"""The contract of what a record cites."""

from typing import Any

from crystalbench.citations import cited
from crystalbench.errors import PluginError


def check_cite(spec: Any) -> None:
    """Each item of ``cite`` is one entry of BibTeX, or the key of one that comes with crystalbench."""
    assert isinstance(spec.cite, tuple), f"{spec.name}: cite must be a tuple of texts, got {spec.cite!r}"
    assert all(isinstance(item, str) for item in spec.cite), f"{spec.name}: cite must hold texts, got {spec.cite!r}"
    try:
        keys = [entry.key.casefold() for entry in cited(spec.cite)]
    except PluginError as error:
        raise AssertionError(f"{spec.name}: cite: {error}") from error
    assert len(set(keys)) == len(keys), f"{spec.name}: cites one key twice: {', '.join(keys)}"
