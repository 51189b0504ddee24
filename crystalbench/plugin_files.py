"""A plugin in a file of its own: a module that is not installed, known by its content."""

import hashlib
import re
import sys
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from crystalbench.errors import ConfigError
from crystalbench.isolation import required


def module_of_file(path: Path) -> tuple[ModuleType, str]:
    """Return the module of a Python file, and the SHA-256 of its content.

    The same content is one module however often it is named; other content of the same name is another one, so that no
    cache takes the one for the other.

    Raises
    ------
    ConfigError
        There is no such Python file.
    PluginError
        The file fails when it is run.
    """
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(f"{path}: {'no Python file (.py)' if path.exists() else 'no such file'}; --plugins names one")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"crystalbench_file_{re.sub('[^A-Za-z0-9_]', '_', path.stem)}_{digest}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, path.absolute())
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module  # before it runs: dataclasses look their module up
        try:
            required("load", str(path), lambda: spec.loader.exec_module(module))  # type: ignore[union-attr]
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name], digest


def other_files(then: Sequence[str], now: Sequence[str]) -> str:
    """Say which plugins that are files a run had and which are given now; "" where they are the same."""
    return "" if set(then) == set(now) else f"the run had {_named(then)}, given {_named(now)}; name them with --plugins"


def _named(files: Sequence[str]) -> str:
    parts = (file.rpartition(" ") for file in files)
    return ", ".join(f"{name} (sha256 {digest[:12]})" for name, _, digest in parts) or "no plugin of a file"
