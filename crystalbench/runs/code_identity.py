"""The identity of code, for cache keys and for rows that are checked: it changes with all that a function reaches.

It covers the module of a function, those of the functions that it holds (arguments of a `partial`, variables of a
closure), and the modules of their packages that they import, directly or not, inside functions, too. A report of a
package, say, is no part of what its encoder computes: editing it leaves embeddings in the cache, and committed rows
checkable. A module that imports by a name made at run time (`importlib.import_module`) stands for its whole package,
since nothing tells what it reaches. Versions tell of libraries: see `crystalbench.versions`.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from crystalbench.runs.cache import content_key, file_digest

_AT_RUN_TIME = frozenset({"import_module", "__import__"})
_CORE = __name__.partition(".")[0]
_LIBRARY = 1000
"""Modules: a package with more is a library, of which a plugin only holds a function."""


def code_identity(function: Callable[..., Any], *, within: str = "") -> str:
    """SHA-256 of the Python files that define ``function``; "" for code typed into an interpreter.

    Parameters
    ----------
    function
        Or anything that can be called.
    within
        Only modules of this package count: for results that are dear to make, and depend on little beside it.
    """
    own, *held = dict.fromkeys(_modules(function, set()))
    return _identity(own, frozenset(held), within)


def _modules(held: Any, seen: set[int]) -> Iterator[str]:
    """Names of the modules of a function and of what it holds, its own first."""
    if id(held) in seen:
        return
    seen.add(id(held))
    if isinstance(held, dict):
        inner = [*held.values()]
    elif isinstance(held, (tuple, list, set, frozenset)):
        inner = [*held]
    elif isinstance(held, partial):
        inner = [held.func, held.args, held.keywords]
    elif isinstance(held, MethodType):
        inner = [held.__func__, held.__self__]
    elif isinstance(held, FunctionType):
        yield held.__module__
        inner = [[*_closed_over(held)], held.__defaults__, held.__kwdefaults__, getattr(held, "__wrapped__", None)]
    else:
        yield str(getattr(held if isinstance(held, type) else type(held), "__module__", ""))
        inner = [getattr(held, "__wrapped__", None)]
        if is_dataclass(held) and not isinstance(held, type):
            inner += [getattr(held, field.name) for field in fields(held)]
    for one in inner:
        yield from _modules(one, seen)


def _closed_over(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not filled yet
            yield cell.cell_contents


@cache
def _identity(own: str, held: frozenset[str], within: str) -> str:
    found: dict[str, Path] = {}
    for module in {own, *held}:
        top = module.partition(".")[0]
        files = _files(top)
        if module == own or (top not in sys.stdlib_module_names | {_CORE} and len(files) <= _LIBRARY):
            found |= {name: files[name] for name in _reached(module, top)}
    counted = sorted(name for name in found if not within or f"{name}.".startswith(f"{within}."))
    return content_key(sources={name: file_digest(found[name]) for name in counted}) if counted else ""


def _reached(module: str, top: str) -> frozenset[str]:
    """Names of all modules of a package that one of them imports, itself among them."""
    files = _files(top)
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name not in files:
            continue
        found.add(name)
        imported = _imported(files[name], name, top)
        if imported is None:
            return frozenset(files)
        waiting += [name.rpartition(".")[0], *imported]
    return frozenset(found)


@cache
def _files(top: str) -> dict[str, Path]:
    """All modules of a top-level package, or the one module, by name."""
    package = sys.modules.get(top)
    file = getattr(package, "__file__", None)
    found = {top: Path(file)} if file else {}
    for folder in map(Path, getattr(package, "__path__", ())):
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join((top, *(part for part in parts if part != "__init__")))] = path
    return found


@cache
def _imported(file: Path, module: str, top: str) -> frozenset[str] | None:
    """Names that a module imports of its own package, attributes of modules among them; None if made at run time."""
    tree = ast.parse(file.read_bytes())
    if any(_named(node) in _AT_RUN_TIME for node in ast.walk(tree)):
        return None
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names = {name for node in ast.walk(tree) for name in _imports(node, package)}
    return frozenset(name for name in names if name.partition(".")[0] == top)


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") or getattr(node.func, "attr", "")
    return ""


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name for alias in node.names for name in _with_parents(alias.name))
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        yield from _with_parents(base)
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[: i + 1]) for i in range(len(parts)))
