"""The installed versions of crystalbench and of what it requires."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from re import match, search

DISCOVER = "discover"
"""The extra of what makes materials from protostructures."""


@cache
def packages(*extras: str) -> dict[str, str | None]:
    """Return the versions of what is always required, and of extras: what results can depend on.

    A tool that happens to be installed beside it, such as a linter, changes no identity.
    """
    return _installed(name for name, extra in _required() if extra in ("", *extras))


@cache
def all_packages() -> dict[str, str | None]:
    """Return the versions of all that is required, tools of developers included; None for what is not installed."""
    return _installed(name for name, _ in _required())


def _required() -> list[tuple[str, str]]:
    """Each package with the extra that it belongs to; "" for one that is always required."""
    found = [("crystalbench", "")]
    for requirement in requires("crystalbench") or []:
        name, extra = match(r"[A-Za-z0-9._-]+", requirement), search(r"extra == ['\"]([^'\"]+)['\"]", requirement)
        if name:
            found.append((name.group(), extra[1] if extra else ""))
    return found


def _installed(names: Iterable[str]) -> dict[str, str | None]:
    return {name: _version(name) for name in sorted(set(names))}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
