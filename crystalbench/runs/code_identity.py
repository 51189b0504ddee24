"""The identity of code, for cache keys: editing a plugin never meets its own stale results."""

import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from crystalbench.runs.cache import content_key, file_digest


def code_identity(function: Callable[..., Any], *, whole: bool = True) -> str:
    """SHA-256 of all Python files of the package that defines ``function``; "" for code typed into an interpreter.

    ``whole=False`` takes the innermost package only: for results that are dear to make, and depend on little beside it.
    """
    while isinstance(function, partial):
        function = function.func
    module = str(getattr(function, "__module__", ""))
    return _package_digest(module.partition(".")[0] if whole else module.rpartition(".")[0] or module)


@cache
def _package_digest(name: str) -> str:
    package = sys.modules.get(name)
    folders = [Path(folder) for folder in getattr(package, "__path__", ())]
    file = getattr(package, "__file__", None)
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    if not folders and file:
        sources = [Path(file)]
    return content_key(sources=[file_digest(source) for source in sources]) if sources else ""
