"""What the modules of potentials ask of the libraries that they wrap, without importing them."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from crystalbench import PotentialError
from crystalbench.runs.cache import content_key, file_digest

MPTRJ_ELEMENTS = frozenset(range(1, 95)) - frozenset(range(84, 89))
"""The 89 elements of MPtrj (Deng et al., Nature Machine Intelligence 5, 1031 (2023)): H to Pu without Po to Ra."""


def installed(package: str) -> Path:
    """Return the folder of a package; raises `PotentialError` where it is not installed."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise PotentialError(f"the package {package!r} is not installed")
    return Path(found.origin).parent


def weights_identity(weights: Path, *packages: str) -> str:
    """Return a SHA-256 that changes with a file of weights and with the versions of what runs them."""
    return content_key(weights=file_digest(weights), versions={package: version(package) for package in packages})
