"""Licences of what comes with an installation: ``python -m tests.licences [EXTRA ...]`` lists them, package by package.

They are what the installed packages say of themselves: the field License-Expression, else License, else classifiers.
"""

import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

SPELLINGS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache-2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd license": "BSD",
    "gnu lesser general public license": "LGPL",
    "gnu library or lesser general public license (lgpl)": "LGPL",
    "lgplv3 or bsd": "LGPL-3.0-or-later OR BSD",
    "mit": "MIT",
    "mit license": "MIT",
    "modified bsd": "BSD-3-Clause",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "revised bsd license": "BSD-3-Clause",
}
"""Other words for identifiers of SPDX; ``BSD`` is one without a number of clauses."""


def required(name: str, extras: Iterable[str] = ()) -> dict[str, Distribution]:
    """Return the distributions that a package needs here, directly or not, by name; itself left out.

    Raises
    ------
    PackageNotFoundError
        If one is not installed.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()

    def walk(name: str, extras: frozenset[str]) -> None:
        if (name, extras) in seen:
            return
        seen.add((name, extras))
        found[name] = distribution(name)
        for requirement in map(Requirement, found[name].requires or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                walk(_normal(requirement.name), frozenset(requirement.extras))

    walk(_normal(name), frozenset(extras))
    del found[_normal(name)]
    return dict(sorted(found.items()))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: Distribution) -> str:
    """Return the licence in SPDX's words; ``unknown`` where nothing but a text of their own is given."""
    about = package.metadata
    for stated in about.get_all("License-Expression") or ():
        return stated
    text = (about.get_all("License") or [""])[0].strip()
    first = text.partition("\n")[0]  # of a whole text the title
    if first.lower() in SPELLINGS or (first == text and first in SPELLINGS.values()):
        return SPELLINGS.get(first.lower(), first)
    lines = [line.split(" :: ")[-1] for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    return (
        " OR ".join([SPELLINGS.get(line.lower(), line) for line in lines])
        or (first if first == text else "")
        or "unknown"
    )


if __name__ == "__main__":
    try:
        for name, package in required("crystalbench", sys.argv[1:]).items():
            print(f"{name:<40} {package.version:<16} {licence(package)}")
    except PackageNotFoundError as error:
        sys.exit(f"{error}; install it first")
