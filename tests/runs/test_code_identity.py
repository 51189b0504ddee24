"""What code the identity of a plugin's function covers: all that it reaches, and nothing else."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

import pytest

from crystalbench.plugins import Plugins
from crystalbench.runs import code_identity as module
from crystalbench.runs.code_identity import code_identity

FILES = {
    "__init__.py": "",
    "metric.py": """
from __future__ import annotations
from .shared import helper
from made_up.deep import inner
def compute(given):
    import made_up.late as late
    return helper(late, inner)
def wrapped(inside):
    def read(path):
        return inside(path)
    return read
""",
    "shared.py": "from . import below\ndef helper(*given): return below.value\n",
    "below.py": "value = 1\n",
    "late.py": "",
    "deep/__init__.py": "from made_up import beside\n",
    "deep/inner.py": "from .. import late\n",
    "beside.py": "",
    "report.py": "from made_up import metric\nfrom made_up.table import columns\n",
    "table.py": "columns = 1\n",
    "other.py": "from made_up import table\ndef parse(path): return path\n",
    "dynamic.py": "import importlib\ndef compute(given): return importlib.import_module('made_up.' + given)\n",
}
REACHED = [
    "__init__.py",
    "metric.py",
    "shared.py",
    "below.py",
    "late.py",
    "deep/__init__.py",
    "deep/inner.py",
    "beside.py",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "made_up"
    for name, text in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    invalidate_caches()
    forget()
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] in ("made_up", "second")]:
        del sys.modules[name]
    forget()


def forget() -> None:
    """As a new process would: what is on disk is read anew."""
    for remembered in (module._identity, module._files, module._imported):
        remembered.cache_clear()


def changed(folder: Path, function: Callable[..., Any], **how: str) -> list[str]:
    """Names of the files whose change changes the identity of a function."""
    found = []
    forget()
    before = code_identity(function, **how)
    assert before
    for name, text in FILES.items():
        (folder / name).write_text(f"{text}\n# another line\n")
        forget()
        if code_identity(function, **how) != before:
            found.append(name)
        (folder / name).write_text(text)
    return found


def test_what_a_function_imports_counts_and_what_imports_it_does_not(folder: Path) -> None:
    assert changed(folder, import_module("made_up.metric").compute) == REACHED


def test_a_module_that_imports_by_a_name_made_at_run_time_stands_for_its_package(folder: Path) -> None:
    assert changed(folder, import_module("made_up.dynamic").compute) == list(FILES)


@pytest.mark.parametrize(
    "hold",
    [
        lambda parse: partial(lambda inside, path: inside(path), parse),
        lambda parse: partial(lambda path, inside: inside(path), inside={"one": (parse,)}),
        lambda parse: lambda path: parse(path),
        lambda parse: partial(partial(lambda inside, path: inside(path), parse)),
    ],
)
def test_functions_that_a_function_holds_count(folder: Path, hold: Callable[[Any], Callable[..., Any]]) -> None:
    parse = import_module("made_up.other").parse
    assert changed(folder, hold(parse)) == ["__init__.py", "table.py", "other.py"]


def test_a_function_of_a_package_counts_that_is_held_by_one_of_another(folder: Path) -> None:
    (folder.parent / "second").mkdir()
    (folder.parent / "second" / "__init__.py").write_text("def read(inside):\n    return lambda path: inside(path)\n")
    read = import_module("second").read(import_module("made_up.other").parse)
    assert changed(folder, read) == ["__init__.py", "table.py", "other.py"]


def test_a_file_that_was_not_there_counts(folder: Path) -> None:
    compute = import_module("made_up.metric").compute
    whole = code_identity(compute)
    (folder / "below.py").unlink()
    forget()
    assert code_identity(compute) not in ("", whole)


def test_within_a_package_nothing_else_counts(folder: Path) -> None:
    found = changed(folder, import_module("made_up.metric").compute, within="made_up.deep")
    assert found == ["deep/__init__.py", "deep/inner.py"]


def test_code_typed_into_an_interpreter_has_no_identity() -> None:
    made: dict[str, Any] = {"__name__": "typed"}
    exec("def compute(given): return given", made)
    assert code_identity(made["compute"]) == ""


def test_a_function_that_is_not_filled_yet_has_an_identity(folder: Path) -> None:
    def made() -> Callable[[], Any]:
        def early() -> Any:
            return late

        found = code_identity(early)
        late = 1
        assert found
        return early

    assert made()() == 1


@pytest.mark.parametrize(
    ("kind", "name", "function", "with_it", "without"),
    [
        ("readers", "cif", "read", "crystalbench_baselines.cif", "crystalbench_baselines.poscar"),
        ("readers", "pymatgen-json", "read", "crystalbench_baselines._json", "crystalbench_baselines.cif"),
        (
            "encoders",
            "wrenformer",
            "load",
            "crystalbench_plugins.wrenformer.network",
            "crystalbench_plugins.reports.html",
        ),
        ("generators", "wyckoffdiff", "start", "wyckoffdiff.entries.sample", "wyckoffdiff.train"),
        (
            "metrics",
            "novel_fwd",
            "compute",
            "crystalbench_plugins.metrics._frechet",
            "crystalbench_plugins.plot.values",
        ),
    ],
)
def test_a_report_or_another_reader_is_no_part_of_what_a_plugin_computes(
    kind: str, name: str, function: str, with_it: str, without: str
) -> None:
    call = getattr(getattr(Plugins.load(), kind)[name], function)
    modules = {name for held in module._modules(call, set()) for name in module._reached(held, held.partition(".")[0])}
    assert with_it in modules
    assert without not in modules
