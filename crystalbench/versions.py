"""The installed versions of crystalbench and of all that it requires."""

from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from re import match


@cache
def packages() -> dict[str, str | None]:
    """Return the installed version of each, the extras included; None for what is not installed."""
    required = (match(r"[A-Za-z0-9._-]+", requirement) for requirement in requires("crystalbench") or [])
    versions: dict[str, str | None] = {}
    for name in sorted({"crystalbench", *(found.group() for found in required if found)}):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions
